"""No text of a user becomes a formula in a spreadsheet, and no number becomes a text."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.store.csv_cells import FORMULA_STARTS, safe_cell, safe_value


@given(st.text())
def test_a_cell_never_begins_as_a_formula_and_loses_nothing(text: str) -> None:
    safe = safe_cell(text)
    assert not safe.startswith(FORMULA_STARTS)
    assert safe.removeprefix("'") == text.removeprefix("'")
    assert (safe == text) != text.startswith(FORMULA_STARTS)


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_what_stands_in_a_file_is_no_formula_either(start: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerow([safe_value(f'{start}cmd|"x"'), safe_value(-1.5), safe_value(None)])
    (row,) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert row == [f'\'{start}cmd|"x"', "-1.5", ""]
