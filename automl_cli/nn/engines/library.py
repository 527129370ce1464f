"""The blocks that networks are lowered to. Each is made once, so that all networks of a process share its programs.

    part        one input, zero-padded to the size of the join, and the linear map of its unit (`ops.units`), optionally after
                the activation
    joined      several inputs, concatenated, and the linear map of their unit, by NumPy
    norm        sum of the parts, then batch norm, optionally with the activation behind it
    unit        part and norm in one block, for a unit with a single input
    pool        max or average pooling of one input
    subsample   every second pixel or so of one input, and channels of zeros
    activation  the child's activation function of one input
    drop        one input times a factor per example, for a path that may be dropped
    share       mean of one output over height and width, times factors if features are dropped, times its rows of the weights:
                its summand of the logits
    logits      sum of the shares and bias, for an auxiliary head
    loss        sum of the shares, bias, and the loss of these logits and those of an auxiliary head; in evaluation mode the
                logits
    gather      several inputs padded and concatenated, where they are needed as one array

Arrays are (height, width, batch, channels) unless stated otherwise. Training examples are side inputs, since no gradient flows
to them. The programs of an activation function other than ReLU are found on disk by their text, through JAX's cache, since the
function has no description that could name them.
"""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from jax import Array

from automl_cli.nn import ops
from automl_cli.nn.engines.compiled_block import CompiledBlock, Parameters
from automl_cli.nn.engines.numpy_block import NumpyBlock
from automl_cli.nn.losses import Loss, is_described
from automl_cli.nn.networks.drop_path import DropSettings, scale_examples
from automl_cli.nn.numpy_ops.convolution import Convolution
from automl_cli.nn.numpy_ops.head import MeanLoss, Share
from automl_cli.nn.numpy_ops.max_pooling import MaxPooling
from automl_cli.nn.numpy_ops.normalisation import Norm
from automl_cli.nn.ops.activations import ActivationFunction, activated, beta_shapes, takes_code
from automl_cli.nn.ops.concatenation import pad_to
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.nn.ops.units import (
    Unit,
    batch_norm_then,
    kernel_shapes,
    transform,
)
from automl_cli.values import engine
from automl_cli.values.network import Block, Shape
from automl_cli.values.operations import AveragePool, ConvolutionUnit, MaxPool

CACHED_BLOCKS = 512
"""Blocks of each kind that are cached; the least recently used one is dropped first, since a search for activation functions
makes new ones without end. A process keeps fewer programs than these blocks have."""

cached_block = lru_cache(CACHED_BLOCKS)

Pair = tuple[int, int]
Inputs = tuple[Array, ...]
Shapes = Mapping[str, tuple[int, ...]]


@cached_block
def part(unit: Unit, channels: int, size: Pair, activation: ActivationFunction | None) -> CompiledBlock:
    """Return the block `part`: (height, width, batch, channels) -> the linear map of the unit, after the activation unless
    it is None."""

    def function(parameters: Parameters, inputs: Inputs, side_inputs: Inputs) -> tuple[Array, None]:
        side_inputs, code = _without_code(activation, side_inputs)
        (x,) = (*inputs, *side_inputs)
        return transform(unit, parameters, pad_to(x, *size), activation, code), None

    shapes = {**kernel_shapes(unit, channels), **beta_shapes(activation, channels)}
    settings, loops = _settings(activation, unit, channels, size), _loops(activation)
    return CompiledBlock(_name(unit), function, shapes, settings=settings, loops=loops)


def numpy_computes(block: Block, activation: ActivationFunction, drop: DropSettings | None) -> bool:
    """Return whether NumPy computes all of a block of a network with this activation function, and does not drop its path."""
    if block.drop_path is not None and drop is not None and drop.keep < 1:
        return False
    return engine.numpy_computes(block) and (activation is relu or not isinstance(block.operation, ConvolutionUnit))


@cached_block
def joined(unit: Unit, shapes: tuple[Shape, ...], are_examples: tuple[bool, ...]) -> NumpyBlock:
    """Return the block `joined` for inputs of these shapes, some of which may be the examples.

    There is nothing to share, so the map of a concatenation is not split into those of its parts.
    """
    assert isinstance(unit, ConvolutionUnit), "networks with other units are left to programs"
    *sizes, channels = zip(*shapes, strict=True)
    operation = Convolution(unit, channels, tuple(zip(*sizes, strict=True)), are_examples)
    return NumpyBlock(_name(unit), operation, kernel_shapes(unit, sum(channels)))


