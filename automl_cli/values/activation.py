"""Activation functions by name, to fill that role of a child. `children.activation` has the functions themselves."""

from typing import Literal

from msgspec import Struct

ActivationName = Literal["relu", "swish", "gelu"]


class ActivationFunction(Struct, frozen=True, forbid_unknown_fields=True):
    """relu: max(x, 0). swish: x sigmoid(x) (arXiv 1710.05941). gelu: x Phi(x), by its exact form (arXiv 1606.08415)."""

    name: ActivationName
