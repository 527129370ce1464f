"""What the training loop asks of an engine."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from jax import Array


class StepContext(NamedTuple):
    """Where in a training a step stands: what its random draws come from (two 32-bit numbers), the share that is over."""

    key: np.ndarray
    progress: float


def needed(context: StepContext | None) -> StepContext:
    """The moment, for who cannot do without. Raises ValueError."""
    if context is None:
        raise ValueError("a training that drops paths or features needs the moment of every step")
    return context


class Engine(Protocol):
    """A network, its loss and its update rule as compiled programs over a state that only the engine understands.

    `step` may give the memory of the old state to the new one: do not use a state after it.
    """

    def initial(self) -> Any:
        """The state before the first step."""
        ...

    def step(
        self, state: Any, inputs: Array, targets: Array, rate: float, context: StepContext | None = None
    ) -> tuple[Any, Array]:
        """One step on one batch at this learning rate. Returns the new state and the loss before the step.

        `context` matters to engines that drop paths or features, and to no other.
        """
        ...

    def outputs(self, state: Any, inputs: Array) -> Array:
        """The outputs (such as logits) of the network in evaluation mode."""
        ...

    def carrying(self, state: Any, carry: Any) -> Any:
        """The state from which the next step starts with this carried state of the network, any tree of arrays; with None,
        without one. Steps then hand it on; no gradient flows through it."""
        ...

    def carried_outputs(self, state: Any, inputs: Array, carry: Any) -> tuple[Array, Any]:
        """The outputs of a network that carries state, and what it carries into the next batch."""
        ...

    def arrays(self, state: Any) -> dict[str, np.ndarray]:
        """The state as plain arrays by name: `parameters.…`, `statistics.…`, `optimizer.…`; and with a running mean of the
        parameters `average.…` and `averaged`. The same names whatever the engine."""
        ...

    def state(self, arrays: Mapping[str, np.ndarray]) -> Any:
        """The inverse of `arrays`."""
        ...
