"""docs/python.md: its Python can be read, and names functions and keywords that there are."""

import ast
import inspect
import re

import pytest

import automl_cli as automl
from automl_cli.api import words
from tests.tables import ROOT

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
TYPED = {"search": words.SearchWords, "train": words.TrainWords}


def calls(code: str) -> list[ast.Call]:
    """The calls of `automl.…` in a block."""
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return [node for node in nodes if ast.unparse(node.func).startswith("automl.")]


@pytest.mark.parametrize("code", BLOCKS)
def test_every_block_calls_what_there_is(code: str) -> None:
    for call in calls(code):
        name = ast.unparse(call.func).removeprefix("automl.")
        assert name in automl._API
        known = TYPED[name].__annotations__ if name in TYPED else inspect.signature(getattr(automl, name)).parameters
        assert {keyword.arg for keyword in call.keywords} <= set(known)


def test_the_page_names_every_function() -> None:
    table = re.search(r"^\| function \|.*\n\| --- .*\n((?:\|.*\n)+)", PAGE, flags=re.MULTILINE)
    assert table
    named = set(re.findall(r"^\| `(\w+)`", table[1], flags=re.MULTILINE))
    given = {name for name in automl._API if not name.endswith(("Error", "Failed", "InUse"))}
    assert named == given - {"Loaded", "ProposedChild", "TrainingResult"}


def test_the_page_names_all_of_a_child() -> None:
    table = re.search(r"^\| of the child \|.*\n\| --- .*\n((?:\|.*\n)+)", PAGE, flags=re.MULTILINE)
    assert table
    named = set(re.findall(r"`(\w+)", "".join(row.split(" | ")[0] for row in table[1].splitlines())))
    own = {name for name in vars(automl.ProposedChild) if not name.startswith("_")}
    assert named == own | {"genotype", "seed", "epochs", "trial", "trained_as"}
