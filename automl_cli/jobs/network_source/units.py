"""Operations of a network as modules: which class each becomes, and with which arguments that class is made.

A class stands for a family of operations in one order and with one rule of padding. A kernel of 1 x 1 fits every rule, and an
odd one at stride 1 both "half" and "same", so that most networks need one class for each order.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from automl_cli.core.errors import UserError
from automl_cli.values.operations import (
    ActivationOperation,
    AveragePool,
    ConvolutionUnit,
    FactorizedReduction,
    MaxPool,
    Normalisation,
    Operation,
    SeparableUnit,
    Subsampling,
)

Pair = tuple[int, int]
Argument = int | Pair | str
"""A number, a pair of numbers, or an expression of Python."""


class UnitKey(Struct, frozen=True, order=True):
    """A family of operations, the order of its parts, and its rule of padding."""

    family: str
    order: str = ""
    rule: str = ""


class Made(Struct, frozen=True):
    """A module as it is made: its class, and its arguments by name."""

    key: UnitKey
    arguments: dict[str, Argument]


DEFAULTS: dict[str, Argument] = {"kernel": (1, 1), "stride": (1, 1), "dilation": 1}
"""Arguments that are left out where they have these values."""


def made_of(operation: Operation, channels: int, rule: Callable[[ConvolutionUnit], str]) -> Made:
    """Return what an operation that reads so many channels is made of; `rule` says by which rule a convolution is padded."""
    match operation:
        case ConvolutionUnit(kernel=kernel, filters=filters, stride=stride, dilation=dilation, order=order):
            arguments: dict[str, Argument] = {"channels": channels, "filters": filters, "kernel": kernel}
            return Made(UnitKey("conv", order, rule(operation)), {**arguments, "stride": stride, "dilation": dilation})
        case SeparableUnit(kernel=side, filters=filters, stride=step, dilation=dilation):
            arguments = {"channels": channels, "filters": filters, "kernel": (side, side)}
            return Made(UnitKey("separable"), {**arguments, "stride": (step, step), "dilation": dilation})
        case FactorizedReduction(filters=filters, order=order):
            return Made(UnitKey("reduction", order, "one" if filters == 1 else ""), {"channels": channels, "filters": filters})
        case MaxPool(window=window, stride=stride):
            return Made(UnitKey("max-pool"), {"window": window, "stride": stride})
        case AveragePool(window=window, stride=stride, padding=padding):
            return Made(UnitKey("average-pool", rule=padding), {"window": window, "stride": stride})
        case Normalisation(order=order):
            return Made(UnitKey("norm", order), {"channels": channels})
        case Subsampling(stride=step, filters=filters):
            return Made(UnitKey("subsample"), {"channels": channels, "filters": filters, "step": step})
        case ActivationOperation():
            return Made(UnitKey("act"), {"channels": channels})
    raise UserError(f"the operation {type(operation).__name__} of this network cannot be written as a module")


def rules(operations: Iterable[Operation]) -> Callable[[ConvolutionUnit], str]:
    """Return the rule by which each convolution is padded: for every order as few rules as its convolutions allow."""
    needed: dict[str, set[str]] = {}
    for operation in operations:
        if isinstance(operation, ConvolutionUnit):
            needed.setdefault(operation.order, set()).add(_strict_rule(operation))

    def rule(unit: ConvolutionUnit) -> str:
        strict, there = _strict_rule(unit), needed[unit.order]
        if strict == "centred":
            return next((name for name in ("half", "same") if name in there), "half")
        if strict == "any":
            return next((name for name in ("half", "same", "even-half", "valid") if name in there), "half")
        return strict

    return rule


def _strict_rule(unit: ConvolutionUnit) -> str:
    """Return the rule that a convolution needs: `any` and `centred` (half or same) where several give the same zeros."""
    if unit.kernel == (1, 1):
        return "any"
    odd = unit.kernel[0] % 2 == unit.kernel[1] % 2 == 1
    if unit.padding in ("half", "same") and odd and unit.stride == (1, 1):
        return "centred"
    return "even-half" if unit.padding == "half" and not odd else unit.padding


def unit_name(key: UnitKey, act: str, *, several_rules: bool = False) -> str:
    """Return the name of the class of a unit; `act` is the name of the activation in it, such as "Relu"."""
    parts = {"act": act, "conv": "Conv", "bn": "Bn"}
    match key.family:
        case "conv":
            name = "".join(parts[part] for part in key.order.split("-"))
            more = {"same": "Same", "valid": "Valid", "even-half": "EvenKernel"}.get(key.rule, "") if several_rules else ""
            return name + more
        case "separable":
            return "SeparableConv"
        case "reduction":
            name = "FactorizedReduction" if key.order == "conv-bn" else f"{act}FactorizedReduction"
            return f"{name}ToOne" if key.rule else name
        case "average-pool":
            return "AveragePool" if key.rule == "same" else "AveragePoolValid"
        case "norm":
            return "BatchNorm" if key.order == "bn" else f"Bn{act}"
    return {"max-pool": "MaxPool", "subsample": "Subsample", "act": act}[key.family]
