"""Where benchmarks write what they measured: a section of `RESULTS.md` each, with machine and versions.

Sections stand in chapters, one for each family of CPUs: a figure holds for the family that it was measured on, and for no
other. A section replaces the one of its title in the chapter of this machine, and leaves those of other machines alone.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from automl_cli.system.cpu_family import this_cpu
from automl_cli.system.machine import allowed_cores, cpu_features, cpu_model, installed_version

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = (
    "# What was measured\n\nEach section is written by the script that it names, which replaces it when it is run again. "
    "The sections stand in chapters by family of CPUs: what a section says of speed holds for its family.\n"
)

FEATURES = {
    "AVX2": r"avx2",
    "AVX-512": r"avx512f",
    "AVX-512 bfloat16": r"avx512_bf16",
    "AMX": r"amx_tile",
    "NEON": r"neon|asimd",
    "SVE": r"sve",
}
"""Instruction sets that decide how fast children train, each with the names that systems have for it."""

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def record(title: str, script: str, body: str, *, packages: Sequence[str] = ("jax", "jaxlib", "flax", "optax")) -> None:
    """Print the section and put it into the file, in place of an older one of this title and family of CPUs."""
    versions = ", ".join(f"{name} {installed_version(name)}" for name in packages)
    made = f"`python {script}`, {datetime.now(UTC):%Y-%m-%d}, on {machine()}; {versions}."
    section = f"## {title}\n\n{made}\n\n{body.strip()}\n"
    print(section)
    before = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEAD
    RESULTS.write_text(placed(before, cpu_family(), title, section), encoding="utf-8")


def placed(document: str, family: str, title: str, section: str) -> str:
    """The document with a section in the chapter of a family, in place of an older one of this title or at its end."""
    _, head, *chapters = re.split(r"(?m)^(?=# )", document)
    chapters = chapters if any(one.startswith(f"# {family}\n") for one in chapters) else [*chapters, f"# {family}\n"]
    written = [_with_section(one, title, section) if one.startswith(f"# {family}\n") else one for one in chapters]
    return "\n".join(part.rstrip() + "\n" for part in (head, *written))


def _with_section(chapter: str, title: str, section: str) -> str:
    start, *sections = re.split(r"(?m)^(?=## )", chapter)
    others = [one for one in sections if not one.startswith(f"## {title}\n")]
    return "\n".join(part.rstrip() + "\n" for part in (start, *others, section))


def machine() -> str:
    """CPU model, and what of the CPU decides how fast it is: instruction sets, caches, and the cores this process may use."""
    words = set(cpu_features().split())
    sets = [name for name, pattern in FEATURES.items() if any(re.fullmatch(pattern, word) for word in words)]
    inside = [", ".join(part) for part in (sets, _caches()) if part]
    return f"{cpu_model()} ({'; '.join([*inside, f'{len(allowed_cores())} of its cores'])})"


def _caches() -> list[str]:
    """The second and third level of cache, where Linux tells: "L2 1024K"."""
    found = {}
    for index in sorted(CACHES.glob("index*")):
        level, size = ((index / name).read_text(encoding="utf-8").strip() for name in ("level", "size"))
        found[level] = f"L{level} {size}"
    return [found[level] for level in ("2", "3") if level in found]


def cpu_family() -> str:
    """The family of this CPU in words, such as "AMD Zen 4"; the CPU's model where nothing tells the family."""
    family = this_cpu().family
    if family == "unknown":
        return cpu_model()
    vendor, *words = family.split("-")
    return " ".join([vendor.upper() if vendor == "amd" else vendor.title(), *(word.title() for word in words)])
