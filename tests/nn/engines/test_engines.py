"""Two engines, one description: equal losses, gradients, outputs and states; blocks are shared between architectures."""

import os
import subprocess
import sys
from random import Random
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from automl_cli.core.spaces import SearchSpace
from automl_cli.nn.engines import BlocksEngine, StepContext, WholeEngine
from automl_cli.nn.engines.lowering import lower
from automl_cli.nn.networks import DropSettings, build_network
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.nn.ops.units import ActivationFunction
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, MaxPool, Network
from search_spaces.cnn import SPACE

ARCHITECTURES = 100 if os.environ.get("AUTOML_NIGHTLY") else 10
KEEP_GRADIENT = optax.trace(0.0)
"""An update rule whose memory is the gradient of the last step."""


def loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


class Step(NamedTuple):
    """Results of one step of an engine."""

    loss: float
    arrays: dict[str, np.ndarray]
    outputs: np.ndarray


def task(size: tuple[int, int, int], count: int = 6) -> tuple[jax.Array, jax.Array]:
    random = np.random.default_rng(0)
    images = jnp.asarray(random.normal(size=(count, *size)), jnp.float32)
    return images, jnp.asarray(random.integers(0, 3, count), jnp.int32)


def engines(
    network: Network,
    size: tuple[int, int, int],
    rule: optax.GradientTransformation = KEEP_GRADIENT,
    drop: DropSettings | None = None,
    activation: ActivationFunction = relu,
):
    model = build_network(network, size, 3, seed=1, activation=activation)
    return tuple(engine(model, loss=loss, update_rule=rule, drop=drop) for engine in (WholeEngine, BlocksEngine))


def one_step_by_each(network: Network, size: tuple[int, int, int], *, count: int = 6, **options: Any) -> list[Step]:
    """Return loss, state and outputs after a step of the engine `whole`, then of `blocks`."""
    images, labels = task(size, count)
    found = []
    for engine in engines(network, size, **options):
        state, value = engine.step(engine.initial(), images, labels, 0.1, StepContext(np.array([1, 2], np.uint32), 0.9))
        found.append(Step(float(value), engine.arrays(state), np.asarray(engine.outputs(state, images))))
    return found


def assert_close(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float = 1e-5) -> None:
    """To a part of each array's largest value; of a hundredth of the largest of all where an array is smaller than that: the
    gradient of a 1 x 1 kernel with one channel is zero but for rounding, since batch norm undoes whatever it does."""
    assert found.keys() == expected.keys()
    floor = max(np.abs(array).max() for array in expected.values()) / 100
    for name, array in expected.items():
        assert np.abs(found[name] - array).max() <= tolerance * max(floor, np.abs(array).max()), name


def assert_same_step(found: Step, expected: Step, *, arrays: float, outputs: float) -> None:
    """Assert that two steps agree to these tolerances of `assert_close`."""
    assert abs(found.loss - expected.loss) <= 1e-5 * expected.loss
    assert_close(found.arrays, expected.arrays, arrays)
    assert_close({"outputs": found.outputs}, {"outputs": expected.outputs}, outputs)


@pytest.mark.parametrize("number", range(ARCHITECTURES))
def test_both_engines_give_the_same_loss_gradients_statistics_and_outputs(number: int):
    variant = ("plain", "strides", "pooling")[number % 3]
    size = ((8, 8, 1), (6, 5, 3))[number % 2]
    space = SearchSpace(SPACE, {"variant": variant, "layers": 2 if variant == "pooling" else 3})
    network = space.decode(space.decisions.sample(Random(number)))
    whole, blocks = one_step_by_each(network, size)
    assert_same_step(blocks, whole, arrays=1e-5, outputs=2e-5)


SMALL = Network(
    blocks=(
        Block("a", ConvolutionUnit(kernel=(3, 3), filters=4), (IMAGE,)),
        Block("b", MaxPool(window=(2, 2), stride=(2, 2)), ("a", IMAGE)),
        Block("c", ConvolutionUnit(kernel=(1, 5), filters=4, stride=(1, 2)), ("b", "a")),
    ),
    outputs=("c", "b"),
)


def test_pools_and_outputs_of_several_pieces_are_as_in_the_whole_network():
    images, labels = task((5, 6, 2))
    whole, blocks = (
        engine.arrays(engine.step(engine.initial(), images, labels, 0.1)[0]) for engine in engines(SMALL, (5, 6, 2))
    )
    assert_close(blocks, whole)


def test_the_state_of_one_engine_goes_on_in_the_other():
    rule = optax.chain(optax.add_decayed_weights(1e-2), optax.trace(0.9, nesterov=True))
    images, labels = task((5, 6, 2))
    whole, blocks = engines(SMALL, (5, 6, 2), rule)
    state = whole.initial()
    for _ in range(2):
        state, _ = whole.step(state, images, labels, 0.1)
    arrays = whole.arrays(state)
    moved = blocks.arrays(blocks.state(arrays))
    assert moved.keys() == arrays.keys()
    assert all((moved[name] == arrays[name]).all() for name in arrays)
    after = blocks.arrays(blocks.step(blocks.state(arrays), images, labels, 0.1)[0])
    assert_close(after, whole.arrays(whole.step(state, images, labels, 0.1)[0]), 1e-4)


def test_another_architecture_of_the_same_blocks_compiles_nothing():
    def network(*third_reads: str) -> Network:
        unit = ConvolutionUnit(kernel=(3, 1), filters=4)
        return Network((Block("a", unit, (IMAGE,)), Block("b", unit, ("a",)), Block("c", unit, third_reads)), ("b", "c"))

    images, labels = task((4, 4, 1))
    for reads in (("a",), (IMAGE,)):
        _, engine = engines(network(*reads), (4, 4, 1))
        blocks = {call.block for call in lower(network(*reads), (4, 4, 1), 3, loss, activation=relu).calls}
        before = sum(len(block.forward) + len(block.backward) for block in blocks)
        engine.step(engine.initial(), images, labels, 0.1)
    assert before > 0
    assert sum(len(block.forward) + len(block.backward) for block in blocks) == before


def test_importing_starts_no_backend():
    """A process that only inspects, or leaves the accelerator to workers, must not claim it."""
    code = """
from automl_cli.children import prediction, trainer
from jax._src import xla_bridge
assert not xla_bridge._backends
"""
    subprocess.run([sys.executable, "-c", code], check=True)
