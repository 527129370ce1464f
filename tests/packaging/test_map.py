"""The map of the package, in its docstring, is what is there: the rooms, and the floors that imports are held to."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import automl_cli
from automl_cli.cli.app import COMMANDS
from tests.conftest import ROOT

PACKAGE = ROOT / "automl_cli"
ROOMS = sorted(path for path in PACKAGE.glob("*/**/__init__.py") if path.parent.name != "references")
ROW = re.compile(r"^    (\w+) +(\d+)   \S", re.MULTILINE)


def floors() -> list[set[str]]:
    """The rooms of the map, floor by floor, ground first."""
    assert automl_cli.__doc__ is not None
    rows = ROW.findall(automl_cli.__doc__)
    return [{room for room, floor in rows if int(floor) == number} for number in range(int(rows[-1][1]) + 1)]


def test_the_map_names_every_room_and_no_other() -> None:
    there = {path.parent.name for path in (ROOT / "automl_cli").glob("*/__init__.py")}
    assert set().union(*floors()) == there


@pytest.mark.parametrize("init", ROOMS, ids=lambda path: str(path.parent.relative_to(PACKAGE)))
def test_the_map_of_a_room_names_every_module_and_no_other(init: Path) -> None:
    there = {path.stem for path in init.parent.glob("*.py")} | {path.parent.name for path in init.parent.glob("*/__init__.py")}
    if init.parent.name == "cli":
        there -= {row.target.split(":")[0].rsplit(".")[-1] for row in COMMANDS.values()}
    named = re.findall(
        r"^ *(\w+)  +\S", ast.get_docstring(ast.parse(init.read_text(encoding="utf-8")), clean=False) or "", re.MULTILINE
    )
    assert sorted(named) == sorted(there - {"__init__"})


def test_no_two_classes_have_one_name() -> None:
    classes = [
        name for path in PACKAGE.rglob("*.py") for name in re.findall(r"^class (\w+)", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert sorted(classes) == sorted(set(classes))


def test_no_module_lies_about_outside_the_rooms() -> None:
    assert {path.name for path in (ROOT / "automl_cli").glob("*.py")} == {"__init__.py", "__main__.py"}


def test_imports_are_held_to_the_floors_of_the_map() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert [set(layer.split(" | ")) for layer in reversed(layers) if layer != "__main__"] == floors()


def test_contributing_draws_the_floors_of_the_map() -> None:
    (block,) = re.findall(r"```text\n(core .*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert [set(re.findall(r"\w+", floor)) for floor in block.split("|")] == floors()


def test_no_import_upward_is_excused() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    assert [contract.get("ignore_imports") for contract in contracts if contract["type"] == "layers"] == [None]
