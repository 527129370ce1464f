"""`automl datasets`: what is here, what else can be given, in words and as JSON."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from automl_cli.cli.app import run
from tests.data.conftest import write_tfds


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    write_tfds(tmp_path, "tiny_pictures", {"train": [i % 3 for i in range(24)], "test": [0, 1, 2]})
    write_tfds(tmp_path, "spoilt_pictures", {"train": [0, 1, 2]})
    next((tmp_path / "spoilt_pictures").rglob("*.array_record*")).unlink()
    return tmp_path


def test_json_lists_what_can_be_used_and_what_is_wrong_with_the_rest(data_dir, capfd):
    assert run(["datasets", "--data-dir", str(data_dir), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    by_name = {listed["name"]: listed for listed in document["datasets"]}
    assert list(by_name) == ["digits", "spoilt_pictures", "tiny_pictures"]
    assert by_name["digits"]["facts"]["validation_examples"] == 700
    assert by_name["tiny_pictures"]["facts"]["classes"] == ["cat", "dog", "owl"]
    assert "is missing" in by_name["spoilt_pictures"]["problem"]
    assert "cifar10" in document["tfds_names"]
    assert document["aliases"]["imagenet"] == "imagenet2012"


def test_the_table_fits_into_80_columns(data_dir, capfd):
    assert run(["datasets", "--data-dir", str(data_dir)]) == 0
    text = capfd.readouterr().out
    table = text.split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in table] == ["data", "digits", "tiny_pictures"]
    assert table[1].split()[1:] == ["8×8×1", "10", "737", "700", "360"]
    assert "What --dataset takes:" in text
    forms = text.partition("What --dataset takes:")[2].splitlines()
    assert max(map(len, [*table, *forms])) <= 80  # a path or a command outside of them is not broken in two


def test_without_prepared_sets_it_says_where_it_looked(tmp_path, capfd):
    assert run(["datasets", "--data-dir", str(tmp_path / "none")]) == 0
    assert f"No prepared TFDS set under {tmp_path / 'none'}"[:60] in capfd.readouterr().out.replace("\n", " ").replace(
        "  ", " "
    )


def test_sets_with_a_configuration_are_listed_with_it(tmp_path):
    from automl_cli.data.available import prepared_names

    for folder in ("plain/1.0.0", "sized/32x32/0.1.0", "sized/64x64/0.1.0"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "dataset_info.json").write_text("{}")
    assert prepared_names(tmp_path) == ["plain", "sized/32x32", "sized/64x64"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name, count in (("many", 40), ("few [x]", 9)):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (20, 30, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "set" / name / f"{number}.png")
    (tmp_path / "set" / "many" / "7.png").write_bytes(b"")
    return tmp_path / "set"


def test_a_set_is_looked_at_in_words_and_as_a_sheet(folder, tmp_path, capfd):
    sheet = tmp_path / "sheet.png"
    assert run(["datasets", str(folder), "--image-size", "16", "--image", str(sheet)]) == 0
    text = capfd.readouterr().out
    assert text.startswith("set: 48 pictures of 16×16×3 in 2 classes")
    assert "few [x]" in text
    assert "brought to 16×16" in text
    assert "many/7.png: the file is empty" in text
    assert "--metric balanced-accuracy: the largest class has" in text
    assert max(map(len, text.splitlines())) <= 80
    assert sheet.read_bytes().startswith(b"\x89PNG")


def test_a_set_is_looked_at_as_json(folder, capfd):
    assert run(["datasets", str(folder), "--resize", "pad", "--image-size", "16x24", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["image_shape"] == [16, 24, 3]
    assert document["broken"] == [{"file": "many/7.png", "reason": "the file is empty"}]
    assert sum(one["train"] + one["validation"] + one["test"] for one in document["classes"]) == 48
    assert document["dataset"]["resize"] == "pad"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--image-size", "16"], "--image-size needs a data set before it: automl datasets SET --image-size"),
        (["--image", "sheet.png"], "--image needs a data set before it"),
        (["./absent"], "no folder at absent"),
        (["digits", "--resize", "stretch"], "unknown resize 'stretch'"),
        (["digits", "--pixel-range", "1,0"], "--pixel-range is '1,0'; it is LOW,HIGH"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(arguments, message, capfd):
    assert run(["datasets", *arguments]) == 2
    assert message in capfd.readouterr().err
