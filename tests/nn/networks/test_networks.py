"""Flax modules of a network: exact size, the rule of the join, effects of training mode, gradients."""

from random import Random

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_cli.core.spaces import SearchSpace
from automl_cli.nn.networks import build_network
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network
from search_spaces.cnn import SPACE

SMALL = Network(
    blocks=(
        Block("a", ConvolutionUnit(kernel=(3, 3), filters=4, stride=(2, 2)), (IMAGE,)),
        Block("b", ConvolutionUnit(kernel=(1, 3), filters=3), (IMAGE,)),
        Block("c", ConvolutionUnit(kernel=(5, 1), filters=2), ("a", "b")),
    ),
    outputs=("c", "a"),
)


def images(*shape: int, seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(("plain", "strides", "pooling")), st.integers(1, 6), st.integers(0, 2**32), st.integers(2, 11))
def test_the_built_network_has_exactly_the_parameters_that_costs_says(variant: str, layers: int, seed: int, classes: int):
    space = SearchSpace(SPACE, {"variant": variant, "layers": layers})
    network = space.decode(space.decisions.sample(Random(seed)))
    model = build_network(network, (9, 7, 3), classes, seed=seed)
    built = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))
    assert built == network.costs((9, 7, 3), classes).parameters


def test_a_network_computes_what_its_description_says():
    model = build_network(SMALL, (6, 5, 2), 3, seed=1)
    x = images(4, 6, 5, 2)

    def unit(x: jax.Array, name: str) -> jax.Array:
        kernel = model.blocks[name].kernel[...]
        pads = [(size // 2, size // 2) for size in kernel.shape[:2]]
        stride = model.blocks[name].unit.stride
        y = jax.lax.conv_general_dilated(x, kernel, stride, pads, dimension_numbers=("NHWC", "HWIO", "NHWC"))
        y = (y - y.mean((0, 1, 2), keepdims=True)) / jnp.sqrt(y.var((0, 1, 2), keepdims=True) + 1e-5)
        return jax.nn.relu(y)

    a, b = unit(x, "a"), unit(x, "b")
    padded = jnp.zeros((4, 6, 5, 4)).at[:, 1:4, 1:4].set(a)
    c = unit(jnp.concatenate([padded, b], -1), "c")
    padded = jnp.zeros((4, 6, 5, 4)).at[:, 1:4, 1:4].set(a)
    features = jnp.concatenate([c, padded], -1).mean((1, 2))
    expected = features @ model.classifier.weights[...]
    np.testing.assert_allclose(model(x, train=True), expected, rtol=2e-4, atol=2e-5)


def test_only_training_changes_the_running_statistics_and_evaluation_uses_them():
    model = build_network(SMALL, (6, 5, 2), 3, seed=1)
    x = 3 + images(4, 6, 5, 2)
    before = jax.tree.leaves(nnx.state(model, nnx.BatchStat))
    evaluate = model(x, train=False)
    assert all((p == q).all() for p, q in zip(before, jax.tree.leaves(nnx.state(model, nnx.BatchStat)), strict=True))
    for _ in range(200):
        trained = model(x, train=True)
    np.testing.assert_allclose(model(x, train=False), trained, rtol=1e-3, atol=1e-4)
    assert not np.allclose(evaluate, trained, atol=1e-2)


def test_parameters_are_a_function_of_the_seed():
    leaves = [jax.tree.leaves(nnx.state(build_network(SMALL, (6, 5, 2), 3, seed=seed))) for seed in (1, 1, 2)]
    assert all((p == q).all() for p, q in zip(leaves[0], leaves[1], strict=True))
    assert not all((p == q).all() for p, q in zip(leaves[0], leaves[2], strict=True))
