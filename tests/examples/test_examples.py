"""Every example runs: the space it declares is searched, first by formula, then with children that are really trained."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli.core.spaces import SearchSpace
from automl_cli.plugins.discovery import plugin_named
from tests.contracts.test_every_command import parse
from tests.tables import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)


@every_example
def test_example_opens_with_its_command_and_its_minutes(example: Path) -> None:
    said = example.read_text(encoding="utf-8").split('"""')[1]
    (command,) = re.findall(r"^    (automl .*?)  +\(.*minute.*\)$", said, flags=re.MULTILINE)
    assert f"--space examples/{example.name}" in command
    parse(command)


@every_example
def test_size_is_the_one_that_the_example_names(example: Path) -> None:
    space = SearchSpace(plugin_named(str(example))[0])
    assert f"{space.size:,}" in example.read_text(encoding="utf-8").split('"""')[1]


@every_example
def test_example_is_searched_by_formula(example: Path, automl: Callable, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = automl(
        "search-arch", "--space", example, "--evaluator", "analytic", "--executor", "serial", "--trials", 12, "--out", out
    )
    assert (done.code, done.stdout) == (0, f"{out / 'best.json'}\n")
    assert json.loads(automl("report", out, "--json").stdout)["runs"][0]["statuses"] == {"ok": 12}


@every_example
def test_example_is_searched_with_children_that_are_trained(example: Path, automl: Callable, tmp_path: Path) -> None:
    out = tmp_path / "run"
    small = ("--trials", 1, "--epochs", 1, "--train-examples", 900, "--executor", "serial", "--quiet")
    done = automl("search-arch", "--space", example, *small, "--out", out)
    assert done.code == 0, done.stderr
    best = json.loads((out / "best.json").read_text())["body"]
    assert 0 <= best["found"]["validation_score"] <= 1
    assert json.loads(automl("measure", out, "--json").stdout)["parameters"] == best["found"]["costs"]["parameters"]
