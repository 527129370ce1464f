"""A folder of class folders: the examples that are read, and errors that name the picture."""

import numpy as np
import pytest
from PIL import Image

from automl_cli.core.errors import DataError
from automl_cli.data import check_source, image_facts, load_images, load_test_split
from automl_cli.data.opening import open_source
from automl_cli.data.survey import BrokenPictures
from automl_cli.values.dataset import DatasetReference
from tests.data.conftest import colour_of, encoded


def reference(root, **given) -> DatasetReference:
    return DatasetReference(source=str(root), **given)


def test_pictures_take_the_class_of_their_folder(pictures):
    root = pictures()
    data, test = load_images(reference(root)), load_test_split(reference(root))
    seen = set()
    for split in (data.train, data.validation, test):
        for image, label in zip(split.images, split.labels, strict=True):
            np.testing.assert_array_equal(image, colour_of(label, int(image[0, 0, 1])))
            seen.add((label, int(image[0, 0, 1])))
    assert len(seen) == 30
    assert data.facts.classes == ("cat", "dog", "owl")


def test_folders_named_after_the_parts_are_the_parts(pictures, tmp_path):
    pictures(tmp_path / "set" / "train")
    pictures(tmp_path / "set" / "val", classes=("cat", "dog"), count=2, blue=1)
    pictures(tmp_path / "set" / "test", count=3, blue=2)
    facts = image_facts(reference(tmp_path / "set"))
    assert (facts.train_examples, facts.validation_examples, facts.test_examples) == (30, 4, 9)
    assert load_images(reference(tmp_path / "set")).validation.labels.tolist() == [0, 0, 1, 1]


def test_a_class_may_be_called_train(pictures):
    assert image_facts(reference(pictures(classes=("bus", "train")))).classes == ("bus", "train")


def test_pictures_of_many_kinds_and_sizes_become_one(pictures, tmp_path):
    root = pictures()
    (root / "cat" / "photo.JPG").write_bytes(encoded(np.full((30, 20, 3), 90, np.uint8), "jpeg"))
    Image.fromarray(np.full((9, 9), 40, np.uint8)).convert("P").save(root / "cat" / "palette.gif")
    Image.fromarray(np.full((9, 9, 4), 60, np.uint8)).save(root / "cat" / "see-through.webp", lossless=True)
    (root / "cat" / "notes.txt").write_text("not a picture")
    (root / "cat" / ".hidden.png").write_text("not a picture either")
    facts = image_facts(reference(root, image_size=8))
    assert facts.image_shape == (8, 8, 3)
    assert facts.train_examples + facts.validation_examples + facts.test_examples == 33
    assert load_images(reference(root, image_size=8)).train.images.shape[1:] == (8, 8, 3)


def test_grey_pictures_have_one_channel_and_are_not_mirrored(tmp_path):
    for label, name in enumerate(("nought", "one")):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(8):
            (tmp_path / "set" / name / f"{number}.png").write_bytes(encoded(np.full((6, 6), 20 * label + number, np.uint8)))
    facts = image_facts(reference(tmp_path / "set"))
    assert (facts.image_shape, facts.flip) == ((6, 6, 1), False)
    assert load_images(reference(tmp_path / "set")).train.images.dtype == np.uint8
    assert image_facts(reference(tmp_path / "set", flip=True)).flip is True


def test_a_photograph_is_turned_as_its_camera_noted(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(6):
            image = np.zeros((8, 16, 3), np.uint8)
            image[:, :8] = 250 + number
            exif = Image.Exif()
            exif[0x0112] = 6
            Image.fromarray(image).save(tmp_path / "set" / name / f"{number}.png", exif=exif)
    assert image_facts(reference(tmp_path / "set")).image_shape == (16, 8, 3)
    first = load_images(reference(tmp_path / "set")).train.images[0]
    assert first[:8].min() >= 250
    assert first[8:].max() == 0


def spoil(root, fault: str) -> None:
    broken = root / "dog" / "005.png"
    match fault:
        case "truncated":
            broken.write_bytes(broken.read_bytes()[:50])
        case "text":
            broken.write_text("hello")
        case "empty":
            broken.write_bytes(b"")
        case "a link":
            broken.unlink()
            broken.symlink_to(root / "absent.png")
        case "32 bits":
            broken.unlink()
            Image.fromarray(np.zeros((4, 4), np.int32)).save(broken.with_suffix(".tif"))
        case "negative":
            broken.unlink()
            Image.fromarray(np.full((4, 4), -1, np.float32)).save(broken.with_suffix(".tif"))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("truncated", r"dog/005\.png: the file is cut short"),
        ("text", r"dog/005\.png: the file is of no known picture format"),
        ("empty", r"dog/005\.png: the file is empty"),
        ("a link", r"dog/005\.png: a link to nowhere: .*absent\.png"),
        ("32 bits", r"dog/005\.tif: its numbers have 32 bits or a sign, so what is white is not known"),
        ("negative", r"dog/005\.tif: its pixels reach from -1 to -1; floating-point pictures hold 0 to 1, or 0 to 255"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_broken_picture_is_named_before_anything_is_trained(pictures, fault, message, streamed):
    root = pictures()
    spoil(root, fault)
    with pytest.raises(BrokenPictures, match=message) as refused:
        check_source(reference(root), streamed=streamed)
    assert len(refused.value.faults) == 1
    assert "30 pictures: 1 fault" in str(refused.value)
    assert "--skip-broken" in str(refused.value)


def test_folders_that_are_no_data_set_say_what_is_missing(pictures, tmp_path):
    with pytest.raises(
        DataError, match=r"no folder at .*absent; give a folder that holds one folder of pictures for each class"
    ):
        image_facts(reference(tmp_path / "absent"))
    root = pictures()
    (root / "wolf").mkdir()
    with pytest.raises(DataError, match="wolf: a class folder without a picture"):
        image_facts(reference(root))
    with pytest.raises(DataError, match="holds 0 classes with pictures; classification needs at least two"):
        image_facts(reference(root / "cat"))


def test_a_class_that_only_the_test_folder_has_is_named(pictures, tmp_path):
    pictures(tmp_path / "set" / "train")
    pictures(tmp_path / "set" / "test", classes=("cat", "zebra"))
    with pytest.raises(DataError, match="the test part has a class 'zebra' that the train part lacks; allowed: cat, dog, owl"):
        image_facts(reference(tmp_path / "set"))


def test_pictures_of_several_sizes_become_squares_of_a_side_that_is_chosen_and_said(pictures):
    root = pictures()
    (root / "owl" / "000.png").write_bytes(encoded(np.zeros((7, 9, 3), np.uint8)))
    assert load_images(reference(root)).train.images.shape[1:] == image_facts(reference(root)).image_shape == (4, 4, 3)
    notes = open_source(reference(root)).notes()
    assert any(
        "brought to 4×4: 1 picture of 7×9 pixels; --image-size chooses another size (owl/000.png)" in note for note in notes
    )
    assert any("cropped" in note and "owl/000.png" in note for note in notes)
    assert image_facts(reference(root, image_size=(6, 8))).image_shape == (6, 8, 3)


def test_a_changed_picture_is_prepared_again(pictures):
    root = pictures()
    before = load_images(reference(root)).train.images.copy()
    for number, path in enumerate(root.glob("*/*.png")):
        path.write_bytes(encoded(np.full((4, 4, 3), 210 + number, np.uint8)))
    assert not np.array_equal(load_images(reference(root)).train.images, before)
    assert (load_images(reference(root)).train.images >= 210).all()
