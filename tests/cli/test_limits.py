"""`--max-parameters` from the command line: `--trials` counts children on any executor, and a search where none fits ends."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Automl = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("environment_of_its_own")

SCORE = "def score(child):\n    return 1 / (1 + abs(child.costs.parameters - 9000))\n"
SEARCH = ("search-arch", "--strategy", "evolution", "--trials", 6, "--in-flight", 3)


def test_as_many_children_as_trials_are_scored_on_any_number_of_workers(automl: Automl, tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(SCORE)
    flags = (*SEARCH, "--evaluator", f"{tmp_path / 'f.py'}:score", "--max-parameters", 20_000)
    one = automl(*flags, "--executor", "serial", "--out", tmp_path / "one")
    automl(*flags, "--executor", "local", "--workers", 2, "--out", tmp_path / "two")
    best = [(tmp_path / name / "best.json").read_bytes() for name in ("one", "two")]
    assert best[0] == best[1]
    assert "trial 6/6 · " in one.stderr
    assert " over-limit" in one.stderr
    run = json.loads(automl("report", tmp_path / "one", "--json").stdout)["runs"][0]
    assert run["statuses"]["ok"] == 6
    assert run["trials"] == run["planned_trials"] == 6 + run["statuses"]["over-limit"] > 6
    assert ": finished" in automl("report", tmp_path / "one").stdout
    assert automl("validate", tmp_path / "one").code == 0
    raised = automl(*flags[:-2], "--max-parameters", 20_000, "--trials", 7, "--resume", "--out", tmp_path / "one", "--dry-run")
    assert "of which 6 of 7 trials have ended" in raised.stderr


def test_where_nothing_fits_the_search_says_so_and_what_to_do(automl: Automl, tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(SCORE)
    flags = (*SEARCH, "--evaluator", f"{tmp_path / 'f.py'}:score", "--max-parameters", 300)
    failed = automl(*flags, "--out", tmp_path / "run")
    assert failed.code == 1
    assert failed.stderr.count("warning: 50 of 50 proposals are over a limit (--max-parameters 300); each is drawn again") == 1
    assert "error: nothing fits: all of 600 proposals are over a limit" in failed.stderr
    assert "Start a new run with a higher --max-parameters" in failed.stderr
    assert "Traceback" not in failed.stderr
