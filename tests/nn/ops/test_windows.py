"""Depthwise convolution and average pooling against XLA's own operations: shapes, strides, dilations, both gradients."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import Array, lax

from automl_cli.nn.ops.average_pooling import average_pool
from automl_cli.nn.ops.depthwise import depthwise
from automl_cli.nn.ops.depthwise_kernel import kernel_gradient
from automl_cli.nn.ops.windows import Windows

LAYOUT = ("HWNC", "HWIO", "HWNC")
SIDES = st.integers(1, 12)


def array(seed: int, *shape: int) -> Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def check_values_and_gradients(function: Callable, reference: Callable, *arguments: Array, tolerance: float = 2e-5) -> None:
    """Compare the result and all gradients, relative to the largest value of each."""
    cotangent = array(9, *jax.eval_shape(reference, *arguments).shape)

    def value_and_gradients(form: Callable) -> tuple[Array, ...]:
        value, pull = jax.vjp(form, *arguments)
        return value, *pull(cotangent)

    expected, found = (jax.jit(value_and_gradients, static_argnums=0)(form) for form in (reference, function))
    for wanted, got in zip(expected, found, strict=True):
        assert got.shape == wanted.shape
        np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance * max(1e-3, float(jnp.abs(wanted).max())))


def check_depthwise(size: tuple[int, int], kernel: int, stride: int, dilation: int, batch: int = 2, channels: int = 3) -> None:
    def reference(x: Array, kernel: Array) -> Array:
        return lax.conv_general_dilated(
            x,
            kernel[:, :, None],
            (stride, stride),
            "SAME",
            rhs_dilation=(dilation, dilation),
            dimension_numbers=LAYOUT,
            feature_group_count=channels,
        )

    arguments = array(0, *size, batch, channels), array(1, kernel, kernel, channels)
    check_values_and_gradients(lambda x, w: depthwise(x, w, stride=stride, dilation=dilation), reference, *arguments)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (5, 2)])
def test_depthwise_of_the_positive_part(kernel, stride):
    def reference(x: Array, weights: Array) -> Array:
        return depthwise(jax.nn.relu(x), weights, stride=stride)

    arguments = array(0, 9, 8, 2, 3), array(1, kernel, kernel, 3)
    check_values_and_gradients(lambda x, w: depthwise(x, w, stride=stride, relu=True), reference, *arguments)


@settings(max_examples=6, deadline=None)
@given(SIDES, SIDES, st.sampled_from((1, 3, 5, 7)), st.integers(1, 3), st.integers(1, 2))
def test_depthwise_equals_xla_in_value_and_both_gradients(height: int, width: int, kernel: int, stride: int, dilation: int):
    check_depthwise((height, width), kernel, stride, dilation)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation"),
    [((16, 16), 7, 1, 1), ((8, 8), 5, 2, 1), ((7, 9), 3, 2, 1), ((8, 8), 3, 1, 2), ((2, 2), 7, 1, 1), ((8, 8), 3, 2, 2)],
)
def test_depthwise_of_nasnet_s_operations(size, kernel, stride, dilation):
    check_depthwise(size, kernel, stride, dilation, batch=3, channels=5)


@pytest.mark.parametrize(("height", "stride"), [(33, 1), (70, 1), (67, 2), (130, 2)])
def test_maps_of_more_rows_than_one_sum_takes(height, stride):
    check_depthwise((height, 3), 3, stride, 1)


@pytest.mark.parametrize(("width", "stride", "dilation"), [(33, 1, 1), (70, 1, 1), (67, 2, 1), (40, 1, 2)])
def test_maps_of_more_columns_than_one_sum_takes(width, stride, dilation):
    check_depthwise((23, width), 5, stride, dilation)


@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(3, 1, 1), (5, 1, 1), (5, 2, 1), (3, 1, 2), (7, 2, 1)])
def test_the_kernel_s_gradient_equals_the_sum_itself(kernel, stride, dilation):
    windows = Windows((11, 9), (kernel, kernel), (stride, stride), dilation)
    x, gradient = array(0, 11, 9, 3, 2), array(1, *windows.outputs, 3, 2)
    around, (height, width) = np.pad(np.float64(x), (*windows.pads, (0, 0), (0, 0))), windows.outputs
    wanted = np.zeros((kernel, kernel, 2))
    for u, v, i, j in np.ndindex(kernel, kernel, height, width):
        at = around[i * stride + u * dilation, j * stride + v * dilation]
        wanted[u, v] += (at * np.float64(gradient[i, j])).sum(0)
    np.testing.assert_allclose(kernel_gradient(x, gradient, windows), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


@settings(max_examples=6, deadline=None)
@given(SIDES, SIDES, st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))
def test_average_pool_equals_sum_over_count_in_value_and_gradient(height, width, rows, columns, down, right):
    def reference(x: Array) -> Array:
        total, count = (
            lax.reduce_window(array, 0.0, lax.add, (rows, columns, 1, 1), (down, right, 1, 1), "SAME")
            for array in (x, jnp.ones_like(x))
        )
        return total / count

    x = array(0, height, width, 2, 3)
    check_values_and_gradients(lambda x: average_pool(x, (rows, columns), (down, right)), reference, x)


def test_a_valid_average_pool_has_only_whole_windows():
    x = array(0, 8, 9, 2, 3)
    pooled = average_pool(x, (5, 5), (3, 3), padding="valid")
    assert pooled.shape == (2, 2, 2, 3)
    np.testing.assert_allclose(pooled[1, 0], x[3:8, 0:5].mean((0, 1)), rtol=1e-5, atol=1e-6)
