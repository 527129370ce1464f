"""How a search can end before its end: killed, interrupted, terminated, on a full disk; and how it goes on."""

import hashlib
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path
from random import Random

import pytest

from automl_cli.store.journal import Ended, read_records
from tests.cli.searches import SPACE, search, start
from tests.executors.test_executors import children_of, is_alive, until

SLOW = {"trials": 40, "retrain_top": 2, "workers": 2, "evaluator_option": "seconds=0.03", "space_option": "layers=6"}


def digest(run: Path) -> str:
    return hashlib.sha256((run / "best.json").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the search that nobody disturbs."""
    run = tmp_path_factory.mktemp("reference") / "run"
    with start(search("-q", out=run, **SLOW)) as process:
        assert process.wait(timeout=60) == 0
    return digest(run)


def started(run: Path, process: "subprocess.Popen[str]", trials: int = 3) -> None:
    """Wait until the search has finished some trials."""
    journal = run / "journal.jsonl"
    assert until(lambda: journal.exists() and journal.read_bytes().count(b'"told"') >= trials), process.communicate()


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments_and_resumed_it_finds_the_same(seed: int, reference: str, tmp_path: Path) -> None:
    run, random = tmp_path / "run", Random(seed)
    for _ in range(4):
        resume = ["--resume"] if (run / "study.json").exists() else []
        with start(search("-q", *resume, out=run, **SLOW)) as process:
            time.sleep(random.uniform(0.2, 1.1))
            workers = children_of(process.pid)
            process.kill()
            process.wait()
        assert until(lambda workers=workers: not any(is_alive(worker) for worker in workers)), "no orphans"
    with start(search("-q", *(["--resume"] if (run / "study.json").exists() else []), out=run, **SLOW)) as process:
        assert process.wait(timeout=60) == 0, process.communicate()
    assert digest(run) == reference


def test_ctrl_c_ends_with_130_the_command_that_continues_and_no_orphans(reference: str, tmp_path: Path) -> None:
    run = tmp_path / "my run"
    with start(search("-q", out=run, **SLOW)) as process:
        started(run, process)
        workers = children_of(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout) == (130, "")
    assert stderr == f"interrupted; continue with: automl search-arch --out '{run}' --resume --space {SPACE}\n"
    assert len(workers) == 2
    assert not any(is_alive(worker) for worker in workers)
    *_, last = read_records(run / "journal.jsonl")
    assert isinstance(last, Ended)
    assert last.reason == "interrupted"
    with start(["search-arch", "--out", str(run), "--resume", "--space", str(SPACE)]) as process:
        assert process.wait(timeout=60) == 0
    assert digest(run) == reference


def test_sigterm_ends_as_ctrl_c_does(reference: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with start(search("-q", out=run, **SLOW)) as process:
        started(run, process)
        workers = children_of(process.pid)
        process.terminate()
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "continue with: automl search-arch --out" in stderr
    assert not any(is_alive(worker) for worker in workers)


def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(reference: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"
    with start(search("-q", out=run, **SLOW), before=limit) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (1, "")
    assert stderr == (
        f"error: cannot write {run}/journal.jsonl: File too large. "
        "The journal is whole: mend that, then continue with --resume\n"
    )
    assert (run / "journal.jsonl").read_bytes().endswith(b"}\n")
    with start(search("-q", "--resume", out=run, **SLOW)) as process:
        assert process.wait(timeout=60) == 0
    assert digest(run) == reference


def test_a_second_search_in_the_same_directory_is_told_that_it_is_in_use(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with start(search("-q", out=run, evaluator_option="seconds=1")) as process:
        started(run, process, trials=1)
        for flag in ("--resume", "--overwrite"):
            with start(search(flag, out=run, evaluator_option="seconds=1")) as second:
                _, stderr = second.communicate(timeout=20)
            assert second.returncode == 2
            assert stderr == f"error: {run} is in use by another process; wait until it ends, or choose another --out\n"
        process.terminate()


def test_a_torn_journal_is_cut_and_said_so(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with start(search("-q", out=run, trials=5, executor="serial")) as process:
        assert process.wait(timeout=60) == 0
    before = digest(run)
    with (run / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"record":"as')
    with start(["search-arch", "--out", str(run), "--resume", "--space", str(SPACE)]) as process:
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f"the last line of the journal was cut off by a crash; its rest is in {run}/journal.torn-1\n" in stderr
    assert digest(run) == before


def test_in_a_terminal_progress_is_live_and_stdout_stays_clean(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {"TERM": "xterm", "COLUMNS": "100"}
    with start(search(out=tmp_path / "run", **SLOW), stderr=theirs, environment=environment) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other side is gone
                break
            shown += piece
        stdout, _ = process.communicate(timeout=20)
    os.close(ours)
    assert (process.returncode, stdout) == (0, f"{tmp_path}/run/best.json\n")
    assert re.search(rb"trial \d+/40 \xc2\xb7 ", shown)
    assert re.search(rb"best 0\.\d{4} \(trial \d+\) \xc2\xb7 mean of last \d 0\.\d{4}", shown)
    assert b"\x1b[?25h" in shown, "the cursor is shown again"
    assert b"\x1b[3" not in shown, "no colour, since NO_COLOR is set"


DROPS_INTERRUPTS = """
import gc, os, signal, time
dropped = []

def callback(phase, info):
    if phase == "stop" and os.path.exists({started!r}) and not dropped:
        dropped.append(True)
        signal.raise_signal(signal.SIGINT)

gc.callbacks.append(callback)
"""


def test_ctrl_c_in_a_callback_of_the_garbage_collector_is_not_lost(tmp_path: Path) -> None:
    """Python prints and drops an exception there; JAX has such a callback."""
    run = tmp_path / "run"
    before = DROPS_INTERRUPTS.format(started=str(run / "best.json"))
    with start(search("-q", out=run, **{**SLOW, "trials": 2000}), before=before) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, "")
    assert stderr == f"interrupted; continue with: automl search-arch --out {run} --resume --space {SPACE}\n"
