"""Cells on the command line: measure, show, validate; names, files and run directories alike."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from automl_cli.cli.app import run
from automl_cli.core.errors import ArtifactError
from automl_cli.core.trials import Measurement, Outcome, Proposal, Stage, Status, Task, Trial
from automl_cli.kinds.cell import CellBody
from automl_cli.kinds.network import NetworkBody, stacked_network
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.plugins.discovery import open_space
from automl_cli.references import open_artifact
from automl_cli.store.artifact import artifact_of, read_artifact, write_artifact
from automl_cli.study.incumbent import Winner, winner_artifact
from automl_cli.study.session import costs_of
from automl_cli.values.cell import CellPair
from automl_cli.values.skeleton import stack


@pytest.fixture
def printed(capfd) -> Callable[..., str]:
    """What a command prints on stdout."""

    def call(*arguments: object) -> str:
        assert run([str(argument) for argument in arguments]) == 0, capfd.readouterr().err
        return capfd.readouterr().out

    return call


@pytest.fixture
def refused(capfd) -> Callable[..., str]:
    """What a command says when it ends with exit code 2."""

    def call(*arguments: object) -> str:
        assert run([str(argument) for argument in arguments]) == 2
        return capfd.readouterr().err

    return call


@pytest.fixture
def found(tmp_path: Path) -> Path:
    """The artifact of a winner, as a search writes it."""
    request = SearchRequest(strategy="random", space_option={"variant": "sp-i", "repeats": "1", "filters": "8"})
    settings, space = plan_search("search-cell", request, default_space="nasnet")
    genotype = space.sample(0, 0)
    outcome = Outcome(Status.OK, Measurement((0.5, 0.75)))
    trial = Trial(Task(3, genotype, 1, 2, Stage.SEARCH), Proposal(genotype), outcome)
    costs = costs_of(settings, space, genotype)
    write_artifact(tmp_path / "best.json", winner_artifact(settings, space, Winner(trial), costs=costs))
    return tmp_path / "best.json"


@pytest.fixture
def scaled(tmp_path: Path) -> Path:
    cell = open_artifact("nasnet-a", CellBody).artifact.body.value
    assert isinstance(cell, CellPair)
    network = stacked_network(cell, stack("cifar", repeats=2, filters=8), target="cifar10", image_shape=(32, 32, 3), classes=10)
    write_artifact(tmp_path / "network.json", artifact_of(network))
    return tmp_path / "network.json"


@pytest.mark.parametrize(
    ("arguments", "parameters", "millions"),
    [
        (("--stack", "6@768", "--target", "cifar10"), 3_346_538, 544),
        (("--target", "cifar10"), 3_346_538, 544),
        (("--stack", "4@1056", "--target", "imagenet", "--image-size", "224"), 5_289_978, 564),
        (("--target", "imagenet"), 5_289_978, 564),
        (("--stack", "6@4032", "--target", "imagenet", "--image-size", "331"), 88_753_150, 23_783),
        (("--stack", "6@4032", "--image-size", "331", "--classes", "1000"), 88_753_150, 23_783),
    ],
)
def test_published_networks_are_measured_exactly(printed, tmp_path, monkeypatch, arguments, parameters, millions):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    counted = json.loads(printed("measure", "nasnet-a", *arguments, "--json"))
    assert counted["parameters"] == parameters
    assert round(counted["multiply_adds"] / 1e6) == millions


def test_filters_override_what_follows_from_the_width(printed):
    counted = json.loads(
        printed("measure", "nasnet-a", "--stack", "2@768", "--filters", "24", "--image-size", "32", "--classes", "10", "--json")
    )
    assert (counted["parameters"], counted["width"]) == (757_906, 576)
    assert counted["stack"] == {
        "skeleton": "cifar",
        "repeats": 2,
        "filters": 24,
        "stem_filters": 72,
        "skip_reduction_input": False,
    }


def test_a_found_cell_is_measured_for_the_images_of_its_search(printed, found):
    counted = json.loads(printed("measure", found.parent, "--stack", "1@96", "--json"))
    assert (counted["image_shape"], counted["classes"]) == ([8, 8, 1], 10)


def test_a_scaled_network_is_measured_as_it_is_stacked(printed, refused, scaled):
    body = read_artifact(scaled, NetworkBody).body
    counted = json.loads(printed("measure", scaled, "--json"))
    assert (counted["parameters"], counted["multiply_adds"]) == (body.parameters, body.multiply_adds)
    assert json.loads(printed("measure", scaled, "--image-size", "16", "--json"))["parameters"] == body.parameters
    assert "holds a whole network; --stack and --filters are for cells" in refused("measure", scaled, "--stack", "6@768")


def test_the_commands_that_the_help_of_references_names_work(printed):
    said = " ".join(printed("references", "--help").split())
    commands = said.partition("wherever an artifact is: ")[2].partition(".")[0].split(", ")
    assert len(commands) == 2
    for command in commands:
        shorter = ("--epochs", "1", "--train-examples", "200") if " train " in command else ()
        assert printed(*shlex.split(command)[1:], *shorter)


def test_what_cannot_be_measured_is_said(refused):
    assert "give --dataset, or --image-size and --classes" in refused("measure", "nasnet-a")
    assert "Did you mean 'nasnet-a'?" in refused("measure", "nasnet-b", "--target", "cifar10")
    assert "--stack is '768'; it must be N@P" in refused("measure", "nasnet-a", "--stack", "768", "--target", "cifar10")
    assert "--stack is ''; it must be N@P" in refused("measure", "nasnet-a", "--stack", "", "--target", "cifar10")
    assert "--filters is 3; for images" in refused("measure", "nasnet-a", "--filters", "3", "--target", "imagenet")
    assert "unknown data set 'cifra10'. Did you mean 'cifar10'?" in refused("measure", "nasnet-a", "--target", "cifra10")


def test_show_prints_a_cell_in_words_with_how_it_was_found(printed, found):
    assert "normal h2 = sep-5x5(h0) + sep-3x3(h1)\n" in printed("show", "nasnet-a")
    text = printed("show", found)
    assert "found by    random, seed 0, trial 3" in text
    assert "nasnet version 1" in text
    assert "reduction output = " in text
    assert json.loads(printed("show", found, "--json"))["schema"] == "automl.cell/1"


def test_show_says_that_a_scaled_network_is_not_trained(printed, scaled):
    text = printed("show", scaled)
    assert "cifar, N = 2, F = 8, width 192" in text
    assert "cifar10, 10 classes; nothing is trained" in text


def test_sound_cells_and_networks_pass_validation(printed, found, scaled):
    text = printed("validate", found, scaled)
    assert "sound automl.cell/1" in text
    assert "sound automl.network/1" in text


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('"trial": 3', '"trial": -3', "body.found.trial"),
        ('"normal h2 = ', '"normal h2 == ', "body.words[0]"),
        ('"parameters": ', '"parameters": 1', "body.found.costs.parameters"),
    ],
)
def test_a_changed_cell_is_refused_by_the_failing_path(capfd, found, old, new, path):
    text = found.read_text()
    assert old in text
    found.write_text(text.replace(old, new, 1))
    assert run(["validate", str(found)]) == 2
    assert f"{path}: " in "".join(capfd.readouterr())


def test_a_cell_whose_genotype_was_changed_is_refused(capfd, found):
    artifact = read_artifact(found, CellBody)
    assert artifact.body.found is not None
    space = open_space(artifact.body.found.space)
    other = space.sample(0, 1)
    changed = msgspec.structs.replace(artifact.body.found, genotype=other, choices=space.decisions.choices_of(other))
    write_artifact(found, artifact_of(msgspec.structs.replace(artifact.body, found=changed)))
    assert run(["validate", str(found)]) == 2
    assert "body.value." in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "command", [("validate",), ("show",), ("measure",), ("train", "--dry-run", "--dataset", "digits", "--network")]
)
@pytest.mark.parametrize("field", ["width", "parameters", "multiply_adds", "words"])
def test_a_network_that_miscounts_itself_is_refused_by_whoever_opens_it(capfd, scaled, command, field):
    right = getattr(read_artifact(scaled, NetworkBody).body, field)
    wrong = ["h2 = nothing"] if field == "words" else right + 1
    document = json.loads(scaled.read_bytes())
    document["body"][field] = wrong
    scaled.write_text(json.dumps(document))
    assert run([*command, str(scaled)]) == 2
    assert f"{scaled}: body.{field}: says" in "".join(capfd.readouterr())


def test_a_network_whose_stack_does_not_fit_its_images_is_refused_with_its_file(refused, scaled):
    document = json.loads(scaled.read_bytes())
    document["body"]["stack"]["skeleton"] = "imagenet"
    document["body"]["image_shape"] = [1, 1, 3]
    scaled.write_text(json.dumps(document))
    assert f"{scaled}: body: " in refused("show", scaled)


def test_a_network_that_miscounts_itself_is_not_written(scaled):
    body = read_artifact(scaled, NetworkBody).body
    with pytest.raises(ArtifactError, match=r"body\.parameters: says"):
        write_artifact(scaled, artifact_of(msgspec.structs.replace(body, parameters=1)))
