"""From a network to a graph of blocks that many networks share.

A convolution over several joined inputs is the sum of one convolution per input, conv(concat(a, b)) = conv_a(a) +
conv_b(b), and so is the linear layer behind the pooled outputs. So a block depends on the kernel and the channels of one
input, not on which inputs stand beside it, and a space has few of them: 16 kernels x 5 inputs x 4 filters at one image size
for NAS's plain variant.

    part        one input, zero-padded to the size of the join, and its convolution
    norm        sum of the parts, batch norm, ReLU
    pool        max pooling of one input
    share       mean over all places of one output, and its share of the logits
    loss        sum of the shares, bias, loss; in evaluation mode the logits
"""

from functools import cache
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from automl_cli.core.networks import IMAGE, ConvolutionUnit, MaxPool, Network, Shape
from automl_cli.core.networks import Block as NetworkBlock
from automl_cli.nn import ops
from automl_cli.nn.engines.protocol import Loss
from automl_cli.nn.engines.tape import Block, Call, Parameters
from automl_cli.nn.ops.joining import pad_to

PAGE = 2**18
"""Floats of a page, unless a single block needs more."""

Pair = tuple[int, int]
Inputs = tuple[Array, ...]


class Source(NamedTuple):
    """Where the parameters of a call come from: a slice along one axis of a named array of the network, for each parameter."""

    array: str
    axis: int
    start: int
    stop: int


class Piece(NamedTuple):
    """One of the tensors whose concatenation a network's block makes; `value` is None for the image."""

    value: int | None
    shape: Shape


class Graph(NamedTuple):
    """Calls in order, the last one making the loss; the sources of the parameters of each; the size of each page."""

    calls: tuple[Call, ...]
    sources: tuple[dict[str, Source], ...]
    pages: tuple[int, ...]


def can_lower(network: Network) -> bool:
    """Whether every block of the network is one that this engine knows."""
    plain = not network.auxiliary and all(block.join == "concatenate" and block.drop_path is None for block in network.blocks)
    return plain and all(_is_known(block) for block in network.blocks)


def _is_known(block: NetworkBlock) -> bool:
    operation = block.operation
    if isinstance(operation, ConvolutionUnit):
        return (operation.order, operation.dilation, operation.padding) == ("conv-bn-act", 1, "half")
    return isinstance(operation, MaxPool)


def lower(network: Network, image: Shape, classes: int, loss: Loss) -> Graph:
    """The graph of a network for which `can_lower` is true."""
    builder = _Builder(image)
    for block in network.blocks:
        if isinstance(block.operation, ConvolutionUnit):
            builder.convolution(block, block.operation)
        elif isinstance(block.operation, MaxPool):
            builder.pool(block, block.operation)
    builder.classifier(network.outputs, classes, loss)
    return builder.graph()