@cached_block
def norm(filters: int, activation: ActivationFunction | None) -> CompiledBlock:
    """Return the block `norm`: (height, width, batch, filters) -> the same shape, followed by the activation unless it is None.

    Side inputs are the running statistics, (filters,) each, whose new values are the by-products, and whether to normalise by
    them, as in evaluation, a scalar bool. So one program serves training and evaluation.
    """

    def function(parameters: Parameters, inputs: Inputs, side_inputs: Inputs) -> tuple[Array, Inputs]:
        return _normalised(activation, parameters, inputs[0], side_inputs)

    shapes = {**norm_shapes(filters), **beta_shapes(activation, filters)}
    return CompiledBlock(
        "norm",
        function,
        shapes,
        settings=_settings(activation, filters),
        adds_gradients=activation is not None,
        loops=_loops(activation),
        in_numpy=None if _loops(activation) else Norm(relu=activation is relu),
    )


@cached_block
def unit(unit: Unit, channels: int, activation: ActivationFunction | None) -> CompiledBlock:
    """Return the block `unit`, with the activation before its linear map unless that is None.

    Side inputs are those of `norm`, and the training examples if they are the input.
    """

    def function(parameters: Parameters, inputs: Inputs, side_inputs: Inputs) -> tuple[Array, Inputs]:
        (mean, variance, evaluates, *examples), code = _without_code(activation, side_inputs)
        (x,) = (*inputs, *examples)
        return _normalised(None, parameters, transform(unit, parameters, x, activation, code), (mean, variance, evaluates))

    shapes = {**kernel_shapes(unit, channels), **beta_shapes(activation, channels), **norm_shapes(unit.filters)}
    return CompiledBlock(
        f"{_name(unit)}_norm",
        function,
        shapes,
        settings=_settings(activation, unit, channels),
        adds_gradients=False,
        loops=_loops(activation),
    )


