"""Functions that XLA does not take apart: nothing is fused into them or out of them.

Left alone, XLA on a CPU fuses a sum of shifted arrays into whatever reads it, computes it again there for every reader, and
does not vectorise it. `lax.optimization_barrier` does not prevent that; an attribute of a call does. Operands of such a call
arrive dense, and equal ones are compiled once. Where the attribute means nothing the result is the same.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import jax
from jax.experimental.xla_metadata import set_xla_metadata

F = TypeVar("F", bound=Callable[..., Any])


def outlined(function: F, *, static: tuple[int, ...] = ()) -> F:
    """The function as a call that stays a call in a compiled program; arguments at `static` are plain data."""

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
