"""The map of the package, in its docstring, is what is there: the rooms, and the floors that imports are held to."""

import re
import tomllib

import automl_cli
from tests.conftest import ROOT

ROW = re.compile(r"^    (\w+) +(\d+)   \S", re.MULTILINE)


def floors() -> list[set[str]]:
    """The rooms of the map, floor by floor, ground first."""
    assert automl_cli.__doc__ is not None
    rows = ROW.findall(automl_cli.__doc__)
    return [{room for room, floor in rows if int(floor) == number} for number in range(int(rows[-1][1]) + 1)]


def test_the_map_names_every_room_and_no_other() -> None:
    there = {path.parent.name for path in (ROOT / "automl_cli").glob("*/__init__.py")}
    assert set().union(*floors()) == there


def test_no_module_lies_about_outside_the_rooms() -> None:
    assert {path.name for path in (ROOT / "automl_cli").glob("*.py")} == {"__init__.py", "__main__.py"}


def test_imports_are_held_to_the_floors_of_the_map() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert [set(layer.split(" | ")) for layer in reversed(layers) if layer != "__main__"] == floors()


def test_no_import_upward_is_excused() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    assert [contract.get("ignore_imports") for contract in contracts if contract["type"] == "layers"] == [None]
