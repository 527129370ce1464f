"""Runs that are followed: the same figures as a report has at the end, read piece by piece."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli.cli.watching import watch_runs
from automl_cli.core.errors import ArtifactError
from automl_cli.reporting.followed_searches import FollowedSearch
from automl_cli.reporting.followed_trainings import FollowedTraining
from automl_cli.reporting.following import followed_in
from automl_cli.reporting.runs import read_history
from automl_cli.reporting.summary import summarise
from automl_cli.reporting.watching import Watched, still_running, version_of
from automl_cli.store.journal import Ended, Journal
from automl_cli.store.run_directory import hold, open_run
from automl_cli.store.run_layout import TRAINING
from automl_cli.store.training_journal import EpochTrained, SessionBegan
from automl_cli.values.sheet import Curves, Grid, Heading
from tests.conftest import ROOT
from tests.reporting.runs import asked, study, told, write_run
from tests.reporting.trainings import write_training

SCORES = [0.5, None, 0.75, 0.7, 0.75, None, 0.9, 0.1, 0.2, 0.3]


def test_a_search_read_in_pieces_has_the_figures_of_the_report(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", SCORES)
    journal = path / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(b"")
    one = FollowedSearch(path)
    for start in range(0, len(whole), 333):
        with journal.open("ab") as file:
            file.write(whole[start : start + 333])
        one.refresh()
    run = summarise(read_history(path))
    assert run.best is not None
    assert (one.course.best_trial, one.best, one.done) == (run.best.trial, run.best.score, run.trials)
    assert dict(one.course.endings) == run.statuses
    assert tuple(one.course.curve) == run.curve
    assert tuple(one.course.reasons()) == run.reasons
    assert one.course.seconds == run.cost.wall_seconds
    assert (one.state, one.last) == ("finished", 0.3)


def test_only_what_was_added_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read is not read again, however long it is."""
    from automl_cli.store import encoding

    path = write_run(tmp_path / "run", [0.5] * 50, trials=60, finished=False)
    one = FollowedSearch(path)
    assert one.refresh()
    decoded = []
    real = encoding.decode_record
    monkeypatch.setattr(encoding, "decode_record", lambda line, *rest: decoded.append(line) or real(line, *rest))
    assert not one.refresh()
    assert decoded == []
    append(path, asked(50, study()), told(50, 0.6))
    assert one.refresh()
    assert (len(decoded), one.done) == (2, 51)


def append(path: Path, *records: object) -> None:
    journal = Journal(path / "journal.jsonl")
    for record in records:
        journal.append(record)  # type: ignore[arg-type]
    journal.close()


