"""Long studies: memory of the driver after 2,000 and 20,000 trials, and what it takes to resume them.

    python tests/benchmarks/long_studies.py [--strategies random evolution reinforce ppo]

Each is `automl search-cell` on the toy of `loop.py`, in a process of its own. When it is complete it is resumed: the whole
journal is replayed, and nothing is left to do. Quoted is the processor time of the command, so that other work on the machine
does not count, and beside it the time by the clock.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from results import record, table

SPACE = Path(__file__).with_name("toy_space.py")
FEW, MANY = 2_000, 20_000
MOST_MEGABYTES = 60
"""More than this the driver may not grow from `FEW` trials to `MANY`."""
MOST_SECONDS = 5
"""So long a resume of `MANY` trials may take, by a strategy that is no policy."""


class Spent(NamedTuple):
    """What a process took: its highest memory, and the seconds of its processor and of the clock."""

    megabytes: float
    seconds: float
    clock: float


def spent(*arguments: object) -> Spent:
    """Run the command line to its end."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "automl_cli", "search-cell", *map(str, arguments), "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    return Spent(usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, time.perf_counter() - began)


def row(strategy: str, folder: Path) -> list[str]:
    """The figures of one strategy."""
    space = ("--space", SPACE, "--evaluator", "analytic", "--in-flight", 8, "--strategy", strategy)
    few = spent(*space, "--trials", FEW, "--out", folder / f"{strategy}-few")
    many = spent(*space, "--trials", MANY, "--out", folder / f"{strategy}-many")
    again = spent(*space[:2], "--resume", "--out", folder / f"{strategy}-many")
    return [
        strategy,
        f"{few.megabytes:.0f} MB",
        f"{many.megabytes:.0f} MB",
        f"{many.megabytes - few.megabytes:+.0f} MB",
        f"{again.megabytes:.0f} MB",
        f"{again.seconds:.1f} s ({again.clock:.1f} s)",
        f"{many.seconds:.1f} s ({many.clock:.1f} s)",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", nargs="*", default=["random", "evolution", "reinforce", "ppo"])
    with tempfile.TemporaryDirectory() as folder:
        rows = [row(strategy, Path(folder)) for strategy in parser.parse_args().strategies]
    head = [
        "strategy",
        f"driver after {FEW:,} trials",
        f"after {MANY:,}",
        "more",
        "after a resume",
        f"resume of {MANY:,}: processor (clock)",
        f"search of {MANY:,}: processor (clock)",
    ]
    text = (
        f"Peak memory of `automl search-cell`, whose driver scores the toy itself. Allowed are {MOST_MEGABYTES} MB more and "
        f"{MOST_SECONDS} s for random search and evolution. A policy learns every minibatch again when it is resumed."
    )
    script = "tests/benchmarks/long_studies.py"
    record("20,000 trials", script, f"{table(head, rows)}\n\n{text}", packages=("jax", "flax", "msgspec", "orjson"))


if __name__ == "__main__":
    main()
