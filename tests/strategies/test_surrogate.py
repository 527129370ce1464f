"""The surrogate: its Gaussian process against textbook formulas, and what it finds against random search."""

import numpy as np
import pytest

from automl_cli.core.decisions import Genotype
from automl_cli.core.spaces import SearchSpace
from automl_cli.plugins.discovery import plugin_named
from automl_cli.strategies.gaussian_process import JITTER, differences, features, fitted, likeliest
from automl_cli.strategies.surrogate import MOST_FITTED, Surrogate, kept, normal_scores
from tests.strategies.driving import driven, genotypes_of

SPACE = SearchSpace(plugin_named("nas-bench-201")[0])
WEIGHTS = np.random.default_rng(0).normal(size=(6, 5))


def additive(trial: int, genotype: Genotype) -> float:
    return float(sum(WEIGHTS[place, index] for place, index in enumerate(genotype)))


def made(space: SearchSpace = SPACE, *, seed: int = 0, trials: int = 60) -> Surrogate:
    return Surrogate(space, seed=seed, settings=Surrogate.resolve(trials, {}))


def sample(count: int, space: SearchSpace = SPACE) -> list[Genotype]:
    return [space.sample(3, trial) for trial in range(count)]


def test_differences_are_shares_of_decisions_and_missing_ones_count():
    genotypes = [(0, 1, 2, 3, 4, 0), (0, 1, 2, 3, 4, 1), (0, 1, 2), (4,)]
    rows = features(genotypes, SPACE.decisions)
    assert differences(rows, rows, 6) == pytest.approx(np.array([[0, 1, 3, 6], [1, 0, 3, 6], [3, 3, 0, 3], [6, 6, 3, 0]]) / 6)


def test_draws_have_mean_and_covariance_of_the_posterior():
    genotypes = sample(12)
    rows, candidates = features(genotypes, SPACE.decisions), features(sample(16)[12:], SPACE.decisions)
    values = normal_scores([additive(0, genotype) for genotype in genotypes])
    process = fitted(rows, values, 6, length=0.5, noise=0.1)
    kernel = 0.9 * np.exp(-differences(rows, rows, 6) / 0.5) + 0.1 * np.eye(12)
    cross = 0.9 * np.exp(-differences(candidates, rows, 6) / 0.5)
    mean = cross @ np.linalg.inv(kernel) @ values
    covariance = 0.9 * np.exp(-differences(candidates, candidates, 6) / 0.5) - cross @ np.linalg.inv(kernel) @ cross.T
    assert process.draw(candidates, np.zeros(4)) == pytest.approx(mean)
    factor = np.stack([process.draw(candidates, unit) - mean for unit in np.eye(4)], axis=1)
    assert factor @ factor.T == pytest.approx(covariance + JITTER * np.eye(4))


def test_noise_alone_is_read_as_noise_and_a_rule_as_none():
    rows = features(sample(80), SPACE.decisions)
    noise = np.random.default_rng(1).normal(size=80)
    length, share = likeliest(rows, noise, 6)
    assert length == 0.1 or share >= 0.2  # nothing is learned from neighbours, or little
    length, share = likeliest(rows, normal_scores([additive(0, genotype) for genotype in sample(80)]), 6)
    assert length > 0.3
    assert share < 0.1


def test_it_finds_better_genotypes_than_random_ones_and_none_twice():
    scores = []
    for seed in range(5):
        proposed = genotypes_of(driven(made(seed=seed), additive, 60, in_flight=4))
        assert len(set(proposed)) == 60
        scores.append(max(additive(0, genotype) for genotype in proposed))
    best_of_60 = [max(additive(0, SPACE.sample(100 + seed, trial)) for trial in range(60)) for seed in range(5)]
    assert min(scores) > max(best_of_60)
    assert np.mean(scores) > 0.97 * WEIGHTS.max(1).sum()


def test_a_monotone_change_of_the_reward_changes_nothing():
    plain = driven(made(), additive, 40, in_flight=3)
    changed = driven(made(), lambda trial, genotype: float(np.exp(3 * additive(trial, genotype))), 40, in_flight=3)
    assert genotypes_of(plain) == genotypes_of(changed)


def test_of_many_trials_the_best_and_the_last_are_fitted():
    told = [((at,), float(-at)) for at in range(3 * MOST_FITTED)]
    half = MOST_FITTED // 2
    best, last = (-float(at) for at in range(half)), (-float(at) for at in range(3 * MOST_FITTED - half, 3 * MOST_FITTED))
    assert [reward for _, reward in kept(told)] == [*best, *last]


def test_a_trial_without_reward_ranks_below_all_and_failed_ones_share_a_rank():
    assert normal_scores([float("-inf"), 2.0, float("-inf"), 1.0])[[0, 2]] == pytest.approx([-0.6744897] * 2)
