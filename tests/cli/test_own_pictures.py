"""Folders of pictures from a search to an evaluation: what is said first, and broken pictures left out on record."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.test_picture_forms import FORMS, written

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of two colours with transparency, 20 of each, in a folder of the working directory; one of them is broken."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for kind, name in enumerate(("cat", "dog")):
        Path("set", name).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, 90, (8, 8, 4), np.uint8)
            pixels[..., kind] += 150
            pixels[:4, :, 3] = 0
            pixels[4:, :, 3] = 255
            Image.fromarray(pixels).save(Path("set", name, f"{number:02}.png"))
    Path("set/dog/07.png").write_bytes(b"")


QUICK = (
    "search-arch",
    "--dataset",
    "./set",
    "--trials",
    "2",
    "--epochs",
    "1",
    "--workers",
    "1",
    "--executor",
    "serial",
    "--no-baseline",
)


def test_a_search_skips_broken_pictures_on_record_and_is_not_resumed_with_others(automl: Callable) -> None:
    refused = automl(*QUICK, "--out", "run")
    assert (refused.code, Path("run").exists()) == (2, False)
    assert refused.stderr.splitlines() == [
        "error: set, 40 pictures: 1 fault",
        "  dog/07.png: the file is empty",
        "Mend or remove them, or leave them out with --skip-broken",
    ]
    planned = automl(*QUICK, "--skip-broken", "--dry-run")
    searched = automl(*QUICK, "--skip-broken", "--out", "run")
    assert (planned.code, searched.code) == (0, 0)
    for done in (planned, searched):
        first, *notes = done.stderr.splitlines()
        assert first.startswith("./set: 39 images of 8×8×3, 2 classes (cat 20, dog 19); ")
        assert notes[:2] == [
            "  transparency was laid on white in 39 pictures (cat/00.png)",
            "  left out: 1 broken picture (dog/07.png)",
        ]
    facts = json.loads(Path("run/study.json").read_text())["body"]["child"]["problem"]["facts"]
    assert facts["skipped_pictures"] == 1
    Path("set/dog/08.png").write_bytes(b"")
    resumed = automl("search-arch", "--resume", "--trials", "3", "--out", "run")
    assert resumed.code == 2
    assert "skipped pictures 2 (was 1)" in resumed.stderr


def test_what_a_search_found_is_trained_and_evaluated_without_the_broken_pictures(automl: Callable) -> None:
    assert automl(*QUICK, "--skip-broken", "--out", "run").code == 0
    trained = automl("train", "--arch", "run", "--epochs", "1", "--out", "final")
    assert trained.code == 0
    assert "  left out: 1 broken picture (dog/07.png)" in trained.stderr.splitlines()
    evaluated = automl("evaluate", "final", "--json")
    assert 0 <= json.loads(evaluated.stdout)["test_accuracy"] <= 1


@pytest.mark.parametrize("name", ["floats to 1", "mixed"])
def test_pictures_of_other_forms_are_searched_on_and_trained_on(automl: Callable, name: str) -> None:
    form = FORMS[name]
    written(Path("forms"), form)
    quick = [argument.replace("./set", "./forms") for argument in QUICK]
    searched = automl(*quick, "--out", "run")
    trained = automl("train", "--arch", "run", "--epochs", "1", "--out", "final")
    for done in (searched, trained):
        assert done.code == 0
        assert f"  {form.says}" in done.stderr.splitlines()
