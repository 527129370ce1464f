"""The engine of blocks with NumPy on small maps: it computes what the engine of the whole does and compiles next to nothing."""

import warnings
from collections import Counter
from random import Random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from automl_cli.core.spaces import SearchSpace
from automl_cli.nn.compilation import Program
from automl_cli.nn.engines import BlocksEngine, StepContext, WholeEngine, lowering
from automl_cli.nn.engines.compiled_block import CompiledBlock
from automl_cli.nn.engines.numpy_block import NumpyBlock
from automl_cli.nn.engines.pages import PAGE, PART
from automl_cli.nn.losses import CrossEntropy
from automl_cli.nn.networks import DropSettings, build_network
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, MaxPool, Network, SeparableUnit
from search_spaces.cnn import SPACE

BATCH, CLASSES = 6, 3
RULE = optax.chain(optax.add_decayed_weights(1e-2), optax.trace(0.9, nesterov=True))
LOSS = CrossEntropy(class_counts=(3, 2, 1), smoothing=0.1)
SMALL = Network(
    blocks=(
        Block("a", ConvolutionUnit(kernel=(3, 3), filters=4), (IMAGE,)),
        Block("b", MaxPool(window=(2, 2), stride=(2, 2)), ("a", IMAGE)),
        Block("c", ConvolutionUnit(kernel=(1, 5), filters=6, stride=(1, 2)), ("b", IMAGE, "a")),
        Block("d", ConvolutionUnit(kernel=(3, 3), filters=5, order="conv-bn"), ("c", "b")),
        Block("e", ConvolutionUnit(kernel=(1, 1), filters=5, order="conv"), ("d",)),
    ),
    outputs=("c", "b", "e", IMAGE),
)
SIZE = (5, 6, 2)


def task(size: tuple[int, int, int]) -> tuple[jax.Array, jax.Array]:
    random = np.random.default_rng(0)
    images = jnp.asarray(random.normal(size=(BATCH, *size)), jnp.float32)
    return images, jnp.asarray(random.integers(0, CLASSES, BATCH), jnp.int32)


def engine_of(kind: Any, network: Network, size: tuple[int, int, int], **options: Any) -> Any:
    model = build_network(network, size, CLASSES, seed=1, activation=options.pop("activation", relu))
    return kind(model, **{"loss": LOSS, "update_rule": RULE, **options})


def by_numpy(network: Network, size: tuple[int, int, int], **options: Any) -> Any:
    return engine_of(BlocksEngine, network, size, batch=BATCH, **options)


def kinds(engine: Any) -> Counter[type]:
    """How many calls with parameters there are of each kind of block."""
    return Counter(type(call.block) for call in engine._graph.calls if call.block is not None and call.block.size)


def trained(engine: Any, size: tuple[int, int, int], steps: int = 3) -> tuple[list[float], dict[str, np.ndarray], np.ndarray]:
    """Losses, state and outputs of a few steps."""
    state, losses, (images, labels) = engine.initial(), [], task(size)
    for step in range(steps):
        state, loss = engine.step(state, images, labels, 0.1, StepContext(np.array([1, step], np.uint32), 0.9))
        losses.append(float(loss))
    return losses, engine.arrays(state), np.asarray(engine.outputs(state, images))


def assert_same(found: Any, expected: Any, tolerance: float = 1e-4) -> None:
    """To a part of each array's largest value, or of a hundredth of the largest of all."""
    assert np.allclose(found[0], expected[0], rtol=tolerance, atol=0)
    assert found[1].keys() == expected[1].keys()
    floor = max(np.abs(array).max() for array in expected[1].values()) / 100
    for name, array in expected[1].items():
        assert np.abs(found[1][name] - array).max() <= tolerance * max(floor, np.abs(array).max()), name
    assert np.abs(found[2] - expected[2]).max() <= tolerance * np.abs(expected[2]).max()


