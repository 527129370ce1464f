"""All strategies at equal budget on the published table of NAS-Bench-201, with the constants they have by default.

    python tests/benchmarks/strategies_on_a_table.py --table ../shared/data/tables/nasbench201.csv [--repeats 100] [--runs DIR]

The search sees the validation accuracy after 12 epochs; reported is the test accuracy after 200 epochs of the incumbent, as the
benchmark's paper reports it. Everything goes through the command line. Runs that are in DIR already are continued.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from results import record, table

from automl_cli.store.encoding import decode

STRATEGIES = ("random", "evolution", "reinforce", "ppo")
REWARD, TEST = "c10_val_e12", "c10_test_e200"
TRIALS = (100, 300)
PUBLISHED = "Published by the benchmark (arXiv 2001.00326, its time budget): random 93.70, REINFORCE 93.85, evolution 93.92."


def automl(*arguments: object) -> str:
    command = [str(Path(sys.executable).with_name("automl")), *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def search(strategy: str, options: argparse.Namespace) -> Path:
    """The finished repeats of this strategy."""
    out = options.runs / strategy
    if out.exists():
        automl("search-cell", "--out", out, "--resume", "--quiet")
        return out
    looked_up = ("--evaluator", "table", "--table", options.table, "--reward-column", REWARD, "--report-columns", TEST)
    how = ("--strategy", strategy, "--trials", TRIALS[-1], "--repeat", options.repeats, "--out", out, "--quiet")
    automl("search-cell", "--space", "nas-bench-201", *looked_up, *how)
    return out


def row(group: dict[str, Any], contrasts: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    """Incumbents of a strategy: test and validation accuracy after so many trials, and the rank tests against random."""
    points = {point["trials"]: point for point in group["curve"]}
    tests = [f"{points[trials]['columns'][TEST]:.3f}" for trials in TRIALS]
    scores = [f"{points[trials]['score']['mean']:.3f} ± {points[trials]['score']['std']:.3f}" for trials in TRIALS]
    compared = [contrasts.get((group["name"], measure)) for measure in ("score", TEST)]
    return [group["name"], *tests, *scores, *("-" if one is None else f"{one['p_value']:.1e}" for one in compared)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--runs", type=Path, default=Path("runs/strategies-on-a-table"))
    options = parser.parse_args()
    runs = [search(strategy, options) for strategy in STRATEGIES]
    comparison = decode(automl("report", *runs, "--json").encode(), dict[str, Any], "report")["comparison"]
    contrasts = {(one["group"], one["measure"]): one for one in comparison["contrasts"]}
    head = [
        "strategy",
        *(f"test, {trials} trials" for trials in TRIALS),
        *(f"validation, {trials} trials" for trials in TRIALS),
    ]
    rows = [row(group, contrasts) for group in comparison["groups"]]
    text = (
        f"Means over {options.repeats} seeds; validation ± standard deviation. p: two-sided Mann-Whitney test against random "
        f"after {TRIALS[-1]} trials, of the validation and of the test accuracy of the incumbents. {PUBLISHED}"
    )
    record(
        "Strategies on the table of NAS-Bench-201",
        "tests/benchmarks/strategies_on_a_table.py",
        f"{table([*head, 'p, validation', 'p, test'], rows)}\n\n{text}",
    )


if __name__ == "__main__":
    main()
