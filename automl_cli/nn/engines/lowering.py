"""From a network to a graph of blocks that many networks share.

A unit over several joined inputs is the sum of one linear map per input, conv(concat(a, b)) = conv_a(a) + conv_b(b), and so is
the linear layer behind the pooled outputs. So a block depends on the kernel and the channels of one input, not on which inputs
stand beside it, and a space has few of them: 16 kernels x 5 inputs x 4 filters at one image size for NAS's plain variant. A
concatenation is therefore never made, unless several are added; it is a list of pieces that whoever reads it goes through.
"""

from collections.abc import Iterable
from typing import NamedTuple

import jax.numpy as jnp

from automl_cli.nn.engines import library
from automl_cli.nn.engines.tape import Call, CompiledBlock
from automl_cli.nn.losses import Loss
from automl_cli.nn.networks.drop_path import DropSettings, dropped_at_the_end
from automl_cli.nn.ops.units import ActivationFunction, Unit, activations, is_normalised, kernel_shapes
from automl_cli.values.network import (
    IMAGE,
    ActivationOperation,
    AveragePool,
    Block,
    Identity,
    MaxPool,
    Network,
    Normalisation,
    Shape,
    Subsampling,
)

PAGE = 2**18
"""Floats of a page, unless a single block needs more."""

Pair = tuple[int, int]


class ParameterSource(NamedTuple):
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
    """Calls in order, the last one making the loss, and those of evaluation, the last one making the logits; the sources of
    the parameters of each call; the size of each page; what is drawn for a step.

    `paths` are those that may be dropped: the number of the block, and which share is dropped at the end of the training; the
    factors are given as `path_name` says. `features` are slices of the dropped features, by the name they are given under.
    """

    calls: tuple[Call, ...]
    evaluation: tuple[Call, ...]
    sources: tuple[dict[str, ParameterSource], ...]
    pages: tuple[int, ...]
    paths: dict[int, float]
    features: dict[str, slice]


def lower(
    network: Network,
    image: Shape,
    classes: int,
    loss: Loss,
    *,
    activation: ActivationFunction,
    drop: DropSettings | None = None,
    auxiliary: bool = False,
) -> Graph:
    """The graph of a network, on request with its auxiliary head, in a training that drops what `drop` says."""
    builder = _GraphBuilder(image, activation, drop or DropSettings(1.0, 0.0))
    for number, block in enumerate(network.blocks):
        builder.add(block, f"blocks.{block.name}")
        if block.drop_path is not None:
            builder.drop(block.name, number, block.drop_path)
    places = [builder.shares("classifier", network.outputs, classes, droppable=True)]
    of_evaluation = builder.length
    if auxiliary and network.auxiliary:
        for block in network.auxiliary:
            builder.add(block, f"auxiliary.{block.name}")
        places.append(builder.auxiliary_logits(network.auxiliary[-1].name, classes))
    builder.loss(tuple(places), classes, loss)
    return builder.graph(of_evaluation)


def path_name(number: int) -> str:
    """Under which name the factors of a path are given."""
    return f"path {number}"


