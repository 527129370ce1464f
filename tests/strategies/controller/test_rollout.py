"""Laws of the policy: it is normalised, draws follow it, and it is the distribution of the paper."""

import math

import numpy as np
import pytest

from automl_cli.core.decisions import DecisionList, Genotype
from automl_cli.strategies.controller.learner import Learner, LearnerState
from tests.strategies.controller.examples import SPACES, enumerate_genotypes, layered, opinionated, pack

EVERY_SPACE = pytest.mark.parametrize("decisions", SPACES.values(), ids=SPACES.keys())


def uniforms(rows: int, decisions: DecisionList, seed: int = 0) -> np.ndarray:
    return np.random.Generator(np.random.Philox(seed)).random((rows, len(decisions)))


def full(rows: int, decisions: DecisionList) -> np.ndarray:
    return np.full(rows, len(decisions), np.int32)


def log_probabilities(learner: Learner, state: LearnerState, genotypes: list[Genotype]) -> np.ndarray:
    """Return the log-probabilities of genotypes of any live length."""
    rollout = learner.score(state.parameters, pack(learner.layout.decisions, genotypes, rows=256))
    return np.asarray(rollout.log_probability, np.float64)[: len(genotypes)]


@EVERY_SPACE
def test_probabilities_of_all_genotypes_of_any_live_length_sum_to_one(decisions: DecisionList) -> None:
    learner, state = opinionated(decisions)
    for length in range(1, len(decisions) + 1):
        every = log_probabilities(learner, state, enumerate_genotypes(decisions, length))
        assert math.isclose(np.exp(every).sum(), 1, rel_tol=1e-5)
    assert np.exp(every).max() > 1.5 / len(every), "the controller of this test should be far from uniform"


@EVERY_SPACE
def test_mean_entropy_of_walks_is_the_entropy_of_the_policy(decisions: DecisionList) -> None:
    learner, state = opinionated(decisions)
    every = enumerate_genotypes(decisions)
    rollout = learner.score(state.parameters, pack(decisions, every, rows=256))
    log_probability = np.asarray(rollout.log_probability, np.float64)[: len(every)]
    expected = -np.sum(np.exp(log_probability) * log_probability)
    assert math.isclose(np.sum(np.exp(log_probability) * np.asarray(rollout.entropy)[: len(every)]), expected, rel_tol=1e-5)


