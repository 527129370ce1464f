"""What a contradiction of a file is reported with: its place, and two texts that can be told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.core.errors import ArtifactError
from automl_cli.store.consistency import alike, first_difference, must_equal

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN, PLAIN)
def test_both_sides_of_a_difference_are_told_apart(one, other):
    if alike(one, other):
        must_equal("place", one, other)
        return
    path, said, expected = first_difference(one, other)
    assert said != expected
    assert max(len(said), len(expected)) <= 82
    with pytest.raises(ArtifactError) as caught:
        must_equal("place", one, other, "the file")
    assert str(caught.value) == f"place{path}: says {said}, but the file makes it {expected}"


@pytest.mark.parametrize(
    ("said", "expected", "text"),
    [
        ({"network": "a" * 90}, {"network": "a" * 89 + "b"}, "place.network: says …"),
        ([1, 2], [1], "place: says [1, 2], but what stands beside it makes it [1]"),
        ({"a": 1}, {}, "place.a: says 1, but what stands beside it makes it nothing"),
        ({}, {"a": None}, "place.a: says nothing, but what stands beside it makes it None"),
        ("x" * 500, "x" * 501, "place: says …"),
    ],
)
def test_the_place_of_the_difference_is_named(said, expected, text):
    with pytest.raises(ArtifactError) as caught:
        must_equal("place", said, expected)
    assert str(caught.value).startswith(text)
