"""The operations of a network as nodes of a drawing: in a word, with filters, stride and the like beside it."""

from collections.abc import Iterator

from automl_cli.core.numbers import by_times
from automl_cli.values.drawings import Form, Node
from automl_cli.values.operations import (
    ActivationOperation,
    AveragePool,
    ConvolutionUnit,
    FactorizedReduction,
    Identity,
    MaxPool,
    Normalisation,
    Operation,
    SeparableUnit,
    Subsampling,
)

FILTERED = (ConvolutionUnit, SeparableUnit, FactorizedReduction, Subsampling)
"""Operations that say how many channels they give."""

MOST_SKIPS = 600
"""Connections that skip layers: almost as many as 36 layers have that read all before them."""

FILTERED = (ConvolutionUnit, SeparableUnit, FactorizedReduction, Subsampling)
"""Operations that say how many channels they give."""

ORDERS = {"act-conv-bn": "act first", "conv-bn": "no act", "conv": "no norm, no act"}
"""What is said of the order of a unit, where it is not convolution, batch norm, activation."""


def operation_node(name: str, operation: Operation, width: int | None = None) -> Node:
    """Return an operation as a node; with a width, its filters are told as a multiple or a part of that, which is called F.

    >>> operation_node("layer1", ConvolutionUnit((3, 5), 24, (2, 1)))[1:3]
    ('conv 3×5', '24 filters, stride 2×1')
    >>> operation_node("layer1", ConvolutionUnit((1, 1), 8), 32).note
    'F/4 filters'
    """
    weighted = (ConvolutionUnit, SeparableUnit, FactorizedReduction)
    form: Form = "operation" if isinstance(operation, weighted) else "light"
    return Node(name, _label(operation), ", ".join(_notes(operation, width)), form)


def _in_words(filters: int, width: int | None) -> str:
    if width is None or (filters % width and width % filters):
        return str(filters)
    if filters >= width:
        return "F" if filters == width else f"{filters // width}F"
    return f"F/{width // filters}"


def _label(operation: Operation) -> str:
    match operation:
        case ConvolutionUnit(kernel=kernel):
            return f"conv {by_times(kernel)}"
        case SeparableUnit(kernel=kernel):
            return f"sep {kernel}×{kernel}"
        case MaxPool(window=window):
            return f"max {by_times(window)}"
        case AveragePool(window=window):
            return f"avg {by_times(window)}"
        case FactorizedReduction():
            return "factorized reduction"
        case Normalisation(order=order):
            return "norm, act" if order == "bn-act" else "norm"
        case Subsampling():
            return "subsample"
        case ActivationOperation():
            return "act"
        case Identity():
            return "identity"


def _notes(operation: Operation, width: int | None) -> Iterator[str]:
    match operation:
        case ConvolutionUnit(filters=filters) | SeparableUnit(filters=filters) | FactorizedReduction(filters=filters):
            yield f"{_in_words(filters, width)} filters"
        case Subsampling(filters=filters):
            yield f"{_in_words(filters, width)} channels"
    match operation:
        case ConvolutionUnit(stride=stride) | MaxPool(stride=stride) | AveragePool(stride=stride):
            if stride != (1, 1):
                yield f"stride {stride[0] if stride[0] == stride[1] else by_times(stride)}"
        case SeparableUnit(stride=step) | Subsampling(stride=step):
            if step != 1:
                yield f"stride {step}"
    match operation:
        case ConvolutionUnit(dilation=dilation) | SeparableUnit(dilation=dilation) if dilation != 1:
            yield f"dilation {dilation}"
    match operation:
        case ConvolutionUnit(order=order) | FactorizedReduction(order=order) if order in ORDERS:
            yield ORDERS[order]
