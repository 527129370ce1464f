"""The blocks that networks are lowered to. Each is made once, so that all networks of a process share its programs.

    part        one input, zero-padded to the size of the join, and the linear map of its unit (`ops.units`), on request of the
                activation
    norm        sum of the parts, batch norm, on request the activation
    unit        both at once, where there is one input only
    pool        max or average pooling of one input
    subsample   every second pixel or so of one input, and channels of zeros
    activation  the child's activation function of one input
    drop        one input, each example times a factor: of a path that may be dropped
    share       mean over all places of one output, times factors where features are dropped, and its share of the logits
    logits      sum of the shares and bias, of an auxiliary head
    loss        sum of the shares, bias, loss of these logits and of those of an auxiliary head; in evaluation mode the logits
    gather      several inputs padded and concatenated, where something needs them as one array

Examples are given, since no gradient flows to them. The programs of an activation function other than ReLU are
found on disk by their text, through JAX's cache, since a function says nothing of itself that could name them.
"""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from jax import Array

from automl_cli.nn import ops
from automl_cli.nn.engines.tape import CompiledBlock, Parameters
from automl_cli.nn.losses import Loss, is_described
from automl_cli.nn.networks.drop_path import with_factors
from automl_cli.nn.ops.concatenation import pad_to
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.nn.ops.units import (
    ActivationFunction,
    Unit,
    activated,
    batch_norm_then,
    kernel_shapes,
    normalise_then,
    transform,
)
from automl_cli.values.operations import AveragePool, MaxPool

BLOCKS = 512
"""Of each kind that are kept, those not asked for longest go first: a search for activation functions makes new ones without
end. A process keeps fewer programs than these have."""

kept = lru_cache(BLOCKS)

Pair = tuple[int, int]
Inputs = tuple[Array, ...]
Shapes = Mapping[str, tuple[int, ...]]


@kept
def part(unit: Unit, channels: int, size: Pair, activation: ActivationFunction | None) -> CompiledBlock:
    """With the activation before it, unless that is None."""

    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, None]:
        (x,) = (*inputs, *given)
        return transform(unit, parameters, pad_to(x, *size), activation), None

    return CompiledBlock(
        _name(unit), function, kernel_shapes(unit, channels), settings=_known(activation, unit, channels, size)
    )


@kept
def norm(filters: int, activation: ActivationFunction | None) -> CompiledBlock:
    """Followed by the activation, unless it is None."""

    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, Inputs]:
        return _normalised(activation, parameters, inputs[0], given)

    def evaluation(parameters: Parameters, inputs: Inputs, given: Inputs) -> Array:
        (x,), (mean, variance) = inputs, given
        return normalise_then(activation, x, parameters["scale"], parameters["offset"], mean, variance)

    settings, adds_gradients = _known(activation, filters), activation is not None
    return CompiledBlock("norm", function, norm_shapes(filters), evaluation, settings=settings, adds_gradients=adds_gradients)


@kept
def unit(unit: Unit, channels: int, activation: ActivationFunction | None) -> CompiledBlock:
    """With the activation before it, unless that is None. Given are the running statistics, and the examples if those are the
    input."""

    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, Inputs]:
        mean, variance, *examples = given
        (x,) = (*inputs, *examples)
        return _normalised(None, parameters, transform(unit, parameters, x, activation), (mean, variance))

    def evaluation(parameters: Parameters, inputs: Inputs, given: Inputs) -> Array:
        mean, variance, *examples = given
        (x,) = (*inputs, *examples)
        y = transform(unit, parameters, x, activation)
        return ops.normalise(y, parameters["scale"], parameters["offset"], mean, variance, relu=False)

    shapes = {**kernel_shapes(unit, channels), **norm_shapes(unit.filters)}
    return CompiledBlock(
        f"{_name(unit)}_norm",
        function,
        shapes,
        evaluation,
        settings=_known(activation, unit, channels),
        adds_gradients=False,
    )


def norm_shapes(filters: int) -> dict[str, tuple[int, ...]]:
    """The parameters of batch norm."""
    return {"scale": (filters,), "offset": (filters,)}


