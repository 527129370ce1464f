"""Defuses cells of CSV files that a spreadsheet would take for formulas, and run, because of their first character."""

from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""First characters of what a spreadsheet runs (OWASP, "CSV Injection")."""


def safe_cell(text: str) -> str:
    """Return the text with an apostrophe before it where a spreadsheet would take it for a formula.

    >>> safe_cell("=HYPERLINK(A1)"), safe_cell("3x3 convolution"), safe_cell("")
    ("'=HYPERLINK(A1)", '3x3 convolution', '')
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def safe_value(value: Any) -> Any:
    """Return a value of a table as it may stand in a cell: texts defused, numbers as they are, so that -1.5 stays a number.

    >>> safe_value(-1.5), safe_value("-1.5"), safe_value(None)
    (-1.5, "'-1.5", None)
    """
    return safe_cell(value) if isinstance(value, str) else value
