"""Both engines with every regularisation of a recipe: equal losses, gradients, statistics, means and outputs."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import optax
import pytest

from automl_cli.children import optimizer, schedule
from automl_cli.nn import losses
from automl_cli.nn.engines import BlocksEngine, Engine, StepContext, WholeEngine
from automl_cli.nn.engines.drop_masks import PATHS_PER_PROGRAM, drop_masks
from automl_cli.nn.engines.graph import path_name
from automl_cli.nn.engines.lowering import lower
from automl_cli.nn.networks import DropSettings, build_network
from automl_cli.nn.networks.drop_path import DropMasks, final_drop_rate
from automl_cli.nn.ops.activations import ActivationFunction
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.values.network import (
    IMAGE,
    ActivationOperation,
    AveragePool,
    Block,
    ConvolutionUnit,
    Identity,
    MaxPool,
    Network,
)
from automl_cli.values.optimizer import NAMED, Optimizer, UpdateRule
from automl_cli.values.recipe import Recipe
from tests.nn.engines.test_engines import KEEP_GRADIENT, assert_close, loss, task

SHAPE = (7, 6, 2)
NETWORK = Network(
    (
        Block("a", ConvolutionUnit((3, 3), 4), (IMAGE,), drop_path=0.25),
        Block("b", ConvolutionUnit((3, 3), 4, order="act-conv-bn"), ("a",), drop_path=0.5),
        Block("c", Identity(), ("a", "b"), "add"),
        Block("d", MaxPool((3, 3), (1, 1)), ("c", "b", IMAGE), drop_path=0.75),
        Block("e", Identity(), (IMAGE, "b"), drop_path=1.0),
    ),
    ("d", "e"),
    auxiliary=(
        Block("auxiliary.1", ActivationOperation(), ("c",)),
        Block("auxiliary.2", AveragePool((5, 5), (3, 3), "valid"), ("auxiliary.1",)),
        Block("auxiliary.3", ConvolutionUnit((1, 1), 5, padding="valid"), ("auxiliary.2",)),
    ),
)


class Way(NamedTuple):
    """A recipe and its update rule."""

    recipe: Recipe = Recipe(batch_size=6, learning_rate=0.1)
    optimizer: Optimizer = NAMED["nesterov"]


def way(optimizer: str = "nesterov", **changes: Any) -> Way:
    return Way(msgspec.structs.replace(Way().recipe, **changes), NAMED[optimizer])


PLAIN = way()
EVERYTHING = way(
    "rmsprop-tf",
    drop_path_keep=0.6,
    dropout=0.5,
    auxiliary_weight=0.4,
    average_decay=0.3,
    gradient_clip=0.5,
    label_smoothing=0.1,
)
WAYS = {
    "drop path": way(drop_path_keep=0.6),
    "drop path by time": way(drop_path_keep=0.6, drop_path_schedule="time"),
    "dropout": way(dropout=0.5),
    "auxiliary head": way(auxiliary_weight=0.4),
    "mean": way(average_decay=0.3),
    "rmsprop": way("rmsprop-tf", gradient_clip=0.5),
    "all": EVERYTHING,
}


def engines(
    way: Way,
    rule: optax.GradientTransformation | None = None,
    network: Network = NETWORK,
    activation: ActivationFunction = relu,
) -> list[Engine]:
    recipe, auxiliary = way.recipe, way.recipe.auxiliary_weight > 0
    model = build_network(network, SHAPE, 3, seed=1, auxiliary=auxiliary, activation=activation)
    return [
        engine(
            model,
            loss=losses.WithAuxiliary(losses.CrossEntropy(smoothing=recipe.label_smoothing), recipe.auxiliary_weight),
            update_rule=rule or optimizer.transformation(way.optimizer, recipe),
            drop=schedule.drop_settings(recipe),
            average_decay=recipe.average_decay,
        )
        for engine in (WholeEngine, BlocksEngine)
    ]


def context(step: int) -> StepContext:
    return StepContext(np.array([7, step], np.uint32), 0.3 * step)


def after(engine: Engine, steps: int) -> tuple[list[float], dict[str, np.ndarray], np.ndarray]:
    """Return losses, arrays and outputs after some steps."""
    images, labels = task(SHAPE)
    state, losses = engine.initial(), []
    for step in range(1, steps + 1):
        state, value = engine.step(state, images, labels, 0.1, context(step))
        losses.append(float(value))
    return losses, engine.arrays(state), np.asarray(engine.outputs(state, images))


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("of", ["gradients", "three steps"])
def test_both_engines_agree_under_every_recipe(name: str, of: str):
    rule, steps = (KEEP_GRADIENT, 1) if of == "gradients" else (None, 3)
    whole, blocks = (after(engine, steps) for engine in engines(WAYS[name], rule))
    np.testing.assert_allclose(blocks[0], whole[0], rtol=1e-5)
    assert_close(blocks[1], whole[1], 2e-5 * steps)
    assert_close({"outputs": blocks[2]}, {"outputs": whole[2]}, 5e-5 * steps)


def test_both_engines_agree_on_another_activation_function_too():
    whole, blocks = (after(engine, 1) for engine in engines(EVERYTHING, KEEP_GRADIENT, activation=lambda x: jnp.cos(x) + x))
    np.testing.assert_allclose(blocks[0], whole[0], rtol=1e-5)
    assert_close(blocks[1], whole[1], 2e-5)
    assert_close({"outputs": blocks[2]}, {"outputs": whole[2]}, 5e-5)
    assert whole[0] != after(engines(EVERYTHING, KEEP_GRADIENT)[0], 1)[0]


def test_each_of_these_recipes_changes_the_training():
    losses = {name: after(engines(WAYS[name])[1], 3)[0] for name in WAYS}
    outputs = {name: after(engines(WAYS[name])[1], 3)[2] for name in ("mean",)}
    plain, _, plain_outputs = after(engines(PLAIN)[1], 3)
    assert all(losses[name] != plain for name in WAYS if name != "mean")
    assert losses["mean"] == plain
    assert not np.allclose(outputs["mean"], plain_outputs, rtol=1e-3)


def test_the_draws_of_blocks_are_those_of_the_whole_bit_by_bit_for_any_number_of_paths():
    settings, paths = DropSettings(0.5, 0.3), PATHS_PER_PROGRAM + 5
    blocks = tuple(
        Block(f"b{number}", Identity(), (f"b{number - 1}" if number else IMAGE,), drop_path=(number + 1) / paths)
        for number in range(paths)
    )
    graph = lower(Network(blocks, (blocks[-1].name, IMAGE)), SHAPE, 3, loss, activation=relu, drop=settings)
    assert len(graph.paths) == paths
    at = context(2)
    drawn = drop_masks(settings, graph, at, 6)
    drop = DropMasks(settings, jnp.asarray(at.key), jnp.float32(at.progress))
    for number in range(0, paths, 7):
        dropped = final_drop_rate(settings, (number + 1) / paths)
        assert (drawn[path_name(number)] == np.asarray(jax.jit(drop.path_factors, static_argnums=2)(number, dropped, 6))).all()
    features = np.concatenate([drawn[name] for name in graph.features], axis=1)
    assert (features == np.asarray(drop.feature_factors(6, 4))).all()


def test_evaluation_drops_nothing_and_knows_no_auxiliary_head():
    dropped = way(drop_path_keep=0.6, dropout=0.5, auxiliary_weight=0.4)
    images, _ = task(SHAPE)
    plain, dropping = (engines(each)[1] for each in (PLAIN, dropped))
    assert (plain.outputs(plain.initial(), images) == dropping.outputs(dropping.initial(), images)).all()


def test_the_state_of_one_engine_goes_on_in_the_other_with_its_mean():
    images, labels = task(SHAPE)
    whole, blocks = engines(EVERYTHING)
    state = whole.initial()
    for step in (1, 2):
        state, _ = whole.step(state, images, labels, 0.1, context(step))
    arrays = whole.arrays(state)
    moved = blocks.arrays(blocks.state(arrays))
    assert moved.keys() == arrays.keys()
    assert all((moved[name] == arrays[name]).all() for name in arrays)
    went_on = blocks.arrays(blocks.step(blocks.state(arrays), images, labels, 0.1, context(3))[0])
    assert_close(went_on, whole.arrays(whole.step(state, images, labels, 0.1, context(3))[0]), 1e-4)


@pytest.mark.parametrize("name", [name for name, rule in NAMED.items() if isinstance(rule, UpdateRule)])
def test_the_memory_of_every_rule_has_one_form_in_both_engines(name):
    images, labels = task(SHAPE)
    whole, blocks = engines(way(name))
    state, _ = whole.step(whole.initial(), images, labels, 0.1, context(1))
    arrays = whole.arrays(state)
    moved = blocks.arrays(blocks.state(arrays))
    assert moved.keys() == arrays.keys()
    assert all((moved[name] == arrays[name]).all() for name in arrays)


def test_a_state_written_down_goes_on_with_the_same_bits():
    images, labels = task(SHAPE)
    engine = engines(EVERYTHING)[1]
    state, _ = engine.step(engine.initial(), images, labels, 0.1, context(1))
    written = engine.arrays(state)
    ends = [engine.arrays(engine.step(start, images, labels, 0.1, context(2))[0]) for start in (state, engine.state(written))]
    assert all((ends[0][name] == ends[1][name]).all() for name in ends[0])


def test_a_block_that_nothing_reads_is_trained_alike_too():
    dead = Block("dead", ConvolutionUnit((1, 1), 3), ("a",))
    network = Network((NETWORK.blocks[0], dead, NETWORK.blocks[1]), ("b",))
    whole, blocks = (after(engine, 2) for engine in engines(PLAIN, network=network))
    assert_close(blocks[1], whole[1], 4e-5)


def test_another_number_of_dropped_paths_compiles_no_other_programs():
    def network(reads: tuple[str, ...], *depths: float | None) -> Network:
        unit = ConvolutionUnit((3, 3), 4, order="act-conv-bn")
        first = Block("a", ConvolutionUnit((3, 3), 4), (IMAGE,))
        return Network((first, *(Block(n, unit, reads, drop_path=d) for n, d in zip("bc", depths, strict=True))), ("b", "c"))

    images, labels = task(SHAPE)
    drop = DropSettings(0.5, 0.0)
    counts = []
    for made in (network(("a",), 0.5, None), network(("a",), 0.5, 1.0)):
        engine = BlocksEngine(build_network(made, SHAPE, 3, seed=0), loss=loss, update_rule=KEEP_GRADIENT, drop=drop)
        engine.step(engine.initial(), images, labels, 0.1, context(1))
        blocks = {
            call.block for call in lower(made, SHAPE, 3, loss, activation=relu, drop=drop).calls if call.block is not None
        }
        counts.append(sum(len(block.forward) + len(block.backward) for block in blocks))
    assert counts[0] == counts[1] > 0
