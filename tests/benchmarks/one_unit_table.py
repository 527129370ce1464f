"""Every activation function of one core unit, measured: the table `examples/activations/one_unit.csv`.

    python tests/benchmarks/one_unit_table.py --state runs/one-unit.jsonl [--seeds 1]

Each of the distinct functions is trained once for every seed, in a small network on digits, all by the same programs: a
function is data to them. Some are trained on one seed more, which says how much seeds differ. What was measured is appended to
the file of `--state` at once, so the script goes on where it was stopped. When all is there, it writes the table, with a row
for each of the 6,250 genotypes (those of one function share their figures), and a section of RESULTS.md. One core, one process;
about a quarter of an hour of computing for a seed.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections import Counter
from itertools import product
from pathlib import Path
from statistics import fmean, median
from typing import Any

import msgspec
import numpy as np
from results import record
from results import table as markdown

from automl_cli.children.trainer import Trainer
from automl_cli.core.decisions import Genotype
from automl_cli.core.numbers import counted
from automl_cli.core.protocols import Diverged
from automl_cli.core.spaces import SearchSpace
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.plugins.roles import filling_of
from automl_cli.values.activation import NAMED
from automl_cli.values.expressions.sameness import activation_key, activation_problem
from search_spaces.activation_units import SPACE

TABLE = Path(__file__).parents[2] / "examples" / "activations" / "one_unit.csv"
NETWORK, EPOCHS, BATCH_SIZE, RATE = "convnet-2x8", 4, 64, 0.3
AGAIN = 20
"""Every so many functions are trained on one seed more."""
Measured = dict[tuple[int, str], dict[str, Any]]
"""By seed and genotype: status, score, loss and seconds."""


def ops(genotype: Genotype) -> str:
    """A genotype as it stands in the table."""
    return "-".join(map(str, genotype))


def earlier(state: Path) -> Measured:
    """What was measured before; a last line that was cut off is not."""
    lines = state.read_text(encoding="utf-8").splitlines(keepends=True) if state.exists() else []
    rows = [json.loads(line) for line in lines if line.endswith("\n")]
    state.write_text("".join(line for line in lines if line.endswith("\n")), encoding="utf-8")
    return {(row["seed"], row["ops"]): row for row in rows}


def measure(space: SearchSpace, state: Path, seeds: int) -> Measured:
    """Train all distinct functions on so many seeds, and some on one more, where they are not yet measured."""
    found = earlier(state)
    distinct = space.distinct_genotypes
    assert distinct is not None
    settings, _ = plan_search("search-activation", SearchRequest(network=NETWORK, augment="none"), default_space=SPACE.name)
    recipe = msgspec.structs.replace(settings.child.recipe, batch_size=BATCH_SIZE, learning_rate=RATE)
    child = msgspec.structs.replace(settings.child, recipe=recipe)
    trainer = Trainer(child, engine="whole", as_data="activation")
    with state.open("a", encoding="utf-8") as file:
        for seed, genotype in (*product(range(seeds), distinct), *product((seeds,), distinct[::AGAIN])):
            if (seed, ops(genotype)) in found:
                continue
            row = {"seed": seed, "ops": ops(genotype), **measured(trainer, child, space.decode(genotype), seed)}
            file.write(json.dumps(row) + "\n")
            file.flush()
            found[seed, ops(genotype)] = row
    return found


def measured(trainer: Trainer, child: Any, function: Any, seed: int) -> dict[str, Any]:
    """How the training of one child ended."""
    start = time.process_time()
    if activation_problem(function) is not None:
        return {"status": "refused", "score": 0.0, "loss": None, "seconds": time.process_time() - start}
    try:
        trained = trainer.train(child.filled(activation=filling_of("activation", function)), epochs=EPOCHS, seed=seed)
        ended = {"status": "ok", "score": max(trained.scores), "loss": trained.losses[-1]}
    except Diverged:
        ended = {"status": "diverged", "score": 0.0, "loss": None}
    return {**ended, "seconds": time.process_time() - start}


def rows(space: SearchSpace, found: Measured, seeds: int) -> list[dict[str, Any]]:
    """A row for every genotype."""
    distinct = space.distinct_genotypes
    assert distinct is not None
    first = {space.canonical(genotype): ops(genotype) for genotype in distinct}
    made = []
    for genotype in product(*(range(len(decision.choices)) for decision in space.decisions.decisions)):
        same_as = first[space.canonical(genotype)]
        by_seed = [found[seed, same_as] for seed in range(seeds)]
        ended = {row["status"] for row in by_seed}
        losses = [row["loss"] for row in by_seed if row["loss"] is not None]
        made.append(
            {
                "ops": ops(genotype),
                "formula": space.decode(genotype).expression,
                "same_as": same_as,
                "status": ended.pop() if len(ended) == 1 else "diverged once",
                "valid": f"{fmean(row['score'] for row in by_seed):.4f}",
                **{f"valid_{row['seed']}": f"{row['score']:.4f}" for row in by_seed if seeds > 1},
                "loss": f"{fmean(losses):.4f}" if losses else "",
            }
        )
    return made


def ranks(values: np.ndarray) -> np.ndarray:
    """Rank of each number, the mean of the ranks of equal ones."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[inverse]


