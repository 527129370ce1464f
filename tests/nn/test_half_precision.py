"""Operations on bfloat16: the same result as in float32 up to its 8 bits, moments and parameters of batch norm in float32."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from automl_cli.nn import ops


def draw(seed: int, *shape: int) -> jax.Array:
    """Values that bfloat16 holds exactly."""
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.bfloat16).astype(jnp.float32)


OPERATIONS = {
    "3x3": (ops.convolution, (draw(1, 3, 3, 8, 6),)),
    "1x1 stride 2": (partial(ops.convolution, stride=(2, 2)), (draw(1, 1, 1, 8, 6),)),
    "7x1": (ops.convolution, (draw(1, 7, 1, 8, 6),)),
    "dilated": (partial(ops.convolution, dilation=2), (draw(1, 3, 3, 8, 6),)),
    "depthwise": (ops.depthwise, (draw(1, 5, 5, 8),)),
    "depthwise stride 2": (partial(ops.depthwise, stride=2), (draw(1, 3, 3, 8),)),
    "max pool": (partial(ops.max_pool, window=(3, 3), stride=(2, 2)), ()),
    "average pool": (partial(ops.average_pool, window=(3, 3), stride=(1, 1)), ()),
    "average pool, valid": (partial(ops.average_pool, window=(3, 3), stride=(2, 2), padding="valid"), ()),
    "batch norm": (lambda x, scale, offset: ops.batch_norm(x, scale, offset, relu=True)[0], (draw(2, 8), draw(3, 8))),
}
FLOAT32_PARAMETERS = {"batch norm"}


def close(found: jax.Array, expected: jax.Array) -> bool:
    """Root mean square of the difference below 1 % of that of what is expected: one rounding to 8 bits is 0.2 %."""
    found, expected = (np.asarray(array, np.float64) for array in (found, expected))
    return bool(np.sqrt(np.mean((found - expected) ** 2)) < 0.01 * np.sqrt(np.mean(expected**2)))


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_on_bfloat16_gives_bfloat16_and_the_result_of_float32(name):
    operation, parameters = OPERATIONS[name]
    x = draw(0, 9, 8, 4, 8)
    y, pull = jax.vjp(operation, x, *parameters)
    gradient = draw(4, *y.shape)
    rounded = parameters if name in FLOAT32_PARAMETERS else [array.astype(jnp.bfloat16) for array in parameters]
    halved, pull_halved = jax.vjp(operation, x.astype(jnp.bfloat16), *rounded)
    assert halved.dtype == jnp.bfloat16
    assert close(halved, y)
    found, expected = pull_halved(gradient.astype(jnp.bfloat16)), pull(gradient)
    for ours, theirs, given in zip(found, expected, (x.astype(jnp.bfloat16), *rounded), strict=True):
        assert ours.dtype == given.dtype
        assert close(ours, theirs)


def test_moments_of_bfloat16_are_those_of_its_values_in_float32():
    """The values around 100 leave bfloat16 no bits for their squares."""
    x = (100 + draw(0, 16, 16, 4, 8)).astype(jnp.bfloat16)
    _, mean, variance = ops.batch_norm(x, jnp.ones(8), jnp.zeros(8), relu=False)
    exact = np.asarray(x, np.float64)
    assert mean.dtype == variance.dtype == jnp.float32
    np.testing.assert_allclose(mean, exact.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(variance, exact.var((0, 1, 2)), rtol=2e-2)
    normalised = ops.normalise(x, jnp.ones(8), jnp.zeros(8), mean, variance, relu=False)
    assert normalised.dtype == jnp.bfloat16
