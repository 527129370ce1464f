"""Trainings in reports: what was trained and how, the curve, the scores, and how far it is."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli.core.errors import ArtifactError
from automl_cli.reporting.training_sections import training_blocks
from automl_cli.reporting.trainings import read_training, summarise_training
from automl_cli.store.run_directory import open_run
from automl_cli.store.run_layout import TRAINING
from automl_cli.values.sheet import Curves
from tests.reporting.runs import write_run
from tests.reporting.trainings import write_training
from tests.store.lines import unsigned


def test_a_training_in_figures(tmp_path: Path) -> None:
    made = summarise_training(read_training(write_training(tmp_path / "final", [0.5, 0.75, 0.7])))
    assert (made.name, made.state, made.epochs, made.planned_epochs) == ("final", "finished", 3, 3)
    assert [(point.epoch, point.loss, point.score) for point in made.curve] == [(1, 1.0, 0.5), (2, 0.5, 0.75), (3, 1 / 3, 0.7)]
    assert (made.wall_seconds, made.sessions, made.resume) == (3.5, 1, None)
    assert (made.parameters, made.dataset, made.metric) == (1570, "digits", "accuracy")
    assert made.scores["test_accuracy"] == 0.8
    assert set(made.roles) == {"activation", "optimizer", "augmentation"}


@pytest.mark.parametrize(("ended", "state"), [("interrupted", "interrupted"), ("failed", "failed"), (None, "killed")])
def test_a_training_that_did_not_end_says_so_and_how_it_goes_on(
    automl: Callable, tmp_path: Path, ended: str | None, state: str
) -> None:
    path = write_training(tmp_path / "my training", [0.5, 0.75], epochs=9, ended=ended)  # type: ignore[arg-type]
    done = automl("report", path)
    command = f"automl train --resume --out '{path}'"
    assert " ".join(done.stdout.partition("\n\n")[0].split()).endswith(f"seed 0: {state}")
    assert "2 of 9" in done.stdout
    assert f"go on: {command}\n" in done.stderr
    assert summarise_training(read_training(path)).resume == command


def test_a_training_that_runs_says_so_and_asks_for_nothing(automl: Callable, tmp_path: Path) -> None:
    path = write_training(tmp_path / "t", [0.5], epochs=9, ended=None)
    with open_run(path, layout=TRAINING):
        done = automl("report", path)
    assert "seed 0: running" in done.stdout
    assert "resume" not in done.stdout + done.stderr


def test_the_curve_is_drawn_over_epochs_and_needs_two(automl: Callable, tmp_path: Path) -> None:
    path = write_training(tmp_path / "t", [0.5, 0.75, 0.7])
    shown = automl("report", path).stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "epoch = 2" in shown
    (curves,) = [part for part in training_blocks(summarise_training(read_training(path))) if isinstance(part, Curves)]
    assert curves.series == (("loss", (1.0, 0.5, 1 / 3)), ("validation, accuracy", (0.5, 0.75, 0.7)))
    single = automl("report", write_training(tmp_path / "one", [0.5]))
    assert (single.code, "epoch = " in single.stdout) == (0, False)
    assert "0.5000 after epoch 1, loss 1.0000" in single.stdout


def test_examples_that_were_trained_on_validate_nothing(tmp_path: Path) -> None:
    path = write_training(tmp_path / "all", [0.5, 0.75], with_validation=True)
    said = str(list(training_blocks(summarise_training(read_training(path)))))
    assert "seen examples, accuracy" in said
    assert "validation, accuracy" not in said


def test_a_training_of_before_there_were_journals_has_scores_and_says_that_it_has_no_curve(
    automl: Callable, tmp_path: Path
) -> None:
    path = write_training(tmp_path / "old", [0.5, 0.75])
    (path / "journal.jsonl").unlink()
    shown = automl("report", path).stdout
    assert "2 of 2" in shown
    assert "0.7500" in shown
    assert "none was kept" in shown


def test_trainings_and_searches_are_reported_together(automl: Callable, tmp_path: Path) -> None:
    search, training = write_run(tmp_path / "search", [0.5]), write_training(tmp_path / "final", [0.5, 0.75])
    done = automl("report", search, training, training)
    assert done.stdout.index("search  search-arch") < done.stdout.index("final  training of")
    assert done.stdout.count("final  training of") == 1
    document = json.loads(automl("report", training, search, "--json").stdout)
    assert [len(document[name]) for name in ("runs", "trainings")] == [1, 1]
    assert document["trainings"][0]["curve"][1] == {"epoch": 2, "loss": 0.5, "score": 0.75}
    page = tmp_path / "page.html"
    assert automl("report", search, training, "--html", "--out", page).code == 0
    assert "training of" in page.read_text()


def test_the_scaled_training_inside_a_search_is_reported_with_it_and_alone(automl: Callable, tmp_path: Path) -> None:
    search = write_run(tmp_path / "search", [0.5])
    inside = write_training(search / "transfer", [0.5, 0.75], epochs=4, ended=None)
    assert "search/transfer  training of" in automl("report", search).stdout
    done = automl("report", inside)
    assert done.stdout.startswith("search/transfer  training of")
    assert f"go on: automl train --resume --out {inside}\n" in done.stderr
    assert automl("report", search, inside).stdout.count("search/transfer  training of") == 1


def test_no_argument_takes_a_training_where_that_is_the_newest(
    automl: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path, at in ((write_run(Path("runs/search"), [0.5]), 100), (write_training(Path("runs/final"), [0.5]), 200)):
        for file in path.iterdir():
            os.utime(file, (at, at))
    assert automl("report").stdout.startswith("final  training of")


def test_a_score_to_reach_is_about_trials(automl: Callable, tmp_path: Path) -> None:
    done = automl("report", write_training(tmp_path / "t", [0.5]), "--reach", "0.4")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == "error: --reach counts the trials of a search to a score, and no search is named; leave it out\n"


def test_a_bad_journal_is_an_error_with_file_and_line(automl: Callable, tmp_path: Path) -> None:
    path = write_training(tmp_path / "t", [0.5, 0.6])
    journal = path / "journal.jsonl"
    journal.write_bytes(unsigned(journal.read_bytes()).replace(b'"epoch":2', b'"epoch":4'))
    done = automl("report", path)
    assert (done.code, done.stdout) == (2, "")
    assert f"{journal}:3: epoch 4 was trained where epoch 2 comes next" in done.stderr
    with pytest.raises(ArtifactError, match="is no training"):
        read_training(tmp_path)
