"""Parquet files of encoded pictures: the columns of Hugging Face, classes with their names, splits by file name, faults."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from automl_cli.core.errors import DataError
from automl_cli.data import image_facts, load_images, load_streamed, load_test_split
from automl_cli.data import parquet_files as reader
from automl_cli.data.opening import open_source
from automl_cli.data.survey import BrokenPictures
from automl_cli.values.dataset import DatasetReference
from tests.data.conftest import colour_of, encoded

NAMES = ["owl", "cat", "dog"]


def write(path: Path, labels, pictures=None, *, names=None, image="image", label="label", struct=True, first=0) -> None:
    """Write a file whose row i has the label labels[i] and the picture `colour_of(i % 3, first + i)`, or the one given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    given = pictures or {}
    stored = [given.get(row, encoded(colour_of(row % 3, first + row))) for row in range(len(labels))]
    cells = [{"bytes": data, "path": f"{row}.png"} for row, data in enumerate(stored)] if struct else stored
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())]) if struct else pa.binary()
    table = pa.table({image: pa.array(cells, kind), label: labels})
    if names is not None:
        features = {"info": {"features": {label: {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
    pq.write_table(table, path, row_group_size=7)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return a folder as Hugging Face lays it out: two files to train on, one to test."""
    root = tmp_path / "owls"
    write(root / "data" / "train-00000-of-00002.parquet", [row % 3 for row in range(18)], names=NAMES)
    write(root / "data" / "train-00001-of-00002.parquet", [row % 3 for row in range(12)], names=NAMES, first=18)
    write(root / "data" / "test-00000-of-00001.parquet", [0, 1, 2], names=NAMES, first=100)
    return root


def reference(path: Path, **given) -> DatasetReference:
    return DatasetReference(source=str(path), **given)


def test_pictures_labels_and_parts_are_those_of_the_files(folder):
    data, test = load_images(reference(folder)), load_test_split(reference(folder))
    assert data.facts.classes == tuple(NAMES)
    for split in (data.train, data.validation, test):
        for image, label in zip(split.images, split.labels, strict=True):
            np.testing.assert_array_equal(image, colour_of(label, int(image[0, 0, 1])))
    numbers = np.concatenate([split.images[:, 0, 0, 1] for split in (data.train, data.validation)])
    assert sorted(numbers) == list(range(30))
    assert sorted(test.images[:, 0, 0, 1]) == [100, 101, 102]


def test_pictures_can_be_streamed(folder):
    train = load_streamed(reference(folder)).train
    assert all(train.read(index).data.startswith(b"\x89PNG") for index in range(len(train)))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([row % 3 * 10 for row in range(30)], ("0", "10", "20")),
        ([NAMES[row % 3] for row in range(30)], ("cat", "dog", "owl")),
        (pa.array([NAMES[row % 3] for row in range(30)]).dictionary_encode(), ("cat", "dog", "owl")),
        ([row % 2 == 0 for row in range(30)], ("False", "True")),
    ],
)
def test_labels_are_numbers_or_text_and_name_the_classes(tmp_path, labels, classes):
    write(tmp_path / "set.parquet", labels, image="img", struct=False)
    facts = image_facts(reference(tmp_path / "set.parquet"))
    assert facts.classes == classes
    assert facts.train_examples + facts.validation_examples + facts.test_examples == 30


def test_pictures_of_several_sizes_are_brought_to_one_and_it_is_said(tmp_path):
    wide = encoded(np.zeros((40, 60, 3), np.uint8))
    write(tmp_path / "set.parquet", [0, 1] * 10, dict.fromkeys(range(20), wide) | {3: encoded(np.zeros((50, 50, 3), np.uint8))})
    source = open_source(reference(tmp_path / "set.parquet"))
    assert source.description.image_shape == (32, 32, 3)
    assert any("brought to 32×32: 20 pictures of 40×50 to 50×60 pixels" in note for note in source.notes())
    assert any("found more than once" in note for note in source.notes())
    assert source.groups("train") is None  # copies cannot stay together in classes of one picture


def test_all_broken_pictures_are_named_at_once_or_left_out(tmp_path):
    whole = encoded(np.random.default_rng(0).integers(0, 256, (4, 4, 3)).astype(np.uint8))
    broken = {4: whole[: len(whole) // 2], 9: None, 11: b"<html>404</html>"}
    write(tmp_path / "set.parquet", [row % 3 for row in range(30)], broken)
    with pytest.raises(BrokenPictures, match=r"set\.parquet, 30 pictures: 3 faults") as refused:
        image_facts(reference(tmp_path / "set.parquet"))
    assert [fault.file for fault in refused.value.faults] == [f"row {row} of the train part" for row in broken]
    assert "row 9 of the train part: there is no picture" in str(refused.value)
    skipping = reference(tmp_path / "set.parquet", skip_broken=True)
    data, test = load_images(skipping), load_test_split(skipping)
    assert len(data.train) + len(data.validation) + len(test) == 27
    for image, label in zip(data.train.images, data.train.labels, strict=True):
        np.testing.assert_array_equal(image, colour_of(label, int(image[0, 0, 1])))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"image": "text"}, r"has the columns picture_id \(int64\), label \(int64\); it needs one of encoded pictures"),
        ({"label": "score"}, r"it needs one of whole numbers or text called label, labels"),
    ],
)
def test_files_without_pictures_or_labels_are_refused_with_their_columns(tmp_path, columns, message):
    if "image" in columns:
        pq.write_table(pa.table({"picture_id": [1, 2], "label": [0, 1]}), tmp_path / "set.parquet")
    else:
        write(tmp_path / "set.parquet", [0.5, 1.5] * 10)
    with pytest.raises(DataError, match=message):
        image_facts(reference(tmp_path / "set.parquet"))


def test_rows_without_a_label_are_refused(folder):
    write(folder / "data" / "test-00000-of-00001.parquet", [-1, -1, 0], names=NAMES)
    with pytest.raises(DataError, match=r"2 rows of the test part have no label; they cannot serve"):
        image_facts(reference(folder))


def test_what_is_no_parquet_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no file at .*set\.parquet; give an existing \.parquet file"):
        image_facts(reference(tmp_path / "set.parquet"))
    (tmp_path / "set.parquet").write_text("hello")
    with pytest.raises(DataError, match=r"set\.parquet is no readable Parquet file"):
        image_facts(reference(tmp_path / "set.parquet"))


def test_a_missing_package_is_named_with_what_installs_it(folder, monkeypatch):
    monkeypatch.setattr(reader, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"needs the package 'pyarrow'.*pip install 'automl-cli\[parquet\]'"):
        image_facts(reference(folder))


def test_transparency_is_laid_on_the_background_that_is_asked_for(tmp_path):
    hidden = [np.full((6, 6, 4), (row, 0, 200, 0), np.uint8) for row in range(20)]
    write(tmp_path / "set.parquet", [0, 1] * 10, dict(enumerate(map(encoded, hidden))))
    for background, value in (("white", 255), ("black", 0)):
        given = replace(reference(tmp_path / "set.parquet"), background=background)
        np.testing.assert_array_equal(load_images(given).train.images, value)


def test_classes_that_are_too_small_are_refused_all_at_once_or_left_out(tmp_path):
    labels = ["b", "a", "d"] * 8 + ["c", "e"]
    write(tmp_path / "set.parquet", labels)
    with pytest.raises(DataError, match=r"2 classes of fewer than 3 pictures, .*: c 1, e 1\. .*--skip-small-classes"):
        image_facts(reference(tmp_path / "set.parquet"))
    without = reference(tmp_path / "set.parquet", skip_small_classes=True)
    data, test = load_images(without), load_test_split(without)
    assert data.facts.classes == ("a", "b", "d")
    assert len(data.train) + len(data.validation) + len(test) == 24
    for image, label in zip(data.train.images, data.train.labels, strict=True):
        assert data.facts.classes[label] == labels[int(image[0, 0, 1])]
    assert "left out: classes with too few pictures (c 1, e 1)" in open_source(without).notes()


@pytest.mark.parametrize(("labels", "message"), [([0, 1, 2] * 5 + [3, 7], "3, 7"), ([0, 1, 2] * 5 + [3], "3")])
def test_labels_beyond_the_names_of_classes_are_refused(tmp_path, labels, message):
    write(tmp_path / "set.parquet", labels, names=NAMES)
    with pytest.raises(DataError, match=f"holds the label.* {message}, .*names of 3 classes"):
        open_source(reference(tmp_path / "set.parquet"))


def test_text_labels_are_names_themselves(tmp_path):
    write(tmp_path / "set.parquet", ["x", "y", "z"] * 6, names=NAMES)
    assert image_facts(reference(tmp_path / "set.parquet")).classes == ("x", "y", "z")


def test_no_training_picture_is_a_copy_of_a_picture_of_another_part(tmp_path):
    root = tmp_path / "set"
    write(root / "train.parquet", [row % 3 for row in range(30)])
    write(root / "test.parquet", [row % 3 for row in range(6)], first=27)
    source = open_source(reference(root))
    assert dict(source.description.parts) == {"train": 27, "test": 6}
    data, test = load_images(reference(root)), load_test_split(reference(root))
    learnt = np.concatenate([split.images[:, 0, 0, 1] for split in (data.train, data.validation)])
    assert sorted(learnt) == list(range(27))
    assert sorted(test.images[:, 0, 0, 1]) == list(range(27, 33))
    assert any(note.startswith("left out: 3 copies") for note in source.notes())
