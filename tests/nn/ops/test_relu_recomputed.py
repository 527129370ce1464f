"""ReLU in front of a linear map: the gradients of `jax.nn.relu`, which save only the input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_cli.nn import ops
from automl_cli.nn.engines import library
from automl_cli.nn.ops.dispatch import choose_form
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.nn.ops.timing_model import ROWS
from automl_cli.nn.ops.units import kernel_shapes, transform
from automl_cli.store.timings_in_force import timings_restored, use_timings
from automl_cli.values.operations import ConvolutionUnit, FactorizedReduction, padding
from automl_cli.values.timings import calibrated

kernels = st.sampled_from(((1, 1), (3, 3), (1, 3), (3, 1), (5, 5)))


def map_with_zeros(*shape: int) -> jax.Array:
    """Return a map of which a third is negative, a third 0, and a third positive."""
    return jnp.asarray(np.random.default_rng(0).integers(-1, 2, shape), jnp.float32)


def gradients(function, *arguments):
    value, pull = jax.vjp(function, *arguments)
    return value, *pull(jnp.cos(jnp.arange(value.size, dtype=jnp.float32)).reshape(value.shape))


def assert_same(found, expected):
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f, e, rtol=0, atol=5e-6 * max(1e-30, np.abs(e).max()))


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 9), kernels, st.integers(1, 6), st.integers(1, 6), st.integers(1, 2), st.integers(1, 2))
def test_convolution_of_the_positive_part_equals_relu_and_convolution(size, sides, ins, outs, stride, dilation):
    x, kernel = (
        map_with_zeros(size, size + 1, 3, ins),
        jnp.asarray(np.random.default_rng(1).normal(size=(*sides, ins, outs)), "f4"),
    )
    how = {"stride": (stride, stride), "dilation": dilation, "rule": "same"}
    found = gradients(lambda x, kernel: ops.convolution(x, kernel, relu=True, **how), x, kernel)
    assert_same(found, gradients(lambda x, kernel: ops.convolution(jax.nn.relu(x), kernel, **how), x, kernel))


@pytest.mark.parametrize("size", [7, 8])
def test_a_factorized_reduction_of_the_positive_part_equals_relu_and_reduction(size):
    unit, plain = FactorizedReduction(5, order="act-conv-bn"), FactorizedReduction(5)
    random, x = np.random.default_rng(1), map_with_zeros(size, size, 3, 4)
    kernels = {name: jnp.asarray(random.normal(size=shape), "f4") for name, shape in kernel_shapes(unit, 4).items()}
    found = gradients(lambda x, *k: transform(unit, dict(zip(kernels, k, strict=True)), x, relu), x, *kernels.values())
    expected = gradients(
        lambda x, *k: transform(plain, dict(zip(kernels, k, strict=True)), jax.nn.relu(x), None), x, *kernels.values()
    )
    assert_same(found, expected)


def test_the_gradient_of_relu_is_0_at_0():
    np.testing.assert_array_equal(jax.grad(lambda x: relu(x).sum())(jnp.array([-1.0, -0.0, 0.0, 2.0])), [0, 0, 0, 1])


UNITS = {
    "pointwise": (ConvolutionUnit((1, 1), 5, order="act-conv-bn"), 4),
    "shift_gemm": (ConvolutionUnit((3, 3), 4, order="act-conv-bn"), 4),
    "shift_gemm, dilated": (ConvolutionUnit((3, 3), 4, order="act-conv-bn", dilation=2, padding="same"), 4),
    "direct": (ConvolutionUnit((3, 3), 12, order="act-conv-bn"), 4),
    "direct, strided": (ConvolutionUnit((3, 3), 4, (2, 2), order="act-conv-bn", padding="same"), 4),
    "native": (ConvolutionUnit((3, 3), 12, (2, 2), order="act-conv-bn", dilation=2, padding="same"), 4),
    "dft_1d, row by row": (ConvolutionUnit((1, 7), 64, order="act-conv-bn"), 64),
    "factorized": (FactorizedReduction(5, order="act-conv-bn"), 4),
}


@pytest.fixture
def table_restored():
    with timings_restored():
        yield


@pytest.mark.usefixtures("table_restored")
@pytest.mark.parametrize("name", [*UNITS, "activation"])
def test_a_block_that_rectifies_first_keeps_no_map_for_its_gradient(name, monkeypatch):
    monkeypatch.setattr("automl_cli.nn.ops.dft_1d.LARGE", 0)
    unit, channels = UNITS.get(name, (None, 4))
    fastest = name.partition(",")[0]
    use_timings(calibrated("none", {row: ((1.0 if row.startswith(fastest) else 1e9),) * n for row, n in ROWS.items()}))
    if isinstance(unit, ConvolutionUnit):
        sides = tuple(unit.dilation * (side - 1) + 1 for side in unit.kernel)
        pads = tuple(padding(32, side, step, unit.padding) for side, step in zip(sides, unit.stride, strict=True))
        shapes = (32, 32, 1, channels), (*unit.kernel, channels, unit.filters)
        assert choose_form(*shapes, unit.stride, pads=pads, dilation=unit.dilation) == fastest
    block = library.activation((32, 32), relu) if unit is None else library.part(unit, channels, (32, 32), relu)
    x = map_with_zeros(32, 32, 1, channels)
    page = jnp.zeros(block.size) if block.size else np.float32(0)
    _, _, kept = block.forward(page, jnp.int32(0) if block.size else np.float32(0), ((x,),), ())
    assert [array.shape for array in kept if array.size >= x.size] == []


def test_a_batch_norm_that_rectifies_keeps_no_map_for_its_gradient():
    block, x = library.norm(4, relu), map_with_zeros(32, 32, 1, 4)
    _, _, kept = block.forward(jnp.ones(block.size), jnp.int32(0), ((x,),), (jnp.zeros(4), jnp.ones(4), np.bool(False)))
    assert [array.shape for array in kept if array.size >= x.size] == []
