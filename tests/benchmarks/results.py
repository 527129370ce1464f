"""Where benchmarks write what they measured: a section of `RESULTS.md` each, with machine and versions, replaced when run
again."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from automl_cli.system.machine import cpu_model, installed_version

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = "# What was measured\n\nEach section is written by the script that it names, which replaces it when it is run again.\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def record(title: str, script: str, body: str, *, packages: Sequence[str] = ("jax", "jaxlib", "flax", "optax")) -> None:
    """Print the section and put it into the file, in place of an older one of this title."""
    versions = ", ".join(f"{name} {installed_version(name)}" for name in packages)
    made = f"`python {script}`, {datetime.now(UTC):%Y-%m-%d}, on {cpu_model()}; {versions}."
    section = f"## {title}\n\n{made}\n\n{body.strip()}\n"
    print(section)
    before = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEAD
    others = [part for part in re.split(r"(?m)^(?=## )", before) if not part.startswith(f"## {title}\n")]
    RESULTS.write_text("\n".join(part.rstrip() + "\n" for part in [*others, section]), encoding="utf-8")
