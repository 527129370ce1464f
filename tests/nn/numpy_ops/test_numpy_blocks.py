"""Operations by NumPy against the programs of the same blocks: outputs, by-products, all gradients, and evaluation mode."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_cli.nn.engines import library
from automl_cli.nn.engines.compiled_block import CompiledBlock
from automl_cli.nn.losses import CrossEntropy, WithAuxiliary
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.values.operations import MaxPool

BEFORE = 5
"""Floats of another block in front of the parameters in a page."""


def array(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def check(
    block: CompiledBlock, inputs: list[list[np.ndarray]], side_inputs: tuple[Any, ...] = (), tolerance: float = 1e-5
) -> None:
    """Assert that both computations of a block agree. `inputs` are the terms of each input."""
    assert block.in_numpy is not None
    page = array(9, BEFORE + block.size + 3)
    operands = tuple(map(tuple, inputs))
    given_to_program = jax.tree.map(jnp.asarray, (page, np.int32(BEFORE), operands, side_inputs))
    output, products, residuals = block.forward(*given_to_program)
    found, found_products, saved = block.in_numpy.forward(page, BEFORE, operands, side_inputs)
    close(found, output, tolerance)
    jax.tree.map(lambda got, right: close(got, right, tolerance), tuple(found_products or ()), tuple(products or ()))
    if block.evaluate is not None or not any(isinstance(each, np.bool) for each in side_inputs):
        program = block.evaluate or (lambda *arguments: block.forward(*arguments)[0])
        close(block.in_numpy.evaluate(page, BEFORE, operands, side_inputs), program(*given_to_program), tolerance)
    for count in (2, 1):
        gradients = [array(20 + number, *np.shape(output)) for number in range(count)]
        written, expected_page = np.zeros_like(page), jnp.zeros_like(page) if block.size else jnp.float32(0)
        expected, expected_page = block.backward(
            *given_to_program, output, residuals, tuple(map(jnp.asarray, gradients)), expected_page
        )
        read = [page, found, *gradients, *jax.tree.leaves(operands)]
        before = [np.copy(each) for each in read]
        got, _ = block.in_numpy.backward(page, BEFORE, operands, side_inputs, found, saved, gradients, written)
        assert len(got) == len(expected)
        for one, right in zip(got, expected, strict=True):
            close(one, right, tolerance)
        if block.size:
            close(written, expected_page, tolerance)
        assert all((one == same).all() for one, same in zip(read, before, strict=True))


def close(found: Any, expected: Any, tolerance: float) -> None:
    assert np.shape(found) == np.shape(expected)
    assert np.asarray(found).dtype == np.float32
    assert np.abs(found - np.asarray(expected)).max(initial=0) <= tolerance * max(1, np.abs(expected).max(initial=0))


def map_of(height: int, width: int, channels: int, *, ties: bool = False, seed: int = 0) -> np.ndarray:
    x = array(seed, height, width, 4, channels)
    return np.maximum(np.round(x), 0) if ties else x


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.sampled_from((relu, None)))
def test_norm(height: int, width: int, terms: int, activation: Any):
    x = [[map_of(height, width, 6, seed=number) + 1 for number in range(terms)]]
    statistics = array(3, 6), np.abs(array(4, 6)) + 0.1
    check(library.norm(6, activation), x, (*statistics, np.bool(False)), 1e-4 if height * width < 3 else 1e-5)


def test_a_channel_without_variance_gives_its_offset():
    x = np.full((3, 3, 4, 6), 1e3, np.float32)
    block = library.norm(6, relu).in_numpy
    assert block is not None
    page = array(9, block.size)
    y, (_, variance), saved = block.forward(page, 0, ((x,),), (np.zeros(6, np.float32), np.ones(6, np.float32)))
    close(y, np.broadcast_to(np.maximum(page[6:], 0), x.shape), 1e-6)
    close(variance, np.full(6, 0.9, np.float32), 1e-6)
    (gradient,), _ = block.backward(page, 0, ((x,),), (), y, saved, [np.ones_like(x)], np.zeros_like(page))
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("shape", [(8, 8, 32, 64), (32, 32, 32, 4), (4, 4, 32, 24)], ids=str)
@pytest.mark.parametrize("mean", [0.0, 3.0, 30.0])
def test_norm_is_about_as_exact_as_the_program(shape: tuple[int, ...], mean: float):
    """By the root mean square of the errors against float64, relative to that of the values."""
    block, channels = library.norm(shape[3], None), shape[3]
    x = (np.random.default_rng(0).normal(size=shape) + mean).astype(np.float32)
    page = np.concatenate([np.ones(channels), np.zeros(channels)]).astype(np.float32)
    statistics = np.zeros(channels, np.float32), np.ones(channels, np.float32), np.bool(False)
    exact = x.astype(np.float64)
    exact = (exact - exact.mean((0, 1, 2))) / np.sqrt(exact.var((0, 1, 2)) + 1e-5)
    program, *_ = block.forward(*jax.tree.map(jnp.asarray, (page, np.int32(0), ((x,),), statistics)))
    assert block.in_numpy is not None
    found, *_ = block.in_numpy.forward(page, 0, ((x,),), statistics)
    allowed, error = (np.sqrt(np.mean((each - exact) ** 2)) for each in (np.asarray(program), found))
    assert error <= 2 * max(allowed, 2.0**-23)


def test_norm_in_evaluation_mode_takes_the_running_statistics():
    block = library.norm(6, relu)
    page, x = array(9, block.size), map_of(3, 4, 6)
    side_inputs = array(3, 6), np.abs(array(4, 6)) + 0.1, np.bool(True)
    expected, *_ = block.forward(*jax.tree.map(jnp.asarray, (page, np.int32(0), ((x,),), side_inputs)))
    assert block.in_numpy is not None
    close(block.in_numpy.evaluate(page, 0, ((x,),), side_inputs), expected, 1e-6)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.tuples(*[st.integers(1, 4)] * 2),
    st.tuples(*[st.integers(1, 3)] * 2),
    st.booleans(),
)
def test_max_pool_where_many_pixels_are_equal(height, width, window, stride, padded):
    size = (height + 1, width + 2) if padded else (height, width)
    check(library.pool(MaxPool(window=window, stride=stride), size), [[map_of(height, width, 3, ties=True)]], tolerance=1e-6)


def test_max_pool_and_share_of_the_examples_have_no_gradient():
    x = map_of(4, 4, 3)
    for block in (library.pool(MaxPool(window=(2, 2), stride=(2, 2)), (4, 4)), library.share(3, 5, (4, 4), dropped=False)):
        check(block, [], (x,))


@pytest.mark.parametrize("dropped", [False, True])
def test_share(dropped: bool):
    factors = (np.where(array(3, 4, 6) > 0, 2, 0).astype(np.float32),) if dropped else ()
    check(library.share(6, 5, (4, 3), dropped=dropped), [[map_of(4, 3, 6), map_of(4, 3, 6, seed=1)]], factors)


SMOOTH = CrossEntropy(smoothing=0.1)
COUNTS = (3, 1, 0, 8, 2)


@pytest.mark.parametrize(
    "loss",
    [
        CrossEntropy(),
        SMOOTH,
        CrossEntropy(class_counts=COUNTS),
        CrossEntropy(class_counts=COUNTS, smoothing=0.2),
        WithAuxiliary(SMOOTH, 0.4),
    ],
)
def test_loss(loss: Any):
    check(library.loss(5, loss), [[5 * array(0, 6, 5)]], (np.array([0, 1, 4, 4, 2, 3], np.int32),))


def test_logits_of_any_size_have_a_loss():
    block = library.loss(3, CrossEntropy()).in_numpy
    assert block is not None
    large = np.array([[1e30, 0, -1e30], [0, 3e38, 0]], np.float32)
    loss, _, _ = block.forward(np.zeros(3, np.float32), 0, ((large,),), (np.array([0, 1], np.int32),))
    assert loss == 0


def test_losses_that_are_not_described_stay_with_xla():
    assert library.loss(3, WithAuxiliary(WithAuxiliary(CrossEntropy(), 1.0), 1.0)).in_numpy is None
    assert library.loss(3, lambda logits, labels: logits.mean()).in_numpy is None
