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
