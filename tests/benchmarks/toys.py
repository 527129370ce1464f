"""Every strategy on toy landscapes: what the constants of strategies and the rule of `--strategy auto` are chosen on.

    python tests/benchmarks/toys.py [--tune] [--instances 3] [--budgets 32,64,128,300] [--keep FILE.jsonl]

Landscapes are additive, pairwise, NK with K = 3, or deceptive (traps of three decisions), of 6 to 40 decisions, with or without
noise. Each is random and in units of its own spread over uniform genotypes, so that 0 is an average genotype. A strategy sees
the noise, and is judged without it by the genotype that it saw score highest. One trial is in flight (a minibatch of a policy).

With `--tune` the instances are others than those that the section in RESULTS.md is about: rules are chosen on those alone.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path

import numpy as np
from in_process import Kept
from results import record, table

from automl_cli.core.decisions import Decision, DecisionList, Genotype, Membership
from automl_cli.core.random_streams import stream_seed
from automl_cli.planning.strategy_rule import chosen
from tests.strategies.driving import play
from tests.strategies.worlds import flat, make, space_of

Function = Callable[[Genotype], float]
TUNING = 10_000
"""Instances from this number on are those that rules are chosen on."""

STRATEGIES = ("random", "evolution", "reinforce", "ppo", "local-search", "surrogate")
NOISES = (0.0, 0.5)
"""Standard deviations of the noise, in standard deviations of the landscape."""


def layered(layers: int) -> DecisionList:
    """Like the space cnn: three decisions of four choices a layer, and skip connections."""
    decisions: list[Decision] = []
    anchors = []
    for layer in range(layers):
        anchors.append(len(decisions))
        decisions += [Decision(f"skip_{k}_{layer}", (False, True), Membership(layer, k)) for k in range(layer)]
        decisions += [Decision(f"{name}_{layer}", (0, 1, 2, 3)) for name in ("height", "width", "filters")]
    return DecisionList(tuple(decisions), tuple(anchors))


SIZES: Mapping[str, DecisionList] = {
    "6 × 5": flat(6, 5),
    "12 × 3": flat(12, 3),
    "18 × 4": flat(18, 4),
    "6 layers, 33": layered(6),
    "40 × 4": flat(40, 4),
}
"""Spaces by the number of their decisions and of the choices of each."""


@dataclass(frozen=True)
class Instance:
    """One landscape: its family, the name of its space, its noise, and which of many such it is."""

    family: str
    size: str
    noise: float
    number: int


def additive(draw: np.random.Generator, widths: Sequence[int]) -> Function:
    """Every choice has an effect of its own."""
    effects = [draw.normal(size=width) for width in widths]
    return lambda genotype: float(sum(effect[index] for effect, index in zip(effects, genotype, strict=True)))


def networked(others: int, draw: np.random.Generator, widths: Sequence[int]) -> Function:
    """The effect of every choice depends on so many other decisions (NK)."""
    groups = [
        (at, *draw.choice([k for k in range(len(widths)) if k != at], others, replace=False)) for at in range(len(widths))
    ]
    tables = [draw.normal(size=[widths[at] for at in group]) for group in groups]
    return lambda genotype: float(
        sum(entries[tuple(genotype[at] for at in group)] for entries, group in zip(tables, groups, strict=True))
    )


def pairwise(draw: np.random.Generator, widths: Sequence[int]) -> Function:
    """Additive effects, and one for every choice with that of another decision."""
    alone, paired = additive(draw, widths), networked(1, draw, widths)
    return lambda genotype: alone(genotype) + paired(genotype)


def deceptive(draw: np.random.Generator, widths: Sequence[int]) -> Function:
    """Groups of three decisions: three right ones score 1, and of the others the fewer are right the better, up to 0.8."""
    right = [int(draw.integers(width)) for width in widths]
    order = draw.permutation(len(widths))
    groups = [order[start : start + 3] for start in range(0, len(order), 3)]

    def value(genotype: Genotype) -> float:
        wrong = [sum(genotype[at] != right[at] for at in group) for group in groups]
        return float(sum(1.0 if count == 0 else 0.8 * (count - 1) / 2 for count in wrong))

    return value


FAMILIES: Mapping[str, Callable[[np.random.Generator, Sequence[int]], Function]] = {
    "additive": additive,
    "pairwise": pairwise,
    "NK": partial(networked, 3),
    "deceptive": deceptive,
}


@cache
def functions(instance: Instance) -> tuple[Function, Function]:
    """What a strategy sees, and what it is judged by."""
    named = (instance.family, instance.size)
    draw = np.random.Generator(np.random.Philox(key=stream_seed(instance.number, "landscape", *named)))
    widths = [len(decision.choices) for decision in SIZES[instance.size].decisions]
    value = FAMILIES[instance.family](draw, widths)
    sample = [value(tuple(int(draw.integers(width)) for width in widths)) for _ in range(1000)]
    mean, spread = np.mean(sample), np.std(sample)

    def judged(genotype: Genotype) -> float:
        return float((value(genotype) - mean) / spread)

    def seen(genotype: Genotype) -> float:
        key = stream_seed(instance.number, "noise", *named, str(genotype))
        return judged(genotype) + instance.noise * float(np.random.Generator(np.random.Philox(key=key)).normal())

    return seen if instance.noise else judged, judged


def found(strategy: str, instance: Instance, trials: int) -> float:
    """The judged value of the best genotype seen."""
    seen, judged = functions(instance)
    search = make(strategy, space_of(SIZES[instance.size]), trials=trials, seed=instance.number)
    return judged(max((proposal.genotype for proposal in play(search, seen, trials)), key=seen))


def meant(instance: Instance, trials: int) -> str:
    """The strategy that `auto` means."""
    return chosen(space_of(SIZES[instance.size]), trials=trials, noisy=instance.noise > 0)[0]


def ranks(values: Sequence[float]) -> np.ndarray:
    """The ranks of one instance, 1 the best, equal values sharing their mean rank."""
    rounded = -np.round(np.array(values), 9)
    return np.array([(rounded < value).sum() + ((rounded == value).sum() + 1) / 2 for value in rounded])


def summary(label: str, values: np.ndarray, auto: np.ndarray, names: Sequence[str]) -> list[str]:
    """A row: the mean rank of every strategy among all, and of `auto`, with the distance of that from the second best; `values`
    are (searches, strategies), `auto` the place of the strategy that it means in each."""
    of_all = np.array([ranks(row) for row in values])
    of_auto = of_all[np.arange(len(values)), auto]
    second = np.argsort(of_all.mean(0))[1]
    apart = of_auto - of_all[:, second]
    error = apart.std(ddof=1) / np.sqrt(len(apart))
    means = [f"{mean:.2f}" for mean in of_all.mean(0)]
    return [label, str(len(values)), *means, f"{of_auto.mean():.2f}", f"{names[second]} {apart.mean():+.2f} ± {error:.2f}"]


PARTS: Sequence[Callable[[Instance, int], str]] = (
    lambda one, trials: "all",
    lambda one, trials: f"{trials} trials",
    lambda one, trials: one.family,
    lambda one, trials: f"noise {one.noise:g}",
    lambda one, trials: one.size,
)
"""How searches are put together into rows."""


def rows(cases: Sequence[tuple[Instance, int]], kept: Kept, names: Sequence[str]) -> list[list[str]]:
    """All searches as rows of the table."""
    values = np.array(
        [
            [kept.get([*astuple(one), trials, name], partial(found, name, one, trials)) for name in names]
            for one, trials in cases
        ]
    )
    auto, made = np.array([names.index(meant(*case)) for case in cases]), []
    for part in PARTS:
        labels = np.array([part(*case) for case in cases])
        every = dict.fromkeys(labels.tolist())
        made += [summary(label, values[labels == label], auto[labels == label], names) for label in every]
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--budgets", default="32,64,128,300")
    parser.add_argument("--only", default=",".join(STRATEGIES))
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--keep", type=Path, default=Path("runs/toys.jsonl"))
    options = parser.parse_args()
    first, names = TUNING if options.tune else 0, options.only.split(",")
    cases = [
        (Instance(family, size, noise, number), trials)
        for number in range(first, first + options.instances)
        for size, family, noise in product(SIZES, FAMILIES, NOISES)
        for trials in map(int, options.budgets.split(","))
    ]
    head = ["landscapes", "searches", *names, "auto", "auto against the second best"]
    text = (
        "Mean rank by the true value of the best genotype that was seen, 1 the best; `auto` has the rank of what it means. "
        "Beside it the difference to the second best of all ± standard error. The rule was chosen on other instances."
    )
    body = f"{text}\n\n{table(head, rows(cases, Kept(options.keep), names))}"
    if options.tune:
        print(body)
    else:
        record("Strategies on toy landscapes", "tests/benchmarks/toys.py", body)


if __name__ == "__main__":
    main()
