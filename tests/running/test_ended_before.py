"""A search that is found finished: what is said of it is what was said at its end."""

import io
from pathlib import Path

from automl_cli.reporting.made_by_hand import by_hand_in_words, by_hand_of
from automl_cli.running.plain_console import PlainConsole
from automl_cli.running.studies import ended_before
from automl_cli.running.talk import Talk
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.store.run_directory import open_run
from tests.study.test_retraining import config, history
from tests.study.worlds import World, space


def test_the_winner_beside_what_is_made_by_hand_is_said_again(tmp_path: Path) -> None:
    world = World(tmp_path, config())
    winner = world.run()
    write_artifact(tmp_path / "study.json", artifact_of(world.config))
    (tmp_path / "best.json").write_bytes(world.best)
    expected = by_hand_of(history(tmp_path, world.config), winner.trial)
    said = io.StringIO()
    with open_run(tmp_path) as run:
        found = ended_before(run, world.config, space=space(3), talk=Talk(PlainConsole(file=said, width=1000)))
    assert found is not None
    assert expected is not None
    assert found.winner == winner
    assert found.document()["baseline"] == expected
    assert by_hand_in_words(expected) in said.getvalue()
