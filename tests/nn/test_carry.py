"""The carry of a network between batches, in training and in evaluation."""

from collections.abc import Generator, Iterator

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from automl_cli.nn.engines import BlocksEngine, WholeEngine
from automl_cli.nn.evaluation import EvaluationBatch, evaluate, outputs_of
from automl_cli.nn.fit import FitSettings, TrainingProgress, fit
from automl_cli.nn.metrics import MeanSquaredError
from automl_cli.nn.networks import build_network
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network

BATCHES, ROWS, STEPS = 3, 2, 4
RATE, EPOCHS = 0.05, 3
CARRY = np.array([0.5, -1.0], np.float32)
RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(BATCHES, ROWS, STEPS)).astype(np.float32)
TARGETS = RANDOM.normal(size=(BATCHES, ROWS, STEPS)).astype(np.float32)


class RunningSum(nnx.Module):
    """A network that outputs its carry (rows,) plus the weighted sum of the inputs so far, (rows, steps)."""

    def __init__(self) -> None:
        self.weight = nnx.Param(jnp.float32(1.0))

    def __call__(self, inputs: jax.Array, carry: jax.Array, *, train: bool) -> tuple[jax.Array, jax.Array]:
        outputs = carry[:, None] + self.weight[...] * jnp.cumsum(inputs, 1)
        return outputs, outputs[:, -1]


class Gated(nnx.Module):
    """A gated recurrent unit with a dictionary as its state, which shows that a carry may be any pytree."""

    def __init__(self) -> None:
        self.cell = nnx.GRUCell(1, 3, rngs=nnx.Rngs(0))
        self.out = nnx.Linear(3, 1, rngs=nnx.Rngs(1))

    def __call__(self, inputs: jax.Array, carry: dict, *, train: bool) -> tuple[jax.Array, dict]:
        hidden, outputs = carry["hidden"], []
        for step in range(inputs.shape[1]):
            hidden, seen = self.cell(hidden, inputs[:, step, None])
            outputs.append(self.out(seen)[:, 0])
        return jnp.stack(outputs, 1), {"hidden": hidden}


class Sequences:
    """Batches of consecutive parts of a few sequences, the same in every epoch."""

    steps, size = BATCHES, ROWS

    def __init__(self, carry) -> None:
        self.carry = carry

    def epoch(self, seed: int, epoch: int) -> Generator[tuple[jax.Array, jax.Array], None, None]:
        yield from zip(map(jnp.asarray, INPUTS), map(jnp.asarray, TARGETS), strict=True)

    def batches(self) -> Iterator[EvaluationBatch]:
        for inputs, targets in zip(INPUTS, TARGETS, strict=True):
            yield EvaluationBatch(jnp.asarray(inputs), ROWS, targets)


def engine_of(model: nnx.Module) -> WholeEngine:
    return WholeEngine(model, loss=lambda y, t: jnp.square(y - t).mean(), update_rule=optax.trace(0.9))


def trained(model: nnx.Module, carry, epochs: int = EPOCHS, **options) -> TrainingProgress:
    sequences = Sequences(carry)
    plan = FitSettings(epochs=epochs, rate=lambda share: RATE, seed=0)
    return fit(engine_of(model), sequences, sequences, plan=plan, metric=MeanSquaredError(), **options)


