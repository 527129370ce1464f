"""Activation functions other than ReLU: their positions in a network, the same in both engines."""

import gc
import weakref

import jax.numpy as jnp
import numpy as np
import pytest

from automl_cli.core.spaces import SearchSpace
from automl_cli.nn.engines import library
from automl_cli.nn.engines.lowering import lower
from automl_cli.nn.networks import build_network
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.values.network import (
    IMAGE,
    ActivationOperation,
    Block,
    ConvolutionUnit,
    FactorizedReduction,
    Identity,
    Network,
    SeparableUnit,
)
from search_spaces import cnn
from tests.nn.engines.test_cell_engines import cells_of, network_of
from tests.nn.engines.test_engines import assert_same_step, loss, one_step_by_each, task

SIZE = (6, 5, 3)


def one_at_zero(x):
    """Return a function of x that is not 0 at 0, so that the order of padding and activation matters."""
    return jnp.cos(x) + x / 2


def identity(x):
    return x


def plain_relu(x):
    """Return ReLU, as a function that is not built into networks."""
    return jnp.where(x > 0, x, 0)


def logits(network: Network, images, activation, *, train: bool):
    return build_network(network, SIZE, 3, seed=1, activation=activation)(images, train=train)


def of(*blocks: Block) -> Network:
    return Network(blocks, (blocks[-1].name,))


FIRST = {
    "convolution": ConvolutionUnit((3, 3), 4, order="act-conv-bn"),
    "1 x 1": ConvolutionUnit((1, 1), 4, order="act-conv-bn"),
    "separable": SeparableUnit(3, 4),
    "factorized": FactorizedReduction(4, order="act-conv-bn"),
    "activation": ActivationOperation(),
}


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("name", FIRST)
def test_an_operation_that_activates_first_sees_the_function_of_its_input(name: str, train: bool):
    network, (images, _) = of(Block("a", FIRST[name], (IMAGE,))), task(SIZE)
    found = logits(network, images, one_at_zero, train=train)
    np.testing.assert_allclose(found, logits(network, one_at_zero(images), identity, train=train), atol=1e-5)
    assert np.abs(found - logits(network, images, identity, train=train)).max() > 0.01


@pytest.mark.parametrize("train", [False, True])
def test_an_operation_that_activates_last_gives_the_function_of_its_batch_norm(train: bool):
    images, _ = task(SIZE)
    last = of(Block("a", ConvolutionUnit((3, 3), 4, order="conv-bn-act"), (IMAGE,)))
    apart = of(Block("a", ConvolutionUnit((3, 3), 4, order="conv-bn"), (IMAGE,)), Block("b", ActivationOperation(), ("a",)))
    found = logits(last, images, one_at_zero, train=train)
    np.testing.assert_allclose(found, logits(apart, images, one_at_zero, train=train), atol=1e-5)
    assert np.abs(found - logits(last, images, identity, train=train)).max() > 0.01


def test_an_operation_that_does_not_activate_ignores_it():
    network, (images, _) = of(Block("a", ConvolutionUnit((3, 3), 4, order="conv-bn"), (IMAGE,))), task(SIZE)
    found = logits(network, images, one_at_zero, train=True)
    np.testing.assert_array_equal(found, logits(network, images, identity, train=True))


def networks() -> dict[str, tuple[Network, tuple[int, int, int]]]:
    layered = SearchSpace(cnn.SPACE, {"variant": "strides", "layers": 4})
    small = Block("small", ConvolutionUnit((3, 3), 2, (2, 2)), (IMAGE,))
    mixed = [
        small,
        Block("both", ActivationOperation(), ("small", IMAGE)),
        Block("wide", Identity(), ("small", "both")),
        Block("last", ConvolutionUnit((3, 3), 4, order="act-conv-bn"), ("wide", "small")),
    ]
    return {
        "layered": (layered.decode(layered.sample(0, 3)), SIZE),
        "cells": (network_of(cells_of(18)), (8, 8, 1)),
        "sizes that differ": (of(*mixed), SIZE),
    }


@pytest.mark.parametrize("name", networks())
def test_both_engines_agree_on_another_function(name: str):
    network, size = networks()[name]
    whole, blocks = one_step_by_each(network, size, count=32, activation=one_at_zero)
    assert_same_step(blocks, whole, arrays=5e-5, outputs=5e-5)


@pytest.mark.parametrize("name", networks())
def test_relu_given_as_any_function_is_the_relu_that_is_part_of_the_operations(name: str):
    network, size = networks()[name]
    _, any_function = one_step_by_each(network, size, count=32, activation=plain_relu)
    _, built_in = one_step_by_each(network, size, count=32, activation=relu)
    assert_same_step(any_function, built_in, arrays=5e-5, outputs=5e-5)


def test_another_function_makes_other_norms_and_shares_all_else():
    network, size = networks()["layered"]
    first, second = (
        {call.block for call in lower(network, size, 3, loss, activation=function).calls if call.block is not None}
        for function in (one_at_zero, jnp.tanh)
    )
    assert {block.name for block in first ^ second} == {"norm"}
    assert {block.name for block in first & second} == {"convolution", "share", "loss"}


def test_functions_without_end_are_not_kept_without_end():
    def function():
        return lambda x: x

    first = function()
    gone = weakref.ref(first)
    library.norm(4, first)
    del first
    for _ in range(library.CACHED_BLOCKS):
        library.norm(4, function())
    gc.collect()
    assert gone() is None