def test_a_search_that_starts_anew_in_the_same_place_is_followed_anew(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", SCORES)
    one = FollowedSearch(path)
    one.refresh()
    other = write_run(tmp_path / "other", [0.25], trials=3)
    for name in ("study.json", "journal.jsonl"):
        (other / name).replace(path / name)
    assert one.refresh()
    assert (one.done, one.planned, one.best) == (1, 3, 0.25)


def test_a_training_goes_back_to_its_checkpoint_and_is_followed(tmp_path: Path) -> None:
    path = write_training(tmp_path / "t", [0.5, 0.6, 0.7], epochs=5, ended=None)
    one = FollowedTraining(path)
    one.refresh()
    assert (one.done, one.last, one.state) == (3, 0.7, "killed")
    assert isinstance(one.curves(), Curves)
    append(path, SessionBegan(at=0.0, epochs=1), EpochTrained(epoch=2, loss=0.5, score=0.6, elapsed=1.0))
    with open_run(path, layout=TRAINING):
        assert one.refresh()
        assert (one.done, one.last, one.state) == (2, 0.6, "running")


def test_watching_ends_when_nothing_runs_and_takes_up_the_scaled_training(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [0.5], trials=2, finished=False)
    with open_run(path):
        watched = Watched([path])
        assert watched.goes_on
        assert not watched.refresh()
        inside = write_training(path / "transfer", [0.5], epochs=2, ended=None)
        with open_run(inside, layout=TRAINING):
            assert watched.refresh()
            assert [run.name for run in watched.runs] == ["run", "run/transfer"]
            first, table, *_ = watched.parts()
            assert first == Heading("2 runs", "2 running")
            assert isinstance(table, Grid)
            assert [row[2] for row in table.rows] == ["1/2", "1/2"]
    watched.refresh()
    assert not watched.goes_on


def test_repeats_are_watched_until_the_last_has_ended(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_run(tmp_path / "many" / f"seed-{seed}", [0.5] if seed == 0 else [], seed=seed, trials=1, finished=seed == 0)
    with hold(tmp_path / "many"):
        watched = Watched([tmp_path / "many"])
        assert [run.state for run in watched.runs] == ["finished", "waiting"]
        assert watched.goes_on
    watched.refresh()
    assert not watched.goes_on


def test_a_page_goes_on_between_two_repeats_and_changes_with_files_and_locks(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_run(tmp_path / "many" / f"seed-{seed}", [0.5] if seed == 0 else [], seed=seed, trials=1, finished=seed == 0)
    many = [tmp_path / "many"]
    seen = {version_of(many)}
    assert not still_running(many)
    with hold(tmp_path / "many"):
        assert still_running(many)
        with open_run(tmp_path / "many" / "seed-1"):
            seen.add(version_of(many))
            append(tmp_path / "many" / "seed-1", asked(0, study(seed=1)))
            seen.add(version_of(many))
    assert len(seen) == 3


def test_what_is_no_run_cannot_be_followed(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is no run directory"):
        list(followed_in(tmp_path))
    with pytest.raises(ArtifactError, match="is no run directory"):
        Watched([tmp_path])


def test_without_a_terminal_the_final_state_is_printed_when_it_has_ended(tmp_path: Path, automl: Callable) -> None:
    path = write_run(tmp_path / "run", [0.5], trials=2, finished=False)
    looked = []

    def wait(seconds: float) -> None:
        looked.append(seconds)
        if len(looked) == 3:
            append(path, asked(1, study(trials=2)), told(1, 0.75), Ended(reason="finished", elapsed=2.0))
            run.close()

    run = open_run(path)
    watch_runs([path], quiet=False, wait=wait)
    assert len(looked) in (3, 4)
    done = automl("report", path, "--watch")
    assert done.stdout.startswith("run  search-arch, space nas-bench-201, random, seed 0: finished")
    assert json.loads(automl("report", path, "--watch", "--json").stdout)["runs"][0]["best"]["score"] == 0.75


def test_leaving_says_how_to_watch_again(tmp_path: Path) -> None:
    path = write_run(tmp_path / "my run", [0.5], trials=2, finished=False)

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    with open_run(path), pytest.raises(KeyboardInterrupt) as raised:
        watch_runs([path], quiet=False, wait=interrupt)
    assert str(raised.value) == f"watching was left; what was watched runs on. Watch again with: automl report '{path}' --watch"


def test_in_a_terminal_it_is_drawn_and_ctrl_c_leaves_the_run_alone(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [0.5], trials=4, finished=False)
    with open_run(path):
        terminal, its_end = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "automl_cli", "report", str(path), "--watch"]
        watching = subprocess.Popen(command, stdin=its_end, stdout=its_end, stderr=its_end, env=environment)
        os.close(its_end)
        shown = read_until(terminal, "1 of 4")
        append(path, asked(1, study(trials=4)), told(1, 0.75))
        shown += read_until(terminal, "2 of 4")
        watching.send_signal(signal.SIGINT)
        shown += read_until(terminal, "Watch again with")
        os.close(terminal)
    assert watching.wait(timeout=60) == 130
    assert "best" in shown
    assert "Traceback" not in shown


def read_until(terminal: int, wanted: str) -> str:
    text, end = "", time.monotonic() + 60
    while wanted not in text and time.monotonic() < end:
        if select.select([terminal], [], [], 1.0)[0]:
            try:
                text += os.read(terminal, 65536).decode(errors="replace")
            except OSError:
                break
    assert wanted in text, text
    return text


def test_following_costs_next_to_nothing() -> None:
    """No NumPy, no JAX: they would take longer to import than a run takes to be read."""
    code = (
        "import sys, automl_cli.reporting.following, automl_cli.reporting.watching, automl_cli.reporting.summary;"
        "sys.exit(bool({'numpy', 'scipy', 'jax', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
