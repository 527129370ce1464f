"""Cores and memory as the container or the scheduler grants them, on made-up trees of /proc and /sys."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from automl_cli.system import control_groups, granted, machine, process
from automl_cli.system.control_groups import memory_kills, memory_limits, quota_of_cores
from automl_cli.system.granted import Grant, granted_cores, granted_memory

GIB = 2**30
V1_NONE = 9223372036854771712
VERSION_1 = "31 23 0:32 {part} /sys/fs/cgroup/{names} rw,relatime - cgroup cgroup rw,{names}"
VERSION_2 = "31 23 0:32 {part} /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate"


@pytest.fixture(autouse=True)
def nothing_granted_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(control_groups, "ROOT", tmp_path)
    for name in ("CPUS_PER_TASK", "MEM_PER_NODE", "MEM_PER_CPU", "CPUS_ON_NODE"):
        monkeypatch.delenv(f"SLURM_{name}", raising=False)


def tree(root: Path, groups: str, mounts: str, files: Mapping[str, object]) -> None:
    """A machine: /proc/self/cgroup, /proc/self/mountinfo, and files below /sys/fs/cgroup."""
    every = {"proc/self/cgroup": groups, "proc/self/mountinfo": f"22 27 0:21 / /proc rw - proc proc rw\n{mounts}"}
    for name, text in {**every, **{f"sys/fs/cgroup/{name}": text for name, text in files.items()}}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")


def version_2(root: Path, files: Mapping[str, object], *, path: str = "/a/b/c", part: str = "/") -> None:
    tree(root, f"0::{path}", VERSION_2.format(part=part), files)


def version_1(
    root: Path, files: Mapping[str, object], *, path: str = "/a/b", part: str = "/", cpu: str = "cpu,cpuacct"
) -> None:
    mounts = "\n".join(VERSION_1.format(part=part, names=names) for names in (cpu, "memory"))
    tree(root, f"3:memory:{path}\n2:{cpu}:{path}\n1:name=systemd:/x\n0::/", mounts, files)


@pytest.mark.parametrize("tightest", ["a", "a/b", "a/b/c"])
def test_of_nested_groups_of_version_2_the_tightest_counts_wherever_it_is(tightest: str, tmp_path: Path) -> None:
    files: dict[str, object] = {}
    for place in ("a", "a/b", "a/b/c"):
        cores, gib = (1.5, 2) if place == tightest else (6, 8)
        files |= {f"{place}/cpu.max": f"{int(cores * 100000)} 100000", f"{place}/memory.max": gib * GIB}
    version_2(tmp_path, files)
    assert quota_of_cores() == 1.5
    (first, *others) = memory_limits()
    assert (first.folder, first.allowed_bytes) == (tmp_path / "sys/fs/cgroup" / tightest, 2 * GIB)
    assert [limit.allowed_bytes for limit in others] == [8 * GIB, 8 * GIB]


@pytest.mark.parametrize("tightest", ["", "a", "a/b"])
def test_of_nested_groups_of_version_1_the_tightest_counts_wherever_it_is(tightest: str, tmp_path: Path) -> None:
    files: dict[str, object] = {}
    for place in ("", "a", "a/b"):
        limited = place == tightest
        files |= {
            f"cpu,cpuacct/{place}/cpu.cfs_quota_us": 250000 if limited else -1,
            f"cpu,cpuacct/{place}/cpu.cfs_period_us": 100000,
            f"memory/{place}/memory.limit_in_bytes": 3 * GIB if limited else V1_NONE,
        }
    version_1(tmp_path, files)
    assert quota_of_cores() == 2.5
    assert [limit.allowed_bytes for limit in memory_limits()] == [3 * GIB]


def test_version_1_knows_of_a_limit_around_what_is_mounted(tmp_path: Path) -> None:
    """As in Docker without a name space of its own: the path is that of the machine, and only the group itself is mounted."""
    stat = f"cache 1\nhierarchical_memory_limit {4 * GIB}\n"
    files = {"memory/memory.limit_in_bytes": V1_NONE, "memory/memory.stat": stat, "memory/memory.oom_control": "oom_kill 7"}
    version_1(tmp_path, files, path="/docker/f00", part="/docker/f00", cpu="cpu")
    assert [limit.allowed_bytes for limit in memory_limits()] == [4 * GIB]
    assert memory_kills() == 7


@pytest.mark.parametrize(("path", "part"), [("/", "/"), ("/../x", "/"), ("/pod/f00", "/pod/f00"), ("/gone/away", "/")])
def test_a_group_is_found_behind_name_spaces(path: str, part: str, tmp_path: Path) -> None:
    version_2(tmp_path, {"cpu.max": "200000 100000", "memory.high": GIB, "memory.max": "max"}, path=path, part=part)
    assert quota_of_cores() == 2
    assert [limit.allowed_bytes for limit in memory_limits()] == [GIB]


@pytest.mark.parametrize("cpu_max", ["max 100000", "max", "?", "", "0 100000", "100000 0"])
def test_no_quota_is_none(cpu_max: str, tmp_path: Path) -> None:
    version_2(tmp_path, {"cpu.max": cpu_max, "memory.max": "max", "a/b/c/memory.events": "low 0\noom_kill 0"})
    assert quota_of_cores() is None
    assert memory_limits() == ()


def test_without_groups_there_are_no_limits(tmp_path: Path) -> None:
    assert (quota_of_cores(), memory_limits(), memory_kills()) == (None, (), 0)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/vmstat").write_text("pgfault 12\noom_kill 3\n")
    assert memory_kills() == 3, "the machine counts them"
    tree(tmp_path, "nonsense\n::::\n", "also nonsense", {})
    assert (quota_of_cores(), memory_limits()) == (None, ())


def test_what_the_kernel_keeps_of_files_is_not_in_use(tmp_path: Path) -> None:
    stat = "anon 600\nactive_file 100\ninactive_file 200\nslab_reclaimable 50\n"
    version_2(tmp_path, {"a/memory.max": 1000, "a/memory.current": 950, "a/memory.stat": stat})
    (limit,) = memory_limits()
    assert limit.used_bytes() == 600
    stat = "active_file 1\ntotal_active_file 100\ntotal_inactive_file 200\n"
    version_1(tmp_path, {"memory/a/memory.limit_in_bytes": 1000, "memory/a/memory.usage_in_bytes": 950})
    (tmp_path / "sys/fs/cgroup/memory/a/memory.stat").write_text(stat)
    (limit,) = memory_limits()
    assert limit.used_bytes() == 650
    (tmp_path / "sys/fs/cgroup/memory/a/memory.stat").write_text("cache 700\n")
    assert limit.used_bytes() is None, "what is kept of files is not told"


@pytest.mark.parametrize(
    ("said", "allowed", "grant"),
    [
        ({}, 8, Grant(8, "")),
        ({}, 2, Grant(2, "the affinity of the process")),
        ({"SLURM_CPUS_PER_TASK": "4"}, 8, Grant(4, "SLURM_CPUS_PER_TASK")),
        ({"SLURM_CPUS_PER_TASK": "4"}, 3, Grant(3, "the affinity of the process")),
        ({"SLURM_CPUS_PER_TASK": "many"}, 8, Grant(8, "")),
    ],
)
def test_cores_are_those_of_affinity_and_scheduler(
    said: dict[str, str], allowed: int, grant: Grant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(granted.os, "cpu_count", lambda: 8)
    assert granted_cores(allowed, environment=said) == grant


@pytest.mark.parametrize(
    ("said", "gib", "by"),
    [
        ({"SLURM_MEM_PER_NODE": "4096"}, 4, "SLURM_MEM_PER_NODE"),
        ({"SLURM_MEM_PER_NODE": "0"}, 16, ""),
        ({"SLURM_MEM_PER_CPU": "2048", "SLURM_CPUS_ON_NODE": "3"}, 6, "SLURM_MEM_PER_CPU"),
        ({"SLURM_MEM_PER_CPU": "2048", "SLURM_CPUS_PER_TASK": "2"}, 4, "SLURM_MEM_PER_CPU"),
        ({"SLURM_MEM_PER_CPU": "1024"}, 1, "SLURM_MEM_PER_CPU"),
        ({"SLURM_MEM_PER_NODE": "999999"}, 16, ""),
    ],
)
def test_memory_is_what_the_scheduler_grants(said: dict[str, str], gib: int, by: str) -> None:
    assert granted_memory(16 * GIB, environment=said) == Grant(gib * GIB, by)


def test_a_group_that_is_tighter_than_the_scheduler_counts(tmp_path: Path) -> None:
    version_2(tmp_path, {"a/memory.max": GIB, "cpu.max": "100000 100000"})
    said = {"SLURM_MEM_PER_NODE": "4096", "SLURM_CPUS_PER_TASK": "4"}
    assert granted_memory(16 * GIB, environment=said) == Grant(GIB, "a control group")
    assert granted_cores(8, environment=said) == Grant(1, "a control group")


@pytest.mark.parametrize(
    ("text", "workers"), [("max 100000", 8), ("250000 100000", 2), ("1600000 100000", 8), ("20000 100000", 1), ("?", 8)]
)
def test_workers_are_as_many_as_cores_and_quota_allow(
    text: str, workers: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    version_2(tmp_path, {"cpu.max": text})
    monkeypatch.setattr(machine, "allowed_cores", lambda: tuple(range(8)))
    monkeypatch.setattr(process, "machine_memory", lambda: 64 * GIB)
    assert process.default_workers() == workers


def test_workers_are_no_more_than_there_is_memory_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "allowed_cores", lambda: tuple(range(8)))
    monkeypatch.setattr(process, "machine_memory", lambda: 64 * GIB)
    for gib, workers in ((2, 1), (4, 3), (0.25, 1), (32, 8)):
        version_2(tmp_path, {"a/b/memory.max": int(gib * GIB)})
        assert process.memory_bytes() == int(gib * GIB)
        assert process.default_workers() == workers
    assert process.default_workers(8 * GIB) == 3, "of a limit of 8 GiB each"


def test_a_process_that_is_bound_to_a_core_has_one() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert machine.available_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(("quota", "threads"), [("300000 100000", "3"), ("max 100000", None)])
def test_a_lone_process_has_as_many_threads_as_cores_are_granted(
    quota: str, threads: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    version_2(tmp_path, {"cpu.max": quota})
    monkeypatch.delenv(machine.SWITCH, raising=False)
    monkeypatch.setattr(os, "environ", {})
    for module in (machine, process):
        monkeypatch.setattr(module, "allowed_cores", lambda: tuple(range(8)))
    process.set_up_lone_process()
    assert os.environ.get("PJRT_NPROC") == os.environ.get("OMP_NUM_THREADS") == threads
