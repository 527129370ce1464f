"""One command that starts a search, goes on with it and finds it finished; and what a scheduler sends before it kills."""

import json
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from automl_cli.store.journal import Asked, Ended, Told, read_records
from tests.cli.searches import SPACE, search, start
from tests.cli.test_search_endings import SLOW, digest
from tests.executors.test_executors import children_of, is_alive, until

QUICK: dict[str, Any] = {"trials": 6, "executor": "serial", "strategy": "evolution"}


def again(out: Path, **flags: Any) -> list[str]:
    """The command, which is the same each time."""
    return search("--resume-or-start", "-q", out=out, **flags)


def contents(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


@pytest.mark.parametrize("there", ["nothing", "an empty folder"])
def test_it_starts_and_then_finds_the_search_finished(there: str, tmp_path: Path, automl: Callable) -> None:
    run = tmp_path / "runs" / "a"
    if there != "nothing":
        run.mkdir(parents=True)
    first = automl(*again(run, **QUICK), "--json")
    assert first.code == 0, first.stderr
    before = (run / "journal.jsonl").read_bytes()
    second = automl(*search("--resume-or-start", out=run, **QUICK))
    assert (second.code, second.stdout) == (0, f"{run}/best.json\n")
    assert f"{run} has ended already; best: trial" in second.stderr
    assert (run / "journal.jsonl").read_bytes() == before, "nothing was done"
    assert json.loads(automl(*again(run, **QUICK), "--json").stdout) == json.loads(first.stdout)


@pytest.mark.parametrize("flags", [{"retrain_top": 2}, {"replicates": 2, "evaluator_option": "noise=0.3"}, {"repeat": 2}])
def test_what_a_finished_search_has_found_is_said_as_it_was(flags: dict[str, Any], tmp_path: Path, automl: Callable) -> None:
    first = automl(*again(tmp_path / "a", **QUICK, **flags), "--json")
    assert first.code == 0, first.stderr
    assert json.loads(automl(*again(tmp_path / "a", **QUICK, **flags), "--json").stdout) == json.loads(first.stdout)


def test_a_finished_search_goes_on_where_more_trials_are_asked_for(tmp_path: Path, automl: Callable) -> None:
    assert automl(*again(tmp_path / "a", **QUICK)).code == 0
    assert automl(*again(tmp_path / "a", **{**QUICK, "trials": 9})).code == 0
    assert automl(*search("-q", out=tmp_path / "b", **{**QUICK, "trials": 9})).code == 0
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_what_is_on_record_otherwise_is_refused_as_by_resume(tmp_path: Path, automl: Callable) -> None:
    run = tmp_path / "a"
    assert automl(*again(run, **QUICK)).code == 0
    before = (run / "study.json").read_bytes()
    for flags, message in (
        ({"epochs": 9}, "--epochs 9 is not what this run was started with"),
        ({"seed": 4}, "--seed 4 is not what this run was started with"),
        ({"trials": 2}, "--trials 2 is less than the recorded 6"),
    ):
        done = automl(*again(run, **{**QUICK, **flags}))
        assert done.code == 2
        assert message in done.stderr
    done = automl("search-cell", "--out", str(run), "--resume-or-start")
    assert done.code == 2
    assert "this is a run of search-arch" in done.stderr
    assert (run / "study.json").read_bytes() == before


def test_flags_that_do_not_go_together_are_refused(tmp_path: Path, automl: Callable) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    assert automl(*again(tmp_path / "a", **QUICK)).code == 0
    for arguments, message in (
        (search("--resume-or-start", **QUICK), "--resume-or-start needs the directory to start in"),
        (search("--resume-or-start", "--overwrite", out=tmp_path / "a"), "give it without --overwrite"),
        (search("--resume-or-start", "--resume", out=tmp_path / "a"), "give it without --resume"),
        (again(tmp_path / "mine", **QUICK), "is not a run directory (it holds thesis.txt)"),
        (["search-arch", "--config", str(tmp_path / "a"), "--resume-or-start", "--out", "b"], "--config RUN searches one anew"),
        (["train", "--network", "resnet-8", "--resume-or-start"], "--resume-or-start needs the directory to start in"),
    ):
        done = automl(*arguments)
        assert done.code == 2, arguments
        assert message in done.stderr


def test_the_plan_is_that_of_the_search_that_is_there(tmp_path: Path, automl: Callable) -> None:
    new = automl(*search("--resume-or-start", "--dry-run", out=tmp_path / "a", **QUICK))
    assert new.code == 0
    assert "have ended" not in new.stderr
    assert not (tmp_path / "a").exists()
    assert automl(*again(tmp_path / "a", **QUICK)).code == 0
    assert "6 of 6 trials have ended" in automl(*search("--resume-or-start", "--dry-run", out=tmp_path / "a", **QUICK)).stderr


def test_a_loop_in_a_shell_ends_with_the_search_whatever_kills_it(tmp_path: Path) -> None:
    """`until …; do sleep 1; done`, and random kills: the winner is that of the search that nobody disturbs."""
    run, reference, random = tmp_path / "run", tmp_path / "reference", Random(3)
    slow = {**SLOW, "trials": 30}
    code = "from automl_cli.__main__ import main; main()"
    command = shlex.join([sys.executable, "-c", code, *again(run, **slow)])
    loop = f"export PYTHONPATH={shlex.quote(':'.join(sys.path))}; until {command}; do sleep 0.1; done"
    with start(search("-q", out=reference, **slow)) as process:
        assert process.wait(timeout=60) == 0
    with subprocess.Popen(["sh", "-c", loop], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as shell:
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            time.sleep(random.uniform(0.5, 1.5))
            found = subprocess.run(["pgrep", "-P", str(shell.pid), "-f", "resume-or-start"], capture_output=True, text=True)
            for line in found.stdout.split():
                subprocess.run(["kill", f"-{int(number)}", line], check=False)
        stdout, _ = shell.communicate(timeout=90)
    assert (shell.returncode, set(stdout.splitlines())) == (0, {f"{run}/best.json"}), (
        "one killed behind its last word repeats it"
    )
    assert digest(run) == digest(reference)


def test_of_two_that_start_at_once_one_searches_and_the_other_waits_and_finds_it_done(tmp_path: Path) -> None:
    run = tmp_path / "run"
    both = [start(search("--resume-or-start", out=run, **{**SLOW, "trials": 20, "workers": 1})) for _ in range(2)]
    ended = [process.communicate(timeout=90) for process in both]
    assert [process.returncode for process in both] == [0, 0], ended
    assert {stdout for stdout, _ in ended} == {f"{run}/best.json\n"}
    assert sum("is in use by another process; this one goes on when that has ended" in stderr for _, stderr in ended) <= 1
    records = list(read_records(run / "journal.jsonl"))
    asked = Counter(record.trial for record in records if isinstance(record, Asked) and record.stage == "search")
    assert asked == dict.fromkeys(range(20), 1)
    assert sum(isinstance(record, Ended) for record in records) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run"], "nothing half made is left"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_what_a_scheduler_sends_to_all_processes_ends_a_search_as_ctrl_c_does(number: signal.Signals, tmp_path: Path) -> None:
    """It may be sent more than once, and to the workers as well: no trial is one that was killed."""
    run = tmp_path / "run"
    with start(again(run, **{**SLOW, "trials": 2000})) as process:
        assert until(lambda: b'"told"' in contents(run / "journal.jsonl"), 60), process.communicate()
        workers = children_of(process.pid)
        for one in [*workers, process.pid, *workers, process.pid]:
            subprocess.run(["kill", f"-{int(number)}", str(one)], check=False)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, "")
    assert stderr == f"interrupted; continue with: automl search-arch --out {run} --resume --space {SPACE}\n"
    assert not any(is_alive(worker) for worker in workers)
    *before, last = read_records(run / "journal.jsonl")
    assert isinstance(last, Ended)
    assert last.reason == "interrupted"
    assert {record.outcome.status for record in before if isinstance(record, Told)} == {"ok"}


def test_a_training_is_gone_on_with_by_the_command_that_started_it(tmp_path: Path, automl: Callable) -> None:
    out = tmp_path / "training"
    what = ["--network", "convnet-2x32", "--dataset", "digits", "--train-examples", "64", "--seed", "3"]
    command = ["train", *what, "--epochs", "150", "--out", str(out), "--resume-or-start"]
    with start(command) as process:
        assert until(lambda: b'"trained"' in contents(out / "journal.jsonl"), 100), process.communicate()
        process.terminate()
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"continue with: automl train --resume --out {out}" in stderr
    assert not (out / "model.json").exists()
    found = []
    for _ in range(2):
        done = automl(*command)
        assert (done.code, done.stdout) == (0, f"{out}/model.json\n"), done.stderr
        found.append((out / "journal.jsonl").read_bytes())
    assert found[0] == found[1], "the second time nothing was done"
    assert [found[0].count(reason) for reason in (b'"interrupted"', b'"finished"')] == [1, 1]
    done = automl("train", *what, "--epochs", "9", "--out", str(out), "--resume-or-start")
    assert done.code == 2
    assert "this training was started with --epochs 150, not 9" in done.stderr
