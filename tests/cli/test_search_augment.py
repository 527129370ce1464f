"""`automl search-augment` as a user types it: a search that trains, what is said of its end, and what takes what it found."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli.kinds.augmentation_policy import AugmentationPolicyBody
from automl_cli.store.artifact import read_artifact
from automl_cli.store.files import file_digest

pytestmark = pytest.mark.usefixtures("environment_of_its_own")

SMALL = ("--train-examples", "200", "--epochs", "1", "--network", "convnet-1x4", "--executor", "serial", "--no-baseline")


def searched(automl: Callable, out: str, *more: object) -> Path:
    done = automl("search-augment", *SMALL, "--out", out, *more)
    assert done.code == 0, done.stderr
    return Path(out)


def test_a_search_ends_with_a_joined_policy_whose_score_is_said_to_be_that_of_one_trial(automl: Callable) -> None:
    done = automl("search-augment", *SMALL, "--trials", "6", "--strategy", "random", "--out", "a", "--json")
    document = json.loads(done.stdout)
    assert done.code == 0
    assert len(document["joined"]) == 5
    assert document["joined"][0] == document["trial"]
    alone = f"the score is that of trial {document['trial']} alone"
    assert f"best.json joins trials {', '.join(map(str, document['joined']))}; {alone}" in " ".join(done.stderr.split())
    for shown in (automl("show", "a"), automl("report", "a")):
        assert alone in " ".join(shown.stdout.split())
    (run,) = json.loads(automl("report", "a", "--json").stdout)["runs"]
    assert run["joined"] == document["joined"]
    assert run["best"]["trial"] == document["trial"]
    assert automl("validate", "a").code == 0
    body = read_artifact(Path("a/best.json"), AugmentationPolicyBody).body
    assert len(body.words) == 25


def test_a_search_cut_short_and_resumed_writes_the_bytes_of_one_that_was_not(automl: Callable) -> None:
    calm = searched(automl, "calm", "--trials", "5", "--strategy", "random")
    stormy = searched(automl, "stormy", "--trials", "3", "--strategy", "random")
    resumed = automl("search-augment", "--resume", "--out", stormy, "--trials", "5")
    assert resumed.code == 0, resumed.stderr
    assert (stormy / "best.json").read_bytes() == (calm / "best.json").read_bytes()


def test_what_was_found_fills_the_role_in_a_training_and_in_another_search_with_its_digest(automl: Callable) -> None:
    policy = searched(automl, "policy", "--trials", "2")
    digest = file_digest(policy / "best.json")
    network = ("--network", "convnet-1x4", "--train-examples", "200", "--epochs", "1")
    done = automl("train", *network, "--dataset", "digits", "--augment", policy, "--out", "model", "--quiet")
    assert done.code == 0, done.stderr
    assert json.loads(Path("model/model.json").read_text())["inputs"]["augmentation"] == digest
    done = automl("search-activation", *SMALL, "--augment", policy, "--trials", "1", "--out", "act", "--quiet")
    assert done.code == 0, done.stderr
    assert json.loads(Path("act/best.json").read_text())["inputs"]["augmentation"] == digest
    (policy / "best.json").unlink()
    resumed = automl("search-activation", "--resume", "--out", "act", "--trials", "2", "--quiet")
    assert resumed.code == 0, resumed.stderr


def test_a_subset_of_operations_is_searched_and_recorded(automl: Callable) -> None:
    run = searched(automl, "a", "--trials", "2", "--operations", "Rotate,Color")
    body = read_artifact(run / "best.json", AugmentationPolicyBody).body
    assert {word for line in body.words for word in line.split() if word.isalpha()} <= {"Rotate", "Color"}
    assert body.found is not None
    assert body.found.space.options["operations"] == "Rotate,Color"
    refused = automl("search-augment", "--resume", "--out", run, "--operations", "Rotate")
    assert refused.code == 2
    assert "--operations Rotate is not what this run was started with (Rotate,Color)" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--operations", "Rotat"], "unknown operation 'Rotat'. Did you mean 'Rotate'?"),
        (["--augment", "none"], "--augment says what is searched for here; leave it out"),
        (["--space-option", "mapping=torchvision", "--operations", "Cutout"], "mapping 'torchvision' does not define Cutout"),
        (["--start-from", "none", "--strategy", "evolution"], "it has no policy of sub-policies"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(automl: Callable, arguments: list[str], message: str) -> None:
    done = automl("search-augment", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert message in done.stderr
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        (
            "cifar10",
            (
                "baseline=flip-crop, cutout=0.5",
                "15,000 trials, 120 epochs",
                "0.01, of the recipe",
                "weight decay 0.0001",
                "3,300 to train, 700 to validate",
                "5,000 hours",
            ),
        ),
        (
            "svhn_cropped",
            (
                "baseline=none, cutout=0.0",
                "15,000 trials, 120 epochs",
                "0.01, of the recipe",
                "weight decay 0.0001",
                "700 to train, 300 to validate",
                "1,000 hours",
            ),
        ),
        (
            "imagenet",
            (
                "baseline=inception, cutout=0.0",
                "15,000 trials, 200 epochs",
                "0.1, of the recipe",
                "weight decay 1e-05",
                "5,300 to train, 700 to validate",
                "15,000 hours",
            ),
        ),
    ],
)
def test_a_dry_run_states_the_papers_setting_of_each_data_set(automl: Callable, dataset: str, said: tuple[str, ...]) -> None:
    done = automl("search-augment", "--preset", "paper", "--dataset", dataset, "--dry-run")
    assert done.code == 0, done.stderr
    assert all(text in done.stdout for text in (*said, "wrn-40-2", "batches of 128, cosine rate")), done.stdout
