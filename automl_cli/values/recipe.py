"""Recipes for training children, as plain data. Searches and `automl train` share them."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from automl_cli.core.bounds import Bounds
from automl_cli.core.errors import UserError


class Recipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rates, schedule and regularisation of a training. Optimizer and augmentation are roles of their own (`values.child`).

    `schedule` is the course of the learning rate over the whole training; "exponential" multiplies it by 0.97 after every 2.4
    epochs. `precision` is "float32", or "mixed": activations and their gradients in bfloat16 where the device has it,
    parameters and statistics in float32.

    With `learning_rates` a child is first trained for one epoch at each of them, and then, anew, at the best.

    In the first `warmup_epochs` the learning rate is also multiplied by the share of them that has passed (arXiv 1706.02677,
    section 2.2); 0 for none.

    `gradient_clip` bounds the norm of the whole gradient. `label_smoothing` is the share of the label that all classes get
    alike. `auxiliary_weight` is that of the loss of the network's auxiliary head, if it has one. `drop_path_keep` is the
    probability with which ScheduledDropPath keeps a path of the last cell at the end; `drop_path_schedule` says whether that
    holds for all cells ("time", as in the paper) or is reached linearly from the first to the last ("time-and-depth", as in
    the released code; `values.cell.keep_probability`). `dropout` is the probability with which a feature before the classifier
    is dropped. With `average_decay` the network is scored with a running mean of its parameters.
    """

    batch_size: int
    learning_rate: float
    learning_rates: tuple[float, ...] = ()
    weight_decay: float = 1e-4
    schedule: Literal["constant", "cosine", "exponential"] = "constant"
    warmup_epochs: float = 0.0
    gradient_clip: float | None = None
    label_smoothing: float = 0.0
    auxiliary_weight: float = 0.0
    drop_path_keep: float = 1.0
    drop_path_schedule: Literal["time-and-depth", "time"] = "time-and-depth"
    dropout: float = 0.0
    average_decay: float | None = None
    precision: Literal["float32", "mixed"] = "float32"

    def steps(self, examples: int) -> int:
        """Return the number of batches in an epoch of so many training examples."""
        return max(1, examples // self.batch_size)

    def for_few(self, examples: int) -> "Recipe":
        """Return the recipe with batches of half of so many training examples, where they are fewer than one batch.

        >>> [Recipe(batch_size=32, learning_rate=0.1).for_few(examples).batch_size for examples in (32, 30)]
        [32, 15]
        """
        return self if examples >= self.batch_size else replace(self, batch_size=max(1, examples // 2))

    def epochs(self, examples: int, *, epochs: int, least_steps: int) -> int:
        """Return so many epochs of so many training examples, or more where they would give fewer than the least steps.

        >>> Recipe(batch_size=32, learning_rate=0.1).epochs(144, epochs=4, least_steps=90)
        23
        """
        return max(epochs, -(-least_steps // self.steps(examples)))

    def __post_init__(self) -> None:
        if any(rate <= 0 for rate in self.learning_rates):
            raise UserError(f"learning_rates are {self.learning_rates}; each must be above 0")
        for name, bounds in BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not bounds.hold(value):
                raise UserError(f"{name} is {value}; it must {bounds.words}")


BOUNDS: Mapping[str, Bounds] = {
    "batch_size": Bounds(at_least=1),
    "learning_rate": Bounds(above=0),
    "weight_decay": Bounds(at_least=0),
    "warmup_epochs": Bounds(at_least=0),
    "gradient_clip": Bounds(above=0),
    "label_smoothing": Bounds(at_least=0, below=1),
    "auxiliary_weight": Bounds(at_least=0),
    "drop_path_keep": Bounds(above=0, at_most=1),
    "dropout": Bounds(at_least=0, below=1),
    "average_decay": Bounds(above=0, below=1),
}
"""Bounds of the numbers of a recipe; the flags of `automl train` have the same, and of the learning rate a largest one."""
