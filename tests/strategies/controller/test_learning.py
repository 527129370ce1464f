"""Laws of learning: the estimators are those of the papers, and a step moves the policy where the reward says."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from automl_cli.core.decisions import DecisionList
from automl_cli.strategies.controller.gradients import gradient
from automl_cli.strategies.controller.learner import ControllerSize, Learner
from automl_cli.strategies.controller.objectives import Coefficients, Genotypes
from automl_cli.strategies.controller.parameters import Parameters
from automl_cli.strategies.controller.policy import ControllerPolicy, Example
from automl_cli.strategies.controller.rollout import score
from tests.strategies.controller.examples import SPACES, TWO, batch, enumerate_genotypes, layered, opinionated, pack

RATES = Coefficients(learning_rate=0.01)
REWARDS = {genotype: 1.0 + 3.0 * genotype[0] - 2.0 * genotype[0] * genotype[1] for genotype in enumerate_genotypes(TWO)}


SCRIPT = """
from tests.strategies.controller.test_learning import digest_of_a_short_training
print(digest_of_a_short_training())
"""


def assert_same(first, second, *, rtol: float = 1e-4) -> None:
    largest = max(np.abs(array).max() for array in second.values())
    assert largest > 1e-3, "a gradient of zero proves nothing"
    for name, array in first.items():
        np.testing.assert_allclose(array, second[name], rtol=rtol, atol=rtol * largest)


def slopes_of(function: Callable[[Parameters], float], parameters: Parameters) -> Parameters:
    """Return the gradient of a function of the parameters by central differences."""
    found = {name: np.zeros_like(array) for name, array in parameters.items()}
    for name, array in parameters.items():
        for at in np.ndindex(array.shape):
            moved = array.copy()
            moved[at] = array[at] + 1e-5
            above = function({**parameters, name: moved})
            moved[at] = array[at] - 1e-5
            found[name][at] = (above - function({**parameters, name: moved})) / 2e-5
    return found


def expected_gradient(learner: Learner, parameters: Parameters) -> Parameters:
    """Return the gradient of J(theta) = sum over all genotypes of P(genotype) R(genotype)."""
    every, rewards = pack(TWO, list(REWARDS)), np.array(list(REWARDS.values()))
    return slopes_of(lambda moved: float(np.exp(learner.score(moved, every).log_probability) @ rewards), parameters)


@pytest.mark.parametrize("decisions", SPACES.values(), ids=SPACES.keys())
def test_gradient_is_the_slope_of_log_probabilities_and_entropies(decisions: DecisionList) -> None:
    """Central differences in random directions, over genotypes of several live lengths, by a controller of two layers."""
    learner, state = opinionated(decisions)
    every, random = enumerate_genotypes(decisions), np.random.default_rng(0)
    packed = pack(decisions, [genotype[: max(1, len(genotype) - k % 2)] for k, genotype in enumerate(every[::3])])
    of_each, of_entropies = random.normal(size=(2, len(packed.lengths)))
    walk = score(learner.layout, state.parameters, packed.indices, packed.lengths)
    found = gradient(learner.layout, state.parameters, walk, weights=of_each, entropy_weights=of_entropies)
    assert all(map(np.any, found.values()))
    for _ in range(12):
        direction = {name: random.normal(size=array.shape) for name, array in found.items()}
        ends = []
        for length in (1e-5, -1e-5):
            moved = {name: array + length * direction[name] for name, array in state.parameters.items()}
            rollout = learner.score(moved, packed)
            ends.append(of_each @ rollout.log_probability + of_entropies @ rollout.entropy)
        slope = sum(float((array * direction[name]).sum()) for name, array in found.items())
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(slope, rel=1e-5, abs=1e-5)


def test_a_policy_draws_and_learns_without_jax() -> None:
    """250 MB and some seconds that a search would take before its first child."""
    code = f"import sys\n{SCRIPT}\nprint(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'numpy'" in done.stdout
    assert not [name for name in ("jax", "flax", "optax") if f"'{name}'" in done.stdout]


@pytest.mark.parametrize("baseline", [0.0, 1.7])
def test_reinforce_averaged_over_all_minibatches_is_the_enumerated_gradient(baseline: float) -> None:
    """Every minibatch of two, weighted by its probability: the estimator has no bias, whatever the baseline."""
    learner, state = opinionated(TWO, layers=1)
    every = list(REWARDS)
    probability = np.exp(np.asarray(learner.score(state.parameters, pack(TWO, every)).log_probability))
    total = {name: np.zeros_like(array) for name, array in state.parameters.items()}
    for first, second in product(range(len(every)), repeat=2):
        pair = [every[first], every[second]]
        advantages = [REWARDS[genotype] - baseline for genotype in pair]
        estimate = learner.gradient(state.parameters, batch(TWO, pair, advantages, np.zeros(2)), RATES)
        weight = float(probability[first] * probability[second])
        total = {name: array + weight * estimate[name] for name, array in total.items()}
    assert_same(total, expected_gradient(learner, state.parameters))


def test_ppo_at_ratio_one_is_reinforce() -> None:
    decisions = SPACES["layered"]
    genotypes = enumerate_genotypes(decisions)[:40:5]
    advantages = [(-1.0) ** k * (k + 1) for k in range(len(genotypes))]
    gradients = []
    for name in ("reinforce", "ppo"):
        learner, state = opinionated(decisions, name)
        old = np.asarray(learner.score(state.parameters, pack(decisions, genotypes)).log_probability)
        gradients.append(learner.gradient(state.parameters, batch(decisions, genotypes, advantages, old), RATES))
    assert_same(*gradients)


def test_ppo_at_another_ratio_weighs_by_it_and_stops_behind_the_clip() -> None:
    """The gradient of r A is r A grad log P; beyond 1 + c it is zero when A > 0, below 1 - c when A < 0, else whole."""
    learner, state = opinionated(TWO, "ppo")
    plain, _ = opinionated(TWO, "reinforce")
    now = np.asarray(learner.score(state.parameters, pack(TWO, [(1, 2)])).log_probability)
    for log_ratio, advantage, stops in ((0.1, 1, False), (0.4, 1, True), (0.4, -1, False), (-0.4, -1, True), (-0.4, 1, False)):
        old = (now - log_ratio).astype(np.float32)
        found = learner.gradient(state.parameters, batch(TWO, [(1, 2)], [advantage], old), RATES)
        scaled = [advantage * np.exp(log_ratio)]
        expected = plain.gradient(state.parameters, batch(TWO, [(1, 2)], scaled, np.zeros(1)), RATES)
        if stops:
            assert not any(map(np.any, found.values()))
        else:
            assert_same(found, expected)


@pytest.mark.parametrize(("old", "advantage", "weight"), [(-1000, -1, np.exp(5)), (-1000, 1, 0), (1000, -1, 0), (1000, 1, 0)])
def test_ppo_stays_finite_however_far_the_policy_has_moved(old: float, advantage: float, weight: float) -> None:
    """A ratio of e^1000 overflows a double; a long genotype drawn by exploration can reach it."""
    learner, state = opinionated(TWO, "ppo")
    plain, _ = opinionated(TWO, "reinforce")
    far = batch(TWO, [(1, 2)], [advantage], np.array([old]))
    found = learner.gradient(state.parameters, far, RATES)
    if weight:
        expected = batch(TWO, [(1, 2)], [advantage * weight], np.zeros(1))
        assert_same(found, plain.gradient(state.parameters, expected, RATES))
    else:
        assert not any(map(np.any, found.values()))


@pytest.mark.parametrize("objective", ["reinforce", "ppo"])
@pytest.mark.parametrize(("advantage", "sign"), [(1.0, 1), (-1.0, -1)])
def test_a_step_moves_the_log_probability_with_the_sign_of_the_advantage(objective: str, advantage: float, sign: int) -> None:
    for name, decisions in SPACES.items():
        genotype = enumerate_genotypes(decisions)[1]
        policy = ControllerPolicy(decisions, ControllerSize(1, 6), objective=objective, initial_range=0.5, seed=2)
        (before,) = policy.log_probabilities([genotype])
        policy.learn([Example(genotype, advantage, before)], best=(), queue_size=0, rates=Coefficients(1e-3), epochs=1)
        (after,) = policy.log_probabilities([genotype])
        assert (after - before) * sign > 0, name


def test_entropy_weight_raises_the_entropy_and_queue_weight_the_probability_of_the_best() -> None:
    learner, state = opinionated(TWO)
    every = pack(TWO, enumerate_genotypes(TWO))

    def entropy(parameters) -> float:
        log_probability = learner.score(parameters, every).log_probability
        return -float(np.exp(log_probability) @ log_probability)

    nothing = batch(TWO, enumerate_genotypes(TWO), [0.0] * 6, np.zeros(6))
    wider = learner.update(state, nothing, Coefficients(1e-3, entropy_weight=1.0), 5)
    assert entropy(wider.parameters) > entropy(state.parameters)
    queued = nothing._replace(queue=pack(TWO, [(1, 0)]), queue_weights=np.ones(1))
    drawn = learner.update(state, queued, Coefficients(1e-3, queue_weight=1.0), 5)
    best = Genotypes(np.array([[1, 0]], np.int32), np.array([2], np.int32))
    assert learner.score(drawn.parameters, best).log_probability[0] > learner.score(state.parameters, best).log_probability[0]


def test_reinforce_takes_the_gradient_of_a_minibatch_once_whatever_the_epochs() -> None:
    """Without a queue the steps behind the first have no gradient; only Adam's momentum carries on."""
    learner, state = opinionated(TWO)
    taught = batch(TWO, [(0, 1)], [1.0], np.zeros(1))
    idle = taught._replace(advantages=np.zeros(1))
    one_then_idle = learner.update(learner.update(state, taught, RATES, 1), idle, RATES, 2)
    three = learner.update(state, taught, RATES, 3)
    for name, array in three.parameters.items():
        np.testing.assert_allclose(array, one_then_idle.parameters[name], rtol=1e-12)


