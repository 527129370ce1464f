"""Curves as text."""

import math

from hypothesis import given
from hypothesis import strategies as st

from automl_cli.kinds.activation import curves as curves_of
from automl_cli.reporting.drawing import LABEL, ROWS, drawn
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.sheet import Curves
from tests.values.expression_samples import activations

X = tuple(at / 40 for at in range(-200, 201))
ANY_VALUE = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324])


def curves(*functions: object) -> Curves:
    return Curves("", X, tuple((f"f{number}", tuple(map(function, X))) for number, function in enumerate(functions, start=1)))


def plot(text: str) -> list[str]:
    """The rows of the one plot, without what stands beside it."""
    return [line[LABEL + 1 :] for line in text.splitlines()[1 : ROWS + 1]]


@given(activations(), st.integers(40, 120), st.booleans())
def test_no_drawing_is_wider_than_its_terminal(function: ActivationFunction, width: int, ascii_only: bool) -> None:
    text = drawn(curves_of(function)._replace(title=""), width, ascii_only=ascii_only)
    assert max(map(len, text.splitlines())) <= width
    assert not ascii_only or text.isascii()


@given(st.lists(ANY_VALUE, min_size=2, max_size=40))
def test_any_numbers_are_drawn(values: list[float]) -> None:
    text = drawn(Curves("", tuple(map(float, range(len(values)))), (("f", tuple(values)),)), 80)
    assert len(text.splitlines()) == ROWS + 3


def test_plots_stand_beside_each_other_at_80_columns_and_below_each_other_in_less() -> None:
    both = curves(math.sin, math.cos)
    assert len(drawn(both, 80).splitlines()) == ROWS + 3
    assert len(drawn(both, 50).splitlines()) == 2 * (ROWS + 3)


def test_a_straight_line_goes_from_corner_to_corner() -> None:
    rows = plot(drawn(curves(lambda x: x), 40, ascii_only=True))
    assert (rows[0].rstrip()[-1], rows[-1][0]) == ("*", "*")
    assert len(rows[0].rstrip()) == 40 - LABEL - 1
    columns = [row.index("*") for row in rows]
    assert columns == sorted(columns, reverse=True)


def test_axes_are_labelled_with_both_ends_and_0() -> None:
    lines = drawn(curves(lambda x: 2 * x), 40).splitlines()
    labels = [line[:LABEL].strip() for line in lines[1 : ROWS + 1]]
    assert [label for label in labels if label] == ["10", "0", "-10"]
    assert lines[-1].split() == ["-5", "x", "=", "0", "5"]


def test_what_is_not_finite_is_a_gap() -> None:
    rows = plot(drawn(curves(lambda x: math.log(x) if x > 1 else math.nan), 40, ascii_only=True))
    assert min(row.index("*") for row in rows if "*" in row) > (40 - LABEL) / 2


def test_a_pole_does_not_flatten_the_rest() -> None:
    top = drawn(curves(lambda x: 1 / (x + 1e-7)), 40).splitlines()[1][:LABEL]
    assert float(top) < 100
