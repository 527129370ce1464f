"""The examples for clusters: the file for `ray up` is what Ray takes, and the commands of the Slurm job search on two nodes.

Slurm's own commands are played by scripts that run what they are given on this machine.
"""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

CLUSTER = ROOT / "examples" / "cluster"
JOB = CLUSTER / "search.sbatch"
SEARCH = ["search-arch", "--space", "tests/tiny_space.py", "--evaluator", "analytic", "--trials", "6", "--seed", "3", "--quiet"]

SRUN = """#!/bin/bash
echo "$@" >> "$SHIMS/srun.log"
while [[ $1 == --* ]]; do shift; done
exec "$@"
"""
SCONTROL = """#!/bin/bash
[[ "$*" == "show hostnames $SLURM_JOB_NODELIST" ]] && printf '127.0.0.1\\n127.0.0.1\\n'
"""
AUTOML = """#!/bin/bash
exec {python} -m automl_cli "$@"
"""
RAY = """#!/bin/bash
exec {python} -m ray.scripts.scripts "$@"
"""


def test_the_job_is_a_script_that_bash_reads_and_slurm_takes() -> None:
    assert subprocess.run(["bash", "-n", JOB], capture_output=True, check=False).returncode == 0
    lines = JOB.read_text(encoding="utf-8").splitlines()
    options = [line.split()[1] for line in lines if line.startswith("#SBATCH")]
    assert {option.partition("=")[0] for option in options} >= {"--ntasks-per-node", "--cpus-per-task", "--requeue"}
    first_command = next(number for number, line in enumerate(lines) if line and not line.startswith("#"))
    assert all(number < first_command for number, line in enumerate(lines) if line.startswith("#SBATCH"))


def test_the_file_for_ray_up_is_what_ray_takes() -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'automl-cli[ray]'")
    import yaml
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((CLUSTER / "ray-cluster.yaml").read_text(encoding="utf-8"))
    validate_config(prepare_config(config))
    assert config["head_node_type"] in config["available_node_types"]


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a Slurm job on two nodes, which are this machine twice, and the commands that the job calls."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs Ray: pip install 'automl-cli[ray]'")
    shims = tmp_path / "bin"
    shims.mkdir()
    for name, text in {"srun": SRUN, "scontrol": SCONTROL, "automl": AUTOML, "ray": RAY}.items():
        (shims / name).write_text(text.replace("{python}", sys.executable))
        (shims / name).chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    yield clean | {
        "PATH": f"{shims}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        "SHIMS": str(shims),
        "SLURM_JOB_NODELIST": "two",
        "SLURM_CPUS_PER_TASK": "1",
        "PORT": str(port),
        "RUN": str(tmp_path / "run"),
    }
    shutil.rmtree(shims)


def test_the_commands_of_the_job_search_on_two_nodes_and_go_on_when_they_are_submitted_again(
    slurm: dict[str, str], tmp_path: Path
) -> None:
    def submit(*more: str) -> list[str]:
        done = subprocess.run(
            ["bash", str(JOB), *SEARCH, *more], cwd=ROOT, env=slurm, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    run = tmp_path / "run"
    assert submit("--workers", "2") == [f"{run}/best.json"]
    assert (tmp_path / "bin" / "srun.log").read_text(encoding="utf-8").count("ray start") == 2
    alone = tmp_path / "alone"
    serial = [sys.executable, "-m", "automl_cli", *SEARCH, "--executor", "serial", "--out", str(alone)]
    subprocess.run(serial, cwd=ROOT, env=slurm, capture_output=True, timeout=300, check=True)
    assert (run / "best.json").read_bytes() == (alone / "best.json").read_bytes()
    records = [json.loads(line) for line in (run / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {record["executor"] for record in records if "executor" in record} == {"ray"}
    assert submit("--workers", "2") == [f"{run}/best.json"]
