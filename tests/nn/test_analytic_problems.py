"""Descents on analytic problems against closed forms, and the report of them."""

import numpy as np
import optax
import pytest

from automl_cli.core.errors import UserError
from automl_cli.jobs.descents import compare_descents
from automl_cli.nn.analytic_problems import FUNCTIONS, descend
from automl_cli.nn.interpret.library_rules import scale_by_schedule_free
from automl_cli.references import open_filling
from automl_cli.reporting.compared import descent_parts
from automl_cli.reporting.plots import descent_plot, file_of
from automl_cli.values.analytic_problems import ANALYTIC_PROBLEMS, curvatures
from automl_cli.values.sheet import Grid


def test_gradient_descent_on_the_quadratic_has_its_closed_form() -> None:
    rates, steps = (1e-4, 5e-4), 50
    found = descend(optax.identity(), ANALYTIC_PROBLEMS["quadratic"], rates, steps=steps)
    assert found.values.shape == found.distances.shape == (2, steps + 1)
    curvature, after = np.array(curvatures()), np.arange(steps + 1)[:, None]
    for rate, values, distances in zip(rates, found.values, found.distances, strict=True):
        points = (1 - rate * curvature) ** after
        np.testing.assert_allclose(values, (curvature * points**2).sum(1) / 2, rtol=1e-4)
        np.testing.assert_allclose(distances, np.sqrt((points**2).sum(1)), rtol=1e-4)


def test_the_first_step_on_the_rosenbrock_function_follows_its_gradient() -> None:
    found = descend(optax.identity(), ANALYTIC_PROBLEMS["rosenbrock"], (0.001,), steps=1)
    x, y = -1.2, 1.0
    gradient = np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])
    x, y = np.array([x, y]) - 0.001 * gradient
    np.testing.assert_allclose(found.values[0], [24.2, (1 - x) ** 2 + 100 * (y - x**2) ** 2], rtol=1e-5)


@pytest.mark.parametrize("name", ANALYTIC_PROBLEMS)
def test_the_minimum_of_every_problem_is_zero(name: str) -> None:
    problem = ANALYTIC_PROBLEMS[name]
    assert FUNCTIONS[name](np.array(problem.minimum, np.float32)) == 0
    assert FUNCTIONS[name](np.array(problem.start, np.float32)) > 0


def test_a_rule_that_averages_is_judged_at_its_average() -> None:
    problem, rate, steps = ANALYTIC_PROBLEMS["quadratic"], 0.05, 30
    solver = optax.contrib.schedule_free_adamw(rate)
    point = np.array(problem.start, np.float32)
    state, curvature = solver.init(point), np.array(curvatures(), np.float32)
    for _ in range(steps):
        updates, state = solver.update(curvature * point, state, point)
        point = optax.apply_updates(point, updates)
    expected = np.linalg.norm(optax.contrib.schedule_free_eval_params(state, point))
    found = descend(scale_by_schedule_free(), problem, (rate,), steps=steps)
    np.testing.assert_allclose(found.distances[0, -1], expected, rtol=1e-4)


def test_each_rule_has_its_best_rate_and_a_diverged_one_says_so() -> None:
    values = [(text, open_filling("optimizer", text)) for text in ("sgd", "momentum", "exp(g^2)")]
    result = compare_descents("quadratic", values, rates=(1e-4, 1e-3, 1.0), seed=0, steps=300)
    sgd, momentum, broken = result.rows
    assert sgd.learning_rate == 1e-3
    assert [one.score is None for one in sgd.rates] == [False, False, True]
    assert sgd.value == min(one.score for one in sgd.rates if one.score is not None)
    assert momentum.value < sgd.value
    assert (sgd.curve[0].steps, sgd.curve[-1].steps) == (0, 300)
    assert (broken.learning_rate, broken.value, broken.curve) == (None, None, ())
    (grid,) = (part for part in descent_parts(result) if isinstance(part, Grid))
    assert grid.rows[0][:2] == ("sgd", "0.001")
    assert grid.rows[2][2] == "diverged"
    assert file_of(descent_plot(result), "a.svg") == file_of(descent_plot(result), "a.svg")
    assert file_of(descent_plot(result), "a.png").startswith(b"\x89PNG")


def test_draws_of_a_rule_depend_on_the_seed_alone() -> None:
    values = [("drop(g, 0.5)", open_filling("optimizer", "drop(g, 0.5)"))]
    first, again, other = (
        compare_descents("rosenbrock", values, rates=(1e-3,), seed=seed, steps=20).rows[0].value for seed in (0, 0, 1)
    )
    assert first == again != other


def test_muon_is_refused_where_it_is_adam() -> None:
    with pytest.raises(UserError, match="muon is Adam for all but matrices"):
        compare_descents("rosenbrock", [("muon", open_filling("optimizer", "muon"))], rates=(0.1,), seed=0)
