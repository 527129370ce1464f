"""Sets of TFDS by name: arrays as written, and a distinct error for each way of being absent or broken, offline."""

import json
import shlex
import shutil
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from automl_cli.core.errors import DataError
from automl_cli.data import has_pictures, image_facts, load_images, load_streamed, load_test_split
from automl_cli.data import tfds as reader
from automl_cli.data.crc32c import checksums
from automl_cli.data.opening import open_source
from automl_cli.values.dataset import DatasetReference
from tests.data.conftest import colour_of, crc_32c, in_tfrecord, write_tfds


def reference(data_dir: Path, name: str = "tiny_pictures", **given) -> DatasetReference:
    return DatasetReference(source=name, data_dir=str(data_dir), **given)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*arguments):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_images_and_labels_are_those_that_were_written(tiny_tfds):
    data, test = load_images(reference(tiny_tfds)), load_test_split(reference(tiny_tfds))
    for split in (data.train, data.validation, test):
        for image, label in zip(split.images, split.labels, strict=True):
            np.testing.assert_array_equal(image, colour_of(label, int(image[0, 0, 1])))
    numbers = np.concatenate([split.images[:, 0, 0, 1] for split in (data.train, data.validation)])
    assert sorted(numbers) == list(range(24))
    assert data.facts.classes == ("cat", "dog", "owl")


def test_both_file_formats_give_the_same_examples(tmp_path):
    loaded = []
    for file_format in ("array_record", "tfrecord"):
        folder = tmp_path / file_format
        write_tfds(folder, "tiny_pictures", {"train": [i % 3 for i in range(24)], "test": [2, 0]}, file_format=file_format)
        loaded.append((load_images(reference(folder)), load_test_split(reference(folder))))
        assert has_pictures(reference(folder))
        streamed = load_streamed(reference(folder)).train
        assert streamed.read(3).data.startswith(b"\x89PNG")
    (first, first_test), (second, second_test) = loaded
    for a, b in ((first.train, second.train), (first.validation, second.validation), (first_test, second_test)):
        np.testing.assert_array_equal(a.images, b.images)
        np.testing.assert_array_equal(a.labels, b.labels)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data[:-9], "is cut short or altered behind 11 records"),
        (lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:], "the checksum of record 0 is wrong"),
        (lambda data: data + in_tfrecord(b"more"), "split 'train' holds 25 examples, its description says 24"),
        (lambda data: b"", "cannot mmap an empty file"),
    ],
)
def test_a_tfrecord_file_that_was_cut_short_or_altered_is_refused(tmp_path, spoil, message):
    folder = write_tfds(tmp_path, "tiny_pictures", {"train": [0, 1] * 12, "test": [0, 1]}, file_format="tfrecord")
    shard = next(folder.glob("*train*00000-of*"))
    shard.write_bytes(spoil(shard.read_bytes()))
    with pytest.raises(DataError, match=f"a file of tiny_pictures cannot be read .*{message}.*; prepare the set again"):
        load_images(reference(tmp_path))


def test_checksums_are_those_of_the_definition():
    random = np.random.default_rng(0)
    strings = [random.bytes(length) for length in (0, 1, 3, 4, 5, 255, 256, 257, 512, 1000)]
    assert checksums(strings).tolist() == [crc_32c(string) for string in strings]
    assert checksums([]).tolist() == []


def test_a_set_is_found_with_its_version_and_through_the_environment(tiny_tfds, monkeypatch):
    plain = image_facts(reference(tiny_tfds))
    assert image_facts(reference(tiny_tfds, "tiny_pictures:1.0.0")) == plain
    monkeypatch.setenv("TFDS_DATA_DIR", str(tiny_tfds))
    assert image_facts(DatasetReference(source="tiny_pictures")) == plain


def test_an_alias_finds_the_set(tmp_path):
    write_tfds(tmp_path, "svhn_cropped", {"train": [0, 1, 2] * 4, "test": [0, 1, 2]})
    facts = image_facts(reference(tmp_path, "svhn"))
    assert facts.test_examples == 3
    assert facts.flip is False


