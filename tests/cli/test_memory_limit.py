"""Searches whose children take too much, hang, crash or leave; `--memory-limit` as it is said; what a container grants."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_cli.planning import memory
from automl_cli.store.journal import Ended, Told, read_records
from automl_cli.system import control_groups
from automl_cli.system.granted import Grant
from tests.cli.searches import SPACE, search, start
from tests.executors.test_executors import is_alive, until

HOSTILE = """
import os, signal, time

def score(child):
    kind = child.genotype[0]
    if child.genotype[1] == 0:
        with open("at-work", "a") as file:
            file.write(f"{os.getpid()} ")
        if kind == 0:
            held = []
            while True:
                held.append(bytearray(b"x") * 2**23)
                time.sleep(0.002)
        if kind == 1:
            while True:
                pass
        signal.raise_signal(signal.SIGSEGV)
    if child.genotype == (0, 1):
        os._exit(0)
    if child.genotype == (1, 1):
        raise RuntimeError("no luck")
    return 0.5
"""


def recorded(run: Path) -> Any:
    return json.loads((run / "study.json").read_bytes())["body"]


def test_a_search_goes_through_all_its_children_however_they_end(tmp_path: Path) -> None:
    """One allocates without end, one loops for ever, one crashes, one leaves; and the next start is clean."""
    (tmp_path / "hostile.py").write_text(HOSTILE)
    run = tmp_path / "run"
    limits = ["--memory-limit", "300MiB", "--trial-timeout", "5", "--max-failures", "9", "--retrain-top", "0", "--workers", "2"]
    command = ["search-arch", "--space", SPACE, "--space-option", "layers=2", "--evaluator", tmp_path / "hostile.py:score"]
    arguments = [*map(str, command), "--strategy", "exhaustive", "--trials", "9", "--out", str(run), *limits]
    for number in range(2):
        with start([*arguments, "--resume-or-start", "-q"], cwd=tmp_path) as process:
            stdout, stderr = process.communicate(timeout=120)
        assert (process.returncode, stdout) == (0, f"{run}/best.json\n"), stderr
        records = list(read_records(run / "journal.jsonl"))
        found = Counter(str(record.outcome.status) for record in records if isinstance(record, Told))
        assert found == {"out-of-memory": 1, "timeout": 1, "killed": 1, "failed": 2, "ok": 4}
        assert sum(isinstance(record, Ended) for record in records) == 1, f"start {number} finds it finished"
    processes = list(map(int, (tmp_path / "at-work").read_text().split()))
    assert len(processes) == 3
    assert until(lambda: not any(map(is_alive, processes)))
    assert recorded(run)["memory_limit_bytes"] == 300 * 2**20


def test_limits_of_a_child_may_change_on_resume(tmp_path: Path, automl: Callable) -> None:
    run = tmp_path / "run"
    assert automl(*search("-q", out=run, trials=2, workers=1, memory_limit="1GB", trial_timeout=100)).code == 0
    again = ["search-arch", "--space", SPACE, "--out", run, "-q"]
    assert automl(*again, "--resume", "--memory-limit", "1.5GB", "--trial-timeout", "50").code == 0
    assert (recorded(run)["memory_limit_bytes"], recorded(run)["trial_timeout_seconds"]) == (1_500_000_000, 50)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--memory-limit", "much"], "--memory-limit is 'much'; give a size such as 2GB, 512MiB or 1.5G"),
        (["--memory-limit", "1MB"], "--memory-limit is 1MB; it must lie between 64MiB and"),
        (["--memory-limit", "1GB", "--executor", "serial"], "--executor serial cannot end a child that takes too much memory"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused(flags: list[str], message: str, automl: Callable, tmp_path: Path) -> None:
    done = automl(*search(*flags, out=tmp_path / "run"))
    assert done.code == 2
    assert message in done.stderr
    assert not (tmp_path / "run").exists()


def test_more_than_there_is_room_for_is_doubted(automl: Callable, tmp_path: Path) -> None:
    done = automl(*search("--dry-run", memory_limit="900GB", workers=2))
    assert "warning: 2 workers of --memory-limit 900GB each are more than the " in done.stderr
    assert automl(*search("-q", out=tmp_path / "run", executor="local", workers=50, trials=1, in_flight=50)).code == 0
    resumed = automl("search-arch", "--space", SPACE, "--out", tmp_path / "run", "--resume", "--dry-run")
    assert "warning: 50 at a time, and there are " in resumed.stderr


def test_what_a_container_grants_is_said(monkeypatch: pytest.MonkeyPatch, automl: Callable) -> None:
    monkeypatch.setattr(memory, "granted_here", lambda **_: None)
    assert "granted here" not in automl(*search("--dry-run", executor="local")).stderr
    monkeypatch.undo()
    monkeypatch.setattr(memory.os, "cpu_count", lambda: 16)
    monkeypatch.setattr(memory, "machine_memory", lambda: 64 * 2**30)
    monkeypatch.setattr(memory, "granted_cores", lambda allowed: Grant(4, "SLURM_CPUS_PER_TASK"))
    monkeypatch.setattr(memory, "granted_memory", lambda machine: Grant(2 * 2**30, "a control group"))
    monkeypatch.setattr(memory, "available_cores", lambda: 4)
    monkeypatch.setattr(memory, "workers_with_room", lambda: 1)
    assert memory.granted_here() == (
        "granted here: 4 of 16 cores (SLURM_CPUS_PER_TASK) and 2.0 GiB of 64.0 GiB of memory (a control group), in which there "
        "is room for 1 worker"
    )
    assert memory.granted_here(workers=False) == (
        "granted here: 4 of 16 cores (SLURM_CPUS_PER_TASK) and 2.0 GiB of 64.0 GiB of memory (a control group)"
    )
    assert "granted here: 4 of 16 cores" in automl(*search("--dry-run", executor="local")).stderr


def test_the_script_for_slurm_in_the_manual_ends_in_time_and_asks_to_be_started_again(tmp_path: Path) -> None:
    """With commands of the same names in place of Slurm's and ours."""
    page = (Path(__file__).parent.parent.parent / "docs" / "limits.md").read_text(encoding="utf-8")
    script = page.rpartition("```sh\n")[2].partition("```")[0]
    (tmp_path / "job.sh").write_text(script)
    for name, code in {
        "automl": 'trap "echo interrupted; exit 130" USR1; touch started; while :; do sleep 0.05; done',
        "scontrol": 'echo "$@"',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{code}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_JOB_ID": "17", "HOME": str(tmp_path)}
    with subprocess.Popen(
        ["sh", "job.sh"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as job:
        assert until((tmp_path / "started").exists)
        subprocess.run(["kill", "-USR1", str(job.pid)], check=True)
        stdout, _ = job.communicate(timeout=20)
    assert stdout == "interrupted\nrequeue 17\n"


def test_a_control_group_that_is_made_up_is_no_limit_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(control_groups, "ROOT", tmp_path)
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.setattr(memory, "allowed_cores", lambda: tuple(range(memory.os.cpu_count() or 1)))
    assert memory.granted_here() is None


def test_a_file_of_flags_may_hold_bytes_as_a_number(automl: Callable, tmp_path: Path) -> None:
    (tmp_path / "flags.toml").write_text("memory-limit = 2000000000\n")
    asked = ("search-arch", "--evaluator", "analytic", "--trials", 1, "--config", tmp_path / "flags.toml")
    done = automl(*asked, "--out", tmp_path / "a")
    assert done.code == 0
    assert json.loads((tmp_path / "a" / "study.json").read_text())["body"]["memory_limit_bytes"] == 2_000_000_000