def norm_shapes(filters: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parameters of batch norm, by name."""
    return {"scale": (filters,), "offset": (filters,)}


def _normalised(
    activation: ActivationFunction | None, parameters: Parameters, x: Array, side_inputs: Inputs
) -> tuple[Array, Inputs]:
    """Apply batch norm and the activation; return the result and the new running statistics."""
    (mean, variance, evaluates), code = _without_code(activation, side_inputs)
    y, *moments = batch_norm_then(activation, x, parameters, code, (evaluates, mean, variance))
    return y, tuple(ops.moving_average(old, new) for old, new in zip((mean, variance), moments, strict=True))


def _settings(activation: ActivationFunction | None, *settings: Any) -> tuple[Any, ...] | None:
    """Return everything that a block closes over, if its activation is None, ReLU or data to the block; otherwise None."""
    if activation is None or activation is relu:
        return (*settings, "relu" if activation is relu else None)
    return (*settings, "data") if takes_code(activation) else None


def _loops(activation: ActivationFunction | None) -> bool:
    """Return whether an activation makes a block loop over its maps (`nn.compilation.compiled`): any function but ReLU does."""
    return activation is not None and activation is not relu


def _without_code(activation: ActivationFunction | None, side_inputs: Inputs) -> tuple[Inputs, Array | None]:
    """Return the side inputs of a block, and the code of its activation, which stands last where it takes one."""
    return (side_inputs[:-1], side_inputs[-1]) if takes_code(activation) else (side_inputs, None)


def _name(unit: Unit) -> str:
    return type(unit).__name__.removesuffix("Unit").lower()


@cached_block
def pool(pool: MaxPool | AveragePool, size: Pair) -> CompiledBlock:
    """Return the block `pool` for an input that is padded to `size`."""

    def function(parameters: Parameters, inputs: Inputs, side_inputs: Inputs) -> tuple[Array, None]:
        (x,) = (*inputs, *side_inputs)
        x = pad_to(x, *size)
        if isinstance(pool, MaxPool):
            return ops.max_pool(x, pool.window, pool.stride), None
        return ops.average_pool(x, pool.window, pool.stride, padding=pool.padding), None

    largest = isinstance(pool, MaxPool)
    name = "max_pool" if largest else "average_pool"
    in_numpy = MaxPooling(pool, size) if isinstance(pool, MaxPool) else None
    return CompiledBlock(name, function, {}, settings=(pool, size), loops=largest, in_numpy=in_numpy)


@cached_block
def subsample(stride: int, zero_channels: int, size: Pair) -> CompiledBlock:
    """Return the block `subsample` for an input padded to `size`: every `stride`-th pixel, and channels of zeros behind."""

    def function(parameters: Parameters, inputs: Inputs, side_inputs: Inputs) -> tuple[Array, None]:
        (x,) = (*inputs, *side_inputs)
        return ops.subsample(pad_to(x, *size), stride, zero_channels), None

    return CompiledBlock("subsample", function, {}, settings=(stride, zero_channels, size))


@cached_block
def activation(size: Pair, activation: ActivationFunction, channels: int | None = None) -> CompiledBlock:
    """Return the block `activation` for an input that is padded to `size` first, as in a concatenation: f(0) need not be 0.

    `channels` are those of the input where the function has trained parameters.
    """

    def function(parameters: Parameters, inputs: Inputs, side_inputs: Inputs) -> tuple[Array, None]:
        side_inputs, code = _without_code(activation, side_inputs)
        (x,) = (*inputs, *side_inputs)
        return activated(activation, pad_to(x, *size), parameters, code), None

    shapes = {} if channels is None else beta_shapes(activation, channels)
    settings, loops = _settings(activation, size, channels), _loops(activation)
    return CompiledBlock("activation", function, shapes, settings=settings, loops=loops)


@cached_block
def gather(size: Pair, are_examples: tuple[bool, ...]) -> CompiledBlock:
    """Return the block `gather`; `are_examples` says of each tensor in order whether it is a side input (the examples) or an
    input."""

    def function(parameters: Parameters, inputs: Inputs, side_inputs: Inputs) -> tuple[Array, None]:
        values, examples = iter(inputs), iter(side_inputs)
        return ops.join([pad_to(next(examples if is_example else values), *size) for is_example in are_examples]), None

    return CompiledBlock("gather", function, {}, settings=(size, are_examples))


@cache
def drop() -> CompiledBlock:
    """Return the block `drop`. It is left out in evaluation mode."""

    def function(parameters: Parameters, inputs: Inputs, side_inputs: Inputs) -> tuple[Array, None]:
        (x,), (factors,) = inputs, side_inputs
        return scale_examples(x, factors), None

    return CompiledBlock("drop", function, {}, settings=())


@cached_block
def share(channels: int, classes: int, size: Pair, *, dropped: bool) -> CompiledBlock:
    """Return the block `share`: (height, width, batch, channels) -> its summand of the logits, (batch, classes).

    With `dropped`, the factors of the features, (batch, channels), are the first side input; in evaluation mode they are None.
    """

    def function(parameters: Parameters, inputs: Inputs, side_inputs: Inputs) -> tuple[Array, None]:
        factors, examples = (side_inputs[0], side_inputs[1:]) if dropped else (None, side_inputs)
        (x,) = (*inputs, *examples)
        features = x.sum((0, 1)) / (size[0] * size[1])
        return (features if factors is None else features * factors) @ parameters["weights"], None

    shapes, settings = {"weights": (channels, classes)}, (channels, classes, size, dropped)
    return CompiledBlock("share", function, shapes, settings=settings, in_numpy=Share(size, dropped=dropped))


@cached_block
def logits(classes: int) -> CompiledBlock:
    """Return the block `logits`: (batch, classes) -> (batch, classes)."""

    def function(parameters: Parameters, inputs: Inputs, side_inputs: Inputs) -> tuple[Array, None]:
        return inputs[0] + parameters["bias"][None], None

    return CompiledBlock("logits", function, {"bias": (classes,)}, settings=(classes,))


@cached_block
def loss(classes: int, loss: Loss) -> CompiledBlock:
    """Return the block `loss`. Inputs are the sum of the shares and, with an auxiliary head, its logits, (batch, classes) each.

    Programs with a loss of `nn.losses` are found on disk without being traced, those with any other through JAX's cache.
    """

    def logits(parameters: Parameters, inputs: Inputs, side_inputs: Inputs) -> Array:
        return inputs[0] + parameters["bias"][None]

    def function(parameters: Parameters, inputs: Inputs, side_inputs: Inputs) -> tuple[Array, None]:
        own, auxiliary = logits(parameters, inputs, ()), inputs[1:]
        return loss((own, *auxiliary) if auxiliary else own, *side_inputs), None

    settings = (classes, loss) if is_described(loss) else None
    shapes = {"bias": (classes,)}
    return CompiledBlock("loss", function, shapes, logits, settings=settings, in_numpy=MeanLoss.of(loss))