def sums(weight: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the outputs of the running sum over all batches with one weight, and the final carry."""
    carry, outputs = CARRY.astype(np.float64), []
    for inputs in INPUTS:
        outputs.append(carry[:, None] + weight * np.cumsum(inputs, 1))
        carry = outputs[-1][:, -1]
    return np.concatenate(outputs), carry


def by_hand() -> tuple[list[float], list[float], float]:
    """Return losses, scores and final weight of the training, with gradients that stop at the start of each batch."""
    weight, memory, losses, scores = 1.0, 0.0, [], []
    for _ in range(EPOCHS):
        carry, each = CARRY.astype(np.float64), []
        for inputs, targets in zip(INPUTS, TARGETS, strict=True):
            added = np.cumsum(inputs, 1)
            outputs = carry[:, None] + weight * added
            each.append(np.square(outputs - targets).mean())
            memory = 0.9 * memory + (2 * (outputs - targets) * added).mean()
            weight, carry = weight - RATE * memory, outputs[:, -1]
        losses.append(float(np.mean(each)))
        scores.append(float(np.square(sums(weight)[0] - np.concatenate(TARGETS)).mean()))
    return losses, scores, weight


def test_training_carries_from_batch_to_batch_and_begins_every_epoch_anew():
    progress = trained(RunningSum(), CARRY)
    losses, scores, weight = by_hand()
    np.testing.assert_allclose(progress.losses, losses, rtol=1e-5)
    np.testing.assert_allclose(progress.scores, scores, rtol=1e-5)
    np.testing.assert_allclose(progress.arrays["parameters.weight"], weight, rtol=1e-5)


def test_evaluation_carries_from_batch_to_batch_and_begins_anew():
    engine = engine_of(RunningSum())
    for _ in range(2):
        np.testing.assert_allclose(outputs_of(engine, engine.initial(), Sequences(CARRY)), sums(1.0)[0], rtol=1e-5)
        (found,) = evaluate(engine, engine.initial(), Sequences(CARRY), (MeanSquaredError(),))
        np.testing.assert_allclose(found, np.square(sums(1.0)[0] - np.concatenate(TARGETS)).mean(), rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "carry"), [(RunningSum, CARRY), (Gated, {"hidden": np.zeros((ROWS, 3), np.float32)})], ids=["sum", "gated"]
)
def test_a_training_continued_after_any_epoch_equals_the_uninterrupted_one(model, carry):
    kept: list[TrainingProgress] = []
    whole = trained(
        model(), carry, on_epoch=lambda losses, scores, arrays: kept.append(TrainingProgress(losses, scores, arrays()))
    )
    for start in kept:
        again = trained(model(), carry, start=start)
        assert (again.losses, again.scores) == (whole.losses, whole.scores)
        assert again.arrays.keys() == whole.arrays.keys()
        assert all((again.arrays[name] == whole.arrays[name]).all() for name in whole.arrays)


def test_what_is_kept_of_a_training_holds_nothing_carried_not_even_in_the_middle_of_an_epoch():
    engine = engine_of(RunningSum())
    names = trained(RunningSum(), CARRY).arrays.keys()
    assert names == engine.arrays(engine.initial()).keys()
    state = engine.with_carry(engine.initial(), CARRY)
    state, _ = engine.step(state, jnp.asarray(INPUTS[0]), jnp.asarray(TARGETS[0]), RATE)
    assert state.carry is not None
    assert engine.arrays(state).keys() == names


def test_the_first_carry_is_not_given_away():
    """Steps give the memory of their state to the next one."""
    carry = jnp.asarray(CARRY)
    trained(RunningSum(), carry)
    np.testing.assert_array_equal(carry, CARRY)


def test_a_step_takes_the_gradient_of_its_own_batch_only():
    """The same step from an initial carry and from the carry of an earlier step: d loss / d weight is that of cumsum."""
    engine = engine_of(RunningSum())
    first, second = (jnp.asarray(part) for part in INPUTS[:2])
    targets = jnp.asarray(TARGETS[1])
    state = engine.with_carry(engine.initial(), CARRY)
    state, _ = engine.step(state, first, jnp.asarray(TARGETS[0]), 0.0)
    left, before = np.asarray(state.carry), float(engine.arrays(state)["parameters.weight"])
    memory = 0.9 * float(next(array for name, array in engine.arrays(state).items() if name.startswith("optimizer")))
    state, _ = engine.step(state, second, targets, 1.0)
    added = np.cumsum(INPUTS[1], 1, dtype=np.float64)
    gradient = (2 * (left[:, None] + before * added - TARGETS[1]) * added).mean()
    np.testing.assert_allclose(before - engine.arrays(state)["parameters.weight"], memory + gradient, rtol=1e-5)


def test_the_engine_of_blocks_refuses_to_carry():
    network = Network((Block("a", ConvolutionUnit((1, 1), 2), (IMAGE,)),), ("a",))
    model = build_network(network, (4, 4, 1), 2, seed=0)
    engine = BlocksEngine(model, loss=lambda y, t: y.mean(), update_rule=optax.identity())
    with pytest.raises(ValueError, match="carries no state from batch to batch"):
        engine.with_carry(engine.initial(), CARRY)
    with pytest.raises(ValueError, match="carries no state from batch to batch"):
        engine.outputs_with_carry(engine.initial(), jnp.zeros((2, 4, 4, 1)), CARRY)
