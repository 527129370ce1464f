"""`--resume --dry-run`: the plan of the search on record, which stays as it is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.searches import SPACE, search

Automl = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("environment_of_its_own")
RECORDED = {"executor": "serial", "trials": 7, "seed": 3, "epochs": 5, "space_option": "layers=2"}


def contents(run: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(run.rglob("*")) if file.is_file()}


def again(*more: object, out: str = "a") -> list[str]:
    """The command that shows what would go on."""
    return [str(part) for part in ("search-arch", "--resume", "--dry-run", "--out", out, *more)]


@pytest.mark.parametrize("repeats", [[], ["--repeat", "2"]])
def test_the_plan_of_a_resumed_search_is_that_of_the_record(repeats: list[str], automl: Automl) -> None:
    planned = json.loads(automl(*search("--dry-run", "--json", **RECORDED)).stdout)
    assert automl(*search(*repeats, out="a", **RECORDED)).code == 0
    before = contents(Path("a"))
    shown = automl(*again("--space", SPACE, "--json", *repeats))
    assert shown.code == 0
    assert json.loads(shown.stdout) == planned
    assert "7 of 7 trials have ended" in shown.stderr
    assert "7 trials, 5 epochs each" in automl(*again("--space", SPACE)).stdout
    assert json.loads(automl(*again("--space", SPACE, "--trials", 9, "--json")).stdout) == planned | {"trials": 9}
    assert "--seed 4 is not what this run was started with (3)" in automl(*again("--space", SPACE, "--seed", 4)).stderr
    assert "--repeat 5 is not what a was started with" in automl(*again("--space", SPACE, "--repeat", 5)).stderr
    assert contents(Path("a")) == before


def test_the_plan_of_a_resumed_search_that_is_not_there_is_refused(automl: Automl) -> None:
    for command in ("search-arch", "search-cell"):
        done = automl(command, "--resume", "--dry-run", "--out", "missing")
        assert (done.code, done.stdout) == (2, "")
        assert "there is no run at missing to resume" in done.stderr
    assert not Path("missing").exists()
