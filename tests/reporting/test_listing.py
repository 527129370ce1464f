"""`automl report DIRECTORY`: the runs below a directory, and who leads on which data set."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli.reporting.listing import list_runs, runs_below
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.store.files import file_digest
from automl_cli.store.listings import ListedRun
from automl_cli.store.run_directory import hold, open_run
from tests.reporting.runs import write_run
from tests.reporting.trainings import write_training
from tests.store import samples
from tests.study.worlds import digits_child

CHILD = digits_child()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two searches of digits, one of a table twice, a training, and what is none of it."""
    root = tmp_path / "runs"
    write_run(root / "first", [0.5, 0.75], child=CHILD)
    write_run(root / "second", [0.5, None, 0.9], trials=9, finished=False, child=CHILD)
    write_training(root / "final", [0.5, 0.7])
    for seed in (0, 1):
        write_run(root / "group" / "table" / f"seed-{seed}", [0.5 + seed / 10], seed=seed)
    (root / "notes").mkdir()
    (root / "notes" / "read.me").write_text("nothing")
    return root


def names(root: Path) -> list[str]:
    return [row.name for row in list_runs([root]).runs]


def row(root: Path, name: str) -> ListedRun:
    return next(one for one in list_runs([root]).runs if one.name == name)


def test_the_best_on_a_data_set_comes_first_and_models_before_children(runs: Path) -> None:
    assert names(runs) == ["final", "second", "first", "group/table"]


def test_a_row_says_what_ran_how_far_it_is_and_what_it_found(runs: Path) -> None:
    found = row(runs, "second")
    assert (found.what, found.command, found.subject, found.kind) == ("search", "search-arch", "nas-bench-201", "edge-cell")
    assert (found.strategy, found.dataset, found.done, found.planned) == ("random", "digits", 3, 9)
    assert (found.score, found.test_score, found.state) == (0.9, None, "killed")
    found = row(runs, "final")
    assert (found.what, found.command, found.done, found.planned) == ("training", "train", 2, 2)
    assert (found.score, found.test_score, found.test_name, found.state) == (0.7, 0.8, "test_accuracy", "finished")


def test_repeats_are_one_row_with_their_mean(runs: Path) -> None:
    found = row(runs, "group/table")
    assert (found.repeats, found.done, found.planned, found.dataset) == (2, 2, 2, None)
    assert found.score == pytest.approx(0.55)


def test_a_search_has_the_test_score_of_the_model_that_its_winner_was_trained_to_last(runs: Path) -> None:
    write_artifact(runs / "first" / "best.json", artifact_of(samples.architecture()))
    digest = file_digest(runs / "first" / "best.json")
    for name, test, at in (("older", 0.95, 100), ("newer", 0.85, 200)):
        for file in write_training(runs / name, [0.5], network=digest, test=test).iterdir():
            os.utime(file, (at, at))
    found = row(runs, "first")
    assert (found.test_score, found.test_name, found.trained_as) == (0.85, "test_accuracy", "newer")
    assert row(runs, "second").test_score is None


def test_states_are_told_from_locks_and_last_words(runs: Path) -> None:
    with open_run(runs / "second"):
        assert row(runs, "second").state == "running"
    write_training(runs / "broken", [0.5], epochs=9, ended="failed")
    assert row(runs, "broken").state == "failed"
    with hold(runs / "group" / "table"):
        assert row(runs, "group/table").state == "finished"
        (runs / "group" / "table" / "seed-1" / "journal.jsonl").unlink()
        assert row(runs, "group/table").state == "waiting"
    assert row(runs, "group/table").state == "not started"


def test_a_run_that_cannot_be_read_is_listed_with_the_reason_and_hides_no_other(runs: Path, automl: Callable) -> None:
    journal = runs / "first" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"asked"', b'"asket"', 1))
    (runs / "odd").mkdir()
    (runs / "odd" / "study.json").write_text("{}")
    found = list_runs([runs]).runs
    assert [one.name for one in found[:3]] == ["final", "second", "group/table"]
    assert {one.name for one in found[3:]} == {"first", "odd"}
    assert [one.state for one in found[-2:]] == ["unreadable"] * 2
    done = automl("report", runs)
    assert done.code == 0
    assert f"{journal}:2:" in "".join(line.strip() for line in done.stdout.split())


def test_the_table_reads_well_at_80_columns_and_as_json(runs: Path, automl: Callable) -> None:
    done = automl("report", runs)
    assert (done.code, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "digits  accuracy, 3 runs" in done.stdout
    assert "3/9" in done.stdout
    assert "2 repeats" in " ".join(done.stdout.split())
    document = json.loads(automl("report", runs, "--json").stdout)
    assert [one["name"] for one in document["runs"]] == names(runs)
    assert document["directories"] == [str(runs)]


def test_a_run_named_runs_is_a_run_and_the_directory_above_is_a_list(tmp_path: Path, automl: Callable) -> None:
    write_run(tmp_path / "runs", [0.5])
    write_run(tmp_path / "runs" / "inside", [0.6])
    assert automl("report", tmp_path / "runs").stdout.startswith("runs  search-arch")
    assert names(tmp_path) == ["runs"]


def test_runs_are_found_four_levels_deep_through_links_and_each_once(tmp_path: Path) -> None:
    write_run(tmp_path / "a" / "b" / "c" / "deep", [0.5])
    write_run(tmp_path / "a" / "b" / "c" / "d" / "deeper", [0.5])
    write_run(tmp_path / ".hidden" / "run", [0.5])
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert [path.relative_to(tmp_path) for path in runs_below(tmp_path)] == [Path("a/b/c/deep")]


def test_a_directory_without_runs_is_refused(tmp_path: Path, automl: Callable) -> None:
    (tmp_path / "empty").mkdir()
    done = automl("report", tmp_path / "empty")
    assert (done.code, done.stdout) == (2, "")
    assert "there is no run below it" in done.stderr


@pytest.mark.parametrize("flags", [("--html",), ("--reach", "0.5"), ("--serve",)])
def test_a_list_is_no_report_and_says_what_to_name(runs: Path, automl: Callable, flags: tuple[str, ...]) -> None:
    done = automl("report", runs, *flags)
    assert (done.code, done.stdout) == (2, "")
    assert f"automl report {runs / 'final'} {' '.join(flags)}" in done.stderr.replace("'", "")


def test_names_are_shown_as_text(tmp_path: Path, automl: Callable) -> None:
    write_run(tmp_path / "runs" / "[bold]x[/bold]", [0.5])
    assert "[bold]x[/bold]" in automl("report", tmp_path / "runs").stdout
    shutil.rmtree(tmp_path / "runs" / "[bold]x[/bold]")
    assert automl("report", tmp_path / "runs").code == 2
