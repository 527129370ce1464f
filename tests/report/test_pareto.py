"""The front of score against length: as a law, and of a journal."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from automl_cli.report.pareto import front

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