@pytest.mark.parametrize(
    ("splits", "sizes"),
    [
        ({"train": 20, "validation": 6, "test": 4}, (20, 6, 4)),
        ({"train": 20, "validation": 6}, (15, 5, 6)),
        ({"train": 20}, (12, 4, 4)),
        ({"train": 20, "extra": 5, "test": 4}, (15, 5, 4)),
    ],
)
def test_the_splits_of_a_set_serve_by_the_documented_rule(tmp_path, splits, sizes):
    write_tfds(tmp_path, "tiny_pictures", {name: [i % 2 for i in range(count)] for name, count in splits.items()})
    facts = image_facts(reference(tmp_path))
    assert (facts.train_examples, facts.validation_examples, facts.test_examples) == sizes
    assert len(load_images(reference(tmp_path)).validation) == sizes[1]
    assert len(load_test_split(reference(tmp_path))) == sizes[2]


def test_the_unlabelled_test_split_of_imagenet_is_left_alone(tmp_path):
    write_tfds(tmp_path, "imagenet2012", {"train": [0, 1, 2] * 4, "validation": [0, 1, 2], "test": [-1, -1]})
    assert load_test_split(reference(tmp_path, "imagenet")).labels.tolist() == [0, 1, 2]


def test_pictures_of_many_sizes_are_brought_to_one_by_the_rule_and_it_is_said(tmp_path):
    write_tfds(tmp_path, "tiny_pictures", {"train": [0, 1] * 10}, shape=(None, None, 3))
    assert load_images(reference(tmp_path)).train.images.shape[1:] == (4, 4, 3)
    (note,) = open_source(reference(tmp_path)).notes()
    assert note.startswith("the first 20 pictures of 4×4 to 4×4 pixels: all are brought to 4×4; --image-size")
    assert load_images(reference(tmp_path, image_size=6)).train.images.shape[1:] == (6, 6, 3)


def test_pictures_of_many_sizes_of_a_well_known_set_need_an_image_size(tmp_path):
    write_tfds(tmp_path, "imagenet2012", {"train": [0, 1] * 10, "validation": [0, 1]}, shape=(None, None, 3))
    with pytest.raises(DataError, match="the pictures of imagenet2012 differ in size; give --image-size"):
        image_facts(reference(tmp_path, "imagenet"))


def spoil(data_dir: Path, fault: str) -> DatasetReference:  # noqa: C901, one arm per fault
    folder = data_dir / "tiny_pictures" / "1.0.0"
    info = folder / "dataset_info.json"
    match fault:
        case "no such set":
            return reference(data_dir, "cifar10")
        case "no such version":
            return reference(data_dir, "tiny_pictures:2.0.0")
        case "no data directory":
            return reference(data_dir / "absent", "cifar10")
        case "no metadata":
            info.unlink()
        case "truncated metadata":
            info.write_text(info.read_text()[:40])
        case "no features":
            (folder / "features.json").unlink()
        case "riegeli":
            info.write_text(info.read_text().replace("array_record", "riegeli"))
        case "missing shard":
            next(folder.glob("*train*")).unlink()
        case "no training split":
            info.write_text(json.dumps(json.loads(info.read_text()) | {"splits": json.loads(info.read_text())["splits"][1:]}))
        case "no label":
            features = json.loads((folder / "features.json").read_text())
            del features["featuresDict"]["features"]["label"]
            (folder / "features.json").write_text(json.dumps(features))
        case "16 bits":
            features = (folder / "features.json").read_text()
            (folder / "features.json").write_text(features.replace('"dtype": "uint8"', '"dtype": "uint16"'))
    return reference(data_dir)


