"""Update rules, by name."""

from typing import get_args

from automl_cli.plugins.kind import Kind
from automl_cli.values.optimizer import Optimizer, OptimizerName


def words(optimizer: Optimizer) -> tuple[str, ...]:
    """Return the rule in words, such as "nesterov, momentum 0.9"."""
    return (optimizer.name if optimizer.momentum is None else f"{optimizer.name}, momentum {optimizer.momentum:g}",)


KIND = Kind(
    name="optimizer-rule",
    role="optimizer",
    flag="optimizer",
    value=Optimizer,
    names={name: Optimizer(name) for name in get_args(OptimizerName)},
    about="rmsprop-tf: decay 0.9, epsilon 1, then momentum. adamw and lion have decoupled weight decay.",
    words=words,
    build="automl_cli.children.optimizer:by_name",
)
