"""How a child is trained, as plain data. The same recipe serves searches and `automl train`."""

from typing import Literal

from msgspec import Struct

from automl_cli.core.errors import UserError


class Recipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Optimizer, schedule and augmentation of a child on images.

    `augmentation` is "standard": whiten, upsample, random crop, and a horizontal flip where the data set allows one; or "none":
    whiten only. `schedule` is the course of the learning rate over the whole training.
    """

    batch_size: int
    learning_rate: float
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 1e-4
    schedule: Literal["constant", "cosine"] = "constant"
    augmentation: Literal["standard", "none"] = "standard"

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UserError(f"batch_size is {self.batch_size}; it must be at least 1")
        if not self.learning_rate > 0:
            raise UserError(f"learning_rate is {self.learning_rate}; it must be above 0")