class _GraphBuilder:
    """Collects calls, numbering values and giving parameters their places in pages."""

    def __init__(self, image: Shape, activation: ActivationFunction, drop: DropSettings) -> None:
        self._activation = activation
        self._drop = drop
        self._paths: dict[int, float] = {}
        self._features: dict[str, slice] = {}
        self._pieces: dict[str, list[Piece]] = {IMAGE: [Piece(None, image)]}
        self._calls: list[Call] = []
        self._sources: list[dict[str, ParameterSource]] = []
        self._pages: list[int] = []
        self._used = PAGE

    @property
    def length(self) -> int:
        """How many calls there are."""
        return len(self._calls)

    def graph(self, of_evaluation: int) -> Graph:
        """All there is. So many of the calls, and the last one, are those of evaluation."""
        last = self._calls[-1]._replace(places=self._calls[-1].places[:1])
        evaluation = _undropped((*self._calls[:of_evaluation], last))
        pages = tuple(self._pages)
        return Graph(tuple(self._calls), evaluation, tuple(self._sources), pages, self._paths, self._features)

    def add(self, block: Block, place: str) -> None:
        """Append the calls of one block of the network, whose arrays are named by `place`."""
        pieces = self._inputs(block)
        size = _largest(pieces)
        match block.operation:
            case Identity():
                same = all(piece.shape[:2] == size for piece in pieces)
                self._pieces[block.name] = pieces if same else [self._single(pieces)]
            case ActivationOperation():
                activation = library.activation(size, self._activation)
                self._pieces[block.name] = [self._mapped(activation, piece, (*size, piece.shape[2])) for piece in pieces]
            case MaxPool() | AveragePool() as pool:
                shapes = [pool.output_shape((*size, piece.shape[2])) for piece in pieces]
                pairs = zip(pieces, shapes, strict=True)
                self._pieces[block.name] = [self._mapped(library.pool(pool, size), *pair) for pair in pairs]
            case Normalisation(order=order):
                last = self._activation if order == "bn-act" else None
                piece = self._single(pieces)
                self._pieces[block.name] = [Piece(self._norm(place, piece.shape[2], _place(piece), last), piece.shape)]
            case Subsampling() as subsampling:
                self._pieces[block.name] = self._subsampled(subsampling, pieces, size)
            case unit:
                self._pieces[block.name] = [self._unit(place, unit, pieces, size)]

    def drop(self, name: str, number: int, depth: float) -> None:
        """Append what may drop the output of a block."""
        if self._drop.keep == 1:
            return
        self._paths[number] = dropped_at_the_end(self._drop, depth)
        given = (path_name(number),)
        pieces = [self._single([piece]) for piece in self._pieces[name]]
        self._pieces[name] = [Piece(self._call(library.drop(), _place(piece), {}, given), piece.shape) for piece in pieces]

    def _inputs(self, block: Block) -> list[Piece]:
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
        examples = tuple("examples" for piece in pieces if piece.value is None)
        value = self._call(library.gather(size, tuple(piece.value is None for piece in pieces)), places, {}, examples)
        return Piece(value, (*size, sum(piece.shape[2] for piece in pieces)))

    def _mapped(self, block: CompiledBlock, piece: Piece, shape: Shape) -> Piece:
        return Piece(self._call(block, _place(piece), {}, _examples(piece)), shape)

    def _subsampled(self, operation: Subsampling, pieces: list[Piece], size: Pair) -> list[Piece]:
        """Each piece on its own, the zeros behind the last one."""
        missing = operation.filters - sum(piece.shape[2] for piece in pieces)
        made = []
        for number, piece in enumerate(pieces, start=1):
            zeros = missing if number == len(pieces) else 0
            shape = Subsampling(operation.stride, piece.shape[2] + zeros).output_shape((*size, piece.shape[2]))
            made.append(self._mapped(library.subsample(operation.stride, zeros, size), piece, shape))
        return made

    def _unit(self, place: str, unit: Unit, pieces: list[Piece], size: Pair) -> Piece:
        """One call where a unit has one input. The units of layered networks read any number; there the parts are what is
        shared, and one norm serves all kernels."""
        channels = sum(piece.shape[2] for piece in pieces)
        shape = unit.output_shape((*size, channels))
        first, last = activations(unit, self._activation)
        if len(pieces) == 1 and last is None and is_normalised(unit):
            sources = {**_kernels(place, unit, 0, channels), **_norm_sources(place, unit.filters)}
            given = (*_statistics(place), *_examples(pieces[0]))
            block = library.unit(unit, channels, first)
            return Piece(self._call(block, _place(pieces[0]), sources, given), shape)
        parts, start = [], 0
        for piece in pieces:
            stop = start + piece.shape[2]
            part = library.part(unit, piece.shape[2], size, first)
            parts.append(self._call(part, _place(piece), _kernels(place, unit, start, stop), _examples(piece)))
            start = stop
        if last is None and len(parts) > 1:  # that of a cell, which reads any number of states: one program for all numbers
            parts = [self._call(None, (tuple(parts),), {}, ())]
        if not is_normalised(unit):
            return Piece(parts[0], shape)
        return Piece(self._norm(place, unit.filters, (tuple(parts),), last), shape)

    def _norm(self, place: str, filters: int, places: tuple[tuple[int, ...], ...], last: ActivationFunction | None) -> int:
        """Append the batch norm of the sum of some values, and what follows it."""
        return self._call(library.norm(filters, last), places, _norm_sources(place, filters), _statistics(place))

    def shares(self, classifier: str, outputs: tuple[str, ...], classes: int, *, droppable: bool) -> tuple[int, ...]:
        """Append the linear layer of a classifier, whose arrays are named by it; the values whose sum it makes."""
        pieces = [piece for name in outputs for piece in self._pieces[name]]
        size, dropped = _largest(pieces), droppable and self._drop.dropout > 0
        shares, start = [], 0
        for piece in pieces:
            stop = start + piece.shape[2]
            source = {"weights": ParameterSource(f"{classifier}.weights", 0, start, stop)}
            given = (*self._factors(start, stop), *_examples(piece)) if dropped else _examples(piece)
            block = library.share(piece.shape[2], classes, size, dropped=dropped)
            shares.append(self._call(block, _place(piece), source, given))
            start = stop
        return tuple(shares)

    def _factors(self, start: int, stop: int) -> tuple[str]:
        """The name under which the factors of these features are given."""
        name = f"features {start}:{stop}"
        self._features[name] = slice(start, stop)
        return (name,)

    def auxiliary_logits(self, output: str, classes: int) -> tuple[int, ...]:
        shares = self.shares("auxiliary_classifier", (output,), classes, droppable=False)
        bias = {"bias": ParameterSource("auxiliary_classifier.bias", 0, 0, classes)}
        return (self._call(library.logits(classes), (shares,), bias, ()),)

    def loss(self, places: tuple[tuple[int, ...], ...], classes: int, loss: Loss) -> None:
        bias = {"bias": ParameterSource("classifier.bias", 0, 0, classes)}
        self._call(library.loss(classes, loss), places, bias, ("targets",))

    def _call(
        self,
        block: CompiledBlock | None,
        places: tuple[tuple[int, ...], ...],
        sources: dict[str, ParameterSource],
        given: tuple[str, ...],
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


def _examples(piece: Piece) -> tuple[str, ...]:
    return ("examples",) if piece.value is None else ()


def _kernels(place: str, unit: Unit, start: int, stop: int) -> dict[str, ParameterSource]:
    """The kernels of a unit of the network, sliced for some of its channels."""
    return {kernel: ParameterSource(f"{place}.{kernel}", 2, start, stop) for kernel in kernel_shapes(unit, stop - start)}


def _norm_sources(place: str, filters: int) -> dict[str, ParameterSource]:
    return {each: ParameterSource(f"{place}.norm.{each}", 0, 0, filters) for each in ("scale", "offset")}


def _statistics(place: str) -> tuple[str, str]:
    return f"{place}.norm.mean", f"{place}.norm.variance"


def _undropped(calls: Iterable[Call]) -> tuple[Call, ...]:
    """The calls without those that drop: whoever reads one of these reads its input."""
    stands_for: dict[int, int] = {}
    left = []
    for call in calls:
        places = tuple(tuple(stands_for.get(value, value) for value in place) for place in call.places)
        if call.block is library.drop():
            ((stands_for[call.output],),) = places
        else:
            left.append(call._replace(places=places))
    return tuple(left)
