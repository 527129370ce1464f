"""Searches of the table of NAS-Bench-201 with noise added to what they see, with and without `--replicates`.

    python tests/benchmarks/replicates_on_a_table.py --table ../shared/data/tables/nasbench201.csv --keep runs/noisy.jsonl

What is seen is the validation accuracy on CIFAR-10 after 12 epochs with Gaussian noise of 0.5 or 1.5 points, drawn anew for
every replicate. The winner is the best by a single score, or with `--replicates 5` the one that `best.json` would name. It is
judged by its accuracy without noise, and by the test accuracy after 200 epochs, after 200 evaluations, replicates included;
pairs have the same seed.
"""

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from in_process import COST, SETS, SPACE, Kept, column, evaluations, made, mean_and_error, noisy, numbers_of, paired, read
from results import record, table

from automl_cli.core.decisions import Genotype
from automl_cli.core.rewards import Power
from automl_cli.core.trials import Measurement, Outcome, Proposal, Status, Task, Trial
from automl_cli.study.incumbent import Ranking

STRATEGIES = ("random", "evolution", "local-search", "surrogate")
DEVIATIONS = (0.5, 1.5)
BUDGET, REPLICATES = 200, 5


def winner(
    name: str, seen: Mapping[Genotype, float], costs: dict[Genotype, float], deviation: float, seeds: int, seed: int
) -> Genotype:
    """The genotype that a search names."""
    strategy = made(name, costs, trials=BUDGET, seed=seed, noisy=True, replicates=seeds)
    ranking = Ranking(1, Power(), seeds=seeds, standing_for=SPACE.canonical)
    found = evaluations(strategy, noisy(dict(seen), deviation, seed), BUDGET)
    for number, ((genotype, replicate), score) in enumerate(found.items()):
        outcome = Outcome(Status.OK, Measurement((score,)))
        ranking.add(Trial(Task(number, genotype, 0, 1), Proposal(genotype, replicate=replicate), outcome))
    return ranking.best()[0].task.genotype


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--keep", type=Path, default=Path("runs/replicates-on-a-table.jsonl"))
    parser.add_argument("--seeds", default="1000-1099")
    parser.add_argument("--only", default=",".join(STRATEGIES))
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    kept, read_in = Kept(options.keep), read(options.table)
    seen, judged = (column(read_in, name) for name in SETS["CIFAR-10"])
    costs, rows = column(read_in, COST), []
    for deviation in DEVIATIONS:
        for name in options.only.split(","):
            named = {
                count: [
                    tuple(kept.get([deviation, name, count, seed], partial(winner, name, seen, costs, deviation, count, seed)))
                    for seed in numbers_of(options.seeds)
                ]
                for count in (1, REPLICATES)
            }
            cells = [name, f"{deviation:g}"]
            for values in (seen, judged):
                without, with_them = ([values[genotype] for genotype in named[seeds]] for seeds in (1, REPLICATES))
                difference, half = paired(with_them, without)
                cells += [f"{mean_and_error(without)[0]:.3f}", f"{mean_and_error(with_them)[0]:.3f}"]
                cells.append(f"{difference:+.3f} ± {half:.3f}")
            rows.append(cells)
    seen_head = ["true score, one seed", "with replicates", "difference"]
    head = ["strategy", "noise", *seen_head, "test, one seed", *seen_head[1:]]
    text = (
        f"Means over the seeds {options.seeds} after {BUDGET} evaluations, replicates included; differences of pairs of one "
        f"seed, with their 95 % interval. `--replicates {REPLICATES}`."
    )
    body = f"{text}\n\n{table(head, rows)}"
    if options.no_record:
        print(body)
    else:
        record("Replicates on the noisy table of NAS-Bench-201", "tests/benchmarks/replicates_on_a_table.py", body)


if __name__ == "__main__":
    main()
