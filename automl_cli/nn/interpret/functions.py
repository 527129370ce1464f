"""The functions of the language of expressions, over JAX's arrays."""

import jax
import jax.numpy as jnp

from automl_cli.values.expression_evaluation import Table, pointwise

FUNCTIONS: Table = {**pointwise(jnp, jax.scipy.special.erf), "sigmoid": jax.nn.sigmoid}
"""By name; arrays of any shape and floating type, element by element, which they keep. Gradients are JAX's own: where a function
has none, as |x| at 0, some value between those on both sides."""
