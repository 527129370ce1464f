"""Charts of the page: scales, marks, and which trials are shown one by one."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_cli.core.rewards import InverseSquare, Power
from automl_cli.core.trials import Measurement, Outcome, Proposal, Status, Task, Trial
from automl_cli.reporting.charts import (
    BandMark,
    Chart,
    ChartAxis,
    Dot,
    DotsMark,
    LabelMark,
    LineMark,
    RugMark,
    RuleMark,
    figure_of,
)
from automl_cli.reporting.scales import Scale, scale_over, short
from automl_cli.reporting.shown_trials import thinned
from automl_cli.reporting.summary import improvements

NUMBERS = st.floats(min_value=-1e12, max_value=1e12, allow_nan=False)


@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_a_scale_holds_its_numbers_in_order_and_its_ticks_lie_in_it(values: list[float]) -> None:
    scale = scale_over(values)
    places = [scale.place(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 1 for place in places)
    assert all(-1e-6 <= at <= 1 + 1e-6 for at, _ in scale.ticks())
    assert 1 <= len(scale.ticks()) <= 12


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_no_finite_number_is_too_far_for_a_scale(values: list[float]) -> None:
    for log in (False, True):
        scale = scale_over(values, log=log)
        assert all(0 <= scale.place(value) <= 1 for value in values if value > 0 or not log)
        assert all(-1e-6 <= at <= 1 + 1e-6 for at, _ in scale.ticks())


@given(st.lists(st.floats(min_value=1e-3, max_value=1e12), min_size=1, max_size=20))
def test_a_logarithmic_scale_does_so_too(values: list[float]) -> None:
    scale = scale_over(values, log=True)
    assert all(0 <= scale.place(value) <= 1 for value in values)
    assert all(-1e-6 <= at <= 1 + 1e-6 for at, _ in scale.ticks())
    assert len(scale.ticks()) <= 12


@given(st.lists(NUMBERS, min_size=2, max_size=20, unique=True))
def test_ticks_are_written_with_different_words(values: list[float]) -> None:
    words = [words for _, words in scale_over(values).ticks()]
    assert len(words) == len(set(words))


def test_words_of_points_and_names_are_escaped() -> None:
    hostile = "<script>alert(1)</script>\"'\u202e"
    axis = ChartAxis(hostile, Scale(low=0, high=10, named=((1.0, hostile),)))
    marks = (
        DotsMark(hostile, [Dot(5, 5, hostile, hostile)]),
        RugMark(hostile, [Dot(5, 5, hostile)]),
        RuleMark(hostile, 5.0),
        LabelMark(1, 1, hostile),
    )
    drawn = figure_of(Chart(hostile, hostile, axis, axis, marks, hostile))
    assert drawn.count("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;\ufffd") > 12
    assert "<script" not in drawn
    assert not set(drawn) & {"\u202e", "'"}


def test_every_mark_is_drawn_where_its_numbers_are() -> None:
    axis = ChartAxis("x", Scale(low=0, high=10))
    marks = (
        BandMark("", [(0, 1), (10, 1)], [(0, 2), (10, 2)], 1),
        LineMark("steps", [(0, 0), (10, 5)], 2, steps=True),
        DotsMark("dots", [Dot(5, 10, "a point", "row")]),
        RugMark("rug", [Dot(5, 0, "first"), Dot(5.001, 0, "second")]),
        RuleMark("level", 5.0),
        LabelMark(1, 1, "word"),
    )
    drawn = figure_of(Chart("title", "words", axis, axis, marks))
    for path in ("M0 900L1000 900 1000 800 0 800z", "M0 1000H1000V500", "M500 0h0", "M500 1000v-26", "M0 500H1000"):
        assert f'd="{path}"' in drawn, path
    assert '<a href="#row" tabindex="-1">' in drawn
    assert drawn.count("v-26") == 1
    assert re.findall(r"<li><i class=\"[^\"]*\"></i>(\w+)", drawn) == ["steps", "dots", "rug"]


@pytest.mark.parametrize(("number", "words"), [(0.0, "0"), (9999, "9,999"), (12_345, "12.35 k"), (-2e7, "-20 M")])
def test_numbers_of_ticks_are_short(number: float, words: str) -> None:
    assert short(number) == words


def trial(number: int, score: float | None) -> Trial:
    measured = None if score is None else Measurement((score,))
    outcome = Outcome(Status.DIVERGED if score is None else Status.OK, measured)
    return Trial(Task(number, (0,), 0, 1), Proposal((0,)), outcome)


@settings(max_examples=25)
@given(st.lists(st.none() | st.floats(min_value=0.001, max_value=1.0), min_size=130, max_size=200), st.booleans())
def test_thinned_trials_keep_the_best_so_far_the_extremes_and_failures(scores: list[float | None], lower: bool) -> None:
    reward = InverseSquare() if lower else Power()
    every = [trial(number, score) for number, score in enumerate(scores)]
    kept = thinned(every, reward, most=100, keep=(7,))
    assert list(improvements(kept, reward)) == list(improvements(every, reward))
    known = [score for score in scores if score is not None]
    kept_scores = [one.outcome.measurement.scores[0] for one in kept if one.outcome.measurement is not None]
    if known:
        assert (min(kept_scores), max(kept_scores)) == (min(known), max(known))
    assert any(one.outcome.measurement is None for one in kept) == (None in scores)
    assert [one.number for one in kept] == sorted({one.number for one in kept})
    assert 7 in {one.number for one in kept}
    assert thinned(every, reward, most=600) == every


def test_thinning_keeps_to_its_size_where_the_best_rises_seldom() -> None:
    every = [trial(number, math.sin(number) + 2 if number % 7 else None) for number in range(20_000)]
    assert 1_500 < len(thinned(every, Power(), most=2_000)) <= 2_000
