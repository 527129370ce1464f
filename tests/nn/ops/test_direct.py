"""The direct form against XLA's own convolution: strides, dilations, zeros, chunks, and kernels larger than the map."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jax import Array

from automl_cli.nn.ops import direct, native

SIDES = st.integers(1, 9)
TAPS = st.sampled_from((1, 2, 3, 5, 7))
FEW_OR_MANY = st.sampled_from((1, 3, direct.FEW, direct.FEW + 1))
STEPS = st.one_of(
    st.tuples(st.tuples(st.integers(1, 3), st.integers(1, 3)), st.just(1)), st.tuples(st.just((1, 1)), st.integers(1, 3))
)
ZEROS = st.integers(0, 3)


def array(seed: int, *shape: int) -> Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def value_and_gradients(form: Callable[[Array, Array], Array], x: Array, kernel: Array) -> tuple[Array, ...]:
    def both(x: Array, kernel: Array) -> tuple[Array, ...]:
        value, pull = jax.vjp(form, x, kernel)
        return value, *pull(array(2, *value.shape))

    return jax.jit(both)(x, kernel)


def check(x: Array, kernel: Array, stride: tuple[int, int], pads: native.Pads, dilation: int, chunks: int) -> None:
    found, expected = (
        value_and_gradients(form, x, kernel)
        for form in (
            lambda x, kernel: direct.convolution(x, kernel, stride, pads=pads, dilation=dilation, chunks=chunks),
            lambda x, kernel: native.convolution(x, kernel, stride, pads=pads, dilation=dilation),
        )
    )
    for got, wanted in zip(found, expected, strict=True):
        assert got.shape == wanted.shape
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * max(1.0, float(jnp.abs(wanted).max())))


@settings(max_examples=12, deadline=None)
@given(SIDES, SIDES, TAPS, TAPS, FEW_OR_MANY, FEW_OR_MANY, STEPS, st.tuples(*[ZEROS] * 4), st.integers(1, 4))
def test_any_stride_dilation_and_zeros_as_told(height, width, rows, columns, ins, outs, steps, zeros, chunks):
    (stride, dilation), pads = steps, (zeros[:2], zeros[2:])
    assume(height + sum(pads[0]) > dilation * (rows - 1))
    assume(width + sum(pads[1]) > dilation * (columns - 1))
    outputs = direct.output_count(height, rows, pads[0], stride[0], dilation)
    chunks = max(number for number in range(1, chunks + 1) if outputs % number == 0)
    check(array(0, height, width, 2, ins), array(1, rows, columns, ins, outs), stride, pads, dilation, chunks)


@pytest.mark.parametrize(
    ("size", "sides", "stride", "chunks"),
    [
        ((16, 16), (3, 5), (1, 1), 8),
        ((15, 9), (7, 3), (2, 3), 4),
        ((9, 12), (1, 7), (3, 1), 3),
        ((2, 1), (7, 7), (1, 1), 2),  # most taps meet no position
        ((1, 2), (1, 7), (3, 3), 1),
        ((3, 4), (2, 1), (3, 3), 1),  # rows and columns that no window reaches
    ],
)
def test_chunks_strides_and_large_kernels(size, sides, stride, chunks):
    check(array(0, *size, 3, 4), array(1, *sides, 4, 18), stride, native.half(sides), 1, chunks)


def test_taps_that_meet_no_position_get_no_gradient():
    _, _, gradient = value_and_gradients(
        lambda x, kernel: direct.convolution(x, kernel, (1, 1)), array(0, 2, 2, 3, 4), array(1, 7, 7, 4, 4)
    )
    np.testing.assert_array_equal(np.abs(gradient).sum((2, 3)) > 0, np.pad(np.ones((3, 3), bool), 2))


@pytest.mark.parametrize("step", [(1, 1), (2, 3)])
def test_no_map_is_copied_to_have_the_examples_first(step):
    x, kernel = array(0, 8, 8, 4, 5), array(1, 3, 3, 5, 20)
    text = str(jax.make_jaxpr(lambda x: direct.convolution(x, kernel, step))(x))
    assert "transpose[" not in text
    assert text.count("conv_general_dilated[") == step[1]


def test_columns_of_an_image_at_a_stride_are_one_convolution():
    x, kernel = array(0, 9, 8, 4, 3), array(1, 3, 5, 3, 20)
    text = str(jax.make_jaxpr(lambda x: direct.convolution(x, kernel, (1, 3)))(x))
    assert text.count("conv_general_dilated[") == 1
