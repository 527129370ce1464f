"""From four searches to one model: what each of them found fills a role, in a search, in its transfer and in a training."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_cli.kinds.cell import CellBody
from automl_cli.kinds.model import ModelBody
from automl_cli.kinds.network import NetworkBody
from automl_cli.plugins.roles import value_of
from automl_cli.references import open_filling
from automl_cli.store.artifact import read_artifact
from automl_cli.store.files import file_digest

pytestmark = pytest.mark.usefixtures("environment_of_its_own")

FEW = ("--dataset", "digits", "--train-examples", "200", "--epochs", "1")
SMALL = (*FEW, "--strategy", "random", "--executor", "serial", "--seed", "1", "--quiet", "--no-baseline")
TRANSFER = ("--transfer", "digits", "--stack", "1@16", "--transfer-epochs", "1")
ROLES = {"activation": "--activation", "optimizer": "--optimizer", "augmentation": "--augment"}
"""Role -> the flag that fills it, for what is searched beside the cell."""


def done(automl: Callable, *arguments: object) -> Any:
    result = automl(*arguments)
    assert result.code == 0, result.stderr
    return result


@pytest.fixture
def found(automl: Callable) -> dict[str, Path]:
    """A run of each search, by the role that what it found fills."""
    runs = {role: Path("runs", role) for role in ROLES}
    searches = (("search-activation", 1), ("search-optimizer", 2), ("search-augment", 1))
    for run, (command, trials) in zip(runs.values(), searches, strict=True):
        done(automl, command, *SMALL, "--trials", trials, "--network", "convnet-1x4", "--out", run)
    return runs


def test_a_cell_is_searched_scaled_and_trained_with_what_three_other_searches_found(
    found: dict[str, Path], automl: Callable
) -> None:
    filled = [argument for role, flag in ROLES.items() for argument in (flag, found[role])]
    digests = {role: file_digest(run / "best.json") for role, run in found.items()}
    done(automl, "search-cell", *SMALL, "--trials", 1, "--space-option", "blocks=1", *TRANSFER, *filled, "--out", "cell")
    cell, network = (file_digest(Path("cell", name)) for name in ("best.json", "network.json"))
    done(automl, "train", "--cell", "cell", *filled, *FEW, "--stack", "1@16", "--out", "model", "--quiet")

    assert read_artifact(Path("cell/best.json"), CellBody).inputs == digests
    assert read_artifact(Path("cell/network.json"), NetworkBody).inputs == {"cell": cell}
    scaled, model = (read_artifact(Path(place, "model.json"), ModelBody) for place in ("cell/transfer", "model"))
    assert scaled.inputs == {"network": network, **digests}
    assert model.inputs == {"network": cell, **digests}
    for role, run in found.items():
        value = open_filling(role, str(run)).value
        assert [trained.body.child.roles[role].value for trained in (scaled, model)] == [value, value]
    rate = value_of(open_filling("optimizer", str(found["optimizer"]))).learning_rate
    assert [trained.body.child.recipe.learning_rate for trained in (scaled, model)] == [rate, rate]

    evaluated = json.loads(done(automl, "evaluate", "model", "--json").stdout)
    assert evaluated["test_accuracy"] == model.body.scores["test_accuracy"]
    exported = done(automl, "export", "model").stdout.split()
    assert exported
    assert all(Path(name).is_file() for name in exported)

    for run in found.values():
        (run / "best.json").unlink()
    for command, place in (("search-cell", "cell/transfer"), ("train", "model")):
        before = file_digest(Path(place, "model.json"))
        for name in ("model.json", "weights.safetensors"):
            Path(place, name).unlink()
        done(automl, command, "--resume", "--out", Path(place).parts[0], "--quiet")
        assert file_digest(Path(place, "model.json")) == before
