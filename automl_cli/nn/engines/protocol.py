"""The interface of an engine to the training loop."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from jax import Array


class StepContext(NamedTuple):
    """Context of one training step: `key`, (2,) uint32, for its random draws; `progress` in [0, 1], the share of the
    training done."""

    key: np.ndarray
    progress: float


def required_context(context: StepContext | None) -> StepContext:
    """Return the context. Raises ValueError if it is None."""
    if context is None:
        raise ValueError(
            "a training that drops paths or features needs the context of every step (StepContext); pass it to `step`"
        )
    return context


class Engine(Protocol):
    """A network, its loss and its update rule over a state, a pytree that only the engine understands.

    `step` may reuse the memory of the old state: do not use a state after it was stepped. Arrays that are returned are JAX's or
    NumPy's.
    """

    def initial(self) -> Any:
        """Return the state before the first step."""
        ...

    def step(
        self, state: Any, inputs: Array, targets: Array, rate: float, context: StepContext | None = None
    ) -> tuple[Any, Array]:
        """Take one step on one batch; return the new state and the loss before the step, a scalar.

        Inputs are (batch, …), targets (batch, …); `rate` is the learning rate. Only engines that drop paths or features use
        `context`, and raise ValueError without it.
        """
        ...

    def outputs(self, state: Any, inputs: Array) -> Array:
        """Return the outputs (batch, …), such as logits, of the network in evaluation mode."""
        ...

    def with_carry(self, state: Any, carry: Any) -> Any:
        """Return the state from which the next step starts with this carry of the network, a pytree of arrays; None for no
        carry.

        Each step hands the carry on to the next one. No gradient flows through it.
        """
        ...

    def outputs_with_carry(self, state: Any, inputs: Array, carry: Any) -> tuple[Array, Any]:
        """Return the outputs (batch, …) of a network with a carry, and the carry for the next batch, a pytree."""
        ...

    def arrays(self, state: Any) -> dict[str, np.ndarray]:
        """Return the state as plain arrays by name, the same names for every engine.

        Names are `parameters.…`, `statistics.…`, `optimizer.…` and, with a moving average of the parameters, `average.…` and
        `averaged`.
        """
        ...

    def state(self, arrays: Mapping[str, np.ndarray]) -> Any:
        """Return the state that `arrays` came from."""
        ...
