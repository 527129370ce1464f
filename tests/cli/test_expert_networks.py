"""Networks made by experts on the command line: measured, shown and trained by name."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli.values.expert_networks import resnet, wide_resnet


def test_measure_counts_one_for_the_images_of_a_data_set(automl: Callable) -> None:
    done = automl("measure", "wrn-40-2", "--dataset", "digits", "--json")
    costs = wide_resnet(40, 2).costs((8, 8, 1), 10)
    document = json.loads(done.stdout)
    assert (document["parameters"], document["multiply_adds"]) == (costs.parameters, costs.multiply_adds)
    done = automl("measure", "wrn-40-2", "--image-size", "32", "--classes", "10")
    assert done.stdout.splitlines()[0] == "parameters     2,243,546"


def test_show_says_its_layers(automl: Callable) -> None:
    done = automl("show", "convnet-2x32")
    assert (done.code, done.stderr) == (0, "")
    assert "convolution 3×3, filters 32" in done.stdout
    assert "controller" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("measure", "resnet-20"), "resnet-20 does not say for which images and classes it was made; give --dataset"),
        (("measure", "resnet-21", "--dataset", "digits"), "there is no resnet-21: the depth must be 6n + 2"),
        (("measure", "resnt-20"), "Did you mean 'resnet-D'? Known: "),
        (("train", "--network", "wrn-41-2"), "there is no wrn-41-2: the depth must be 6n + 4, n from 1 to 200; give wrn-40-2"),
        (
            ("train", "--network", "wrn-40"),
            "unknown network 'wrn-40'. Did you mean 'wrn-D-K'? Known: convnet",
        ),
        (("train", "--arch", "resnet-20"), "give it with --network"),
        (("train", "--cell", "resnet-20"), "give it with --network"),
        (("train", "--network", "nasnet-a"), "give it with --cell"),
        (("train", "--network", "resnet-20", "--stack", "1@48"), "--stack and --filters are for a cell"),
        (
            ("train", "--network", "resnet-20", "--preset", "fast"),
            "unknown preset of a network made by experts: 'fast'. Known: paper, quick",
        ),
    ],
)
def test_what_names_no_network_is_refused_with_what_does(
    arguments: tuple[str, ...], message: str, automl: Callable, tmp_path: Path
) -> None:
    out = ("--out", str(tmp_path / "out")) if arguments[0] == "train" else ()
    done = automl(*arguments, *out)
    assert (done.code, done.stdout) == (2, "")
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_help_of_train_names_the_families(automl: Callable) -> None:
    words = " ".join(automl("train", "--help").stdout.split())
    assert "A network made by experts: resnet-D, wrn-D-K, convnet-LxF" in words


@pytest.mark.parametrize(("preset", "epochs", "optimizer"), [("quick", 30, "momentum"), ("paper", 200, "nesterov")])
def test_the_plan_follows_a_preset(preset: str, epochs: int, optimizer: str, automl: Callable) -> None:
    plan = json.loads(automl("train", "--network", "resnet-20", "--preset", preset, "--dry-run", "--json").stdout)
    assert (plan["trained"], plan["parameters"]) == ("resnet-20", resnet(20).costs((8, 8, 1), 10).parameters)
    assert (plan["epochs"], plan["child"]["roles"]["optimizer"]["name"]) == (epochs, optimizer)
    assert plan["child"]["problem"]["dataset"]["source"] == "digits"


@pytest.mark.parametrize("name", ["resnet-8", "wrn-10-1", "convnet-2x32"])
def test_it_is_trained_and_tested_and_goes_on_under_no_other_name(name: str, automl: Callable, tmp_path: Path) -> None:
    out = tmp_path / "trained"
    done = automl("train", "--network", name, "--epochs", "1", "--train-examples", "1000", "--out", out, "--json", "--quiet")
    assert done.code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["test_accuracy"] > 0.15, "guesses of ten classes have 0.10, with a standard error of 0.016"
    measured = json.loads(automl("measure", out / "model.json", "--json").stdout)
    assert measured["parameters"] == document["parameters"]
    settings = json.loads((out / "training.json").read_text())
    assert len(settings["inputs"]["network"]) == 64
    again = automl("train", "--resume", "--network", "resnet-14", "--out", out)
    assert (again.code, "--network holds another network" in again.stderr) == (2, True)
