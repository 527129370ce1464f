"""Update rules by name, to fill the role `optimizer` of a child. `children.optimizer` says what they compute."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import force_setattr

from automl_cli.core.errors import UserError

OptimizerName = Literal["sgd", "momentum", "nesterov", "rmsprop-tf", "adam", "adamw", "lion"]

WITH_MOMENTUM = ("momentum", "nesterov", "rmsprop-tf")
DECOUPLED = ("adamw", "lion")


class Optimizer(Struct, frozen=True, forbid_unknown_fields=True):
    """A rule by name. `momentum` is that of the rules which have one, 0.9 unless given, and None of the others.

    sgd          the gradient
    momentum     m <- momentum m + g; the update is m
    nesterov     the same; the update is g + momentum m
    rmsprop-tf   g / sqrt(s + 1) with s <- 0.9 s + 0.1 g^2 from s = 1 on, then momentum: RMSProp as the papers of this line used
                 it on ImageNet (NASNet, arXiv 1707.07012, appendix A)
    adam         arXiv 1412.6980, with b1 0.9, b2 0.999 and 1e-8
    adamw        the same with decoupled weight decay (arXiv 1711.05101)
    lion         arXiv 2302.06675, with b1 0.9, b2 0.99 and decoupled weight decay

    Weight decay is added to the gradient, unless the rule is decoupled: then it is added to the update.
    """

    name: OptimizerName
    momentum: float | None = None

    def __post_init__(self) -> None:
        if self.momentum is None:
            force_setattr(self, "momentum", 0.9 if self.has_momentum else None)
        elif not self.has_momentum:
            raise UserError(f"momentum is {self.momentum:g}; {self.name} has none")
        elif not 0 <= self.momentum < 1:
            raise UserError(f"momentum is {self.momentum:g}; it must be at least 0 and below 1")

    @property
    def has_momentum(self) -> bool:
        """Return whether `momentum` means something."""
        return self.name in WITH_MOMENTUM

    @property
    def decoupled(self) -> bool:
        """Return whether weight decay stays out of the gradient."""
        return self.name in DECOUPLED