def between_seeds(found: Measured, seeds: int) -> str:
    """How the last two seeds agree where both gave a score."""
    both = [(found[seeds - 1, ops]["score"], row["score"]) for (seed, ops), row in found.items() if seed == seeds]
    scores = np.array([pair for pair in both if min(pair) > 0])
    agreed = np.corrcoef(ranks(scores[:, 0]), ranks(scores[:, 1]))[0, 1]
    deviation = np.sqrt(scores.var(1, ddof=1).mean())
    return (
        f"{len(both)} functions were trained on one seed more. Where both gave a score ({len(scores)}), their rank correlation "
        f"is {agreed:.2f} and the standard deviation between seeds {deviation:.3f}, so neighbouring places are not told apart."
    )


def named_rows(space: SearchSpace, order: list[dict[str, Any]]) -> list[list[object]]:
    """Published functions of the space, with their places."""
    at = {space.canonical(tuple(map(int, row["ops"].split("-")))): place for place, row in enumerate(order)}
    known = {name: at.get(activation_key(function)) for name, function in NAMED.items()}
    return [[name, order[at]["valid"], at + 1] for name, at in known.items() if at is not None]


def section(space: SearchSpace, table: list[dict[str, Any]], found: Measured, seeds: int) -> str:
    """What RESULTS.md says."""
    own = [row for row in table if row["ops"] == row["same_as"]]
    endings = Counter(row["status"] for row in own)
    scores = [float(row["valid"]) for row in own if row["status"] == "ok"]
    seconds = [row["seconds"] for row in found.values() if row["status"] != "refused" and row["seed"] < seeds]
    order = sorted(own, key=lambda row: -float(row["valid"]))
    best = [[place, f"`{row['formula']}`", row["valid"]] for place, row in enumerate(order[:12], 1)]
    what = (
        f"`{TABLE.relative_to(TABLE.parents[2])}`: {len(table):,} genotypes, {len(own):,} distinct functions, "
        f"{counted(seeds, 'seed')} each. Child: {NETWORK} on digits (8 x 8), {EPOCHS} epochs in batches of {BATCH_SIZE}, "
        f"learning rate {RATE:g} with a cosine schedule, no augmentation. Score: the best validation accuracy of its epochs; "
        "0 stands for no score."
    )
    ended = (
        f"Of the distinct functions {', '.join(f'{count:,} {status}' for status, count in endings.most_common())} (refused: "
        "not finite on the samples, or without x; they are not trained). All were trained by one set of programs, in "
        f"{sum(seconds) / 60:.0f} CPU minutes of one core: {median(seconds):.2f} s for a child (median). Median score "
        f"{median(scores):.3f}, the highest {max(scores):.3f}."
    )
    said = (
        what,
        ended,
        between_seeds(found, seeds),
        markdown(("place", "function", "score"), best),
        "Published functions that the space holds:",
        markdown(("name", "score", "place"), named_rows(space, order)),
    )
    return "\n\n".join(said)


def main() -> None:
    """Measure, write the table, record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    space = SearchSpace(SPACE)
    found = measure(space, given.state, given.seeds)
    table = rows(space, found, given.seeds)
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    record(
        "All activation functions of one core unit",
        "tests/benchmarks/one_unit_table.py",
        section(space, table, found, given.seeds),
    )


if __name__ == "__main__":
    if "PJRT_NPROC" not in os.environ:  # JAX reads it when it is imported
        sys.exit(subprocess.run([sys.executable, *sys.argv], env={**os.environ, "PJRT_NPROC": "1"}).returncode)
    main()
