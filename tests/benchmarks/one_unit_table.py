"""Every activation function of one core unit, measured: the table `examples/activations/one_unit.csv`.

    python tests/benchmarks/one_unit_table.py --state runs/one-unit.jsonl

Each of the distinct functions is trained once for every seed, in a small network on digits, all by the same programs: a function
is data to them. What was measured is appended to the file of `--state` at once, so the script goes on where it was stopped.
When all is there, it writes the table, with a row for each of the 6,250 genotypes (those of one function share their figures),
and a section of RESULTS.md. One core, one process; about a quarter of an hour of computing for a seed.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
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
from automl_cli.core.protocols import Diverged
from automl_cli.core.spaces import SearchSpace
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.plugins.roles import filling_of
from automl_cli.values.activation import NAMED
from automl_cli.values.expressions.sameness import activation_key, activation_problem
from search_spaces.activation_units import SPACE

TABLE = Path(__file__).parents[2] / "examples" / "activations" / "one_unit.csv"
NETWORK, EPOCHS, BATCH_SIZE, RATE, SEEDS = "convnet-2x8", 4, 64, 0.3, (0, 1)
SHOWN = (
    "relu",
    "silu",
    "swish",
    "lrelu",
    "elu",
    "softplus",
    "max-sigmoid",
    "max-tanh",
    "cos-minus-x",
    "min-sin",
    "sinc-plus-x",
)
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


def measure(space: SearchSpace, state: Path) -> Measured:
    """Train all distinct functions that are not yet measured."""
    found = earlier(state)
    distinct = space.distinct_genotypes
    assert distinct is not None
    settings, _ = plan_search("search-activation", SearchRequest(network=NETWORK, augment="none"), default_space=SPACE.name)
    recipe = msgspec.structs.replace(settings.child.recipe, batch_size=BATCH_SIZE, learning_rate=RATE)
    child = msgspec.structs.replace(settings.child, recipe=recipe)
    trainer = Trainer(child, engine="whole", as_data="activation")
    with state.open("a", encoding="utf-8") as file:
        for seed, genotype in product(SEEDS, distinct):
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


def rows(space: SearchSpace, found: Measured) -> list[dict[str, Any]]:
    """A row for every genotype."""
    distinct = space.distinct_genotypes
    assert distinct is not None
    first = {space.canonical(genotype): ops(genotype) for genotype in distinct}
    made = []
    for genotype in product(*(range(len(decision.choices)) for decision in space.decisions.decisions)):
        same_as = first[space.canonical(genotype)]
        by_seed = [found[seed, same_as] for seed in SEEDS]
        ended = {row["status"] for row in by_seed}
        losses = [row["loss"] for row in by_seed if row["loss"] is not None]
        made.append(
            {
                "ops": ops(genotype),
                "formula": space.decode(genotype).expression,
                "same_as": same_as,
                "status": ended.pop() if len(ended) == 1 else "diverged once",
                "valid": f"{fmean(row['score'] for row in by_seed):.4f}",
                **{f"valid_{row['seed']}": f"{row['score']:.4f}" for row in by_seed},
                "loss": f"{fmean(losses):.4f}" if losses else "",
            }
        )
    return made


def ranks(values: np.ndarray) -> np.ndarray:
    """Rank of each number, the mean of the ranks of equal ones."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[inverse]


def section(space: SearchSpace, table: list[dict[str, Any]], found: Measured) -> str:
    """What RESULTS.md says."""
    own = [row for row in table if row["ops"] == row["same_as"]]
    endings = {status: sum(row["status"] == status for row in own) for status in ("ok", "diverged once", "diverged", "refused")}
    trained = [row for row in own if row["status"] == "ok"]
    scores = np.array([[float(row[f"valid_{seed}"]) for seed in SEEDS] for row in trained])
    seconds = [row["seconds"] for row in found.values() if row["status"] != "refused"]
    order = sorted(own, key=lambda row: -float(row["valid"]))
    best = [[at + 1, f"`{row['formula']}`", row["valid"], row["valid_0"], row["valid_1"]] for at, row in enumerate(order[:10])]
    by_key = {space.canonical(tuple(map(int, row["ops"].split("-")))): at for at, row in enumerate(order)}
    places = {name: by_key.get(activation_key(NAMED[name])) for name in SHOWN}
    named = [
        [name, f"`{order[at]['formula']}`", order[at]["valid"], at + 1] for name, at in places.items() if at is not None
    ]  # fmt: skip
    said = [
        f"`{TABLE.relative_to(TABLE.parents[2])}`: {len(table):,} genotypes, {len(own):,} distinct functions, seeds "
        f"{' and '.join(map(str, SEEDS))}. Child: {NETWORK} on digits (8 x 8), {EPOCHS} epochs in batches of {BATCH_SIZE}, learning "
        f"rate {RATE:g} with a cosine schedule, no augmentation. Score: the best validation accuracy of its epochs.",
        f"Of the distinct functions {endings['ok']:,} were trained at both seeds, {endings['diverged once']} diverged at one, "
        f"{endings['diverged']} at both, and {endings['refused']} are refused untrained (not finite on the samples, or without x). "
        f"A score of 0 stands for no score. It took {sum(seconds) / 60:.0f} minutes of one core, {median(seconds):.2f} s for a "
        f"child (median), all by one set of programs.",
        f"Rank correlation of the two seeds: {np.corrcoef(ranks(scores[:, 0]), ranks(scores[:, 1]))[0, 1]:.2f}. Median score "
        f"{np.median(scores):.3f}, the highest {scores.mean(1).max():.3f}; the standard deviation between seeds is "
        f"{np.sqrt(scores.var(1, ddof=1).mean()):.3f}, so the first places are shared.",
        markdown(("place", "function", "score", "seed 0", "seed 1"), best),
        "Published functions that the space holds:",
        markdown(("name", "first of its spellings", "score", "place"), named),
    ]
    return "\n\n".join(said)


def main() -> None:
    """Measure, write the table, record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    state = parser.parse_args().state
    space = SearchSpace(SPACE)
    found = measure(space, state)
    table = rows(space, found)
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    record("All activation functions of one core unit", "tests/benchmarks/one_unit_table.py", section(space, table, found))


if __name__ == "__main__":
    if "PJRT_NPROC" not in os.environ:  # JAX reads it when it is imported
        sys.exit(subprocess.run([sys.executable, *sys.argv], env={**os.environ, "PJRT_NPROC": "1"}).returncode)
    main()
