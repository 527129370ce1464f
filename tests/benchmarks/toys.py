"""The rule from the budget on toy functions, against random search: what the constants of the strategies were chosen on.

    python tests/benchmarks/toys.py [--landscapes 3] [--seeds 3] [--budgets 64,100,300,1000]

Every function is random and in units of its own spread over uniform genotypes, so that 0 is an average genotype. Where it is
noisy, a strategy sees the noise and is judged without it. One trial is in flight (a minibatch of a policy). Some ten minutes.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from results import record, table

from automl_cli.core.decisions import Decision, DecisionList, Genotype, Membership
from automl_cli.core.random_streams import stream_seed
from tests.strategies.driving import play
from tests.strategies.worlds import flat, make, space_of

Function = Callable[[Genotype], float]
STRATEGIES = ("random", "evolution", "reinforce", "ppo")


@dataclass(frozen=True)
class Kind:
    """A family of functions: additive effects of this weight, one table for every decision with so many others, noise."""

    decisions: DecisionList
    additive: float = 0.0
    others: int | None = None
    broken_pairs: int = 0
    noise: float = 0.0


def layered(layers: int) -> DecisionList:
    """Like the space cnn: three decisions of four choices a layer, and skip connections."""
    decisions: list[Decision] = []
    anchors = []
    for layer in range(layers):
        anchors.append(len(decisions))
        decisions += [Decision(f"skip_{k}_{layer}", (False, True), Membership(layer, k)) for k in range(layer)]
        decisions += [Decision(f"{name}_{layer}", (0, 1, 2, 3)) for name in ("height", "width", "filters")]
    return DecisionList(tuple(decisions), tuple(anchors))


KINDS = {
    "6 × 5, NK with K = 1": Kind(flat(6, 5), others=1),
    "6 × 5, additive + NK with K = 2": Kind(flat(6, 5), additive=1, others=2),
    "6 × 5, broken pairs, saturating, noise 0.1": Kind(flat(6, 5), additive=1, others=1, broken_pairs=3, noise=0.1),
    "6 × 5, NK with K = 2, noise 0.3": Kind(flat(6, 5), others=2, noise=0.3),
    "18 × 4, NK with K = 1": Kind(flat(18, 4), others=1),
    "18 × 4, additive + NK with K = 2, noise 0.3": Kind(flat(18, 4), additive=1, others=2, noise=0.3),
    "6 layers with skips, additive + NK with K = 1, noise 0.3": Kind(layered(6), additive=1, others=1, noise=0.3),
}


@cache
def random_function(kind: Kind, number: int) -> tuple[Function, Function]:
    """What a strategy sees, and what it is judged by."""
    draw = np.random.Generator(np.random.Philox(key=stream_seed(number, "landscape")))
    widths = [len(decision.choices) for decision in kind.decisions.decisions]
    effects = [kind.additive * draw.normal(size=width) for width in widths]
    groups = [] if kind.others is None else [(at, *_others(draw, len(widths), at, kind.others)) for at in range(len(widths))]
    tables = [draw.normal(size=[widths[at] for at in group]) for group in groups]
    pairs = list(combinations(range(len(widths)), 2))
    broken = [
        (i, draw.integers(widths[i]), j, draw.integers(widths[j])) for i, j in draw.permutation(pairs)[: kind.broken_pairs]
    ]

    def value(genotype: Genotype) -> float:
        total = sum(effect[index] for effect, index in zip(effects, genotype, strict=True))
        total += sum(entries[tuple(genotype[at] for at in group)] for entries, group in zip(tables, groups, strict=True))
        if not kind.broken_pairs:
            return float(total)
        total -= 12 * any(genotype[i] == a and genotype[j] == b for i, a, j, b in broken)
        return float(-np.logaddexp(0, -total / 3))

    sample = [value(tuple(int(draw.integers(width)) for width in widths)) for _ in range(1000)]
    mean, spread = np.mean(sample), np.std(sample)

    def judged(genotype: Genotype) -> float:
        return float((value(genotype) - mean) / spread)

    def seen(genotype: Genotype) -> float:
        noise = np.random.Generator(np.random.Philox(key=stream_seed(number, "noise", str(genotype)))).normal()
        return judged(genotype) + kind.noise * float(noise)

    return seen if kind.noise else judged, judged


def _others(draw: np.random.Generator, count: int, at: int, others: int) -> list[int]:
    return [int(other) for other in draw.choice([k for k in range(count) if k != at], others, replace=False)]


def found(strategy: str, kind: Kind, *, trials: int, number: int, seed: int) -> float:
    """The judged value of the best genotype seen."""
    seen, judged = random_function(kind, number)
    proposals = play(make(strategy, space_of(kind.decisions), trials=trials, seed=seed), seen, trials)
    return judged(max((proposal.genotype for proposal in proposals), key=seen))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--landscapes", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budgets", default="64,100,300,1000")
    arguments = parser.parse_args()
    rows = []
    for trials in map(int, arguments.budgets.split(",")):
        for name, kind in KINDS.items():
            values = [
                [
                    found(strategy, kind, trials=trials, number=number, seed=seed)
                    for number in range(arguments.landscapes)
                    for seed in range(arguments.seeds)
                ]
                for strategy in STRATEGIES
            ]
            rows.append([trials, name, *[np.mean(row) for row in values]])
        rows.append([trials, "mean of all", *np.mean([row[2:] for row in rows if row[0] == trials], axis=0)])
    cells = [[trials, name, *[f"{value:.2f}" for value in values]] for trials, name, *values in rows]
    each = f"{arguments.landscapes} functions of each kind × {arguments.seeds} seeds"
    body = (
        f"True value of the best genotype found, in standard deviations above an average one: mean of {each}.\n\n"
        f"{table(['trials', 'function', *STRATEGIES], cells)}"
    )
    record("Strategies on toy functions", "tests/benchmarks/toys.py", body)


if __name__ == "__main__":
    main()