def test_the_command_that_prepares_a_set_can_be_typed_where_folders_have_spaces(tmp_path):
    with pytest.raises(DataError) as refused:
        image_facts(reference(tmp_path / "my sets", "cifar10"))
    command = shlex.split(str(refused.value).rpartition("is installed: ")[2])
    assert command == ["tfds", "build", "cifar10", "--file_format=array_record", f"--data_dir={tmp_path / 'my sets'}"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            "no such set",
            r"cifar10 is not prepared under .*/tfds\. Nothing is downloaded here: .*--data-dir.*tfds build cifar10",
        ),
        ("no such version", r"tiny_pictures:2\.0\.0 is not prepared under .*/tfds \(there: 1\.0\.0\)"),
        ("no data directory", r"cifar10 is not prepared under .*/tfds/absent"),
        ("no metadata", r"the metadata of tiny_pictures under .* cannot be read"),
        ("truncated metadata", r"the metadata of tiny_pictures under .* cannot be read \(.*\); prepare the set again"),
        ("no features", r"tiny_pictures is not prepared under"),
        (
            "riegeli",
            r"tiny_pictures under .* is stored as riegeli; array_record and tfrecord are read here; prepare it so: tfds build",
        ),
        ("missing shard", r"tiny_pictures-train\.array_record-0000.-of-00002 is missing \(1 files of split 'train'"),
        ("no training split", r"tiny_pictures has no split 'train' to learn from; it has test"),
        (
            "no label",
            r"tiny_pictures is no image-classification set: its features are image; one image and one label are needed",
        ),
        ("16 bits", r"tiny_pictures holds images of uint16 with 3 channels; 8-bit grey or colour images can be read"),
    ],
)
def test_what_is_absent_or_broken_is_said_in_one_line_within_a_second(tiny_tfds, fault, message):
    spoilt = spoil(tiny_tfds, fault)
    began = time.monotonic()
    with pytest.raises(DataError, match=message) as caught:
        image_facts(spoilt)
    assert time.monotonic() - began < 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("module", "package"), reader.PACKAGES.items())
def test_a_missing_package_is_named_with_the_command_that_installs_it(tiny_tfds, monkeypatch, module, package):
    monkeypatch.setattr(reader, "find_spec", lambda name: None if name == module else name)
    with pytest.raises(DataError, match=f"needs the package '{package}', which is not installed here; pip install {package}"):
        image_facts(reference(tiny_tfds))


def test_a_shard_cut_short_is_said_when_it_is_read(tiny_tfds):
    shard = next((tiny_tfds / "tiny_pictures" / "1.0.0").glob("*train*"))
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    with pytest.raises(DataError, match=r"a file of tiny_pictures cannot be read .*; prepare the set again"):
        load_images(reference(tiny_tfds))


def test_examples_without_labels_are_refused(tmp_path):
    write_tfds(tmp_path, "tiny_pictures", {"train": [0, 1] * 10, "test": [-1, -1]})
    with pytest.raises(DataError, match="split 'test' of tiny_pictures has examples without a label"):
        load_test_split(reference(tmp_path))


def test_a_prepared_set_that_changes_is_prepared_again(tiny_tfds):
    before = load_test_split(reference(tiny_tfds)).labels.tolist()
    shutil.rmtree(tiny_tfds / "tiny_pictures")
    write_tfds(tiny_tfds, "tiny_pictures", {"train": [i % 3 for i in range(24)], "test": [2] * 6})
    assert before == [0, 1, 2, 0, 1, 2]
    assert load_test_split(reference(tiny_tfds)).labels.tolist() == [2] * 6


def test_cifar10_is_the_published_set(shared_data):
    given = reference(shared_data / "tfds", "cifar10", train_examples=2_000)
    facts, data, test = image_facts(given), load_images(given), load_test_split(given)
    assert (facts.image_shape, facts.flip, facts.classes[:3]) == ((32, 32, 3), True, ("airplane", "automobile", "bird"))
    assert (len(data.train), len(data.validation), len(test)) == (1_300, 700, 10_000)
    assert np.bincount(test.labels).tolist() == [1_000] * 10
    assert data.class_counts.tolist() == [130] * 10
    np.testing.assert_allclose(data.mean / 255, [0.4914, 0.4822, 0.4465], atol=0.015)
    np.testing.assert_allclose(data.std / 255, [0.2470, 0.2435, 0.2616], atol=0.015)


def test_photographs_of_imagenette_are_brought_to_one_size(shared_data):
    given = reference(shared_data / "tfds", "imagenette_subset", image_size=32)
    data = load_images(given)
    assert data.train.images.shape == (700, 32, 32, 3)
    assert data.facts.test_examples == 400
    assert np.std(data.train.images) > 50
