"""An `.npz` file: accepted layouts, and errors that name what was found."""

import numpy as np
import pytest
from msgspec.structs import replace

from automl_cli.core.errors import DataError
from automl_cli.data import image_facts, load_images, load_test_split
from automl_cli.values.dataset import DatasetReference

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 12, 12, 3)).astype(np.uint8)
LABELS = np.arange(30) % 3
PARTS = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:9], "y_test": LABELS[:9]}


def saved(tmp_path, **arrays) -> DatasetReference:
    np.savez_compressed(tmp_path / "set.npz", **arrays)
    return DatasetReference(source=str(tmp_path / "set.npz"))


def load_whole(reference: DatasetReference) -> None:
    for load in (image_facts, load_images, load_test_split):
        load(reference)


def test_parts_are_taken_by_name(tmp_path):
    reference = saved(tmp_path, **PARTS, x_validation=IMAGES[9:15], y_validation=LABELS[9:15])
    data, test = load_images(reference), load_test_split(reference)
    np.testing.assert_array_equal(data.train.images, IMAGES)
    np.testing.assert_array_equal(data.validation.images, IMAGES[9:15])
    np.testing.assert_array_equal(test.images, IMAGES[:9])
    np.testing.assert_array_equal(test.labels, LABELS[:9])


def test_uint8_stays_uint8_and_other_numbers_become_float32(tmp_path):
    assert load_images(saved(tmp_path, **PARTS)).train.images.dtype == np.uint8
    floats = {name: array / 255 if name.startswith("x") else array for name, array in PARTS.items()}
    assert load_images(saved(tmp_path, **floats)).train.images.dtype == np.float32


def test_a_subset_leaves_every_class_something_to_train_on(tmp_path):
    labels = np.repeat([0, 1, 2], [14, 14, 2])
    reference = saved(tmp_path, x_train=IMAGES, y_train=labels, x_test=IMAGES[:9], y_test=labels[:9])
    with pytest.raises(DataError, match=r"--train-examples 3 leaves 2 to train on, fewer than the 3 classes of set; give more"):
        load_images(replace(reference, train_examples=3))
    for given in (4, 7, 30):
        assert load_images(replace(reference, train_examples=given)).class_counts.all()


def test_images_without_a_channel_axis_have_one_channel(tmp_path):
    reference = saved(tmp_path, images=IMAGES[..., 0], labels=LABELS)
    assert image_facts(reference).image_shape == (12, 12, 1)
    assert load_images(reference).train.images.shape[1:] == (12, 12, 1)


@pytest.mark.parametrize("part", ["test", "validation"])
def test_labels_that_training_does_not_know_are_found_without_loading_an_image(tmp_path, part):
    arrays = {**PARTS, f"x_{part}": IMAGES[:9], f"y_{part}": LABELS[:9] + 1}
    with pytest.raises(DataError, match=rf"y_{part} reaches from 1 to 3; the training labels reach from 0 to 2"):
        image_facts(saved(tmp_path, **arrays))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_are_resized_on_request_and_keep_their_type(tmp_path, dtype):
    np.savez(tmp_path / "set.npz", images=np.full((30, 6, 6, 2), 7, dtype), labels=LABELS)
    images = load_images(DatasetReference(source=str(tmp_path / "set.npz"), image_size=9)).train.images
    assert (images.shape[1:], images.dtype) == ((9, 9, 2), dtype)
    np.testing.assert_array_equal(images, 7)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"x_train": None},
            r"set\.npz holds y_train, x_test, y_test; it needs x_train, y_train, x_test, y_test or images, labels",
        ),
        ({"x_train": IMAGES[:, 0, 0]}, r"x_train has shape \(30, 3\); images are \(examples, height, width\)"),
        ({"x_train": IMAGES.astype(np.int64)}, "x_train holds int64; images are uint8 or floating-point numbers"),
        ({"x_train": IMAGES.astype(object)}, "x_train holds object; images are uint8 or floating-point numbers"),
        ({"x_train": IMAGES[:, :5]}, "the parts hold images of different shape and type"),
        ({"x_test": IMAGES[:9].astype(np.float32)}, "the parts hold images of different shape and type"),
        (
            {"y_train": LABELS[:7]},
            r"y_train has shape \(7,\) of int64; the 30 images of x_train need whole numbers of shape \(30,\)",
        ),
        ({"y_train": np.eye(3)[LABELS]}, r"y_train has shape \(30, 3\) of float64; the 30 images"),
        ({"y_train": LABELS + 1}, r"y_train holds the labels 1, 2, 3; they must be 0, 1, … without gaps"),
        ({"y_train": LABELS * 0}, r"y_train holds the labels 0; they must be 0, 1, … without gaps, at least two of them"),
        ({"y_train": np.arange(30) * 2}, r"y_train holds the labels 0, 2, 4, 6, 8, 10, 12, 14, …; they must be"),
        ({"y_test": LABELS[:9] - 1}, r"y_test reaches from -1 to 1; the training labels reach from 0 to 2"),
        ({"y_test": LABELS[:9] + 1}, r"y_test reaches from 1 to 3; the training labels reach from 0 to 2"),
        (
            {"x_train": np.where(IMAGES > 250, np.nan, IMAGES), "x_test": IMAGES[:9] / 1.0},
            "x_train holds values that are not finite",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused_with_what_was_found(tmp_path, changed, message):
    reference = saved(tmp_path, **{name: array for name, array in {**PARTS, **changed}.items() if array is not None})
    with pytest.raises(DataError, match=message):
        load_whole(reference)


def test_a_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "set.npz"
    with pytest.raises(DataError, match=r"no file at .*set\.npz; give an existing \.npz file"):
        image_facts(DatasetReference(source=str(path)))
    path.write_text("hello")
    with pytest.raises(DataError, match=r"set\.npz is no readable \.npz file"):
        image_facts(DatasetReference(source=str(path)))


def test_a_truncated_or_altered_file_is_refused(tmp_path):
    np.savez(tmp_path / "set.npz", **PARTS)
    whole = (tmp_path / "set.npz").read_bytes()
    reference = DatasetReference(source=str(tmp_path / "set.npz"))
    (tmp_path / "set.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"set\.npz is no readable \.npz file"):
        image_facts(reference)
    at = whole.index(IMAGES[3].tobytes())
    (tmp_path / "set.npz").write_bytes(whole[:at] + bytes(40) + whole[at + 40 :])
    with pytest.raises(DataError, match=r"set\.npz is damaged: x_train cannot be read .*; write the file again"):
        load_images(reference)
