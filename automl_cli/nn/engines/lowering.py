"""Lowering of a network to a graph of blocks that many networks share.

A unit over several joined inputs is the sum of one linear map per input, conv(concat(a, b)) = conv_a(a) + conv_b(b), and so is
the linear layer behind the pooled outputs. So a block depends on the kernel and the channels of one input, and not on the other
inputs, and a space has few blocks: 16 kernels x 5 inputs x 4 filters at one image size for NAS's plain variant. A concatenation
is therefore not computed, unless several are added: it is a list of pieces that its readers go through. NumPy has one call for
all inputs of a unit, and joins them, since nothing is compiled for it.
"""

from math import prod

import jax
import numpy as np

from automl_cli.nn.engines import library
from automl_cli.nn.engines.compiled_block import CompiledBlock
from automl_cli.nn.engines.graph import (
    EVALUATES,
    Graph,
    ParameterSource,
    Piece,
    code_input,
    kernel_sources,
    largest_size,
    norm_sources,
    numbers,
    path_name,
    statistics_names,
    without_drops,
)
from automl_cli.nn.engines.numpy_block import NumpyBlock
from automl_cli.nn.engines.pages import Allocation, offsets_in_one_page
from automl_cli.nn.engines.tape import BlockCall
from automl_cli.nn.losses import Loss
from automl_cli.nn.networks.drop_path import DropSettings, final_drop_rate
from automl_cli.nn.ops.activations import ActivationFunction, beta_shapes
from automl_cli.nn.ops.units import Unit, activations, is_normalised
from automl_cli.values.engine import SMALL
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

Pair = tuple[int, int]


def lower(
    network: Network,
    image: Shape,
    classes: int,
    loss: Loss,
    *,
    activation: ActivationFunction,
    drop: DropSettings | None = None,
    auxiliary: bool = False,
    tight: bool = False,
    batch: int | None = None,
    one_thread: bool = False,
) -> Graph:
    """Return the graph of a network, optionally with its auxiliary head, for a training that drops paths and features as in
    `drop`.

    With `tight` the last page is as long as what it holds: shorter to work through, but of a size that other networks do not
    share. With `batch`, the number of examples that are computed together, NumPy computes the operations on small maps, and
    with `one_thread` all convolutions, in networks that it could compute whole; in others copies would cost what it gains.
    """
    if auxiliary or not all(library.numpy_computes(block, activation, drop) for block in network.blocks):
        batch = None
    builder = _GraphBuilder(image, activation, drop or DropSettings(1.0, 0.0), batch, one_thread=one_thread)
    for number, block in enumerate(network.blocks):
        builder.add(block, f"blocks.{block.name}")
        if block.drop_path is not None:
            builder.drop(block.name, number, block.drop_path)
    operands = [builder.shares("classifier", network.outputs, classes, droppable=True)]
    evaluation_calls = builder.length
    if auxiliary and network.auxiliary:
        for block in network.auxiliary:
            builder.add(block, f"auxiliary.{block.name}")
        operands.append(builder.auxiliary_logits(network.auxiliary[-1].name, classes))
    builder.loss(tuple(operands), classes, loss)
    return builder.graph(evaluation_calls, tight=tight)


