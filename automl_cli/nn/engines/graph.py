"""A network as a graph of calls of blocks: what `lowering` makes, and where the parameters of its calls stand."""

from collections.abc import Iterable
from typing import NamedTuple

from automl_cli.nn.engines import library
from automl_cli.nn.engines.tape import BlockCall
from automl_cli.nn.ops.activations import ActivationFunction, takes_code
from automl_cli.nn.ops.units import Unit, kernel_shapes
from automl_cli.values.network import Shape


class ParameterSource(NamedTuple):
    """Source of one parameter of a call: a slice along one axis of a named array of the network."""

    array: str
    axis: int
    start: int
    stop: int


class Piece(NamedTuple):
    """One of the tensors whose concatenation is the output of a network's block; `value` is None for the image."""

    value: int | None
    shape: Shape

    @property
    def operands(self) -> tuple[tuple[int, ...], ...]:
        """Return the piece as the input of a call, none for the image."""
        return () if self.value is None else ((self.value,),)

    @property
    def examples(self) -> tuple[str, ...]:
        """Return the side input that holds the piece, none unless it is the image."""
        return ("examples",) if self.value is None else ()


def largest_size(pieces: Iterable[Piece]) -> tuple[int, int]:
    """Return the height and the width that all pieces fit into."""
    heights, widths = zip(*(piece.shape[:2] for piece in pieces), strict=True)
    return max(heights), max(widths)


def numbers(pieces: Iterable[Piece]) -> tuple[int, ...]:
    """Return the numbers of the values of these pieces, without the image."""
    return tuple(piece.value for piece in pieces if piece.value is not None)


class Graph(NamedTuple):
    """A network as calls of blocks.

    `calls` for training, the last one computing the loss; `evaluation` calls, the last one computing the logits; `sources` of
    the parameters of each call; sizes of the `pages`. `paths` are the paths that may be dropped: block number -> drop rate at
    the end of the training; their factors are the side inputs named by `path_name`. `features` maps the name of a side input to
    the slice of the feature factors that it holds.
    """

    calls: tuple[BlockCall, ...]
    evaluation: tuple[BlockCall, ...]
    sources: tuple[dict[str, ParameterSource], ...]
    pages: tuple[int, ...]
    paths: dict[int, float]
    features: dict[str, slice]


EVALUATES = "evaluates"
"""Name of the side input that says whether batch norm takes the running statistics, as in evaluation: a scalar bool."""


def code_input(activation: ActivationFunction | None) -> tuple[str, ...]:
    """Return the side input that holds the code of an activation function; none for one that takes no code."""
    return ("activation",) if takes_code(activation) else ()


def path_name(number: int) -> str:
    """Return the name of the side input with the factors of this path."""
    return f"path {number}"


def kernel_sources(prefix: str, unit: Unit, start: int, stop: int) -> dict[str, ParameterSource]:
    """Return the sources of a unit's kernels, sliced to some of its input channels."""
    return {kernel: ParameterSource(f"{prefix}.{kernel}", 2, start, stop) for kernel in kernel_shapes(unit, stop - start)}


def norm_sources(prefix: str, filters: int) -> dict[str, ParameterSource]:
    """Return the sources of the parameters of a batch norm."""
    return {each: ParameterSource(f"{prefix}.norm.{each}", 0, 0, filters) for each in ("scale", "offset")}


def statistics_names(prefix: str) -> tuple[str, str]:
    """Return the names of the running mean and variance of a batch norm."""
    return f"{prefix}.norm.mean", f"{prefix}.norm.variance"


def without_drops(calls: Iterable[BlockCall]) -> tuple[BlockCall, ...]:
    """Return the calls without those that drop; a reader of one of these reads its input instead."""
    replacements: dict[int, int] = {}
    remaining = []
    for call in calls:
        operands = tuple(tuple(replacements.get(value, value) for value in terms) for terms in call.operands)
        if call.block is library.drop():
            ((replacements[call.output],),) = operands
        else:
            remaining.append(call._replace(operands=operands))
    return tuple(remaining)