def test_first_step_of_adam_moves_every_touched_parameter_by_the_learning_rate() -> None:
    learner, state = opinionated(TWO)
    taught = batch(TWO, [(0, 1), (1, 2)], [1.0, -0.5], np.zeros(2))
    slopes = learner.gradient(state.parameters, taught, RATES)
    after = learner.update(state, taught, RATES, 1)
    for name, slope in slopes.items():
        before, now = state.parameters[name], after.parameters[name]
        touched = np.abs(slope) > 1e-5
        np.testing.assert_allclose((now - before)[touched], 0.01 * np.sign(slope)[touched], rtol=2e-2)
        assert not np.any((now - before)[slope == 0])


def digest_of_a_short_training() -> str:
    """Return a digest of all bits that a short training draws."""
    decisions = layered(4)
    policy = ControllerPolicy(decisions, ControllerSize(2, 35), objective="ppo", initial_range=0.08, seed=4)
    random = np.random.Generator(np.random.Philox(1))
    seen = []
    for _ in range(5):
        drawn = policy.draw(random.random((8, len(decisions))).tolist(), [len(decisions)] * 8, exploration=0.5)
        examples = [Example(genotype, float(sum(genotype)) / 10, old) for genotype, old in drawn]
        policy.learn(examples, best=[drawn[0][0]], queue_size=2, rates=Coefficients(0.02, 0.01, 1.0), epochs=3)
        seen.append(drawn)
    return hashlib.sha256(repr(seen).encode()).hexdigest()


def test_two_processes_agree_to_the_last_bit() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest_of_a_short_training()
