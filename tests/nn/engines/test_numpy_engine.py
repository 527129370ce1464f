"""The engine of blocks with NumPy: it computes what the engine of the whole does and compiles next to nothing."""

import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import optax
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from automl_cli.core.spaces import SearchSpace
from automl_cli.nn.compilation import Program
from automl_cli.nn.engines import BlocksEngine, StepContext, WholeEngine, blocks, lowering, pages
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
        Block("f", ConvolutionUnit(kernel=(1, 3), filters=5, order="conv-bn"), ("e",)),
    ),
    outputs=("c", "b", "f", IMAGE),
)
SIZE = (5, 6, 2)


def task(size: tuple[int, int, int]) -> tuple[jax.Array, jax.Array]:
    random = np.random.default_rng(0)
    images = jnp.asarray(random.normal(size=(BATCH, *size)), jnp.float32)
    return images, jnp.asarray(random.integers(0, CLASSES, BATCH), jnp.int32)


def engine_of(kind: Any, network: Network, size: tuple[int, int, int], **options: Any) -> Any:
    made = {name: options.pop(name) for name in ("activation", "auxiliary") if name in options}
    model = build_network(network, size, CLASSES, seed=1, **{"activation": relu, **made})
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


@pytest.mark.parametrize("one_thread", [True, False])
@pytest.mark.parametrize("limit", [60, 150, 400, 700])
def test_large_maps_are_left_to_programs_in_the_same_network(limit: int, one_thread: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(blocks, "has_one_thread", lambda: one_thread)
    monkeypatch.setattr(lowering, "SMALL", limit)
    engine = by_numpy(SMALL, SIZE)
    assert set(kinds(engine)) == {NumpyBlock, CompiledBlock}
    assert_same(trained(engine, SIZE), trained(engine_of(WholeEngine, SMALL, SIZE), SIZE))


def test_a_block_is_as_large_as_the_largest_map_that_it_reads_or_makes(monkeypatch: pytest.MonkeyPatch):
    halved = ConvolutionUnit(kernel=(1, 1), filters=1, stride=(2, 2))
    network = Network((Block("a", ConvolutionUnit(kernel=(3, 3), filters=4), (IMAGE,)), Block("b", halved, ("a",))), ("b",))
    found = {}
    monkeypatch.setattr(blocks, "has_one_thread", lambda: False)
    for limit in (BATCH * 5 * 6 * 4, BATCH * 5 * 6 * 4 - 1):
        monkeypatch.setattr(lowering, "SMALL", limit)
        found[limit] = [type(call.block) for call in by_numpy(network, SIZE)._graph.calls if call.block is not None]
    assert found == {
        BATCH * 5 * 6 * 4: [NumpyBlock] * 6,
        BATCH * 5 * 6 * 4 - 1: [CompiledBlock, CompiledBlock, CompiledBlock, NumpyBlock, NumpyBlock, NumpyBlock],
    }


@pytest.mark.parametrize(("one_thread", "compiled"), [(True, set()), (False, {"convolution", "convolution_norm"})])
def test_on_one_thread_no_convolution_is_compiled_however_large_its_maps(
    one_thread: bool, compiled: set[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lowering, "SMALL", 1)
    monkeypatch.setattr(blocks, "has_one_thread", lambda: one_thread)
    names = {call.block.name for call in by_numpy(SMALL, SIZE)._graph.calls if isinstance(call.block, CompiledBlock)}
    assert names == {"norm", "max_pool", "share", "loss", *compiled}


def test_an_engine_in_two_threads_computes_what_it_does_in_one():
    engine = by_numpy(SMALL, SIZE)
    expected = trained(engine, SIZE, steps=20)

    def one(_: int) -> Any:
        return trained(engine, SIZE, steps=20)

    with ThreadPoolExecutor(2) as pool:
        for losses, arrays, _ in pool.map(one, range(4)):
            assert losses == expected[0]
            assert all((arrays[name] == array).all() for name, array in expected[1].items())


def test_products_take_one_thread_while_a_step_is_computed(monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []

    def watched(*arguments: Any) -> Any:
        seen.extend(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
        return original(*arguments)

    original = blocks.run_forward
    monkeypatch.setattr(blocks, "run_forward", watched)
    with threadpool_limits(2):
        trained(by_numpy(SMALL, SIZE), SIZE, steps=1)
    assert set(seen) == {1}


def test_programs_read_gradients_where_they_are():
    for size in (1, 7, 1000):
        assert pages.zeros(size).ctypes.data % pages.ALIGNMENT == 0
        assert pages.zeros(size).shape == (size,)


def test_only_cpus_compute_by_numpy(monkeypatch: pytest.MonkeyPatch):
    assert set(kinds(by_numpy(SMALL, SIZE))) == {NumpyBlock}
    monkeypatch.setattr(blocks.jax, "default_backend", lambda: "gpu")
    assert set(kinds(by_numpy(SMALL, SIZE))) == {CompiledBlock}


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
    assert PAGE < used <= size < used + 2 * PART
    assert size % (2 * PART) == 0


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
    separable = Network((*SMALL.blocks, Block("g", SeparableUnit(kernel=3, filters=4), ("e",))), ("g",))
    before = Network((Block("a", ConvolutionUnit(kernel=(3, 3), filters=4, order="act-conv-bn"), (IMAGE,)),), ("a",))
    same = Network((Block("a", ConvolutionUnit(kernel=(3, 3), filters=4, padding="same"), (IMAGE,)),), ("a",))
    dropped = msgspec.structs.replace(
        SMALL, blocks=tuple(msgspec.structs.replace(each, drop_path=1.0) for each in SMALL.blocks)
    )
    headed = msgspec.structs.replace(SMALL, auxiliary=(Block("g", ConvolutionUnit(kernel=(1, 1), filters=3), ("a",)),))
    others: list[tuple[Network, dict[str, Any]]] = [
        (separable, {}),
        (before, {}),
        (same, {}),
        (SMALL, {"activation": jnp.tanh}),
        (dropped, {"drop": DropSettings(0.5, 0.0)}),
        (headed, {"auxiliary": True}),
    ]
    assert set(kinds(by_numpy(dropped, SIZE, drop=DropSettings(1.0, 0.5)))) == {NumpyBlock}
    assert set(kinds(by_numpy(headed, SIZE))) == {NumpyBlock}
    for network, options in others:
        assert set(kinds(by_numpy(network, SIZE, **options))) == {CompiledBlock}
    assert set(kinds(engine_of(BlocksEngine, SMALL, SIZE))) == {CompiledBlock}
