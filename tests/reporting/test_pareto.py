"""The front of score against length: as a law, and of a journal."""

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Status
from automl_cli.plugins.discovery import plugins
from automl_cli.plugins.listing import kind_named
from automl_cli.reporting.pareto import front, pareto_of
from automl_cli.reporting.runs import read_history
from tests.reporting import runs

POINTS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 8).map(lambda eighths: eighths / 8)), max_size=30)


def made(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    return list(front(points, length=lambda point: point[0], reward=lambda point: point[1]))


@given(POINTS)
def test_the_front_is_what_no_point_beats(points: list[tuple[int, float]]) -> None:
    best = made(points)

    def is_beaten(point: tuple[int, float]) -> bool:
        return any(other != point and other[0] <= point[0] and other[1] >= point[1] for other in points)

    assert set(best) == {point for point in points if not is_beaten(point)}


@given(POINTS)
def test_longer_is_better_along_the_front(points: list[tuple[int, float]]) -> None:
    best = made(points)
    assert bool(best) == bool(points)
    for (shorter, worse), (longer, better) in pairwise(best):
        assert shorter < longer
        assert worse < better


@given(POINTS, st.randoms(use_true_random=False))
def test_the_order_of_the_trials_does_not_matter(points: list[tuple[int, float]], random: object) -> None:
    shuffled = list(points)
    random.shuffle(shuffled)
    assert made(shuffled) == made(points)


def test_the_front_of_a_run_is_that_of_all_its_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal scores and equal lengths are frequent here, so that ties are met."""
    space = SearchSpace(plugins()["activation-units"])
    monkeypatch.setattr(runs, "SPACE", space)
    draw = random.Random(3)
    scores = [None if draw.random() < 0.1 else draw.randint(1, 8) / 8 for _ in range(200)]
    history = read_history(runs.write_run(tmp_path / "run", scores))
    length, reward = kind_named(space.plugin.produces).length, history.settings.reward
    assert length is not None
    trials = [trial for trial in history.trials if trial.outcome.status is Status.OK]
    points = [(length(space.decode(trial.task.genotype)), reward.of(trial.outcome.measurement)) for trial in trials]  # type: ignore[arg-type]
    found = pareto_of(history)
    assert found is not None
    assert [(point.length, point.score) for point in found] == made(points)
    assert all(length(space.decode(history.trials[point.trial].task.genotype)) == point.length for point in found)
