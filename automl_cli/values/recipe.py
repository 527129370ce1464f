"""How a child is trained, as plain data. The same recipe serves searches and `automl train`."""

from typing import Literal

from msgspec import Struct

from automl_cli.core.errors import UserError


class Recipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Optimizer, schedule, augmentation and regularisation of a child on images.

    `optimizer` is "momentum", or "rmsprop": gradients divided by sqrt(running mean of their squares + 1), with decay 0.9, then
    momentum. `schedule` is the course of the learning rate over the whole training; "exponential" multiplies it by 0.97 after
    every 2.4 epochs. `augmentation` is "standard": whiten, upsample, random crop, and a horizontal flip where the data set
    allows one; "inception": a window of random area and aspect, a flip, random brightness and saturation; or "none": whiten
    only. `precision` is "float32", or "mixed": activations and their gradients in bfloat16 where the device has it, parameters
    and statistics in float32.

    `gradient_clip` bounds the norm of the whole gradient. `label_smoothing` is the share of the label that all classes get
    alike. `auxiliary_weight` is that of the loss of the network's auxiliary head, if it has one. `drop_path_keep` is the
    probability with which ScheduledDropPath keeps a path of the last cell at the end; `drop_path_schedule` says whether that
    holds for all cells ("time", as in the paper) or is reached linearly from the first to the last ("time-and-depth", as in
    the released code; `values.cell.keep_probability`). `dropout` is the probability with which a feature before the classifier
    is dropped. With `average_decay` the network is scored with a running mean of its parameters.
    """

    batch_size: int
    learning_rate: float
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 1e-4
    schedule: Literal["constant", "cosine", "exponential"] = "constant"
    augmentation: Literal["standard", "inception", "none"] = "standard"
    optimizer: Literal["momentum", "rmsprop"] = "momentum"
    gradient_clip: float | None = None
    label_smoothing: float = 0.0
    auxiliary_weight: float = 0.0
    drop_path_keep: float = 1.0
    drop_path_schedule: Literal["time-and-depth", "time"] = "time-and-depth"
    dropout: float = 0.0
    average_decay: float | None = None
    precision: Literal["float32", "mixed"] = "float32"

    @property
    def streamed(self) -> bool:
        """Whether pictures of any size are decoded as they are needed; else all are prepared as arrays once."""
        return self.augmentation == "inception"

    def steps(self, examples: int) -> int:
        """Batches of an epoch of so many training examples."""
        return max(1, examples // self.batch_size)

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UserError(f"batch_size is {self.batch_size}; it must be at least 1")
        for name in ("learning_rate", "gradient_clip"):
            if (value := getattr(self, name)) is not None and not value > 0:
                raise UserError(f"{name} is {value}; it must be above 0")
        for name in ("label_smoothing", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}; it must be at least 0 and below 1")
        if not 0 < self.drop_path_keep <= 1:
            raise UserError(f"drop_path_keep is {self.drop_path_keep}; it must be above 0 and at most 1")
        if not self.auxiliary_weight >= 0:
            raise UserError(f"auxiliary_weight is {self.auxiliary_weight}; it must be at least 0")
        if self.average_decay is not None and not 0 < self.average_decay < 1:
            raise UserError(f"average_decay is {self.average_decay}; it must lie between 0 and 1")
