"""What is taken for what: a matrix where it fits 80 columns, else words, and of many classes the worst."""

from automl_cli.reporting.confusion import MOST_PAIRS, MOST_ROWS, confusion_parts
from automl_cli.values.sheet import Grid, Lines


def diagonal(count: int, wrong: int = 0) -> tuple[tuple[int, ...], ...]:
    """Ten examples of each class, of which so many of each but the last are taken for the next."""
    rows = [[10 if column == row else 0 for column in range(count)] for row in range(count)]
    for row in range(count - 1):
        rows[row][row], rows[row][row + 1] = 10 - wrong, wrong
    return tuple(map(tuple, rows))


def test_a_small_matrix_is_a_table_and_a_large_one_words() -> None:
    classes, matrix = confusion_parts(("a", "b"), diagonal(2, 3))
    assert isinstance(classes, Grid)
    assert classes.rows == (("a", "10", "0.7000", "1.0000"), ("b", "10", "1.0000", "0.7692"))
    assert isinstance(matrix, Grid)
    assert matrix.rows == (("a", "7", "3"), ("b", "0", "10"))
    names = tuple(f"class number {number}" for number in range(30))
    worst, words = confusion_parts(names, diagonal(30, 4))
    assert isinstance(worst, Grid)
    assert len(worst.rows) == MOST_ROWS
    assert isinstance(words, Lines)
    lines = words.text.splitlines()
    assert lines[1] == "4 of 10 of class number 0 taken for class number 1"
    assert lines[-1] == f"and {29 - MOST_PAIRS} pairs more"


def test_a_class_without_examples_has_no_recall_and_nothing_confused_needs_no_words() -> None:
    classes, _ = confusion_parts(("a", "b"), ((0, 0), (0, 5)))
    assert isinstance(classes, Grid)
    assert classes.rows[0] == ("a", "0", "", "")
    assert len(list(confusion_parts(tuple(f"class number {number}" for number in range(30)), diagonal(30)))) == 1
