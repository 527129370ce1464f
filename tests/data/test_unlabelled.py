"""Pictures and arrays without labels: the same bytes as a data set reads from the same files."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from automl_cli.core.errors import DataError
from automl_cli.data import load_all, load_streamed_all, whole_facts
from automl_cli.data.survey import Fault
from automl_cli.data.unlabelled import ImageReading, gathered
from automl_cli.data.unlabelled_arrays import ArrayOptions
from automl_cli.values.dataset import DatasetReference
from tests.data.test_picture_forms import Form, every_form, noise, plain, written

PLAIN = ArrayOptions()


def read(place: Path, reference: DatasetReference, *, streamed: bool = False, options: ArrayOptions = PLAIN) -> np.ndarray:
    """All images of a place, as a model that was trained on the data set takes them."""
    reading = ImageReading(whole_facts(reference).image_shape, reference, streamed)
    found = gathered([place], options)
    images = list(found.images(reading))
    assert len(images) == len(found) == len(list(found.names))
    assert not [image for image in images if isinstance(image, Fault)]
    return np.stack(images)


@every_form
def test_pictures_of_every_form_are_those_of_a_data_set(form: Form, tmp_path: Path) -> None:
    written(tmp_path / "set", form, height=16, width=20)
    reference = DatasetReference(source=str(tmp_path / "set"), image_size=12, resize="pad", background="#804020")
    np.testing.assert_array_equal(read(tmp_path / "set", reference), load_all(reference).images)
    reference = DatasetReference(source=str(tmp_path / "set"), image_size=12)
    streamed = np.stack(list(load_streamed_all(reference).centres(depth=4)))
    np.testing.assert_array_equal(read(tmp_path / "set", reference, streamed=True), streamed)


@pytest.mark.parametrize(
    ("change", "more"),
    [
        (lambda images: images, {}),
        (lambda images: images / np.float32(255), {}),
        (lambda images: images.astype(np.uint16) * 257, {}),
        (lambda images: images.transpose(0, 3, 1, 2) / np.float32(127.5) - 1, {}),
        (lambda images: images.astype(np.int32) * 16, {"pixel_range": (0.0, 4080.0)}),
        (lambda images: images, {"image_size": 9, "resize": "pad", "background": "red"}),
        (lambda images: images[..., 0], {}),
    ],
)
def test_arrays_are_those_of_a_data_set(change: Any, more: dict[str, Any], tmp_path: Path) -> None:
    images = change(np.stack([noise(number, height=16, width=12) for number in range(24)]))
    np.savez(tmp_path / "set.npz", images=images, labels=np.arange(24) % 2)
    np.save(tmp_path / "alone.npy", images)
    reference = DatasetReference(source=str(tmp_path / "set.npz"), **more)
    expected = load_all(reference).images
    np.testing.assert_array_equal(read(tmp_path / "set.npz", reference), expected)
    np.testing.assert_array_equal(read(tmp_path / "alone.npy", reference), expected)


def test_one_grey_picture_of_two_axes_is_one_image_and_grey_becomes_colour(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.arange(64, dtype=np.uint8).reshape(8, 8))
    reading = ImageReading((8, 8, 3), DatasetReference(source="elsewhere"), streamed=False)
    (image,) = gathered([tmp_path / "one.npy"], PLAIN).images(reading)
    np.testing.assert_array_equal(image, np.stack([np.arange(64).reshape(8, 8)] * 3, -1))


def test_the_array_of_several_is_named(tmp_path: Path) -> None:
    train, test = np.zeros((4, 8, 8), np.uint8), np.full((2, 8, 8), 7, np.uint8)
    np.savez(tmp_path / "set.npz", x_train=train, x_test=test, y_test=np.zeros(2))
    with pytest.raises(DataError, match=r"several arrays that may be the images: x_train, x_test; say which with --array"):
        gathered([tmp_path / "set.npz"], PLAIN)
    with pytest.raises(DataError, match=r"holds no array 'x'; it holds x_train, x_test, y_test"):
        gathered([tmp_path / "set.npz"], ArrayOptions(array="x"))
    found = gathered([tmp_path / "set.npz"], ArrayOptions(array="x_test"))
    assert [name.rpartition("/")[2] for name in found.names] == ["set.npz:x_test[0]", "set.npz:x_test[1]"]


def test_what_cannot_be_read_comes_in_its_place(tmp_path: Path) -> None:
    grey = ImageReading((8, 8, 1), DatasetReference(source="elsewhere"), streamed=False)
    plain(tmp_path / "0", noise(0))
    Image.fromarray(noise(1)[..., 0]).save(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"")
    Image.fromarray(np.full((8, 8), 300, np.float32)).save(tmp_path / "3.tif")
    (tmp_path / "4.txt").write_text("no picture")
    (tmp_path / "5.png").symlink_to(tmp_path / "nowhere.png")
    found = gathered([tmp_path, tmp_path / "4.txt"], PLAIN)
    images = list(found.images(grey))
    assert (found.left_out, [isinstance(image, Fault) for image in images]) == (1, [False, False, True, True, True, True])
    reasons = [image.reason for image in images if isinstance(image, Fault)]
    assert reasons[0] == "the file is empty"
    assert reasons[1].startswith("its pixels reach from 300 to 300")
    assert reasons[2] == "it cannot be read: No such file or directory"
    assert reasons[3] == "the file is of no known picture format"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_colour_picture_becomes_grey_for_a_model_of_grey_pictures(streamed: bool, tmp_path: Path) -> None:
    """By the luma of ITU-R BT.601, which weighs red, green and blue by 0.299, 0.587 and 0.114; a grey picture as ever."""
    pixels = noise(0)
    Image.fromarray(pixels).save(tmp_path / "0.png")
    Image.fromarray(pixels[..., 0]).save(tmp_path / "1.png")
    reading = ImageReading((*pixels.shape[:2], 1), DatasetReference(source="elsewhere"), streamed=streamed)
    colour, grey = (image for image in gathered([tmp_path], PLAIN).images(reading) if isinstance(image, np.ndarray))
    in_colour = replace(reading, shape=(*pixels.shape[:2], 3))
    three, shades = (image for image in gathered([tmp_path], PLAIN).images(in_colour) if isinstance(image, np.ndarray))
    assert colour.dtype == np.uint8
    np.testing.assert_allclose(colour[..., 0], three @ (0.299, 0.587, 0.114), atol=0.6)
    np.testing.assert_array_equal(grey, shades[..., :1])


def test_missing_places_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file or folder at .*a\.png, .*b$"):
        gathered([tmp_path / "a.png", tmp_path, tmp_path / "b"], PLAIN)
    with pytest.raises(DataError, match="holds no picture"):
        gathered([tmp_path], PLAIN)


def test_dark_floating_pictures_are_read_by_the_brightest_of_those_given(tmp_path: Path) -> None:
    """As in a data set: 1 is white if none holds more, else 255."""
    reading = ImageReading((8, 8, 1), DatasetReference(source="elsewhere"), streamed=False)
    for name, level in (("dark", 1.0), ("light", 200.0)):
        Image.fromarray(np.full((8, 8), level, np.float32)).save(tmp_path / f"{name}.tif")
    (alone,) = gathered([tmp_path / "dark.tif"], PLAIN).images(reading)
    together = list(gathered([tmp_path], PLAIN).images(reading))
    assert (alone == 255).all()
    assert [int(image[0, 0, 0]) for image in together if not isinstance(image, Fault)] == [1, 200]
