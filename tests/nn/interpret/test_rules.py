"""Update rules traced into programs and as data to one program: against Optax, the golden sequences, and each other."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings

from automl_cli.core.spaces import SearchSpace
from automl_cli.nn.interpret import rule_programs, rules
from automl_cli.nn.interpret.rules import begin, scale_by_rule
from automl_cli.values.optimizer import NAMED, LibraryOptimizer, UpdateRule
from search_spaces.update_rules import SPACE
from tests.values.expression_samples import rules as any_rules
from tests.values.expressions.test_printed_form import ICML_RULES
from tests.values.rule_trajectories import AFTER_FOUR, AFTER_SEVEN, FOUR_GRADIENTS, SEVEN_GRADIENTS

RULES = {name: rule for name, rule in NAMED.items() if isinstance(rule, UpdateRule)}
SOME = {**RULES, **{text: UpdateRule(text) for text in ICML_RULES}}
OPTAX = {
    "momentum": optax.trace(0.9),
    "nesterov": optax.trace(0.9, nesterov=True),
    "rmsprop": optax.scale_by_rms(0.9, eps=1e-8, eps_in_sqrt=True),
    "adam": optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8),
    "lion": optax.scale_by_lion(b1=0.9, b2=0.99),
}
"""The same rules with the same decays and epsilons: RMSProp's stands in the root, Adam's beside it."""


def traced(rule: UpdateRule, *, total: int = 5, seed: int = 0) -> optax.GradientTransformation:
    return begin(scale_by_rule(rule.expanded), total_steps=total, seed=seed)


def as_data(rule: UpdateRule, *, total: int = 5, seed: int = 0) -> optax.GradientTransformation:
    return rule_programs.scale_by_code(rule_programs.code_of(rule.expanded), total_steps=total, seed=seed)


UPDATE_OF_ALL = jax.jit(rule_programs.update)


def updates(rule: optax.GradientTransformation, gradients: Any, weights: Any) -> list[Any]:
    """The updates at every step of a training whose parameters stay as they are."""
    state, found = rule.init(weights), []
    update = UPDATE_OF_ALL if rule.update is rule_programs.update else rule.update
    for gradient in gradients:
        made, state = update(gradient, state, weights)
        found.append(made)
    return found


def path(rule: optax.GradientTransformation, start: Any, gradients: Any, rate: float) -> np.ndarray:
    weights, state, found = start, rule.init(start), []
    for gradient in gradients:
        made, state = rule.update(gradient, state, weights)
        weights = weights - rate * made
        found.append(np.asarray(weights))
    return np.stack(found)


def tree_of(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "bias": random.normal(size=3).astype(np.float32),
        "kernel": random.normal(size=(7, 11)).astype(np.float32),
        "scale": np.float32(random.normal()),
    }


WEIGHTS, GRADIENTS = tree_of(99), [tree_of(step) for step in range(4)]


@pytest.mark.parametrize(("bits", "tolerance"), [(64, 1e-9), (32, 1e-5)])
@pytest.mark.parametrize("name", OPTAX)
def test_a_published_rule_is_that_of_optax_over_200_steps(name, bits, tolerance):
    with jax.enable_x64(bits == 64):
        random = np.random.default_rng(3)
        dtype = jnp.float64 if bits == 64 else jnp.float32
        gradients = jnp.asarray(random.normal(size=(200, 20)) * np.geomspace(1e-3, 10, 20), dtype)
        start = jnp.asarray(random.normal(size=20), dtype)
        found = path(traced(RULES[name], total=200), start, gradients, 0.01)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, path(OPTAX[name], start, gradients, 0.01), rtol=tolerance, atol=tolerance / 10)


@pytest.mark.parametrize("made", [traced, as_data])
@pytest.mark.parametrize(("rule", "total", "expected"), AFTER_SEVEN)
def test_seven_golden_steps(made, rule, total, expected):
    found = path(made(rule, total=total), jnp.float32([1, 2, 3, 4]), np.float32(SEVEN_GRADIENTS), 0.1)
    np.testing.assert_allclose(found[-1], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("made", [traced, as_data])
@pytest.mark.parametrize(("rule", "total", "expected"), AFTER_FOUR)
def test_four_golden_steps(made, rule, total, expected):
    found = path(made(rule, total=total), jnp.float32([1, 2]), np.float32(FOUR_GRADIENTS), 0.1)
    np.testing.assert_allclose(found[-len(expected) :], expected, rtol=1e-6, atol=1e-6)


def assert_same_updates(rule: UpdateRule, tolerance: float = 2e-4) -> None:
    one, other = (updates(made(rule, seed=5), GRADIENTS, WEIGHTS) for made in (traced, as_data))
    for name in WEIGHTS:
        found, expected = (np.stack([np.asarray(step[name]) for step in steps]) for steps in (other, one))
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance, err_msg=f"{rule.expression} {name}")


@pytest.mark.parametrize("rule", SOME.values(), ids=SOME)
def test_a_rule_as_data_makes_the_updates_of_the_traced_one_and_draws_alike(rule):
    assert_same_updates(rule)


@pytest.mark.parametrize(
    "text", ["noise", "annealed_noise", "drop(g, 0.5)", "drop(noise, 0.3) + drop(w, 0.3)", "g", "w", "t", "2", "T", "t / T"]
)
def test_single_operands_and_draws_as_data_are_those_of_the_traced_rule(text):
    assert_same_updates(UpdateRule(text), 1e-6)


@settings(max_examples=40)
@given(any_rules(6))
def test_any_rule_as_data_makes_the_updates_of_the_traced_one(rule):
    """But for results that float32 cannot hold well: where they are huge, or nearly cancel."""
    one, other = (updates(made(rule, seed=5), GRADIENTS[:2], WEIGHTS) for made in (traced, as_data))
    for name in WEIGHTS:
        found, expected = (np.float64([step[name] for step in steps]) for steps in (other, one))
        known = np.isfinite(found) & np.isfinite(expected) & (np.abs(expected) < 1e6)
        near = np.abs(found - expected) <= 1e-2 * (1 + np.abs(expected))
        assert (near | ~known).mean() > 0.9, rule.expression


def test_one_program_serves_100_rules():
    """Counted by the cache of `jax.jit`. Rules of one to four iterations, with decays and draws."""
    update = jax.jit(rule_programs.update)
    found = set()
    for trial in range(100):
        space = SearchSpace(SPACE, {"iterations": 1 + trial % 4, "decays": True})
        rule = space.decode(space.sample(0, trial))
        code = rule_programs.code_of(rule.expanded)
        state = rule_programs.scale_by_code(code, total_steps=5 + trial, seed=trial).init(WEIGHTS)
        made, _ = update(GRADIENTS[0], state, WEIGHTS)
        found.add(np.asarray(made["kernel"]).tobytes())
    assert update._cache_size() == 1
    assert len(found) > 80


def test_a_rule_that_is_too_long_for_the_interpreter_is_refused():
    from automl_cli.core.errors import UserError

    text = " + ".join(f"exp({number}.5 * g)" for number in range(60))
    with pytest.raises(UserError, match="and the interpreter has room for"):
        rule_programs.code_of(UpdateRule(text).expanded)


NUMBERS = 200_000


def draws(text: str, *, seed: int = 0, steps: int = 1, shape: tuple[int, ...] = (NUMBERS,)) -> np.ndarray:
    ones = np.ones(shape, np.float32)
    return np.stack(updates(traced(UpdateRule(text), seed=seed), [ones] * steps, ones))


def test_noise_has_deviation_0_01_and_mean_0():
    """Within five standard errors: false in 1 of 10^6 seeds, and the seed is fixed."""
    found = draws("noise")[0]
    assert abs(found.mean()) < 5 * 0.01 / NUMBERS**0.5
    assert abs(found.std() / 0.01 - 1) < 5 / (2 * NUMBERS) ** 0.5


def test_annealed_noise_has_variance_1_by_the_power_0_55_of_the_steps():
    for step, found in enumerate(draws("annealed_noise", steps=4)):
        assert abs(found.mean()) < 5 / NUMBERS**0.5
        assert abs(found.var() * (1 + step) ** 0.55 - 1) < 5 * (2 / NUMBERS) ** 0.5


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_drop_sets_its_share_to_zero_and_leaves_the_rest(share):
    found = draws(f"drop(g, {share})")[0]
    assert set(found.tolist()) == {0.0, 1.0}
    assert abs((found == 0).mean() - share) < 5 * (share * (1 - share) / NUMBERS) ** 0.5


def test_drop_drops_nothing_at_0_and_everything_at_1():
    assert (draws("drop(g, 0)") == 1).all()
    assert (draws("drop(g, 1)") == 0).all()


@pytest.mark.parametrize("text", ["noise", "annealed_noise", "drop(g, 0.5)"])
def test_draws_are_those_of_the_seed_the_step_and_the_parameter(text):
    found = draws(text, steps=2, seed=3)
    np.testing.assert_array_equal(found, draws(text, steps=2, seed=3))
    assert (found != draws(text, steps=2, seed=4)).any()
    assert (found != draws(text, steps=2, seed=3 + 2**40)).any()
    assert (found[0] != found[1]).any()
    same = {"a": np.ones(100, np.float32), "b": np.ones(100, np.float32)}
    (made,) = updates(traced(UpdateRule(text), seed=3), [same], same)
    assert (made["a"] != made["b"]).any()


def test_noise_and_drop_of_a_step_are_drawn_apart():
    found = draws("drop(noise, 0.5)")[0]
    kept = found[found != 0]
    assert abs(kept.mean()) < 5 * 0.01 / len(kept) ** 0.5


def test_equal_updates_share_one_function_whatever_the_training():
    rule = rules.scale_by_rule(UpdateRule("g * ld").expanded)
    assert begin(rule, total_steps=3, seed=1).update is begin(rule, total_steps=4, seed=2).update is rule.update


def test_optimizers_of_the_library_are_no_rules():
    assert [name for name, rule in NAMED.items() if isinstance(rule, LibraryOptimizer)] == ["muon", "schedule-free"]
