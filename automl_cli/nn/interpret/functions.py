"""The functions of the language of expressions, over JAX's arrays."""

import jax
import jax.numpy as jnp
from jax import Array

from automl_cli.values.expressions.evaluation import Table, pointwise

_PLAIN = pointwise(jnp, jax.scipy.special.erf)


@jax.custom_jvp
def _sinc(x: Array) -> Array:
    """Return sin(x) / x, whose gradient near 0 is not lost in rounding."""
    return _PLAIN["sinc"](x)


@_sinc.defjvp
def _sinc_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return _sinc(*primals), _PLAIN["sinc_slope"](*primals) * tangents[0]


def power_of_arrays(x: Array, y: Array) -> Array:
    """Return x to the power of y, both of any shape; squares and cubes are products, as where y is a constant."""
    return jnp.where(y == 2, x * x, jnp.where(y == 3, x * x * x, jnp.power(x, y)))


FUNCTIONS: Table = {**_PLAIN, "sigmoid": jax.nn.sigmoid, "sinc": _sinc}
"""Functions of arrays of any shape and floating type by name, element by element. Gradients are JAX's own: where a function has
none, as |x| at 0, some value between those on both sides."""
