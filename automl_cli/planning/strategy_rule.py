"""The strategy of a search: the one asked for, and what `auto` means, chosen once from budget, space and noise.

What `auto` means:

    evolution     fewer than `FEW_TRIALS` trials: too few for a model
    local-search  scores without noise, and trials for `CLIMBS` times all neighbours of a genotype
    surrogate     else

Chosen on toy landscapes (additive, pairwise, NK, deceptive; 6 to 40 decisions; with noise of half their spread and without; 32
to 300 trials), on none that is published: `tests/benchmarks/toys.py`. The policies of `reinforce` and `ppo` are never chosen:
there, and on NAS-Bench-201, others find more in as few trials.
"""

from collections.abc import Mapping
from typing import Any

from automl_cli.core.errors import SpaceError, UserError
from automl_cli.core.numbers import counted
from automl_cli.core.spaces import SearchPreset, SearchSpace
from automl_cli.planning.request import SearchRequest
from automl_cli.plugins.registry import EVALUATORS, STRATEGIES

AUTO = "auto"
"""The name that a user gives in place of a strategy's."""

FEW_TRIALS = 48
"""With fewer trials evolution is chosen."""

CLIMBS = 5
"""Local search is chosen where it can look at so many whole neighbourhoods."""


def chosen(space: SearchSpace, *, trials: int, noisy: bool) -> tuple[str, str]:
    """Return the name of the strategy, and in words why."""
    neighbours = sum(len(decision.choices) - 1 for decision in space.decisions.decisions)
    if trials < FEW_TRIALS:
        return "evolution", f"{counted(trials, 'trial')} are few: fewer than {FEW_TRIALS}"
    if not noisy and trials >= CLIMBS * neighbours:
        many = f"{trials:,} trials are {CLIMBS} or more for each of the {neighbours:,} neighbours of a genotype"
        return "local-search", f"scores have no noise, and {many}"
    why = "scores have noise" if noisy else f"a genotype has {neighbours:,} neighbours, many for {trials:,} trials"
    return "surrogate", why


def strategy_asked_for(request: SearchRequest, preset: SearchPreset, space: SearchSpace) -> str:
    """Return the name of the strategy: that of the flag, or of the preset.

    Enough trials for every genotype that means something of its own, where the space knows which do, and no more than there are
    genotypes, visit each once: `exhaustive`. Raises UserError for a wrong name; that of a preset is said with the space.
    """
    trials = request.trials or preset.trials
    is_free = request.strategy in (None, AUTO) and not request.strategy_option and trials <= space.size
    if is_free and not request.replicates and space.fewer_distinct_than(trials + 1):
        return "exhaustive"
    named = request.strategy or preset.strategy
    if named == AUTO:
        if request.strategy_option:
            raise UserError("--strategy-option is about one strategy, and `auto` chooses which; name it with --strategy")
        return AUTO
    try:
        return STRATEGIES.check(named)
    except UserError as error:
        if request.strategy:
            raise
        field = f"presets[{request.preset or 'quick'!r}] of SPACE"
        raise SpaceError(f"{space.place}: {field}: {error}. Mend the preset, or give --strategy") from error


def settled_strategy(name: str, space: SearchSpace, measured: Mapping[str, Any]) -> tuple[str, str]:
    """Return the strategy that the name means, and in words why `auto` means it; no words for any other."""
    return chosen(space, trials=measured["trials"], noisy=is_noisy(measured)) if name == AUTO else (name, "")


def is_noisy(measured: Mapping[str, Any]) -> bool:
    """Return whether a score differs between seeds."""
    evaluator = measured["evaluator"]
    noisy: bool = EVALUATORS.load(evaluator.name).noisy(evaluator.settings)
    return noisy