@pytest.mark.parametrize("number", range(9))
def test_small_networks_are_trained_as_by_the_engine_of_the_whole(number: int):
    variant, size = ("plain", "strides", "pooling")[number % 3], ((8, 8, 1), (6, 5, 3), (9, 7, 6))[number // 3]
    space = SearchSpace(SPACE, {"variant": variant, "layers": 2 if variant == "pooling" else 3})
    network = space.decode(space.decisions.sample(Random(number)))
    engine = by_numpy(network, size)
    assert set(kinds(engine)) == {NumpyBlock}
    assert_same(trained(engine, size), trained(engine_of(WholeEngine, network, size), size))


@pytest.mark.parametrize("drop", [None, DropSettings(1.0, 0.3)])
@pytest.mark.parametrize("average_decay", [None, 0.5])
def test_maps_of_several_sizes_images_and_all_orders(drop: DropSettings | None, average_decay: float | None):
    options = {"drop": drop, "average_decay": average_decay}
    engine = by_numpy(SMALL, SIZE, **options)
    assert set(kinds(engine)) == {NumpyBlock}
    assert_same(trained(engine, SIZE), trained(engine_of(WholeEngine, SMALL, SIZE, **options), SIZE))


@pytest.mark.parametrize("limit", [60, 150, 400, 700])
def test_large_maps_are_left_to_programs_in_the_same_network(limit: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lowering, "SMALL", limit)
    engine = by_numpy(SMALL, SIZE)
    assert set(kinds(engine)) == {NumpyBlock, CompiledBlock}
    assert_same(trained(engine, SIZE), trained(engine_of(WholeEngine, SMALL, SIZE), SIZE))


def test_only_the_update_is_compiled(monkeypatch: pytest.MonkeyPatch):
    compiled: list[str] = []
    original = Program._compile

    def counted(program: Program, arguments: tuple[Any, ...]) -> Any:
        compiled.append(program._function.__name__)
        return original(program, arguments)

    monkeypatch.setattr(Program, "_compile", counted)
    trained(by_numpy(SMALL, SIZE, update_rule=optax.trace(0.25)), SIZE)
    assert compiled == ["update"]


def test_the_only_page_is_hardly_longer_than_its_parameters():
    filled = Network((Block("a", ConvolutionUnit(kernel=(5, 5), filters=64), (IMAGE,)),), ("a",))
    sizes = {name: by_numpy(network, SIZE)._graph.pages for name, network in (("small", SMALL), ("filled", filled))}
    assert sizes == {"small": (PART,), "filled": (PART,)}
    large = Network(
        (filled.blocks[0], *(Block(str(at), ConvolutionUnit(kernel=(5, 5), filters=64), ("a",)) for at in range(3))),
        ("0", "1", "2"),
    )
    (size,) = by_numpy(large, SIZE)._graph.pages
    used = 5 * 5 * 64 * (2 + 3 * 64) + 4 * 2 * 64 + 3 * 64 * CLASSES + CLASSES
    assert used <= size < used + PART
    assert size > PAGE


def test_the_same_bits_twice_and_from_a_state_that_was_kept():
    images, labels = task(SIZE)
    engine, other = by_numpy(SMALL, SIZE), by_numpy(SMALL, SIZE)
    losses, arrays, outputs = trained(engine, SIZE, steps=2)
    again = trained(other, SIZE, steps=2)
    assert losses == again[0]
    assert all((arrays[name] == again[1][name]).all() for name in arrays)
    assert (outputs == again[2]).all()
    state = other.state(arrays)
    after, _ = other.step(state, images, labels, 0.1)
    straight = trained(engine, SIZE, steps=3)
    assert all((other.arrays(after)[name] == straight[1][name]).all() for name in straight[1])


def test_what_a_step_returned_does_not_change_in_the_next():
    images, labels = task(SIZE)
    engine = by_numpy(SMALL, SIZE)
    state, loss = engine.step(engine.initial(), images, labels, 0.1)
    outputs, statistics = engine.outputs(state, images), dict(state.statistics)
    before = float(loss), np.array(outputs), {name: np.array(array) for name, array in statistics.items()}
    engine.step(state, images, labels, 0.1)
    assert float(loss) == before[0]
    assert (np.asarray(outputs) == before[1]).all()
    assert all((np.asarray(statistics[name]) == array).all() for name, array in before[2].items())


def test_a_training_that_diverges_says_so_by_its_loss_alone():
    images, labels = task(SIZE)
    engine = by_numpy(SMALL, SIZE)
    state = engine.initial()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(4):
            state, loss = engine.step(state, images * 1e30, labels, 1e30)
        assert not np.isfinite(loss)
        assert not np.isfinite(np.asarray(engine.outputs(state, images))).all()


def test_networks_with_an_operation_that_numpy_lacks_are_left_to_programs():
    separable = Network((*SMALL.blocks, Block("f", SeparableUnit(kernel=3, filters=4), ("e",))), ("f",))
    before = Network((Block("a", ConvolutionUnit(kernel=(3, 3), filters=4, order="act-conv-bn"), (IMAGE,)),), ("a",))
    same = Network((Block("a", ConvolutionUnit(kernel=(3, 3), filters=4, padding="same"), (IMAGE,)),), ("a",))
    for network, options in ((separable, {}), (before, {}), (same, {}), (SMALL, {"activation": jnp.tanh})):
        assert set(kinds(by_numpy(network, SIZE, **options))) == {CompiledBlock}
    assert set(kinds(engine_of(BlocksEngine, SMALL, SIZE))) == {CompiledBlock}