class _GraphBuilder:
    """Collects calls, numbers values, and allocates parameters in pages."""

    def __init__(
        self, image: Shape, activation: ActivationFunction, drop: DropSettings, batch: int | None, *, one_thread: bool
    ) -> None:
        self._activation = activation
        self._drop = drop
        self._batch = batch
        self._one_thread = one_thread and batch is not None
        self._shapes: list[Shape] = []
        self._paths: dict[int, float] = {}
        self._features: dict[str, slice] = {}
        self._pieces: dict[str, list[Piece]] = {IMAGE: [Piece(None, image)]}
        self._calls: list[BlockCall] = []
        self._sources: list[dict[str, ParameterSource]] = []
        self._allocation = Allocation()

    @property
    def length(self) -> int:
        """Number of calls so far."""
        return len(self._calls)

    def graph(self, evaluation_calls: int, *, tight: bool) -> Graph:
        """Return the graph. Evaluation has the first `evaluation_calls` calls, and the last one."""
        pages = self._allocation.sizes(tight=tight)
        if not any(isinstance(call.block, CompiledBlock) and call.block.size for call in self._calls):
            offsets, size = offsets_in_one_page(call.block.size if call.block else 0 for call in self._calls)
            pages = (size,)
            self._calls = [call._replace(page=0, offset=at) for call, at in zip(self._calls, offsets, strict=True)]
        last = self._calls[-1]._replace(operands=self._calls[-1].operands[:1])
        evaluation = without_drops((*self._calls[:evaluation_calls], last))
        return Graph(tuple(self._calls), evaluation, tuple(self._sources), pages, self._paths, self._features)

    def add(self, block: Block, prefix: str) -> None:
        """Append the calls of one block of the network; names of its arrays begin with `prefix`."""
        pieces = self._inputs(block)
        size = largest_size(pieces)
        match block.operation:
            case Identity():
                self._pieces[block.name] = pieces if {piece.shape[:2] for piece in pieces} == {size} else [self._single(pieces)]
            case ActivationOperation():
                self._pieces[block.name] = self._activations(prefix, pieces, size)
            case MaxPool() | AveragePool() as pool:
                shapes = [(piece, pool.output_shape((*size, piece.shape[2]))) for piece in pieces]
                self._pieces[block.name] = [self._apply(library.pool(pool, size), *shape) for shape in shapes]
            case Normalisation(order=order):
                last = self._activation if order == "bn-act" else None
                self._pieces[block.name] = [self._norm(prefix, [self._single(pieces)], last)]
            case Subsampling() as subsampling:
                self._pieces[block.name] = self._subsampled(subsampling, pieces, size)
            case unit:
                self._pieces[block.name] = [self._unit(prefix, unit, pieces, size)]

    def drop(self, name: str, number: int, depth: float) -> None:
        """Append the calls that may drop the output of a block."""
        if self._drop.keep == 1:
            return
        self._paths[number] = final_drop_rate(self._drop, depth)
        side_inputs = (path_name(number),)
        pieces = [self._single([piece]) for piece in self._pieces[name]]
        self._pieces[name] = [self._call(library.drop(), piece.operands, {}, side_inputs, piece.shape) for piece in pieces]

    def _inputs(self, block: Block) -> list[Piece]:
        """Return the tensors whose concatenation is the input of the block's operation."""
        if block.join == "concatenate":
            return [piece for name in block.inputs for piece in self._pieces[name]]
        parts = [self._single(self._pieces[name]) for name in block.inputs]
        return [self._call(None, (numbers(parts),), {}, (), parts[0].shape)]

    def _single(self, pieces: list[Piece]) -> Piece:
        """Return the concatenation of the pieces as one value."""
        if len(pieces) == 1 and pieces[0].value is not None:
            return pieces[0]
        size = largest_size(pieces)
        operands = tuple((piece.value,) for piece in pieces if piece.value is not None)
        examples = tuple("examples" for piece in pieces if piece.value is None)
        block = library.gather(size, tuple(piece.value is None for piece in pieces))
        return self._call(block, operands, {}, examples, (*size, sum(piece.shape[2] for piece in pieces)))

    def _apply(self, block: CompiledBlock, piece: Piece, shape: Shape) -> Piece:
        return self._call(block, piece.operands, {}, piece.examples, shape)

    def _activations(self, prefix: str, pieces: list[Piece], size: Pair) -> list[Piece]:
        """Append the activation of each piece, with its slice of the trained parameters."""
        found, start = [], 0
        for piece in pieces:
            channels = piece.shape[2]
            sources = self._betas(prefix, self._activation, start, start + channels)
            block = library.activation(size, self._activation, channels if sources else None)
            side_inputs = (*piece.examples, *code_input(self._activation))
            found.append(self._call(block, piece.operands, sources, side_inputs, (*size, channels)))
            start += channels
        return found

    def _betas(self, prefix: str, activation: ActivationFunction | None, start: int, stop: int) -> dict[str, ParameterSource]:
        """Return where the trained parameters of these channels stand, by name."""
        return {name: ParameterSource(f"{prefix}.{name}", 1, start, stop) for name in beta_shapes(activation, stop - start)}

    def _subsampled(self, operation: Subsampling, pieces: list[Piece], size: Pair) -> list[Piece]:
        """Append the subsampling of each piece; the channels of zeros stand behind the last one."""
        missing = operation.filters - sum(piece.shape[2] for piece in pieces)
        made = []
        for number, piece in enumerate(pieces, start=1):
            zeros = missing if number == len(pieces) else 0
            shape = Subsampling(operation.stride, piece.shape[2] + zeros).output_shape((*size, piece.shape[2]))
            made.append(self._apply(library.subsample(operation.stride, zeros, size), piece, shape))
        return made

    def _unit(self, prefix: str, unit: Unit, pieces: list[Piece], size: Pair) -> Piece:
        """Append a unit: its map of all inputs by NumPy, or one call if it has one input, as in cells.

        The units of layered networks read any number of inputs; there compiled parts are shared, and one norm serves all
        kernels.
        """
        channels = sum(piece.shape[2] for piece in pieces)
        shape = unit.output_shape((*size, channels))
        first, last = activations(unit, self._activation)
        if first is None and (whole := self._whole_map(unit, pieces, size, shape)) is not None:
            examples = tuple(name for piece in pieces for name in piece.examples)
            operands = tuple(terms for piece in pieces for terms in piece.operands)
            joined = self._call(whole, operands, kernel_sources(prefix, unit, 0, channels), examples, shape)
            return self._norm(prefix, [joined], last) if is_normalised(unit) else joined
        if len(pieces) == 1 and last is None and is_normalised(unit):
            kernels = {**kernel_sources(prefix, unit, 0, channels), **self._betas(prefix, first, 0, channels)}
            sources = {**kernels, **norm_sources(prefix, unit.filters)}
            side_inputs = (*statistics_names(prefix), EVALUATES, *pieces[0].examples, *code_input(first))
            block = library.unit(unit, channels, first)
            return self._call(block, pieces[0].operands, sources, side_inputs, shape)
        parts, start = [], 0
        for piece in pieces:
            stop = start + piece.shape[2]
            part = library.part(unit, piece.shape[2], size, first)
            sources = {**kernel_sources(prefix, unit, start, stop), **self._betas(prefix, first, start, stop)}
            parts.append(self._call(part, piece.operands, sources, (*piece.examples, *code_input(first)), shape))
            start = stop
        if last is None and len(parts) > 1:  # that of a cell, which reads any number of states: one program for all numbers
            parts = [self._call(None, (numbers(parts),), {}, (), shape)]
        return self._norm(prefix, parts, last) if is_normalised(unit) else parts[0]

    def _whole_map(self, unit: Unit, pieces: list[Piece], size: Pair, shape: Shape) -> NumpyBlock | None:
        """Return the block for all inputs of a unit together, if NumPy computes its linear map."""
        if not self._one_thread and not self._are_small([shape, *((*size, piece.shape[2]) for piece in pieces)]):
            return None
        shapes, are_examples = zip(*((piece.shape, piece.value is None) for piece in pieces), strict=True)
        return library.joined(unit, shapes, are_examples)

    def _norm(self, prefix: str, terms: list[Piece], last: ActivationFunction | None) -> Piece:
        """Append the batch norm of the sum of some values of one shape, followed by an activation unless it is None."""
        shape = terms[0].shape
        sources = {**norm_sources(prefix, shape[2]), **self._betas(f"{prefix}.norm", last, 0, shape[2])}
        side_inputs = (*statistics_names(prefix), EVALUATES, *code_input(last))
        return self._call(library.norm(shape[2], last), (numbers(terms),), sources, side_inputs, shape)

    def shares(self, classifier: str, outputs: tuple[str, ...], classes: int, *, droppable: bool) -> tuple[int, ...]:
        """Append the linear layer of a classifier; return the values whose sum it is. Names of its arrays begin with
        `classifier`."""
        pieces = [piece for name in outputs for piece in self._pieces[name]]
        size, dropped = largest_size(pieces), droppable and self._drop.dropout > 0
        shares, start = [], 0
        for piece in pieces:
            stop = start + piece.shape[2]
            source = {"weights": ParameterSource(f"{classifier}.weights", 0, start, stop)}
            side_inputs = (*self._factors(start, stop), *piece.examples) if dropped else piece.examples
            block = library.share(piece.shape[2], classes, size, dropped=dropped)
            shares.append(self._call(block, piece.operands, source, side_inputs, (1, 1, classes)))
            start = stop
        return numbers(shares)

    def _factors(self, start: int, stop: int) -> tuple[str]:
        """Register the factors of these features; return the name of their side input."""
        name = f"features {start}:{stop}"
        self._features[name] = slice(start, stop)
        return (name,)

    def auxiliary_logits(self, output: str, classes: int) -> tuple[int, ...]:
        """Append the classifier of an auxiliary head; return its logits as the only summand."""
        shares = self.shares("auxiliary_classifier", (output,), classes, droppable=False)
        bias = {"bias": ParameterSource("auxiliary_classifier.bias", 0, 0, classes)}
        return numbers([self._call(library.logits(classes), (shares,), bias, (), (1, 1, classes))])

    def loss(self, operands: tuple[tuple[int, ...], ...], classes: int, loss: Loss) -> None:
        """Append the loss of these operands."""
        source = ParameterSource("classifier.bias", 0, 0, classes)
        self._call(library.loss(classes, loss), operands, {"bias": source}, ("targets",), (1, 1, 1))

    def _call(
        self,
        block: CompiledBlock | NumpyBlock | None,
        operands: tuple[tuple[int, ...], ...],
        sources: dict[str, ParameterSource],
        side_inputs: tuple[str, ...],
        shape: Shape,
    ) -> Piece:
        """Append one call, whose value has this shape for each example; return its value."""
        page, offset = self._allocation.place(0 if block is None else block.size)
        output = len(self._calls)
        self._shapes.append(shape)
        read = [self._shapes[number] for terms in operands for number in terms]
        if isinstance(block, CompiledBlock) and block.in_numpy is not None and self._are_small([shape, *read]):
            block = block.in_numpy
        start = offset if isinstance(block, NumpyBlock) else jax.device_put(np.int32(offset))
        self._calls.append(BlockCall(block, page, start, operands, side_inputs, output))
        self._sources.append(sources)
        return Piece(output, shape)

    def _are_small(self, shapes: list[Shape]) -> bool:
        """Return whether maps of all examples together are small."""
        return self._batch is not None and max(map(prod, shapes)) * self._batch <= SMALL
