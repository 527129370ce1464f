"""Spaces and functions for tests of strategies."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.protocols import Strategy
from automl_cli.core.random_streams import stream
from automl_cli.core.spaces import Options, Plugin, SearchSpace
from automl_cli.plugins.registry import STRATEGIES


def space_of(
    decisions: DecisionList,
    *,
    length: Callable[[int], int] | None = None,
    mutate: Callable[[Genotype, Random], Genotype] | None = None,
    canonical: Callable[[Genotype], Genotype] | None = None,
) -> SearchSpace:
    """A space that decodes to nothing but its genotypes."""
    plugin = Plugin(
        name="toy",
        version=1,
        command="search-arch",
        produces="architecture",
        summary="for tests",
        decisions=lambda options: decisions,
        decode=lambda options, genotype: genotype,
        tokens=lambda options, genotype: tuple(map(str, genotype)),
        presets={},
        length=None if length is None else lambda options, trial: length(trial),
        mutate=None if mutate is None else _with_options(mutate),
        canonical=None if canonical is None else lambda options, genotype: canonical(genotype),
    )
    return SearchSpace(plugin)


def _with_options(
    mutate: Callable[[Genotype, Random], Genotype],
) -> Callable[[Options, Genotype, Random], Genotype]:
    return lambda options, genotype, random: mutate(genotype, random)


def flat(decisions: int, choices: int) -> DecisionList:
    """So many decisions of so many choices."""
    return DecisionList(tuple(Decision(f"d{k}", tuple(range(choices))) for k in range(decisions)))


def one_max(genotype: Genotype) -> float:
    """Sum of the indices."""
    return float(sum(genotype))


def make(name: str, space: SearchSpace, *, trials: int, seed: int = 0, **given: Any) -> Strategy:
    """A strategy with its constants resolved."""
    strategy = STRATEGIES.load(name)
    made: Strategy = strategy(space, seed=seed, settings=strategy.resolve(trials, given))
    return made


def noisy_bits(seed: int) -> Callable[[Genotype], float]:
    """The toy of regularized evolution: ones / length + N(0, 0.01), cut to [0, 1], fixed for every genotype."""
    known: dict[Genotype, float] = {}

    def accuracy(genotype: Genotype) -> float:
        if genotype not in known:
            noise = stream(seed, "noise", "".join(map(str, genotype))).gauss(0, 0.01)
            known[genotype] = min(1.0, max(0.0, sum(genotype) / len(genotype) + noise))
        return known[genotype]

    return accuracy


def settings_of(name: str, trials: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a strategy resolves to."""
    return dict(STRATEGIES.load(name).resolve(trials, given))
