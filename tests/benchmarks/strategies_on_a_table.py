"""All strategies at equal budget on the published table of NAS-Bench-201, with the constants they have by default.

    python tests/benchmarks/strategies_on_a_table.py --table ../shared/data/tables/nasbench201.csv --keep runs/table.jsonl
    … --seeds 0-99 --only local-search,auto --no-record       # while something is being developed: other seeds

The search sees the validation accuracy after 12 epochs; reported is the test accuracy after 200 epochs of the incumbent, and
how many evaluations it took to meet the best row of what the search sees. Every strategy is given 300 trials to settle its
constants by, and as many trials as 300 distinct evaluations take: a genotype that is known costs nothing. "Warm start" is
`--warm-start costs` with the column of multiply-adds. It runs in this process; results that are in the file are not computed
again. The seeds 1000 to 1099 are for one run, of what is finished.
"""

import argparse
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from in_process import COST, SETS, SPACE, WARM, Kept, column, evaluations, made, mean_and_error, numbers_of, read
from results import record, table

from automl_cli.core.decisions import Genotype
from automl_cli.planning.strategy_rule import AUTO, chosen

STRATEGIES = (
    "random",
    "reinforce",
    "ppo",
    "evolution",
    f"evolution{WARM}",
    "local-search",
    f"local-search{WARM}",
    "surrogate",
    f"surrogate{WARM}",
    AUTO,
)
BUDGETS = (50, 100, 300)


def course(
    name: str, seen: Mapping[Genotype, float], judged: Mapping[Genotype, float], costs: dict[Genotype, float], seed: int
) -> dict[str, Any]:
    """What the incumbents of one search are judged at, by budget, and the evaluations to the best row; None: not met."""
    strategy = made(name, costs, trials=BUDGETS[-1], seed=seed, noisy=False)
    order = [genotype for genotype, _ in evaluations(strategy, lambda genotype, _: seen[genotype], BUDGETS[-1])]
    best = max(seen.values())
    incumbents = [judged[max(order[:budget], key=seen.__getitem__)] for budget in BUDGETS]
    met = next((count for count, genotype in enumerate(order, 1) if seen[genotype] == best), None)
    return {"incumbents": incumbents, "met": met}


def rows(name: str, found: list[dict[str, Any]]) -> list[str]:
    """A strategy as a row: incumbents, the share of searches that met the best row, and the median of the evaluations to it."""
    incumbents = np.array([one["incumbents"] for one in found])
    means = [mean_and_error(incumbents[:, at]) for at in range(len(BUDGETS))]
    met = [one["met"] or np.inf for one in found]
    median = float(np.median(met))
    cells = [f"{mean:.3f} ± {error:.3f}" for mean, error in means]
    return [name, *cells, f"{np.isfinite(met).mean():.0%}", "-" if np.isinf(median) else f"{median:.0f}"]


def sections(options: argparse.Namespace, names: list[str]) -> Iterator[str]:
    """A table for every data set."""
    kept, read_in = Kept(options.keep), read(options.table)
    costs = column(read_in, COST)
    for data, (seen_name, judged_name) in SETS.items():
        seen, judged = column(read_in, seen_name), column(read_in, judged_name)
        found = []
        for name in names:
            runs = [
                kept.get([data, name, seed], partial(course, name, seen, judged, costs, seed))
                for seed in numbers_of(options.seeds)
            ]
            found.append(rows(name, runs))
        head = ["strategy", *(f"test after {budget}" for budget in BUDGETS), "met the best row", "median evaluations to it"]
        best = max(seen, key=seen.__getitem__)
        yield f"{data}; the best row by what is seen has {judged[best]:.3f}, and the best of all {max(judged.values()):.3f}."
        yield table(head, found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--keep", type=Path, default=Path("runs/strategies-on-a-table.jsonl"))
    parser.add_argument("--seeds", default="1000-1099")
    parser.add_argument("--only", default=",".join(name.replace(WARM, "+") for name in STRATEGIES))
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    names = [name.replace("+", WARM) for name in options.only.split(",")]
    body = "\n\n".join(sections(options, names))
    meant, why = chosen(SPACE, trials=BUDGETS[-1], noisy=False)
    text = (
        f"Means over the seeds {options.seeds} ± standard error, after so many distinct evaluations. Here `auto` is {meant}: "
        f"{why}. Published by the benchmark (arXiv 2001.00326, its time budget, CIFAR-10): random 93.70, REINFORCE 93.85, "
        "evolution 93.92."
    )
    if options.no_record:
        print(body)
    else:
        record(
            "Strategies on the table of NAS-Bench-201, by evaluations",
            "tests/benchmarks/strategies_on_a_table.py",
            f"{text}\n\n{body}",
        )


if __name__ == "__main__":
    main()
