"""A journal that was damaged, and workers that are late: a resumed study ends the same, or says which line is wrong."""

import os
import re
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec
import pytest

from automl_cli.core.errors import UserError
from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import EvaluatorSpec, Outcome, Status, Task
from automl_cli.executors.local import LocalExecutor
from tests.study import worlds
from tests.study.worlds import Obedient, World, settings
from tests.tables import ROOT

NIGHT = bool(os.environ.get("AUTOML_NIGHTLY"))
FLIPS = 4000 if NIGHT else 80


@pytest.fixture(autouse=True)
def instant_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about what is written, not about when it is flushed."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def resumed(path: Path, journal: bytes) -> tuple[bytes, str]:
    """The winner of a study with this journal, or the error with which it is refused."""
    path.mkdir(exist_ok=True)
    for old in path.iterdir():
        old.unlink()
    world = World(path, settings(trials=6, epochs=2, in_flight=3, retrain_top=2))
    world.journal_file.write_bytes(journal)
    try:
        world.run(Obedient())
    except UserError as error:
        return b"", str(error)
    return world.best, ""


def test_a_flipped_bit_of_a_journal_is_said_with_its_line_or_changes_nothing(tmp_path: Path) -> None:
    best, _ = resumed(tmp_path / "run", b"")
    whole = (tmp_path / "run" / "journal.jsonl").read_bytes()
    random, said = Random(0), 0
    for _ in range(FLIPS):
        at, bit = random.randrange(len(whole)), random.randrange(8)
        found, problem = resumed(tmp_path / "run", whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        assert (found == best) != bool(re.search(r"journal\.jsonl:\d+: ", problem)), (at, bit, problem)
        said += bool(problem)
    assert said > FLIPS // 2


def test_lines_that_are_lost_or_doubled_are_said_or_change_nothing(tmp_path: Path) -> None:
    best, _ = resumed(tmp_path / "run", b"")
    lines = (tmp_path / "run" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    for at in range(len(lines)):
        for changed in (lines[:at] + lines[at + 1 :], [*lines[: at + 1], lines[at], *lines[at + 1 :]]):
            found, problem = resumed(tmp_path / "run", b"".join(changed))
            assert found == best or "journal.jsonl: trial " in problem, (at, problem)


def test_workers_that_are_done_when_their_time_is_over_give_one_outcome_a_task() -> None:
    """Children take as long as they may, so that some are done just before they are ended and some just after."""
    seconds, tasks = 0.1, [Task(number, (number % 3, number % 2), seed=number, epochs=1) for number in range(12)]
    space = msgspec.structs.replace(worlds.space(2).reference(), file=str(ROOT / "tests/tiny_space.py"))
    setup = EvaluatorSetup(EvaluatorSpec("analytic", {"seconds": seconds}), space)
    with closing(LocalExecutor(setup, workers=1, timeout_seconds=seconds + 0.002)) as executor:
        for task in tasks:
            executor.submit(task)
        ended = [executor.wait(timeout_seconds=60) for _ in tasks]
        assert executor.wait(timeout_seconds=0.3) is None, "no outcome comes late"
    outcomes: dict[int, Outcome] = {task.trial: outcome for task, outcome in filter(None, ended)}
    assert sorted(outcomes) == [task.trial for task in tasks]
    assert {outcome.status for outcome in outcomes.values()} <= {Status.OK, Status.TIMEOUT}
