"""Lowering of a network to a graph of blocks that many networks share.

A unit over several joined inputs is the sum of one linear map per input, conv(concat(a, b)) = conv_a(a) + conv_b(b), and so is
the linear layer behind the pooled outputs. So a block depends on the kernel and the channels of one input, and not on the other
inputs, and a space has few blocks: 16 kernels x 5 inputs x 4 filters at one image size for NAS's plain variant. A concatenation
is therefore never computed, unless several are added: it is a list of pieces that its readers go through.
"""

import jax
import numpy as np

from automl_cli.nn.engines import library
from automl_cli.nn.engines.graph import (
    EVALUATES,
    Graph,
    ParameterSource,
    Piece,
    kernel_sources,
    norm_sources,
    path_name,
    statistics_names,
    without_drops,
)
from automl_cli.nn.engines.tape import BlockCall, CompiledBlock
from automl_cli.nn.losses import Loss
from automl_cli.nn.networks.drop_path import DropSettings, final_drop_rate
from automl_cli.nn.ops.activations import ActivationFunction, beta_shapes, takes_code
from automl_cli.nn.ops.units import Unit, activations, is_normalised
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
) -> Graph:
    """Return the graph of a network, optionally with its auxiliary head, for a training that drops paths and features as in
    `drop`.

    With `tight` the last page is as long as what it holds: shorter to work through, but of a size that other networks do not
    share.
    """
    builder = _GraphBuilder(image, activation, drop or DropSettings(1.0, 0.0))
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

    def __init__(self, image: Shape, activation: ActivationFunction, drop: DropSettings) -> None:
        self._activation = activation
        self._drop = drop
        self._paths: dict[int, float] = {}
        self._features: dict[str, slice] = {}
        self._pieces: dict[str, list[Piece]] = {IMAGE: [Piece(None, image)]}
        self._calls: list[BlockCall] = []
        self._sources: list[dict[str, ParameterSource]] = []
        self._pages: list[int] = []
        self._page_fill = PAGE

    @property
    def length(self) -> int:
        """Number of calls so far."""
        return len(self._calls)

    def graph(self, evaluation_calls: int, *, tight: bool) -> Graph:
        """Return the graph. Evaluation has the first `evaluation_calls` calls, and the last one."""
        last = self._calls[-1]._replace(operands=self._calls[-1].operands[:1])
        evaluation = without_drops((*self._calls[:evaluation_calls], last))
        pages = (*self._pages[:-1], self._page_fill) if tight else tuple(self._pages)
        return Graph(tuple(self._calls), evaluation, tuple(self._sources), pages, self._paths, self._features)

    def add(self, block: Block, prefix: str) -> None:
        """Append the calls of one block of the network; names of its arrays begin with `prefix`."""
        pieces = self._inputs(block)
        size = _largest_size(pieces)
        match block.operation:
            case Identity():
                same = all(piece.shape[:2] == size for piece in pieces)
                self._pieces[block.name] = pieces if same else [self._single(pieces)]
            case ActivationOperation():
                self._pieces[block.name] = self._activations(prefix, pieces, size)
            case MaxPool() | AveragePool() as pool:
                shapes = [pool.output_shape((*size, piece.shape[2])) for piece in pieces]
                pairs = zip(pieces, shapes, strict=True)
                self._pieces[block.name] = [self._apply(library.pool(pool, size), *pair) for pair in pairs]
            case Normalisation(order=order):
                last = self._activation if order == "bn-act" else None
                piece = self._single(pieces)
                value = self._norm(prefix, piece.shape[2], _operands(piece), last)
                self._pieces[block.name] = [Piece(value, piece.shape)]
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
        self._pieces[name] = [
            Piece(self._call(library.drop(), _operands(piece), {}, side_inputs), piece.shape) for piece in pieces
        ]

    def _inputs(self, block: Block) -> list[Piece]:
        """Return the tensors whose concatenation is the input of the block's operation."""
        if block.join == "concatenate":
            return [piece for name in block.inputs for piece in self._pieces[name]]
        parts = [self._single(self._pieces[name]) for name in block.inputs]
        values = tuple(part.value for part in parts if part.value is not None)
        return [Piece(self._call(None, (values,), {}, ()), parts[0].shape)]

    def _single(self, pieces: list[Piece]) -> Piece:
        """Return the concatenation of the pieces as one value."""
        if len(pieces) == 1 and pieces[0].value is not None:
            return pieces[0]
        size = _largest_size(pieces)
        operands = tuple((piece.value,) for piece in pieces if piece.value is not None)
        examples = tuple("examples" for piece in pieces if piece.value is None)
        value = self._call(library.gather(size, tuple(piece.value is None for piece in pieces)), operands, {}, examples)
        return Piece(value, (*size, sum(piece.shape[2] for piece in pieces)))

    def _apply(self, block: CompiledBlock, piece: Piece, shape: Shape) -> Piece:
        return Piece(self._call(block, _operands(piece), {}, _examples(piece)), shape)

    def _activations(self, prefix: str, pieces: list[Piece], size: Pair) -> list[Piece]:
        """Append the activation of each piece, with its slice of the trained parameters."""
        found, start = [], 0
        for piece in pieces:
            channels = piece.shape[2]
            sources = self._betas(prefix, self._activation, start, start + channels)
            block = library.activation(size, self._activation, channels if sources else None)
            side_inputs = (*_examples(piece), *_code(self._activation))
            found.append(Piece(self._call(block, _operands(piece), sources, side_inputs), (*size, channels)))
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
        """Append a unit: one call if it has one input, as in cells.

        The units of layered networks read any number of inputs; there the parts are shared, and one norm serves all kernels.
        """
        channels = sum(piece.shape[2] for piece in pieces)
        shape = unit.output_shape((*size, channels))
        first, last = activations(unit, self._activation)
        if len(pieces) == 1 and last is None and is_normalised(unit):
            kernels = {**kernel_sources(prefix, unit, 0, channels), **self._betas(prefix, first, 0, channels)}
            sources = {**kernels, **norm_sources(prefix, unit.filters)}
            side_inputs = (*statistics_names(prefix), EVALUATES, *_examples(pieces[0]), *_code(first))
            block = library.unit(unit, channels, first)
            return Piece(self._call(block, _operands(pieces[0]), sources, side_inputs), shape)
        parts, start = [], 0
        for piece in pieces:
            stop = start + piece.shape[2]
            part = library.part(unit, piece.shape[2], size, first)
            sources = {**kernel_sources(prefix, unit, start, stop), **self._betas(prefix, first, start, stop)}
            parts.append(self._call(part, _operands(piece), sources, (*_examples(piece), *_code(first))))
            start = stop
        if last is None and len(parts) > 1:  # that of a cell, which reads any number of states: one program for all numbers
            parts = [self._call(None, (tuple(parts),), {}, ())]
        if not is_normalised(unit):
            return Piece(parts[0], shape)
        return Piece(self._norm(prefix, unit.filters, (tuple(parts),), last), shape)

    def _norm(self, prefix: str, filters: int, operands: tuple[tuple[int, ...], ...], last: ActivationFunction | None) -> int:
        """Append the batch norm of the sum of some values, followed by an activation unless it is None."""
        sources = {**norm_sources(prefix, filters), **self._betas(f"{prefix}.norm", last, 0, filters)}
        return self._call(library.norm(filters, last), operands, sources, (*statistics_names(prefix), EVALUATES, *_code(last)))

    def shares(self, classifier: str, outputs: tuple[str, ...], classes: int, *, droppable: bool) -> tuple[int, ...]:
        """Append the linear layer of a classifier; return the values whose sum it is. Names of its arrays begin with
        `classifier`."""
        pieces = [piece for name in outputs for piece in self._pieces[name]]
        size, dropped = _largest_size(pieces), droppable and self._drop.dropout > 0
        shares, start = [], 0
        for piece in pieces:
            stop = start + piece.shape[2]
            source = {"weights": ParameterSource(f"{classifier}.weights", 0, start, stop)}
            side_inputs = (*self._factors(start, stop), *_examples(piece)) if dropped else _examples(piece)
            block = library.share(piece.shape[2], classes, size, dropped=dropped)
            shares.append(self._call(block, _operands(piece), source, side_inputs))
            start = stop
        return tuple(shares)

    def _factors(self, start: int, stop: int) -> tuple[str]:
        """Register the factors of these features; return the name of their side input."""
        name = f"features {start}:{stop}"
        self._features[name] = slice(start, stop)
        return (name,)

    def auxiliary_logits(self, output: str, classes: int) -> tuple[int, ...]:
        """Append the classifier of an auxiliary head; return its logits as the only summand."""
        shares = self.shares("auxiliary_classifier", (output,), classes, droppable=False)
        bias = {"bias": ParameterSource("auxiliary_classifier.bias", 0, 0, classes)}
        return (self._call(library.logits(classes), (shares,), bias, ()),)

    def loss(self, operands: tuple[tuple[int, ...], ...], classes: int, loss: Loss) -> None:
        """Append the loss of these operands."""
        bias = {"bias": ParameterSource("classifier.bias", 0, 0, classes)}
        self._call(library.loss(classes, loss), operands, bias, ("targets",))

    def _call(
        self,
        block: CompiledBlock | None,
        operands: tuple[tuple[int, ...], ...],
        sources: dict[str, ParameterSource],
        side_inputs: tuple[str, ...],
    ) -> int:
        """Append one call; return the number of its value."""
        page, offset = self._allocate(0 if block is None else block.size)
        output = len(self._calls)
        self._calls.append(BlockCall(block, page, jax.device_put(np.int32(offset)), operands, side_inputs, output))
        self._sources.append(sources)
        return output

    def _allocate(self, size: int) -> tuple[int, int]:
        """Return the page and the offset of newly allocated parameters."""
        if not size:
            return 0, 0
        if self._page_fill + size > PAGE:
            self._pages.append(max(PAGE, size))
            self._page_fill = 0
        start = self._page_fill
        self._page_fill += size
        return len(self._pages) - 1, start


def _largest_size(pieces: list[Piece]) -> Pair:
    return max(piece.shape[0] for piece in pieces), max(piece.shape[1] for piece in pieces)


def _operands(piece: Piece) -> tuple[tuple[int, ...], ...]:
    return () if piece.value is None else ((piece.value,),)


def _examples(piece: Piece) -> tuple[str, ...]:
    return ("examples",) if piece.value is None else ()


def _code(activation: ActivationFunction | None) -> tuple[str, ...]:
    return ("activation",) if takes_code(activation) else ()