def _normalised(
    activation: ActivationFunction | None, parameters: Parameters, x: Array, statistics: Inputs
) -> tuple[Array, Inputs]:
    """Batch norm and what follows it, and the running statistics after it."""
    y, *moments = batch_norm_then(activation, x, parameters["scale"], parameters["offset"])
    return y, tuple(ops.moving_average(old, new) for old, new in zip(statistics, moments, strict=True))


def _known(activation: ActivationFunction | None, *settings: Any) -> tuple[Any, ...] | None:
    """All that a block closes over, in words, if its activation is none or ReLU."""
    if activation is None or activation is relu:
        return (*settings, "relu" if activation is relu else None)
    return None


def _name(unit: Unit) -> str:
    return type(unit).__name__.removesuffix("Unit").lower()


@kept
def pool(pool: MaxPool | AveragePool, size: Pair) -> CompiledBlock:
    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, None]:
        (x,) = (*inputs, *given)
        x = pad_to(x, *size)
        if isinstance(pool, MaxPool):
            return ops.max_pool(x, pool.window, pool.stride), None
        return ops.average_pool(x, pool.window, pool.stride, padding=pool.padding), None

    name = "max_pool" if isinstance(pool, MaxPool) else "average_pool"
    return CompiledBlock(name, function, {}, settings=(pool, size))


@kept
def subsample(stride: int, zero_channels: int, size: Pair) -> CompiledBlock:
    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, None]:
        (x,) = (*inputs, *given)
        return ops.subsample(pad_to(x, *size), stride, zero_channels), None

    return CompiledBlock("subsample", function, {}, settings=(stride, zero_channels, size))


@kept
def activation(size: Pair, activation: ActivationFunction) -> CompiledBlock:
    """Of the padded input, as in a concatenation: a function need not be 0 at 0."""

    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, None]:
        (x,) = (*inputs, *given)
        return activated(activation, pad_to(x, *size)), None

    return CompiledBlock("activation", function, {}, settings=_known(activation, size))


@kept
def gather(size: Pair, are_examples: tuple[bool, ...]) -> CompiledBlock:
    """`are_examples` says for each tensor in order whether it is given or an input."""

    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, None]:
        values, examples = iter(inputs), iter(given)
        return ops.join([pad_to(next(examples if given_one else values), *size) for given_one in are_examples]), None

    return CompiledBlock("gather", function, {}, settings=(size, are_examples))


@cache
def drop() -> CompiledBlock:
    """Of training only: in evaluation mode its input stands for its output."""

    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, None]:
        (x,), (factors,) = inputs, given
        return with_factors(x, factors), None

    return CompiledBlock("drop", function, {}, settings=())


@kept
def share(channels: int, classes: int, size: Pair, *, dropped: bool) -> CompiledBlock:
    """With `dropped`, the factors of the features are given first; in evaluation mode they are None."""

    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, None]:
        factors, examples = (given[0], given[1:]) if dropped else (None, given)
        (x,) = (*inputs, *examples)
        features = x.sum((0, 1)) / (size[0] * size[1])
        return (features if factors is None else features * factors) @ parameters["weights"], None

    return CompiledBlock("share", function, {"weights": (channels, classes)}, settings=(channels, classes, size, dropped))


@kept
def logits(classes: int) -> CompiledBlock:
    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, None]:
        return inputs[0] + parameters["bias"][None], None

    return CompiledBlock("logits", function, {"bias": (classes,)}, settings=(classes,))


@kept
def loss(classes: int, loss: Loss) -> CompiledBlock:
    """Inputs are the sum of the shares and, in a training with an auxiliary head, the logits of that.

    The programs of the losses of `nn.losses` are found on disk without being traced; those of any other by JAX's cache.
    """

    def logits(parameters: Parameters, inputs: Inputs, given: Inputs) -> Array:
        return inputs[0] + parameters["bias"][None]

    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, None]:
        own, auxiliary = logits(parameters, inputs, ()), inputs[1:]
        return loss((own, *auxiliary) if auxiliary else own, *given), None

    settings = (classes, loss) if is_described(loss) else None
    return CompiledBlock("loss", function, {"bias": (classes,)}, logits, settings=settings)
