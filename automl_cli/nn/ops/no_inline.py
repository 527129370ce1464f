"""Functions that XLA does not inline, so that nothing is fused into them or out of them.

On a CPU, XLA fuses a sum of shifted arrays into its readers, recomputes it for every reader, and does not vectorise it.
`lax.optimization_barrier` does not prevent that; an attribute of a call does. Operands of such a call arrive dense, and equal
calls are compiled once. On backends that ignore the attribute the result is the same.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import jax
from jax.experimental.xla_metadata import set_xla_metadata

F = TypeVar("F", bound=Callable[..., Any])


def outlined(function: F, *, static: tuple[int, ...] = ()) -> F:
    """Return the function as a call that XLA keeps as a call; arguments at the positions `static` are plain data, not
    arrays."""

    @wraps(function)
    def body(*arguments: Any) -> Any:
        with set_xla_metadata(inlineable="true"):  # calls inside may be taken apart
            return function(*arguments)

    compiled = jax.jit(body, static_argnums=static)

    @wraps(function)
    def call(*arguments: Any) -> Any:
        with set_xla_metadata(inlineable="false"):
            return compiled(*arguments)

    return call  # type: ignore[return-value]
