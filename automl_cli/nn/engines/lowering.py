"""From a network to a graph of blocks that many networks share.

A unit over several joined inputs is the sum of one linear map per input, conv(concat(a, b)) = conv_a(a) + conv_b(b), and so is
the linear layer behind the pooled outputs. So a block depends on the kernel and the channels of one input, not on which inputs
stand beside it, and a space has few of them: 16 kernels x 5 inputs x 4 filters at one image size for NAS's plain variant. A
concatenation is therefore never made, unless several are added; it is a list of pieces that whoever reads it goes through.
"""

from typing import NamedTuple

import jax.numpy as jnp

from automl_cli.core.networks import IMAGE, Activation, AveragePool, Identity, MaxPool, Network, Shape
from automl_cli.core.networks import Block as NetworkBlock
from automl_cli.nn.engines import library
from automl_cli.nn.engines.protocol import Loss
from automl_cli.nn.engines.tape import Block, Call
from automl_cli.nn.ops.units import Unit, kernel_shapes, normalised_with_relu

PAGE = 2**18
"""Floats of a page, unless a single block needs more."""

Pair = tuple[int, int]


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


def lower(network: Network, image: Shape, classes: int, loss: Loss) -> Graph:
    """The graph of a network, without its auxiliary head."""
    builder = _Builder(image)
    for block in network.blocks:
        builder.add(block)
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

    def add(self, block: NetworkBlock) -> None:
        """Append the calls of one block of the network."""
        pieces = self._inputs(block)
        size = _largest(pieces)
        match block.operation:
            case Identity():
                same = all(piece.shape[:2] == size for piece in pieces)
                self._pieces[block.name] = pieces if same else [self._single(pieces)]
            case Activation():
                self._pieces[block.name] = [self._mapped(library.activation(), piece, piece.shape) for piece in pieces]
            case MaxPool() | AveragePool() as pool:
                shapes = [pool.output_shape((*size, piece.shape[2])) for piece in pieces]
                pairs = zip(pieces, shapes, strict=True)
                self._pieces[block.name] = [self._mapped(library.pool(pool, size), *pair) for pair in pairs]
            case unit:
                self._pieces[block.name] = [self._unit(block.name, unit, pieces, size)]

    def _inputs(self, block: NetworkBlock) -> list[Piece]:
        """The tensors whose concatenation the block's operation reads."""
        if block.join == "concatenate":
            return [piece for name in block.inputs for piece in self._pieces[name]]
        parts = [self._single(self._pieces[name]) for name in block.inputs]
        values = tuple(part.value for part in parts if part.value is not None)
        return [Piece(self._call(None, (values,), {}, ()), parts[0].shape)]

    def _single(self, pieces: list[Piece]) -> Piece:
        """The concatenation of the pieces as one value."""
        if len(pieces) == 1 and pieces[0].value is not None:
            return pieces[0]
        size = _largest(pieces)
        places = tuple((piece.value,) for piece in pieces if piece.value is not None)
        images = tuple("images" for piece in pieces if piece.value is None)
        value = self._call(library.gather(size, tuple(piece.value is None for piece in pieces)), places, {}, images)
        return Piece(value, (*size, sum(piece.shape[2] for piece in pieces)))

    def _mapped(self, block: Block, piece: Piece, shape: Shape) -> Piece:
        return Piece(self._call(block, _place(piece), {}, _images(piece)), shape)

    def _unit(self, name: str, unit: Unit, pieces: list[Piece], size: Pair) -> Piece:
        """One call where a unit has one input. The units of layered networks read any number; there the parts are what is
        shared, and one norm serves all kernels."""
        channels = sum(piece.shape[2] for piece in pieces)
        shape = unit.output_shape((*size, channels))
        statistics = (f"blocks.{name}.norm.mean", f"blocks.{name}.norm.variance")
        norm = {each: Source(f"blocks.{name}.norm.{each}", 0, 0, unit.filters) for each in ("scale", "offset")}
        if len(pieces) == 1 and not normalised_with_relu(unit):
            sources = {**_kernels(name, unit, 0, channels), **norm}
            given = (*statistics, *_images(pieces[0]))
            return Piece(self._call(library.unit(unit, channels), _place(pieces[0]), sources, given), shape)
        parts, start = [], 0
        for piece in pieces:
            stop = start + piece.shape[2]
            part = library.part(unit, piece.shape[2], size)
            parts.append(self._call(part, _place(piece), _kernels(name, unit, start, stop), _images(piece)))
            start = stop
        if not normalised_with_relu(unit):  # that of a cell, which reads any number of states: one program for all numbers
            parts = [self._call(None, (tuple(parts),), {}, ())]
        block = library.norm(unit.filters, relu=normalised_with_relu(unit))
        return Piece(self._call(block, (tuple(parts),), norm, statistics), shape)

    def classifier(self, outputs: tuple[str, ...], classes: int, loss: Loss) -> None:
        pieces = [piece for name in outputs for piece in self._pieces[name]]
        size = _largest(pieces)
        shares, start = [], 0
        for piece in pieces:
            stop = start + piece.shape[2]
            source = {"weights": Source("classifier.weights", 0, start, stop)}
            shares.append(self._call(library.share(piece.shape[2], classes, size), _place(piece), source, _images(piece)))
            start = stop
        bias = {"bias": Source("classifier.bias", 0, 0, classes)}
        self._call(library.loss(classes, loss), (tuple(shares),), bias, ("targets",))

    def _call(
        self, block: Block | None, places: tuple[tuple[int, ...], ...], sources: dict[str, Source], given: tuple[str, ...]
    ) -> int:
        page, offset = self._room(0 if block is None else block.size)
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


def _kernels(name: str, unit: Unit, start: int, stop: int) -> dict[str, Source]:
    """The kernels of a unit of the network, sliced for some of its channels."""
    return {kernel: Source(f"blocks.{name}.{kernel}", 2, start, stop) for kernel in kernel_shapes(unit, stop - start)}
