"""Activation functions by name: what fills that role of a child. The functions themselves: `children.activation`."""

from typing import Literal

from msgspec import Struct

ActivationName = Literal["relu", "swish", "gelu"]


class ActivationFunction(Struct, frozen=True, forbid_unknown_fields=True):
    """relu: max(x, 0). swish: x sigmoid(x) (arXiv 1710.05941). gelu: x Phi(x), by its exact form (arXiv 1606.08415)."""

    name: ActivationName
