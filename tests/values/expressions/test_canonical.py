"""The canonical form computes the same and stands for itself; fingerprints tell functions apart and not their spellings."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from automl_cli.values import activation, optimizer
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.expressions.canonical import canonical, fingerprint, normal_samples
from automl_cli.values.expressions.evaluation import evaluate, numpy_functions
from automl_cli.values.expressions.rule_step import RuleStep, averages, start_of
from automl_cli.values.expressions.sameness import activation_key, activation_problem, rule_key, rule_problem
from automl_cli.values.expressions.tree import Call, Expression, Number, length, printed, walk
from automl_cli.values.optimizer import LibraryOptimizer, UpdateRule, definitions, replace, rule_of
from tests.values.expression_samples import activation_trees, rule_trees

X = normal_samples(200)
ACTIVATION_OPERANDS = {"x": X, "beta": np.full_like(X, 0.7), "beta2": np.full_like(X, -1.3)}
RULE_OPERANDS = {"g": X, "w": X[::-1], "t": np.float64(3), "T": np.float64(7), "noise": X**2, "annealed_noise": X**3}


def activation_value(tree: Expression) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.broadcast_to(evaluate(tree, ACTIVATION_OPERANDS, numpy_functions()), X.shape)


def rule_values(tree: Expression) -> np.ndarray:
    """The updates of two steps."""
    tree = replace(tree, definitions())
    names = averages(tree)
    kept, found = {name: np.full(X.shape, start_of(name)) for name in names}, []
    with np.errstate(all="ignore"):
        for shift in (0, 50):
            operands = {**RULE_OPERANDS, "g": np.roll(X, shift)}
            step = RuleStep(operands, kept, numpy_functions(), uniform=np.linspace(0, 0.999, len(X)))
            found.append(np.broadcast_to(step.value(tree), X.shape))
            kept = step.kept_after
    return np.stack(found)


def finite_places(tree: Expression, values) -> np.ndarray:
    """Where every part of an expression is finite: where one is not, whether 1 / 0 is one infinity or the other depends on the
    sign of a zero."""
    return np.all([np.isfinite(values(part)) for part in walk(tree)], axis=0)


@given(activation_trees())
def test_the_canonical_form_of_a_function_computes_the_same_and_is_its_own(tree):
    form = canonical(tree)
    assert canonical(form) == form
    assert length(form) <= length(tree)
    there = finite_places(tree, activation_value)
    assume(there.any())
    np.testing.assert_allclose(activation_value(form)[there], activation_value(tree)[there], rtol=1e-12)


@given(rule_trees())
def test_the_canonical_form_of_a_rule_computes_the_same_and_is_its_own(tree):
    form = canonical(tree)
    assert canonical(form) == form
    there = finite_places(tree, rule_values)
    assume(there.any())
    np.testing.assert_allclose(rule_values(form)[there], rule_values(tree)[there], rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "form"),
    [("max(x, -0)", "max(x, 0)"), ("x * (0 * -1)", "0 * x"), ("-0", "0"), ("min(x, -(sin(0)))", "min(x, 0)"), ("x^-0", "x^0")],
)
def test_the_sign_of_a_constant_zero_makes_no_other_form(text, form):
    function = ActivationFunction(text)
    assert printed(canonical(function.tree)) == printed(canonical(ActivationFunction(form).tree)) == form
    assert activation_key(function) == activation_key(ActivationFunction(form))


def test_the_sign_of_a_constant_zero_makes_no_other_rule():
    for text, form in (
        ("max(g, -0)", "max(g, 0)"),
        ("g + w * -(log(abs(1)))", "g + 0 * w"),
        ("clip(g, -0) + w", "w + clip(g, 0)"),
    ):
        assert printed(canonical(UpdateRule(text).tree)) == form
        assert rule_key(UpdateRule(text)) == rule_key(UpdateRule(form))


@given(activation_trees())
def test_a_function_and_its_canonical_form_have_one_key(tree):
    assume(finite_places(tree, activation_value).all())
    assert activation_key(ActivationFunction(printed(canonical(tree)))) == activation_key(ActivationFunction(printed(tree)))


SAME = [
    ("x * x", "x^2"),
    ("x * sigmoid(x)", "sigmoid(x) * x"),
    ("x * sigmoid(x)", "x / (1 + exp(-x))"),
    ("log(1 + exp(x))", "softplus(x)"),
    ("max(x, 0) + min(x, 0)", "x"),
    ("2 * sigmoid(2 * x) - 1", "tanh(x)"),
    ("beta * x", "x * beta"),
    ("beta * x + beta2", "beta2 * x + beta"),
    ("beta * x", "beta2 * x"),
    ("sqrt(x)", "x^0.5"),
    ("sqrt(-abs(x))", "log(-abs(x))"),
    ("exp(log(x))", "sqrt(x)^2"),
]
DIFFERENT = [
    ("x", "-x"),
    ("x", "abs(x)"),
    ("x * sigmoid(x)", "x * sigmoid(1.00001 * x)"),
    ("x", "x + 0.001"),
    ("x * sigmoid(x)", "x * sigmoid(beta * x)"),
    ("beta * x", "beta^2 * x"),
    ("beta * x + beta", "beta * x + beta2"),
    ("sqrt(x)", "sqrt(abs(x))"),
    ("log(x)", "log(abs(x))"),
    ("exp(x)", "exp(x) * (1 + 1e-5 * x)"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_function_has_one_key_however_it_is_written(one, other):
    assert activation_key(ActivationFunction(one)) == activation_key(ActivationFunction(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_functions_have_other_keys(one, other):
    assert activation_key(ActivationFunction(one)) != activation_key(ActivationFunction(other))


SAME_RULES = [
    ("g * g", "g^2"),
    ("m", "ema(g, 0.9)"),
    ("g * exp(sign(g) * sign(m))", "exp(sign(m) * sign(g)) * g"),
    ("sign(m)", "sign(2 * m)"),
    ("trace(g, 0.9)", "10 * ema(g, 0.9)"),
    ("drop(-g, 0.3)", "-drop(g, 0.3)"),
    ("ema(g^2, 0.999)", "v"),
    ("g + 0 * noise", "g"),
]
OTHER_RULES = [
    ("g", "m"),
    ("m", "ema(g, 0.99)"),
    ("ema(g, 0.9)", "previous_ema(g, 0.9)"),
    ("drop(g, 0.3)", "drop(g, 0.5)"),
    ("g", "g + noise"),
    ("g + noise", "g + annealed_noise"),
    ("g * ld", "g * cd"),
    ("g", "g + 0.0001 * w"),
    ("g", "g * t"),
    ("adam", "rmsprop"),
    ("clip(g, 0.001)", "clip(g, 0.0001)"),
]


@pytest.mark.parametrize(("one", "other"), SAME_RULES)
def test_the_same_rule_has_one_key_however_it_is_written(one, other):
    assert rule_key(UpdateRule(one)) == rule_key(UpdateRule(other))


@pytest.mark.parametrize(("one", "other"), OTHER_RULES)
def test_other_rules_have_other_keys(one, other):
    assert rule_key(UpdateRule(one)) != rule_key(UpdateRule(other))


@given(st.floats(-1e-8, 1e-8), st.integers(0, 99))
def test_numbers_that_differ_by_rounding_have_one_fingerprint(error, place):
    """Numbers are drawn away from the middle between two roundings, where no scheme of rounding could hold."""
    values = np.float64([(1 + number / 2**10) * 2.0 ** (number % 40 - 20) for number in range(100)])
    other = values.copy()
    other[place] *= 1 + error
    assert fingerprint(values) == fingerprint(other)
    other[place] = values[place] * (1 + 1e-5)
    assert fingerprint(values) != fingerprint(other)


def test_nan_agrees_with_nan_and_an_infinity_with_itself_alone():
    assert fingerprint(np.float64([1, np.nan])) == fingerprint(np.float64([1, -np.nan]))
    assert fingerprint(np.float64([0.0])) == fingerprint(np.float64([-0.0]))
    found = [fingerprint(np.float64([value])) for value in (np.nan, np.inf, -np.inf, 0, 1, 1.7e308)]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("beta", "it does not depend on x"),
        ("x - x", "it does not depend on x"),
        ("sqrt(x)", "it is nan at x = -"),
        ("log(x)", "it is nan at x = -"),
        ("exp(exp(exp(x)))", "it is "),
        ("1 / (x - x)", "it is "),
        ("exp(40 * exp(x)) / exp(40 * exp(x))", "it is nan at x = "),
        ("sqrt(max(x, 0))", "its derivative is nan at x = -"),
        ("exp(30 * abs(x))", "it is "),
    ],
)
def test_a_function_that_cannot_be_trained_says_why(text, problem):
    assert (activation_problem(ActivationFunction(text)) or "").startswith(problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("w", "it ignores the gradient"),
        ("noise", "it ignores the gradient"),
        ("g - g", "it ignores the gradient"),
        ("sign(g^2)", "it ignores the gradient"),
        ("log(g)", "it gives nan for gradients of usual size"),
        ("g / (g - g)", "it gives "),
        ("exp(exp(exp(abs(w) + abs(g))))", "it gives "),
        ("g^0.5", "it gives nan for gradients of usual size"),
    ],
)
def test_a_rule_that_cannot_be_trained_with_says_why(text, problem):
    assert (rule_problem(UpdateRule(text)) or "").startswith(problem)


@pytest.mark.parametrize("function", activation.NAMED.values(), ids=activation.NAMED)
def test_nothing_is_against_a_published_function(function):
    assert activation_problem(function) is None


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, id=name) for name, rule in optimizer.NAMED.items() if not isinstance(rule, LibraryOptimizer)]
)
def test_nothing_is_against_a_published_rule(rule):
    assert rule_problem(rule) is None


def test_published_values_are_apart_but_for_those_that_are_the_same_under_two_names():
    functions = {name: activation_key(function) for name, function in activation.NAMED.items()}
    assert len(set(functions.values())) == len(functions)
    rules = {name: rule_key(rule) for name, rule in optimizer.NAMED.items() if isinstance(rule, UpdateRule)}
    assert {name for name in rules if list(rules.values()).count(rules[name]) > 1} == {
        "adam", "adamw", "powersign-cd", "powersign-rd", "addsign-cd", "addsign-rd",
    }  # fmt: skip


def test_a_rule_of_the_canonical_form_is_written_as_it_reads():
    assert rule_of(canonical(UpdateRule("exp(sign(m) * sign(g)) * g * 1").tree)).expression == "g * exp(sign(g) * sign(m))"
    assert canonical(Call("add", (Number(1.0), Number(2.0)))) == Number(3.0)
