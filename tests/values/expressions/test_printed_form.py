"""The printed form of expressions: it reads back to the same value, and what cannot be read is refused with its column."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.core.errors import UserError
from automl_cli.values import activation, optimizer
from automl_cli.values.activation import ACTIVATIONS, ActivationFunction, activation_of
from automl_cli.values.expressions.latex import latex
from automl_cli.values.expressions.parser import DEEPEST, parse
from automl_cli.values.expressions.tree import Call, Name, Number, call, length, number_text, printed
from automl_cli.values.optimizer import RULES, UpdateRule, rule_of
from tests.values.expression_samples import activation_trees, rule_trees

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(activation_trees(20))
def test_an_activation_function_reads_back_as_it_was_printed(tree):
    assert parse(printed(tree), ACTIVATIONS) == tree
    assert activation_of(tree).tree == tree


@given(rule_trees(20))
def test_an_update_rule_reads_back_as_it_was_printed(tree):
    assert parse(printed(tree), RULES) == tree
    assert rule_of(tree).tree == tree


@given(FINITE)
def test_every_finite_constant_reads_back_to_the_same_bits(value):
    (found,) = (part.value for part in [parse(number_text(value), RULES)] if isinstance(part, Number))
    assert (found, math.copysign(1, found)) == (value, math.copysign(1, value))


@given(FINITE, FINITE, st.sampled_from(["add", "subtract", "multiply", "divide", "power"]), st.booleans())
def test_signs_of_constants_do_not_get_lost_beside_operators(one, other, function, negated):
    tree = call(function, Number(one), Number(other))
    tree = call("negate", tree) if negated else tree
    assert parse(printed(tree), RULES) == tree


@given(rule_trees(20))
def test_spaces_do_not_matter(tree):
    assert parse(printed(tree).replace(" ", ""), RULES) == parse(printed(tree).replace(" ", "  "), RULES) == tree


@given(rule_trees(12))
def test_latex_has_as_many_closing_braces_as_opening_ones(tree):
    text = latex(tree)
    assert text.count("{") == text.count("}")
    assert text.count(r"\left") == text.count(r"\right")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("-x^2", call("negate", call("power", Name("x"), Number(2.0)))),
        ("(-x)^2", call("power", call("negate", Name("x")), Number(2.0))),
        ("-2^2", call("negate", call("power", Number(2.0), Number(2.0)))),
        ("x - -2", call("subtract", Name("x"), Number(-2.0))),
        ("x^2^3", call("power", Name("x"), call("power", Number(2.0), Number(3.0)))),
        ("x - x - x", call("subtract", call("subtract", Name("x"), Name("x")), Name("x"))),
        ("x / x * x", call("multiply", call("divide", Name("x"), Name("x")), Name("x"))),
        ("1 + x * x", call("add", Number(1.0), call("multiply", Name("x"), Name("x")))),
        ("-x * x", call("multiply", call("negate", Name("x")), Name("x"))),
        ("x^-1", call("power", Name("x"), Number(-1.0))),
        (".5e1", Number(5.0)),
    ],
)
def test_operators_bind_as_in_mathematics(text, tree):
    assert parse(text, ACTIVATIONS) == tree


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 1: expected a number, a name, a function or '(', found the end"),
        ("x +", "column 4: expected a number, a name, a function or '(', found the end"),
        ("x * * x", "column 5: expected a number, a name, a function or '(', found '*'"),
        ("x x", "column 3: expected an operator or the end, found 'x'"),
        ("2x", "column 2: expected an operator or the end, found 'x'"),
        ("(x", "column 3: expected ')', found the end"),
        ("x)", "column 2: expected an operator or the end, found ')'"),
        ("x ? 1", "column 3: expected a number, a name or an operator, found '?'"),
        ("max(x)", "column 6: max takes 2 arguments; expected ',', found ')'"),
        ("max(x, 1, 2)", "column 9: max takes 2 arguments; expected ')', found ','"),
        ("sin(x, 1)", "column 6: sin takes 1 argument; expected ')', found ','"),
        ("1 + y", "column 5: unknown operand 'y'"),
        ("x + sine(x)", "column 5: unknown function 'sine'. Did you mean 'sin'"),
        ("drop(x, 0.1)", "column 1: unknown function 'drop'"),
        ("1e999", "column 1: expected a finite number, found '1e999'"),
        ("clip(x, x)", "column 9: expected a number, found 'x'"),
        ("x + clip(x, -1)", "column 13: expected a number at least 0 for clip, found '-1'"),
        ("sin", "column 1: unknown operand 'sin'"),
        ("__import__('os')", "column 12: expected a number, a name or an operator"),
        ("x.real", "column 2: expected a number, a name or an operator, found '.'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_column(text, message):
    with pytest.raises(UserError) as refused:
        ActivationFunction(text)
    assert f"activation function {text!r}, {message}" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ema(g, g)", "column 8: expected a number or momentum, found 'g'"),
        ("g * tanh(g)", "column 5: unknown function 'tanh'"),
        ("g * x", "column 5: unknown operand 'x'"),
        ("ema(g, 1)", "column 8: expected a number below 1 for ema, found '1'"),
        ("drop(g, 1.5)", "column 9: expected a number at most 1 for drop, found '1.5'"),
        ("clip(g, -1)", "column 9: expected a number at least 0 for clip, found '-1'"),
    ],
)
def test_what_is_no_update_rule_is_refused(text, message):
    with pytest.raises(UserError) as refused:
        UpdateRule(text)
    assert message in str(refused.value)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_are_refused(number):
    with pytest.raises(UserError, match=rf"x \* sigmoid\(beta \* x\)': beta starts from {number}; it must be finite"):
        ActivationFunction("x * sigmoid(beta * x)", (number,))
    with pytest.raises(UserError, match=f"learning_rate is {number}; it must be a finite number above 0"):
        UpdateRule("g", learning_rate=number)
    with pytest.raises(UserError, match=f"momentum is {number}; it must be at least 0 and below 1"):
        UpdateRule("trace(g, momentum)", momentum=number)
    with pytest.raises(UserError, match="is not finite"):
        Number(number)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "x" + ")" * 5000,
        "-" * 5000 + "x",
        "x" + " + x" * 5000,
        "x" + "^x" * 5000,
        "sin(" * 5000 + "x" + ")" * 5000,
    ],
    ids=["parentheses", "minuses", "sums", "powers", "functions"],
)
def test_what_is_nested_too_deep_is_refused_with_its_column(text):
    with pytest.raises(UserError, match=rf"column \d+: nested more than {DEEPEST} deep"):
        parse(text, ACTIVATIONS)


@pytest.mark.parametrize("kind", [ActivationFunction, UpdateRule])
def test_an_expression_of_a_newer_language_says_so(kind):
    text = "x" if kind is ActivationFunction else "g"
    with pytest.raises(UserError, match="is written in version 2 of the language of expressions, and this tool reads up to 1"):
        kind(text, language=2)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_constant_that_is_not_finite_is_refused(value):
    with pytest.raises(UserError, match="is not finite"):
        Number(value)


def test_a_call_with_other_arguments_than_the_function_takes_is_refused():
    with pytest.raises(UserError, match="max takes 2 arguments, not 1"):
        Call("max", (Name("x"),))
    with pytest.raises(UserError, match="no function is called 'nothing'"):
        Call("nothing", (Name("x"),))


ICML_RULES = {
    "(exp(sign(g) * sign(m)) + clip(g, 0.0001)) * g": 12,
    "clip(m, 0.0001) * exp(v)": 6,
    "m * exp(v)": 4,
    "g * exp(sign(g) * sign(m))": 8,
    "drop(g, 0.3) * exp(sign(g) * sign(m))": 10,
    "m * exp(g^2)": 6,
    "drop(m, 0.1) / (exp(g^2) + 1e-8)": 10,
    "drop(g, 0.1) * exp(sign(g) * sign(m))": 10,
    "clip(rmsprop, 1e-5) + drop(m, 0.3)": 7,
    "adam * exp(sign(g) * sign(m))": 8,
    "adam * exp(m)": 4,
    "g + drop(m, 0.3)": 5,
    "drop(m, 0.1) * exp(g^3)": 8,
    "g - clip(g^2, 0.0001)": 7,
    "exp(g) - exp(m)": 5,
    "drop(m, 0.3) * exp(0.001 * w)": 8,
}
"""The rules printed in the paper's table (arXiv 1709.07417, ICML version), in our names, with their lengths."""


@pytest.mark.parametrize(("text", "count"), ICML_RULES.items())
def test_the_rules_printed_in_the_paper_are_of_the_language(text, count):
    rule = UpdateRule(text)
    assert printed(rule.tree) == text
    assert length(rule.tree) == count
    assert optimizer.UpdateRule(printed(rule.expanded)).expanded == rule.expanded


@pytest.mark.parametrize("value", [*activation.NAMED.values(), *optimizer.NAMED.values()], ids=repr)
def test_named_values_are_printed_as_they_are_written(value):
    if not isinstance(value, optimizer.LibraryOptimizer):
        assert printed(value.tree) == value.expression
