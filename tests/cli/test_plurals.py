"""Messages that count something: one of it is not spoken of as several."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "automl_cli"
FILES = sorted(
    file
    for pattern in ("cli/*.py", "reporting/*.py", "jobs/*.py", "study/*.py", "evaluators/table.py", "data/benchmark_table.py")
    for file in PACKAGE.glob(pattern)
)
AFTER_A_NUMBER = re.compile(
    r" (?:best |such )?(?:candidates|cells|children|classes|columns|cores|decisions|epochs|examples|failures|files|genotypes"
    r"|images|layers|multiply-adds|parameters|records|repeats|rows|runs|scores|searches|seeds|steps|trials|workers)\b"
)


def counts_without_counted(file: Path) -> Iterator[str]:
    """Yield text that puts a plural behind an inserted value, other than by `core.numbers.counted`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        for value, text in pairwise(node.values if isinstance(node, ast.JoinedStr) else []):
            is_text = isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant)
            if is_text and AFTER_A_NUMBER.match(str(text.value)):
                yield f"{file.name}:{node.lineno}: {{{ast.unparse(value.value)}}}{text.value}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_what_is_counted_is_counted_by_the_helper(file: Path) -> None:
    assert list(counts_without_counted(file)) == []
