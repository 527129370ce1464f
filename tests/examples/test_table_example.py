"""The example of a table of one's own: the command in its docstring runs as it stands and finds the best row."""

import json
import shlex
from collections.abc import Callable
from csv import DictReader
from pathlib import Path

import pytest

from automl_cli.plugins.discovery import plugin_named
from tests.tables import ROOT

EXAMPLE = ROOT / "examples" / "table" / "three_edges.py"


def test_the_command_of_the_example_finds_the_best_row(
    automl: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = EXAMPLE.read_text(encoding="utf-8").split("    automl ")[1].split(" --out ")[0]
    monkeypatch.chdir(ROOT)
    done = automl(*shlex.split(said.replace("\\\n", " ")), "--out", tmp_path / "run")
    assert done.code == 0, done.stderr
    with (EXAMPLE.parent / "three_edges.csv").open() as file:
        best = max(DictReader(file), key=lambda row: float(row["valid"]))
    found = json.loads(automl("report", tmp_path / "run", "--json").stdout)["runs"][0]["best"]
    assert (found["score"], found["metrics"]["test"]) == (float(best["valid"]), float(best["test"]))
    assert "".join(map(str, found["genotype"])) == best["ops"]
    assert f"{found['score']:.2f}" in EXAMPLE.read_text(encoding="utf-8").split('"""')[1]


def test_the_table_has_a_row_for_every_genotype() -> None:
    plugin, _ = plugin_named(str(EXAMPLE))
    assert len((EXAMPLE.parent / "three_edges.csv").read_text().splitlines()) == plugin.decisions({}).size + 1


@pytest.mark.usefixtures("environment_of_its_own")
def test_a_search_goes_on_where_the_table_has_no_row_and_says_what_it_lacks(automl: Callable, tmp_path: Path) -> None:
    rows = (EXAMPLE.parent / "three_edges.csv").read_text().splitlines()
    table = tmp_path / "half.csv"
    table.write_text("\n".join([*rows[:9], ""]))
    given = ("--space", EXAMPLE, "--evaluator", "table", "--table", table, "--reward-column", "valid")
    done = automl("search-cell", *given, "--strategy", "exhaustive", "--trials", 27, "--out", tmp_path / "run")
    assert done.code == 0, done.stderr
    warned = f"19 of 27 trials not in the table: {table} has 8 rows and none of this genotype; add what is missing"
    assert " · 19 not in the table\n" in done.stderr
    assert f"warning: {warned}" in done.stderr
    assert "diverged" not in done.stderr
    assert done.stderr.count("not in the table") == 2
    report = automl("report", tmp_path / "run")
    assert "27 of 27: 19 not in the table, 8 ok" in report.stdout
    assert f"warning: run: {warned}" in report.stderr
    assert "diverged" not in report.stdout
    (run,) = json.loads(automl("report", tmp_path / "run", "--json").stdout)["runs"]
    assert run["statuses"] == {"not in the table": 19, "ok": 8}
    assert [(reason["status"], reason["trials"]) for reason in run["reasons"]] == [("not in the table", 19)]


@pytest.mark.usefixtures("environment_of_its_own")
def test_a_search_of_which_no_trial_is_in_the_table_says_so(automl: Callable, tmp_path: Path) -> None:
    table = tmp_path / "one.csv"
    table.write_text("ops,valid\n222,0.5\n")
    given = ("--space", EXAMPLE, "--evaluator", "table", "--table", table, "--reward-column", "valid")
    done = automl("search-cell", *given, "--strategy", "random", "--trials", 1, "--out", tmp_path / "run")
    assert done.code == 1
    assert f"1 of 1 trial not in the table: {table} has 1 row and none of this genotype" in done.stderr
