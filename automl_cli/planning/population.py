"""Settle the first population by what is known without training: `--warm-start costs`.

Of many uniform genotypes the costliest are proposed first. Costs of networks go with their scores: on NAS-Bench-201 the rank
correlation of multiply-adds with the final test accuracy is 0.75, and that of the accuracy after 12 epochs 0.77.
"""

import math

import msgspec

from automl_cli.core.errors import UserError
from automl_cli.core.random_streams import stream
from automl_cli.core.spaces import SearchSpace
from automl_cli.plugins.registry import STRATEGIES
from automl_cli.store.study import StudySettings, WarmStart
from automl_cli.study.session import sizes_of

DRAWS = 500
"""Uniform genotypes, of which the costliest are taken."""

LOOKED_AT = 20
"""Uniform genotypes that are looked at for whether costs differ."""


def first_trials(trials: int) -> int:
    """Return how many trials propose the costliest: 1.15 sqrt(T), a little less than the first population of evolution.

    >>> first_trials(50), first_trials(300), first_trials(1)
    (8, 20, 1)
    """
    return max(1, round(1.15 * math.sqrt(trials)))


def with_warm_start(settings: StudySettings, space: SearchSpace, *, first: int | None = None) -> StudySettings:
    """Return the settings with a first population by costs: of the size that a preset gives, or else by the rule.

    Raises UserError where the strategy begins with none, and where costs are not known or are all the same.
    """
    if not STRATEGIES.load(settings.strategy).starts_from_genotypes:
        able = [name for name in STRATEGIES.names() if STRATEGIES.load(name).starts_from_genotypes]
        raise UserError(
            f"--warm-start costs is for strategy {' or '.join(able)}, which begins with a first population; "
            f"{settings.strategy!r} does not. Give --strategy {able[0]} with it, or leave it out"
        )
    if (size := sizes_of(settings, space)) is None:
        named = "a table tells them by --cost-columns, and of networks that are trained they are known"
        raise UserError(f"--warm-start costs needs costs that are known without training: {named}; here leave it out")
    random = stream(settings.seed, "do costs differ")
    if len({size(space.decisions.sample(random)) for _ in range(LOOKED_AT)}) == 1:
        raise UserError("--warm-start costs needs costs that differ, and here all are the same; leave it out")
    population = settings.strategy_settings.get("population_size", settings.trials)
    count = min(first or first_trials(settings.trials), settings.trials, population)
    return msgspec.structs.replace(settings, warm_start=WarmStart(by="costs", count=count, draws=DRAWS))
