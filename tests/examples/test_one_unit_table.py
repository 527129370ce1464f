"""The measured table of all activation functions of one unit: it covers the space, and a search takes its scores from it."""

import json
from collections import defaultdict
from collections.abc import Callable
from csv import DictReader
from itertools import product
from pathlib import Path

import pytest

from automl_cli.core.spaces import SearchSpace
from search_spaces.activation_units import SPACE
from tests.tables import ROOT

FILE = ROOT / "examples" / "activations" / "one_unit.csv"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(DictReader(file))


def genotype(row: dict[str, str]) -> tuple[int, ...]:
    return tuple(map(int, row["ops"].split("-")))


def test_it_has_a_row_for_every_genotype_with_its_formula(rows: list[dict[str, str]]) -> None:
    space = SearchSpace(SPACE)
    every = product(*(range(len(decision.choices)) for decision in space.decisions.decisions))
    assert [genotype(row) for row in rows] == list(every)
    assert all(row["formula"] == space.decode(genotype(row)).expression for row in rows[::37])
    assert FILE.stat().st_size < 1_000_000


def test_equal_functions_share_a_row_that_stands_for_them(rows: list[dict[str, str]]) -> None:
    space, by_ops = SearchSpace(SPACE), {row["ops"]: row for row in rows}
    classes = defaultdict(set)
    for row in rows:
        first = by_ops[row["same_as"]]
        assert first["same_as"] == first["ops"]
        assert [row[name] for name in ("status", "valid", "loss")] == [first[name] for name in ("status", "valid", "loss")]
        classes[row["same_as"]].add(row["ops"])
    assert abs(len(classes) - 4_023) <= 3
    for row in rows[::41]:
        if row["ops"] != row["same_as"]:
            assert space.canonical(genotype(row)) == space.canonical(genotype(by_ops[row["same_as"]]))


def test_only_trained_functions_have_scores(rows: list[dict[str, str]]) -> None:
    for row in rows:
        assert (row["status"] == "ok") == (float(row["valid"]) > 0) == (row["loss"] != "")
    good = [float(row["valid"]) for row in rows if row["status"] == "ok"]
    assert len(good) > 3_000
    assert max(good) > 0.9


def test_a_search_on_it_finds_what_it_says(rows: list[dict[str, str]], automl: Callable, tmp_path: Path) -> None:
    given = ("--evaluator", "table", "--table", FILE, "--reward-column", "valid", "--quiet")
    done = automl("search-activation", *given, "--trials", 200, "--out", tmp_path / "run")
    assert done.code == 0, done.stderr
    (run,) = json.loads(automl("report", tmp_path / "run", "--json").stdout)["runs"]
    assert run["statuses"] == {"ok": 200}
    found = run["best"]
    row = next(row for row in rows if genotype(row) == tuple(found["genotype"]))
    assert found["score"] == float(row["valid"]) > 0.9