class _Builder:
    """Collects calls, numbering values and giving parameters their places in pages."""

    def __init__(self, image: Shape) -> None:
        self._pieces: dict[str, list[Piece]] = {IMAGE: [Piece(None, image)]}
        self._calls: list[Call] = []
        self._sources: list[dict[str, Source]] = []
        self._pages: list[int] = []
        self._used = PAGE

    def graph(self) -> Graph:
        return Graph(tuple(self._calls), tuple(self._sources), tuple(self._pages))

    def convolution(self, block: NetworkBlock, unit: ConvolutionUnit) -> None:
        pieces = [piece for name in block.inputs for piece in self._pieces[name]]
        size = _largest(pieces)
        parts, start = [], 0
        for piece in pieces:
            channels = piece.shape[2]
            source = {"kernel": Source(f"blocks.{block.name}.kernel", 2, start, start + channels)}
            part = _part(unit.kernel, unit.stride, (channels, unit.filters), size)
            parts.append(self._call(part, _place(piece), source, _images(piece)))
            start += channels
        norm = f"blocks.{block.name}.norm"
        sources = {name: Source(f"{norm}.{name}", 0, 0, unit.filters) for name in ("scale", "offset")}
        value = self._call(_norm(unit.filters), (tuple(parts),), sources, (f"{norm}.mean", f"{norm}.variance"))
        self._pieces[block.name] = [Piece(value, unit.output_shape((*size, start)))]

    def pool(self, block: NetworkBlock, pool: MaxPool) -> None:
        pieces = [piece for name in block.inputs for piece in self._pieces[name]]
        size = _largest(pieces)
        values = [self._call(_pool(pool, size), _place(piece), {}, _images(piece)) for piece in pieces]
        shapes = [pool.output_shape((*size, piece.shape[2])) for piece in pieces]
        self._pieces[block.name] = [Piece(value, shape) for value, shape in zip(values, shapes, strict=True)]

    def classifier(self, outputs: tuple[str, ...], classes: int, loss: Loss) -> None:
        pieces = [piece for name in outputs for piece in self._pieces[name]]
        size = _largest(pieces)
        shares, start = [], 0
        for piece in pieces:
            stop = start + piece.shape[2]
            source = {"weights": Source("classifier.weights", 0, start, stop)}
            shares.append(self._call(_share(piece.shape[2], classes, size), _place(piece), source, _images(piece)))
            start = stop
        bias = {"bias": Source("classifier.bias", 0, 0, classes)}
        self._call(_loss(classes, loss), (tuple(shares),), bias, ("targets",))

    def _call(
        self, block: Block, places: tuple[tuple[int, ...], ...], sources: dict[str, Source], given: tuple[str, ...]
    ) -> int:
        page, offset = self._room(block.size)
        output = len(self._calls)
        self._calls.append(Call(block, page, jnp.int32(offset), places, given, output))
        self._sources.append(sources)
        return output

    def _room(self, size: int) -> tuple[int, int]:
        if not size:
            return 0, 0
        if self._used + size > PAGE:
            self._pages.append(max(PAGE, size))
            self._used = 0
        start = self._used
        self._used += size
        return len(self._pages) - 1, start


def _largest(pieces: list[Piece]) -> Pair:
    return max(piece.shape[0] for piece in pieces), max(piece.shape[1] for piece in pieces)


def _place(piece: Piece) -> tuple[tuple[int, ...], ...]:
    return () if piece.value is None else ((piece.value,),)


def _images(piece: Piece) -> tuple[str, ...]:
    return ("images",) if piece.value is None else ()


@cache
def _part(kernel: Pair, stride: Pair, channels: Pair, size: Pair) -> Block:
    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, None]:
        (x,) = (*inputs, *given)
        return ops.convolution(pad_to(x, *size), parameters["kernel"], stride=stride), None

    return Block("convolution", function, {"kernel": (*kernel, *channels)})


@cache
def _norm(filters: int) -> Block:
    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, Inputs]:
        (x,) = inputs
        y, *moments = ops.batch_norm(x, parameters["scale"], parameters["offset"], relu=True)
        return y, tuple(ops.moving_average(old, new) for old, new in zip(given, moments, strict=True))

    def evaluation(parameters: Parameters, inputs: Inputs, given: Inputs) -> Array:
        (x,), (mean, variance) = inputs, given
        return ops.normalise(x, parameters["scale"], parameters["offset"], mean, variance, relu=True)

    return Block("norm", function, {"scale": (filters,), "offset": (filters,)}, evaluation)


@cache
def _pool(pool: MaxPool, size: Pair) -> Block:
    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, None]:
        (x,) = (*inputs, *given)
        return ops.max_pool(pad_to(x, *size), pool.window, pool.stride), None

    return Block("max_pool", function, {})


@cache
def _share(channels: int, classes: int, size: Pair) -> Block:
    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, None]:
        (x,) = (*inputs, *given)
        return (x.sum((0, 1)) / (size[0] * size[1])) @ parameters["weights"], None

    return Block("share", function, {"weights": (channels, classes)})


@cache
def _loss(classes: int, loss: Loss) -> Block:
    def logits(parameters: Parameters, inputs: Inputs, given: Inputs) -> Array:
        return inputs[0] + parameters["bias"][None]

    def function(parameters: Parameters, inputs: Inputs, given: Inputs) -> tuple[Array, None]:
        return loss(logits(parameters, inputs, ()), *given), None

    return Block("loss", function, {"bias": (classes,)}, logits)
