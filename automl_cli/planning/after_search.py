"""Settle what is trained after a search: how many of the best again, how long, on how many seeds, and what is made by hand."""

from collections.abc import Mapping
from typing import Any

from automl_cli.core.errors import UserError
from automl_cli.core.protocols import EvaluatorFactory
from automl_cli.core.spaces import SearchPreset, SearchSpace
from automl_cli.planning.request import SearchRequest
from automl_cli.plugins.listing import kind_named, standing_kind
from automl_cli.plugins.roles import filling_named, filling_of, typed_facts
from automl_cli.values.child import Child, Filling

RETRAIN_FACTOR = 3
"""The best are trained this many times as long as the search did, unless told otherwise."""

FEW = 2
"""Fewer candidates than this are not trained again by default: there would be nothing to choose."""

MEASURED_BY_HAND = "quick"
"""The preset whose searches train what is made by hand unless told otherwise: a paper's setting is the paper's."""


def after_search(
    request: SearchRequest, preset: SearchPreset, space: SearchSpace, factory: EvaluatorFactory, measured: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings `retrain_top`, `retrain_epochs`, `retrain_seeds` and `baseline`, by name.

    Raises UserError where the evaluator cannot train what is made by hand, and that was asked for.
    """
    trained = factory.trains and "retrain-top" not in factory.unused
    top, seeds = _usual(preset, measured["trials"]) if trained else (0, 1)
    return {
        "retrain_top": top if request.retrain_top is None else request.retrain_top,
        "retrain_epochs": request.retrain_epochs or RETRAIN_FACTOR * measured["epochs"],
        "retrain_seeds": request.retrain_seeds or seeds,
        "baseline": _baseline(request, space, factory, measured["child"]),
    }


def _usual(preset: SearchPreset, trials: int) -> tuple[int, int]:
    """Return how many of so many trials are trained again, and on how many seeds: the same share of the work as in the preset,
    and one seed where the trials are fewer than half of the preset's."""
    share = min(1.0, trials / preset.trials)
    top = round(share * preset.retrain_top)
    return top if top >= FEW else 0, preset.retrain_seeds if 2 * share >= 1 else 1


def _baseline(request: SearchRequest, space: SearchSpace, factory: EvaluatorFactory, child: Child | None) -> Filling | None:
    wanted = (request.preset or MEASURED_BY_HAND) == MEASURED_BY_HAND if request.baseline is None else request.baseline
    if not wanted:
        return None
    found = None if child is None or not factory.trains_baseline else baseline_of(space, child)
    if found is None and request.baseline:
        raise UserError("--baseline: nothing that is made by hand can be trained beside this search; leave it out")
    return found


def baseline_of(space: SearchSpace, child: Child) -> Filling | None:
    """Return what people would put into the open role by hand, as it stands there; None where nobody has said."""
    kind = kind_named(space.plugin.produces)
    declared = kind.baseline if space.plugin.baseline is None else space.plugin.baseline(space.options)
    standing = standing_kind(kind)
    if declared is None or standing.role is None:
        return None
    if declared.value is None:
        return filling_named(standing.role, declared.name)
    placed = space.placed_value(declared.value, typed_facts(child.problem), given=declared.name)
    return filling_of(standing.name, placed, name=declared.name)
