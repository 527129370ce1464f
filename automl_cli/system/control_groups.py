"""Reads what Linux's control groups, of both versions, allow this process, and what they count of it.

A process is in one group of every hierarchy, and groups lie inside each other. What the tightest of them allows is what there
is, so limits are looked for from the group of the process up to the top that is visible here. Nothing in here raises: where
there are no such groups, there are no limits.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

ROOT = Path("/")
"""Where /proc and /sys are looked for: a folder of its own in tests."""

NO_LIMIT = 2**60
"""Version 1 writes a limit that is none as a number of this size, rounded to whole pages."""


class ControlGroup(NamedTuple):
    """The group of this process in one hierarchy: its folder, the topmost folder that is visible here, and the version."""

    folder: Path
    top: Path
    version: Literal[1, 2]

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of the group and of all groups that it lies in, itself first."""
        above = self.folder.parents
        return (self.folder, *(folder for folder in above if folder.is_relative_to(self.top)))


class MemoryLimit(NamedTuple):
    """A group with a limit on memory: its folder, the bytes that it allows, and the version."""

    folder: Path
    allowed_bytes: int
    version: Literal[1, 2]

    def used_bytes(self) -> int | None:
        """Return the bytes in use that the kernel cannot free by dropping what it keeps of files; None where they are not
        counted."""
        current, prefix = ("memory.current", "") if self.version == 2 else ("memory.usage_in_bytes", "total_")
        if (used := _number(self.folder / current)) is None:
            return None
        counts = _counts(self.folder / "memory.stat")
        if f"{prefix}inactive_file" not in counts:
            return None
        return used - sum(counts.get(f"{prefix}{name}", 0) for name in ("active_file", "inactive_file", "slab_reclaimable"))


def group_of(controller: Literal["cpu", "memory"]) -> ControlGroup | None:
    """Return the group of this process that this controller looks after, or None."""
    paths = {name: path for names, path in _own_groups() for name in names.split(",")}
    version: Literal[1, 2] = 1 if controller in paths else 2
    path = paths.get(controller if version == 1 else "")
    if path is None:
        return None
    for root, place, kind, options in _mounts():
        if kind == ("cgroup2" if version == 2 else "cgroup") and (version == 2 or controller in options.split(",")):
            top = ROOT / place.lstrip("/")
            inside = PurePosixPath(path)
            folder = top / inside.relative_to(root) if inside.is_relative_to(root) and ".." not in inside.parts else top
            seen = (place for place in (folder, *folder.parents) if place.is_dir() or place == top)
            return ControlGroup(next(seen), top, version)
    return None


def quota_of_cores() -> float | None:
    """Return how many cores the groups of this process may use at a time, or None where they have no quota."""
    group = group_of("cpu")
    found = () if group is None else (_quota(folder, group.version) for folder in group.folders)
    return min((quota for quota in found if quota is not None), default=None)


def _quota(folder: Path, version: int) -> float | None:
    """Microseconds of computing in each period of microseconds, as a number of cores."""
    if version == 2:
        quota, _, period = _text(folder / "cpu.max").partition(" ")
    else:
        quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
    if not (quota.isdecimal() and period.isdecimal() and int(quota) and int(period)):
        return None  # "max", or -1
    return int(quota) / int(period)


def memory_limits() -> tuple[MemoryLimit, ...]:
    """Return the limits on memory of this process's group and of those around it, the tightest first."""
    group = group_of("memory")
    if group is None:
        return ()
    files = ("memory.max", "memory.high") if group.version == 2 else ("memory.limit_in_bytes",)
    found = [(folder, _number(folder / name)) for folder in group.folders for name in files]
    if group.version == 1:  # it also knows of groups around those that are visible here
        found.append((group.folder, _counts(group.folder / "memory.stat").get("hierarchical_memory_limit")))
    limits = (MemoryLimit(folder, allowed, group.version) for folder, allowed in found if allowed and allowed < NO_LIMIT)
    return tuple(sorted(limits, key=lambda limit: limit.allowed_bytes))


def memory_kills() -> int:
    """Return how many processes the kernel has killed for want of memory: of this group, or of the machine where no group
    counts them."""
    group = group_of("memory")
    counted = (None,) if group is None else (_counts(group.folder / name).get("oom_kill") for name in _COUNTERS)
    return next((count for count in counted if count is not None), _counts(ROOT / "proc/vmstat").get("oom_kill", 0))


_COUNTERS = ("memory.events", "memory.oom_control")


def _own_groups() -> Iterator[tuple[str, str]]:
    """Yield the controllers, with commas between, and the path of every group of this process; version 2 names none."""
    for line in _text(ROOT / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        yield controllers, path


def _mounts() -> Iterator[tuple[str, str, str, str]]:
    """Yield of every mounted hierarchy the part of it that is mounted, the place, the kind and its own options."""
    for line in _text(ROOT / "proc/self/mountinfo").splitlines():
        about, _, more = line.partition(" - ")
        fields, own = about.split(" "), more.split(" ")
        if len(fields) > 4 and len(own) > 2 and own[0] in ("cgroup", "cgroup2"):
            yield _unescaped(fields[3]), _unescaped(fields[4]), own[0], own[2]


def _unescaped(path: str) -> str:
    return re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), path)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape").strip()
    except OSError:
        return ""


def _number(file: Path) -> int | None:
    text = _text(file)
    return int(text) if text.isdecimal() else None


def _counts(file: Path) -> Mapping[str, int]:
    """Return a file of lines such as `oom_kill 0`."""
    pairs = (line.split() for line in _text(file).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}