@EVERY_SPACE
def test_drawn_genotypes_come_with_their_own_log_probability_and_entropy(decisions: DecisionList) -> None:
    learner, state = opinionated(decisions)
    drawn = learner.draw(state.parameters, uniforms(256, decisions), full(256, decisions), np.zeros(256))
    genotypes = [tuple(row) for row in np.asarray(drawn.genotypes).tolist()]
    scored = learner.score(state.parameters, pack(decisions, genotypes))
    np.testing.assert_allclose(drawn.log_probability, scored.log_probability, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(drawn.entropy, scored.entropy, rtol=1e-5, atol=1e-6)


@EVERY_SPACE
def test_draw_inverts_the_distribution_function_decision_by_decision(decisions: DecisionList) -> None:
    """The oracle takes conditional probabilities from scores of prefixes, so it knows nothing of how a draw is made."""
    learner, state = opinionated(decisions)
    numbers = uniforms(256, decisions)
    drawn = learner.draw(state.parameters, numbers, full(256, decisions), np.zeros(256))
    for row, genotype in zip(numbers, np.asarray(drawn.genotypes).tolist()[:12], strict=False):
        for position, decision in enumerate(decisions.decisions):
            prefix = tuple(genotype[:position])
            continued = [(*prefix, index) for index in range(len(decision.choices))]
            joint = np.exp(log_probabilities(learner, state, continued))
            edges = np.cumsum(joint / joint.sum())
            below = edges[genotype[position] - 1] if genotype[position] else 0.0
            assert below - 1e-5 <= row[position] <= edges[genotype[position]] + 1e-5


@EVERY_SPACE
def test_frequencies_of_draws_match_probabilities(decisions: DecisionList) -> None:
    """Pearson's chi-squared below its 1 - 1e-6 quantile (Wilson and Hilferty): a millionth of all seeds fails, this one not."""
    learner, state = opinionated(decisions)
    count = 20_000
    drawn = learner.draw(state.parameters, uniforms(count, decisions), full(count, decisions), np.zeros(count))
    genotypes, seen = np.unique(np.asarray(drawn.genotypes), axis=0, return_counts=True)
    observed = {tuple(genotype): number for genotype, number in zip(genotypes.tolist(), seen.tolist(), strict=True)}
    every = enumerate_genotypes(decisions)
    expected = dict(zip(every, count * np.exp(log_probabilities(learner, state, every)), strict=True))
    common = [genotype for genotype in every if expected[genotype] >= 5]
    pairs = [(observed.get(genotype, 0), expected[genotype]) for genotype in common]
    pairs.append((count - sum(pair[0] for pair in pairs) + 5, count - sum(pair[1] for pair in pairs) + 5))
    statistic = sum((number - mean) ** 2 / mean for number, mean in pairs)
    freedom = len(pairs) - 1
    limit = freedom * (1 - 2 / (9 * freedom) + 4.7534 * math.sqrt(2 / (9 * freedom))) ** 3
    assert statistic < limit


def test_exploration_replaces_so_many_decisions_by_uniform_ones() -> None:
    """A third explored, so the first decision is distributed as 2/3 policy + 1/3 uniform; 0.02 is six standard deviations."""
    decisions = SPACES["layered"]
    learner, state = opinionated(decisions)
    count = 20_000
    explored = np.full(count, len(decisions) / 3)
    drawn = learner.draw(state.parameters, uniforms(count, decisions), full(count, decisions), explored)
    frequencies = np.bincount(np.asarray(drawn.genotypes)[:, 0], minlength=3) / count
    policy = np.exp(log_probabilities(learner, state, [(0,), (1,), (2,)]))
    assert np.abs(policy - 1 / 3).max() > 0.1, "uniform exploration of a uniform policy proves nothing"
    np.testing.assert_allclose(frequencies, 2 / 3 * policy + 1 / 3 * 1 / 3, atol=0.02)


def test_exploration_never_drowns_the_policy() -> None:
    """Exploration of all decisions or more: half of them still follow the policy."""
    decisions = SPACES["layered"]
    learner, state = opinionated(decisions)
    numbers = uniforms(64, decisions)
    half, more = (
        learner.draw(state.parameters, numbers, full(64, decisions), np.full(64, explored))
        for explored in (len(decisions) / 2, 30 * len(decisions))
    )
    assert np.array_equal(half.genotypes, more.genotypes)


@EVERY_SPACE
def test_every_row_is_drawn_from_its_own_uniforms_alone(decisions: DecisionList) -> None:
    learner, state = opinionated(decisions)
    numbers, none = uniforms(256, decisions), np.zeros(256)
    together = learner.draw(state.parameters, numbers, full(256, decisions), none)
    others = np.concatenate([numbers[:1], uniforms(255, decisions, seed=9)])
    apart = learner.draw(state.parameters, others, full(256, decisions), none)
    assert np.array_equal(together.genotypes[0], apart.genotypes[0])
    assert together.log_probability[0] == apart.log_probability[0]


def test_a_draw_of_a_live_prefix_is_the_prefix_of_the_whole_draw() -> None:
    decisions = layered(4)
    learner, state = opinionated(decisions)
    numbers = np.tile(uniforms(1, decisions), (len(decisions), 1))
    lengths = np.arange(1, len(decisions) + 1, dtype=np.int32)
    drawn = learner.draw(state.parameters, numbers, lengths, np.zeros(len(lengths)))
    whole = tuple(np.asarray(drawn.genotypes)[-1].tolist())
    for length, log_probability in zip(lengths.tolist(), np.asarray(drawn.log_probability), strict=True):
        assert tuple(np.asarray(drawn.genotypes)[length - 1].tolist()[:length]) == whole[:length]
        assert log_probability == pytest.approx(log_probabilities(learner, state, [whole[:length]])[0], rel=1e-5)
    assert np.all(np.diff(np.asarray(drawn.log_probability)) <= 0)


def reference_log_probability(learner: Learner, state: LearnerState, genotype: Genotype) -> float:
    """Return the log-probability by the paper's controller in plain NumPy and float64, decision by decision."""
    parameters, units = state.parameters, len(state.parameters["start"])
    decisions = learner.layout.decisions
    start, previous, current, score = (parameters[name] for name in ("start", "previous", "current", "score"))
    embedding, head, bias = (parameters[name] for name in ("embedding", "head", "bias"))
    kernels = [parameters[f"kernel {layer}"] for layer in range(2)]
    cells = [(kernel[:units], kernel[units:], parameters[f"offset {layer}"]) for layer, kernel in enumerate(kernels)]
    memory = [(np.zeros(units), np.zeros(units)) for _ in cells]

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    def lstm(inputs: np.ndarray) -> np.ndarray:
        for layer, (from_input, from_state, offset) in enumerate(cells):
            c, h = memory[layer]
            i, f, g, o = np.split(inputs @ from_input + h @ from_state + offset, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            memory[layer] = (c, sigmoid(o) * np.tanh(c))
            inputs = memory[layer][1]
        return inputs

    total, inputs, states, row = 0.0, start, [], 0
    for position, decision in enumerate(decisions.decisions):
        while len(states) < len(decisions.anchors) and decisions.anchors[len(states)] == position:
            states.append(lstm(inputs))
            taken = []
            for at, member in enumerate(decisions.decisions):
                if member.membership is not None and member.membership.anchor == len(states) - 1:
                    item = states[member.membership.item]
                    probability = sigmoid(score @ np.tanh(item @ previous + states[-1] @ current))
                    total += math.log(probability if genotype[at] else 1 - probability)
                    taken += [item] if genotype[at] else []
            inputs = np.mean(taken, axis=0) if taken else np.zeros(units)
        if decision.membership is None:
            rows = slice(row, row + len(decision.choices))
            logits = head[rows] @ lstm(inputs) + bias[rows]
            total += logits[genotype[position]] - math.log(np.exp(logits).sum())
            inputs = embedding[row + genotype[position]]
            row = rows.stop
    return total


@pytest.mark.parametrize("decisions", [SPACES["layered"], SPACES["gaps"]], ids=["layered", "gaps"])
def test_log_probability_is_that_of_the_papers_controller(decisions: DecisionList) -> None:
    learner, state = opinionated(decisions)
    genotypes = enumerate_genotypes(decisions)[::7]
    expected = [reference_log_probability(learner, state, genotype) for genotype in genotypes]
    np.testing.assert_allclose(log_probabilities(learner, state, genotypes), expected, rtol=1e-10)
