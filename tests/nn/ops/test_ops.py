"""Every form of every operation against the formula in float64: values and all gradients, over shapes, kernels and strides."""

from collections.abc import Callable
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from automl_cli.nn import ops
from automl_cli.nn.ops import dft_1d, dft_2d, native, normalisation
from automl_cli.nn.ops.convolution import FORMS

TOLERANCE = 5e-6
"""Tolerance relative to the largest value: float32 has 6e-8 per operation, and sums here have up to a few thousand terms."""

sizes = st.integers(1, 9)
channels = st.integers(1, 6)
strides = st.sampled_from((1, 2, 3))
sides = st.sampled_from((1, 2, 3, 4, 5, 7))
stride_pairs = st.tuples(strides, strides)
large = st.booleans()


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def windows(x: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int]):
    """Yield for each position (u, v) of a kernel its inputs at every output, as a view into the padded x."""
    outputs = [-(-size // step) for size, step in zip(x.shape, stride, strict=False)]
    pads = [
        (k // 2, max(0, (n - 1) * s + k - k // 2 - size))
        for k, n, s, size in zip(kernel, outputs, stride, x.shape, strict=False)
    ]
    padded = np.pad(x, [*pads, (0, 0), (0, 0)])
    for u, v in product(range(kernel[0]), range(kernel[1])):
        rows = slice(u, u + (outputs[0] - 1) * stride[0] + 1, stride[0])
        columns = slice(v, v + (outputs[1] - 1) * stride[1] + 1, stride[1])
        yield (u, v), padded, (rows, columns), pads


def convolution_in_float64(x, kernel, stride, gradient=None):
    """Return the result, and for a gradient of the result those of x and of the kernel."""
    result, kernel_gradient, padded_gradient, pads = 0, np.zeros_like(kernel), None, None
    for (u, v), padded, place, pads in windows(x, kernel.shape[:2], stride):  # noqa: B007  the last is used
        result = result + padded[place] @ kernel[u, v]
        if gradient is not None:
            padded_gradient = np.zeros_like(padded) if padded_gradient is None else padded_gradient
            padded_gradient[place] += gradient @ kernel[u, v].T
            kernel_gradient[u, v] = np.einsum("hwbi,hwbo->io", padded[place], gradient)
    if gradient is None:
        return result
    (top, _), (left, _) = pads
    return result, padded_gradient[top : top + len(x), left : left + x.shape[1]], kernel_gradient


def all_of(function: Callable, *arguments: np.ndarray, gradient: np.ndarray):
    """Return value and gradients of a function in float32, compiled as one program."""

    def both(gradient, *arguments):
        value, pull = jax.vjp(function, *arguments)
        return value, *pull(gradient)

    return jax.jit(both)(*(jnp.asarray(array, jnp.float32) for array in (gradient, *arguments)))


def assert_close(found, expected):
    for f, e in zip(found, expected, strict=True):
        assert f.shape == e.shape
        assert np.abs(f - e).max() <= TOLERANCE * max(1e-30, np.abs(e).max())


@settings(max_examples=24, deadline=None)
@given(st.sampled_from(sorted(FORMS)), sizes, sizes, st.integers(1, 5), channels, channels, sides, sides, stride_pairs, large)
def test_every_form_of_convolution_equals_the_formula(form, height, width, batch, ins, outs, rows, columns, stride, large):
    if form == "pointwise":
        rows = columns = 1
    if form == "dft_1d":
        rows, columns = (rows, 1) if rows > columns else (1, columns)
    x, kernel = draw(0, height, width, batch, ins), draw(1, rows, columns, ins, outs)
    gradient = draw(2, *convolution_in_float64(x, kernel, stride).shape)
    with pytest.MonkeyPatch.context() as patch:
        if large:  # as maps and matrices are computed with that are large
            patch.setattr(dft_1d, "LARGE", 0)
            patch.setattr(dft_2d, "LARGEST_CONSTANT", 0)
        found = all_of(lambda x, kernel: FORMS[form](x, kernel, stride), x, kernel, gradient=gradient)
    assert_close(found, convolution_in_float64(x, kernel, stride, gradient))


@settings(max_examples=12, deadline=None)
@given(*[st.integers(7, 9)] * 2, channels, channels, *[st.integers(1, 3)] * 3, st.tuples(*[st.integers(0, 3)] * 4))
def test_the_product_to_all_taps_pads_and_dilates_as_told(height, width, ins, outs, rows, columns, dilation, zeros):
    x, kernel, pads = draw(0, height, width, 2, ins), draw(1, rows, columns, ins, outs), (zeros[:2], zeros[2:])
    shape = [height + sum(pads[0]) - dilation * (rows - 1), width + sum(pads[1]) - dilation * (columns - 1)]
    gradient = draw(2, *shape, 2, outs)
    taps, expected = (
        all_of(lambda x, k, f=form: f(x, k, (1, 1), pads=pads, dilation=dilation), x, kernel, gradient=gradient)
        for form in (FORMS["shift_gemm"], native.convolution)
    )
    assert_close(taps, expected)


@pytest.mark.parametrize("sides", [(1, 1), (1, 7), (7, 1), (3, 3), (4, 4), (5, 7), (9, 9)])
@pytest.mark.parametrize(
    ("filters", "how"), [(3, {}), (3, {"dilation": 2, "rule": "same"}), (64, {}), (64, {"stride": (2, 2)})]
)
def test_convolution_takes_an_unknown_number_of_examples(sides, filters, how):
    x, kernel = (jnp.asarray(draw(seed, *shape), "f4") for seed, shape in enumerate(((8, 8, 2, 4), (*sides, 4, filters))))
    (examples,) = jax.export.symbolic_shape("examples")
    unknown = jax.ShapeDtypeStruct((8, 8, examples, 4), jnp.float32)
    exported = jax.export.export(jax.jit(lambda x: ops.convolution(x, kernel, relu=True, **how)))(unknown)
    np.testing.assert_allclose(exported.call(x), ops.convolution(x, kernel, relu=True, **how), rtol=0, atol=1e-4)


@pytest.mark.parametrize("backend", ["gpu", "tpu"])
@pytest.mark.parametrize("how", [{}, {"dilation": 2}, {"rule": "valid"}, {"rule": "same", "relu": True}])
@pytest.mark.parametrize("filters", [4, 48])
def test_accelerators_take_the_native_form(backend, how, filters, monkeypatch):
    x, kernel = jnp.zeros((8, 8, 64, 48)), jnp.zeros((3, 3, 48, filters))
    monkeypatch.setattr("jax.default_backend", lambda: backend)
    text = str(jax.make_jaxpr(lambda x, kernel: ops.convolution(x, kernel, **how))(x, kernel))
    assert "conv_general_dilated[" in text
    assert not any(f"{name}[" in text for name in ("dot_general", "slice", "scan"))


@settings(max_examples=8, deadline=None)
@given(sizes, sizes, st.integers(2, 5), channels, st.booleans(), st.integers(0, 99), large)
def test_batch_norm_equals_the_formula(height, width, batch, ins, relu, seed, large):
    x = 1.5 * draw(seed, height, width, batch, ins) + 0.5
    scale, offset, gradient = draw(1, ins), draw(2, ins), draw(3, *x.shape)
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    deviation = np.sqrt(variance + 1e-5)
    whitened = (x - mean) / deviation
    before = whitened * scale + offset
    active = gradient * (before > 0) if relu else gradient
    along = active - active.mean((0, 1, 2)) - whitened * (active * whitened).mean((0, 1, 2))
    expected = (np.maximum(before, 0) if relu else before), along * scale / deviation, (active * whitened).sum((0, 1, 2))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LARGE", "WORTH_A_LOOP"):
            patch.setattr(normalisation, name, 0 if large else getattr(normalisation, name))
        found = all_of(lambda *a: ops.batch_norm(*a, relu=relu)[0], x, scale, offset, gradient=gradient)
    for f, e in zip(found, (*expected, active.sum((0, 1, 2))), strict=True):
        # A few examples may have almost no variance; then the gradient is a small difference of large numbers.
        assert np.abs(f - e).max() <= 2e-4 * max(1.0, np.abs(e).max())
    _, found_mean, found_variance = ops.batch_norm(*(jnp.asarray(a, jnp.float32) for a in (x, scale, offset)), relu=relu)
    assert np.allclose(found_mean, mean, atol=1e-5)
    assert np.allclose(found_variance, variance, atol=1e-5)


@pytest.mark.parametrize("relu", [False, True])
def test_batch_norm_takes_known_moments_where_it_is_told_to(relu: bool):
    random = np.random.default_rng(0)
    x, gradient = (jnp.asarray(random.normal(size=(5, 4, 3, 2)), jnp.float32) for _ in range(2))
    scale, offset, mean, variance = (jnp.asarray(random.uniform(0.5, 2, 2), jnp.float32) for _ in range(4))

    def normalised(take: bool, *arguments: jax.Array) -> jax.Array:
        y, *moments = ops.batch_norm(*arguments, relu=relu, known=(jnp.bool(take), mean, variance))
        assert all(np.array_equal(*pair) for pair in zip(moments, (mean, variance), strict=True)) == take
        return y

    known = ops.normalise(x, scale, offset, mean, variance, relu=relu)
    np.testing.assert_allclose(normalised(True, x, scale, offset), known, rtol=1e-6, atol=1e-6)
    expected = all_of(lambda *a: ops.batch_norm(*a, relu=relu)[0], x, scale, offset, gradient=gradient)
    known_moments = (jnp.bool(False), mean, variance)
    found = all_of(lambda *a: ops.batch_norm(*a, relu=relu, known=known_moments)[0], x, scale, offset, gradient=gradient)
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f, e, rtol=1e-5, atol=1e-5)


def test_no_gradient_flows_through_the_moments_of_batch_norm():
    x = jnp.asarray(draw(0, 2, 2, 3, 4), jnp.float32)
    gradient = jax.grad(lambda x: sum(part.sum() for part in ops.batch_norm(x, jnp.ones(4), jnp.zeros(4), relu=False)[1:]))(x)
    assert not gradient.any()


@settings(max_examples=10, deadline=None)
@example(4, 6, 2, 3, 2, 2, 2, 2)  # windows side by side that cover the map
@example(6, 4, 2, 3, 3, 1, 3, 1)
@example(7, 6, 2, 3, 5, 7, 2, 1)  # large ones, along rows and columns one after the other
@given(sizes, sizes, st.integers(1, 4), channels, st.integers(1, 7), st.integers(1, 7), st.integers(1, 3), st.integers(1, 3))
def test_max_pool_equals_the_native_operation(height, width, batch, ins, rows, columns, down, across):
    # Few distinct values, so that windows hold their maximum several times.
    x = np.round(draw(0, height, width, batch, ins))

    def native(x):
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (rows, columns, 1, 1), (down, across, 1, 1), "SAME")

    gradient = draw(1, *jax.eval_shape(native, jax.ShapeDtypeStruct(x.shape, np.float32)).shape)
    expected = all_of(native, x, gradient=gradient)
    assert_close(all_of(lambda x: ops.max_pool(x, (rows, columns), (down, across)), x, gradient=gradient), expected)


def test_smaller_inputs_are_zero_padded_evenly_with_the_odd_pixel_at_the_bottom_and_right():
    joined = ops.join([jnp.ones((2, 3, 1, 1)), 2 * jnp.ones((5, 4, 1, 2))])
    assert joined.shape == (5, 4, 1, 3)
    expected = np.zeros((5, 4))
    expected[1:3, 0:3] = 1
    np.testing.assert_array_equal(joined[:, :, 0, 0], expected)
    np.testing.assert_array_equal(joined[:, :, 0, 1:], 2 * np.ones((5, 4, 2)))
