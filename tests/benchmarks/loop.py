"""The loop itself, without children: trials per second beside Optuna and PyGlove, a long policy search, memory of the driver.

    python tests/benchmarks/loop.py --peers PYTHON --table nasbench201.csv [--rounds 5]

PYTHON is the interpreter of an environment with `optuna` 5 and `pyglove` 0.4.5. All sides run in turn, each in a process of its
own on one core; quoted are medians over the rounds and of the ratios.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from results import record, table

SIDES = Path(__file__).with_name("loop_sides.py")
TRIALS = {"random": 2000, "optuna": 500, "evolution": 2000, "pyglove": 300}
LONG = 20_000


def measured(python: str, side: str, trials: int, *more: str) -> dict[str, float]:
    """Seconds and megabytes of one run of a side."""
    command = [python, str(SIDES), side, str(trials), *more]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--table", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rates: dict[str, list[float]] = {side: [] for side in TRIALS}
    loads = []
    for _ in range(options.rounds):
        loads.append(os.getloadavg()[0])
        for side, trials in TRIALS.items():
            python = options.peers if side in ("optuna", "pyglove") else sys.executable
            rates[side].append(trials / measured(python, side, trials)["seconds"])
    pairs = (("random", "optuna", "Optuna 5, random, journal"), ("evolution", "pyglove", "PyGlove 0.4.5, in memory"))
    rows = []
    for ours, theirs, name in pairs:
        ratio = median(a / b for a, b in zip(rates[ours], rates[theirs], strict=True))
        rows.append([ours, f"{median(rates[ours]):,.0f}", name, f"{median(rates[theirs]):,.0f}", f"{ratio:.1f}"])
    compared = table(["ours, durable journal", "trials/s", "peer", "trials/s", "ratio"], rows)
    policy = measured(sys.executable, "ppo", LONG, options.table)["seconds"]
    memory = [measured(sys.executable, "random", trials)["megabytes"] for trials in (LONG // 10, LONG)]
    busy = max(loads) / (os.cpu_count() or 1)
    text = (
        f"{LONG:,} trials of `ppo` on the table of NAS-Bench-201: {policy:.0f} s. "
        f"Peak memory after {LONG // 10:,} and {LONG:,} trials of `random`: {memory[0]:.0f} and {memory[1]:.0f} MB. "
        f"Medians of {options.rounds} rounds; the load was at most {busy:.1f} per core before each."
    )
    record(
        "The loop itself", "tests/benchmarks/loop.py", f"{compared}\n\n{text}", packages=("jax", "flax", "msgspec", "orjson")
    )


if __name__ == "__main__":
    main()
