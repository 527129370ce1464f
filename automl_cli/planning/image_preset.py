"""Settle what a preset depends on the images for: one may have another for large ones."""

from automl_cli.core.protocols import EvaluatorFactory
from automl_cli.core.spaces import SearchPreset, SearchSpace
from automl_cli.evaluators import own
from automl_cli.evaluators.own_function import is_reference
from automl_cli.planning.child import KnownData, known_data
from automl_cli.planning.request import SearchRequest
from automl_cli.plugins.registry import EVALUATORS

DEFAULT_EVALUATOR = "trained"


def evaluator_named(text: str) -> str:
    """Return the name of an evaluator, or that of the one that asks a function of the user's own. Raises UserError for an
    unknown name."""
    return own.NAME if is_reference(text) else EVALUATORS.check(text)


def data_at_first(request: SearchRequest, preset: SearchPreset, *, data_needed: bool) -> KnownData | None:
    """Return the data that children are trained on, where the options of the space depend on them."""
    if preset.large_images is None or preset.child is None:
        return None
    factory: EvaluatorFactory = EVALUATORS.load(evaluator_named(request.evaluator or DEFAULT_EVALUATOR))
    data = known_data(request, preset.child, data_needed=data_needed) if factory.trains else None
    return data if hasattr(getattr(data, "facts", None), "image_shape") else None


def is_as_designed(request: SearchRequest, preset: SearchPreset, space: SearchSpace) -> bool:
    """Return whether the strategy and the space are those of the preset, whether or not the user named them."""
    return request.strategy in (None, preset.strategy) and space.options == space.plugin.settle(preset.space_options)


def affordable(request: SearchRequest, preset: SearchPreset, space: SearchSpace, data: KnownData | None) -> int | None:
    """Return the most multiply-adds of a network for such images by the preset; None where it bounds none."""
    if preset.multiply_adds_per_pixel is None or data is None or not is_as_designed(request, preset, space):
        return None
    height, width, _ = data.facts.image_shape
    return int(preset.multiply_adds_per_pixel * height * width)
