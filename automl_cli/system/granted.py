"""Tells how many cores and how much memory are granted to this process, and by whom, where that is less than the machine has.

The tightest of what was said counts: the affinity of the process (`taskset`), a quota or limit of a control group (a container,
a systemd unit, a job), and what Slurm granted to the task.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

from automl_cli.system.control_groups import memory_limits, quota_of_cores

MEBIBYTE = 2**20
"""The unit of Slurm's variables."""


class Grant(NamedTuple):
    """An amount of cores or of bytes, and who says so; an empty text where it is all that the machine has."""

    amount: float
    by: str = ""


def granted_cores(allowed: int, *, environment: Mapping[str, str] | None = None) -> Grant:
    """Return the cores that this process may use, of which its affinity allows so many."""
    said = os.environ if environment is None else environment
    machine, quota = os.cpu_count() or 1, quota_of_cores()
    grants = [Grant(allowed, "the affinity of the process" if allowed < machine else "")]
    if quota is not None:
        grants.append(Grant(quota, "a control group"))
    if of_task := _number(said, "SLURM_CPUS_PER_TASK"):
        grants.append(Grant(of_task, "SLURM_CPUS_PER_TASK"))
    return min(grants, key=lambda grant: grant.amount)


def granted_memory(machine: int, *, environment: Mapping[str, str] | None = None) -> Grant:
    """Return the bytes of memory that this process and all it starts may use on a machine that has so many."""
    said = os.environ if environment is None else environment
    grants = [Grant(machine), *(Grant(limit.allowed_bytes, "a control group") for limit in memory_limits())]
    if of_node := _number(said, "SLURM_MEM_PER_NODE"):  # 0 means all of it
        grants.append(Grant(of_node * MEBIBYTE, "SLURM_MEM_PER_NODE"))
    elif of_core := _number(said, "SLURM_MEM_PER_CPU"):
        cores = _number(said, "SLURM_CPUS_ON_NODE") or _number(said, "SLURM_CPUS_PER_TASK") or 1
        grants.append(Grant(of_core * cores * MEBIBYTE, "SLURM_MEM_PER_CPU"))
    return min(grants, key=lambda grant: grant.amount)


def _number(environment: Mapping[str, str], name: str) -> int:
    """Return a whole number from the environment; 0 where there is none."""
    text = environment.get(name, "").strip()
    return int(text) if text.isascii() and text.isdecimal() else 0
