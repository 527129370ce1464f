"""Describes the machine that a search runs on: versions, CPU and cores, git state. The same seed gives the same bits in one
such environment, not across them."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from msgspec import Struct

from automl_cli.system.granted import granted_cores
from automl_cli.system.jax_settings import settings_in_force

_PACKAGES = ("automl-cli", "jax", "jaxlib", "flax", "optax", "numpy")


class Environment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Versions, CPU and environment variables that low bits may depend on, and the git commit of the directory the command ran
    in ("… with changes" if not clean)."""

    python: str
    system: str
    cpu: str
    packages: dict[str, str]
    git: str | None
    settings: dict[str, str] = {}


def current_environment() -> Environment:
    """Return the environment of this process."""
    return Environment(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cpu=cpu_model(),
        packages={name: found for name in _PACKAGES if (found := installed_version(name))},
        git=_git_state(Path.cwd()),
        settings=settings_in_force(),
    )


def installed_version(package: str) -> str | None:
    """Return the version of an installed package without importing it, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def cpu_model() -> str:
    """Return the name of the CPU, as precisely as the system tells."""
    fields = cpu_fields()
    return fields.get("model name") or fields.get("CPU part") or cpu_brand() or platform.processor() or platform.machine()


def cpu_features() -> str:
    """Return the instruction-set extensions of the CPU, or an empty text where the system does not tell."""
    fields = cpu_fields()
    return fields.get("flags") or fields.get("Features") or ""


def allowed_cores() -> tuple[int, ...]:
    """Return the cores that this process may use, or all cores where the platform does not tell."""
    return tuple(sorted(os.sched_getaffinity(0) if sys.platform == "linux" else range(os.cpu_count() or 1)))


def available_cores() -> int:
    """Return how many cores this process may use: those of its affinity, or what a container or Slurm grants, if that is
    less."""
    return max(1, round(granted_cores(len(allowed_cores())).amount))


@cache
def cpu_fields() -> dict[str, str]:
    """Return what Linux says about the first core; empty elsewhere."""
    try:
        first, *_ = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


@cache
def cpu_brand() -> str | None:
    """Return the CPU's name on macOS, such as "Apple M2 Pro", where Python knows only "arm"; None elsewhere."""
    if platform.system() != "Darwin":
        return None
    try:
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True).stdout.strip() or None
    except (OSError, subprocess.SubprocessError):
        return None


def _git_state(directory: Path) -> str | None:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(directory), *arguments], capture_output=True, text=True, timeout=5, check=True)
        return done.stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit} with changes" if changed else commit


def environment_changes(recorded: Environment) -> Iterator[str]:
    """Yield, in words, what differs from the recorded environment and may change low bits of scores."""
    here = current_environment()
    if here.cpu != recorded.cpu:
        yield f"CPU {recorded.cpu}, now {here.cpu}"
    if here.python != recorded.python:
        yield f"Python {recorded.python}, now {here.python}"
    for name in sorted(recorded.packages.keys() | here.packages.keys()):
        before, now = recorded.packages.get(name, "none"), here.packages.get(name, "none")
        if before != now:
            yield f"{name} {before}, now {now}"
    for name in sorted(recorded.settings.keys() | here.settings.keys()):
        before, now = recorded.settings.get(name, "not set"), here.settings.get(name, "not set")
        if before != now:
            yield f"{name} {before}, now {now}"
