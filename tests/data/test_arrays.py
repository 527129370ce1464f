"""Arrays of pixels and labels in files: every form is read as the same pictures, classes and splits, and it is said how."""

import re

import numpy as np
import pytest
from msgspec.structs import replace

from automl_cli.core.errors import DataError
from automl_cli.data import image_facts, load_images, load_test_split
from automl_cli.data.array_names import USUAL
from automl_cli.data.opening import open_source
from automl_cli.data.pixel_range import KNOWN_RANGES, as_bytes
from automl_cli.values.dataset import DatasetReference

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (39, 12, 14, 3)).astype(np.uint8)
IMAGES[0, 0, 0] = 0, 255, 128
GREY = IMAGES[..., :1]
LABELS = np.arange(39) % 3
TRAIN, TEST = slice(0, 30), slice(30, 39)
NAMES = np.array(["across", "down", "slant"])


def saved(tmp_path, **arrays) -> DatasetReference:
    np.savez_compressed(tmp_path / "set.npz", **arrays)
    return DatasetReference(source=str(tmp_path / "set.npz"))


def parts(images=IMAGES, labels=LABELS, **more) -> dict[str, np.ndarray]:
    return {"x_train": images[TRAIN], "y_train": labels[TRAIN], "x_test": images[TEST], "y_test": labels[TEST], **more}


def check_read(reference: DatasetReference, *, images=IMAGES, classes=("0", "1", "2"), tolerance=0) -> tuple[str, ...]:
    """Check that training, validation and test pictures are these, with their labels; return what is said of them."""
    data, test = load_images(reference), load_test_split(reference)
    assert (data.facts.classes, data.facts.image_shape) == (tuple(classes), images.shape[1:])
    assert data.train.images.dtype == np.uint8
    source = open_source(reference)
    learnt = np.concatenate(list(source.images("train", np.arange(30))))
    np.testing.assert_allclose(learnt.astype(int), images[TRAIN].astype(int), atol=tolerance)
    np.testing.assert_allclose(test.images.astype(int), images[TEST].astype(int), atol=tolerance)
    np.testing.assert_array_equal(test.labels, LABELS[TEST])
    for split in (data.train, data.validation):
        for image, label in zip(split.images, split.labels, strict=True):
            nearest = np.abs(images[TRAIN].astype(int) - image).sum(axis=(1, 2, 3)).argmin()
            assert label == LABELS[nearest]
    return source.notes()


PIXELS = {
    "bytes": (IMAGES, IMAGES, None),
    "channels first": (IMAGES.transpose(0, 3, 1, 2), IMAGES, r"channels come first: 3×12×14 is 12×14 pixels of 3 channels"),
    "grey, channels first": (GREY.transpose(0, 3, 1, 2), GREY, "channels come first: 1×12×14 is 12×14 pixels of 1 channel"),
    "grey without an axis of channels": (GREY[..., 0], GREY, None),
    "fractions": (IMAGES / 255, IMAGES, r"numbers \(float64\) from 0 to 1 became bytes"),
    "fractions around 0": ((IMAGES / 127.5 - 1).astype(np.float32), IMAGES, r"numbers \(float32\) from -1 to 1 became bytes"),
    "bytes as floats": (IMAGES.astype(np.float16), IMAGES, r"numbers \(float16\) from 0 to 255 became bytes"),
    "bytes as whole numbers": (IMAGES.astype(np.int64), IMAGES, r"numbers \(int64\) from 0 to 255 became bytes"),
    "16 bits": (IMAGES.astype(np.uint16) * 257, IMAGES, r"numbers \(uint16\) from 0 to 65535 became bytes"),
    "big-endian": (IMAGES.astype(">f4"), IMAGES, r"from 0 to 255 became bytes"),
    "true and false": (IMAGES > 127, np.where(IMAGES > 127, 255, 0).astype(np.uint8), r"numbers \(bool\) from 0 to 1"),
    "first axis fastest": (np.asfortranarray(IMAGES / 255), IMAGES, "from 0 to 1"),
}


@pytest.mark.parametrize("form", PIXELS)
def test_pixels_of_every_form_become_the_same_bytes_and_it_is_said(tmp_path, form):
    stored, right, said = PIXELS[form]
    arrays = {
        name: np.asfortranarray(array) if form == "first axis fastest" else array for name, array in parts(stored).items()
    }
    notes = check_read(saved(tmp_path, **arrays), images=right)
    assert len(notes) == (said is not None)
    assert all(re.search(said, note) for note in notes)


LABEL_FORMS = {
    "whole numbers": (LABELS, ("0", "1", "2"), None),
    "from 1": (LABELS + 1, ("1", "2", "3"), "classes keep the labels as names: 1, 2, 3"),
    "with gaps, below 0": (LABELS * 10 - 5, ("-5", "5", "15"), "classes keep the labels as names: -5, 5, 15"),
    "bytes": (LABELS.astype(np.uint8), ("0", "1", "2"), None),
    "text": (NAMES[LABELS], tuple(NAMES), None),
    "text in bytes": (NAMES[LABELS].astype("S"), tuple(NAMES), None),
    "one-hot": (np.eye(3)[LABELS], ("0", "1", "2"), "labels are one-hot rows of 3"),
    "one-hot with a class that nothing has": (np.eye(5, dtype=bool)[LABELS * 2], ("0", "2", "4"), "one-hot rows of 5"),
    "floats": (LABELS.astype(np.float32), ("0", "1", "2"), "labels are whole numbers stored as floating-point ones"),
    "a column": (LABELS[:, None], ("0", "1", "2"), None),
    "a column of text": (NAMES[LABELS][:, None], tuple(NAMES), None),
}


@pytest.mark.parametrize("form", LABEL_FORMS)
def test_labels_of_every_form_are_the_same_classes_and_keep_their_names(tmp_path, form):
    stored, classes, said = LABEL_FORMS[form]
    notes = check_read(saved(tmp_path, **parts(labels=stored)), classes=classes)
    assert (said is None and not notes) or said in " | ".join(notes)


USUAL_NAMES = [
    ("x_train", "y_train", "x_test", "y_test"),
    ("X_train", "Y_train", "X_test", "Y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("images_train", "labels_train", "images_test", "labels_test"),
    ("X", "y", "x_test", "y_test"),
    ("data", "target", "test_data", "test_targets"),
]


@pytest.mark.parametrize("names", USUAL_NAMES, ids=" ".join)
def test_parts_are_taken_by_their_usual_names(tmp_path, names):
    assert check_read(saved(tmp_path, **dict(zip(names, parts().values(), strict=True)))) == ()


@pytest.mark.parametrize("word", ["val", "valid", "validation"])
def test_validation_arrays_are_the_validation_split(tmp_path, word):
    more = {f"x_{word}": IMAGES[5:20], f"y_{word}": LABELS[5:20]}
    data = load_images(saved(tmp_path, **parts(**more)))
    np.testing.assert_array_equal(data.validation.images, IMAGES[5:20])
    np.testing.assert_array_equal(data.train.images, IMAGES[TRAIN])


@pytest.mark.parametrize(("images", "labels"), [("X", "y"), ("images", "labels"), ("data", "target"), ("x_train", "y_train")])
def test_without_a_test_part_all_parts_are_drawn_from_the_examples(tmp_path, images, labels):
    facts = image_facts(saved(tmp_path, **{images: IMAGES, labels: LABELS}))
    assert facts.test_examples > 0
    assert facts.train_examples + facts.validation_examples + facts.test_examples == 39


def test_arrays_that_are_not_used_are_named(tmp_path):
    reference = saved(tmp_path, **parts(folds=LABELS, x_val=IMAGES[:3]))
    assert open_source(reference).notes() == ("not used: folds, x_val",)


def test_names_that_say_nothing_are_refused_with_all_that_are_there_and_all_that_are_known(tmp_path):
    with pytest.raises(DataError) as refused:
        image_facts(saved(tmp_path, pictures=IMAGES, x_test=IMAGES, y_test=LABELS))
    assert "set.npz holds pictures, x_test, y_test; it needs images and labels under usual names" in str(refused.value)
    assert USUAL in str(refused.value)


def test_npy_files_side_by_side_are_read_as_one_set(tmp_path):
    folder = tmp_path / "arrays"
    folder.mkdir()
    for name, array in parts(IMAGES / 255).items():
        np.save(folder / f"{name}.npy", array)
    for source in (folder, folder / "x_train.npy"):
        (note,) = check_read(DatasetReference(source=str(source)))
        assert "from 0 to 1 became bytes" in note


def test_an_npy_file_without_labels_beside_it_is_refused(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    with pytest.raises(DataError, match=r"holds images; it needs images and labels under usual names"):
        image_facts(DatasetReference(source=str(tmp_path / "images.npy")))
    with pytest.raises(DataError, match=r"no file at .*absent\.npy"):
        image_facts(DatasetReference(source=str(tmp_path / "absent.npy")))
    np.save(tmp_path / "plain.npy", IMAGES)
    with pytest.raises(DataError, match=r"plain\.npy has no usual name of images, such as images\.npy"):
        image_facts(DatasetReference(source=str(tmp_path / "plain.npy")))


@pytest.mark.parametrize(("layout", "shape"), [("nhwc", (3, 16, 3)), ("nchw", (16, 3, 3))])
def test_a_layout_in_doubt_is_refused_with_both_readings_and_the_flag_decides(tmp_path, layout, shape):
    images = RANDOM.integers(0, 256, (39, 3, 16, 3), dtype=np.uint8)
    reference = saved(tmp_path, **parts(images))
    with pytest.raises(
        DataError, match=r"3×16 pixels of 3 channels \(--layout nhwc\) or 16×3 pixels of 3 channels \(--layout nchw\)"
    ):
        image_facts(reference)
    right = images if layout == "nhwc" else images.transpose(0, 2, 3, 1)
    assert len(check_read(replace(reference, layout=layout), images=right)) == 1
    assert image_facts(replace(reference, layout=layout)).image_shape == shape


def test_one_range_holds_for_all_parts(tmp_path):
    dark = {**parts(IMAGES / 255), "x_test": IMAGES[TEST] / 255 * 0.2}
    test = load_test_split(saved(tmp_path, **dark))
    np.testing.assert_array_equal(test.images, np.rint(IMAGES[TEST] * 0.2))


STRANGE = {
    "standardised": (IMAGES / 64 - 2, "float64 from -2 to 1.98438, which fill no known range"),
    "12 bits": (IMAGES.astype(np.uint16) * 16, "uint16 from 0 to 4080, which fill no known range"),
    "levels of grey": (IMAGES.astype(float) / 16, "float64 from 0 to 15.9375"),
    "beyond white": (IMAGES / 250, "float64 from 0 to 1.02"),
    "below 0": (IMAGES.astype(np.int16) - 128, "int16 from -128 to 127"),
}


@pytest.mark.parametrize("form", STRANGE)
def test_a_range_that_is_not_known_is_refused_unless_it_is_said(tmp_path, form):
    stored, message = STRANGE[form]
    reference = saved(tmp_path, **parts(stored))
    with pytest.raises(DataError, match=message) as refused:
        image_facts(reference)
    low, high = (float(number) for number in str(refused.value).rpartition("--pixel-range ")[2].split(","))
    said = replace(reference, pixel_range=(float(stored.min()), float(stored.max())))
    (note,) = check_read(said, tolerance=1)
    assert "became bytes" in note
    assert (low, high) == pytest.approx((stored.min(), stored.max()), rel=1e-5)


def test_numbers_beyond_a_range_that_was_given_are_cut_off_and_it_is_said(tmp_path):
    reference = replace(saved(tmp_path, **parts(IMAGES / 255)), pixel_range=(0.25, 0.75))
    (note,) = open_source(reference).notes()
    assert note.endswith("those beyond, from 0 to 1, are cut off")
    np.testing.assert_array_equal(load_test_split(reference).images, np.rint((IMAGES[TEST] / 255 - 0.25) * 510).clip(0, 255))


@pytest.mark.parametrize("black_and_white", KNOWN_RANGES)
def test_bytes_survive_every_known_range(black_and_white):
    low, high = black_and_white
    levels = np.arange(256)
    np.testing.assert_array_equal(as_bytes(low + levels * ((high - low) / 255), black_and_white), levels)
    np.testing.assert_array_equal(as_bytes((low + levels * ((high - low) / 255)).astype(np.float32), black_and_white), levels)


def test_a_subset_leaves_every_class_something_to_train_on(tmp_path):
    labels = np.repeat([0, 1, 2], [14, 14, 2])
    reference = saved(tmp_path, x_train=IMAGES[:30], y_train=labels, x_test=IMAGES[:9], y_test=labels[:9])
    message = r"--train-examples 3 leaves 2 to train on, fewer than the 3 classes of set; give more"
    with pytest.raises(DataError, match=message):
        load_images(replace(reference, train_examples=3))
    for given in (4, 7, 30):
        assert load_images(replace(reference, train_examples=given)).class_counts.all()


def test_classes_that_are_too_small_for_every_split_are_refused_all_at_once_or_left_out(tmp_path):
    labels = ["big", "other"] * 18 + ["tiny", "tiny", "single"]
    reference = saved(tmp_path, images=IMAGES, labels=np.array(labels))
    with pytest.raises(DataError, match=r"2 classes of fewer than 3 pictures, .*: single 1, tiny 2\. .*--skip-small-classes"):
        image_facts(reference)
    without = replace(reference, skip_small_classes=True)
    data, test = load_images(without), load_test_split(without)
    assert data.facts.classes == ("big", "other")
    assert open_source(without).notes() == ("left out: classes with too few pictures (single 1, tiny 2)",)
    assert len(data.train) + len(data.validation) + len(test) == 36
    for split in (data.train, data.validation, test):
        for image, label in zip(split.images, split.labels, strict=True):
            assert label == np.abs(IMAGES.astype(int) - image).sum(axis=(1, 2, 3)).argmin() % 2


def test_copies_of_an_image_stay_in_one_split(tmp_path):
    copied = np.concatenate([IMAGES, IMAGES[:12], IMAGES[:6]])
    labels = np.concatenate([LABELS, LABELS[:12], LABELS[:6]])
    reference = saved(tmp_path, images=copied, labels=labels)
    data, test = load_images(reference), load_test_split(reference)
    seen = [{image.tobytes() for image in images} for images in (data.train.images, data.validation.images, test.images)]
    assert sum(map(len, seen)) == len(set().union(*seen)) == 39
    assert open_source(reference).notes() == ("18 images have the pixels of an earlier one; copies stay in one split",)


def test_images_are_resized_on_request(tmp_path):
    one_colour = np.broadcast_to(np.arange(39, dtype=np.uint8)[:, None, None, None], (39, 6, 6, 2))
    np.savez(tmp_path / "set.npz", images=one_colour, labels=LABELS)
    images = load_images(DatasetReference(source=str(tmp_path / "set.npz"), image_size=9)).train.images
    assert (images.shape[1:], images.dtype) == ((9, 9, 2), np.uint8)
    np.testing.assert_array_equal(images, np.broadcast_to(images[:, :1, :1, :1], images.shape))


def with_one(array: np.ndarray, at: tuple[int, ...], value: float) -> np.ndarray:
    changed = array.copy()
    changed[at] = value
    return changed


REFUSED = {
    "flat": (
        {"x_train": IMAGES[TRAIN].reshape(30, -1)},
        r"x_train has shape \(30, 504\); images are \(examples, height, width\)",
    ),
    "complex": ({"x_train": IMAGES[TRAIN].astype(complex)}, "x_train holds complex128; images are numbers, all of one size"),
    "objects": ({"x_train": IMAGES[TRAIN].astype(object)}, "x_train holds Python objects; images are numbers, all of one size"),
    "other shape": ({"x_test": IMAGES[TEST, :5]}, "different shape or type: x_train 12×14×3 uint8, x_test 5×14×3 uint8"),
    "other type": ({"x_test": IMAGES[TEST] / 255}, "different shape or type: x_train 12×14×3 uint8, x_test 12×14×3 float"),
    "lengths": ({"y_train": LABELS[:29]}, r"set\.npz: y_train has 29 labels for 30 pictures"),
    "objects as labels": (
        {"y_train": NAMES[LABELS[TRAIN]].astype(object)},
        r"y_train holds Python objects.*labels\.astype\(str\)",
    ),
    "shape of labels": (
        {"y_train": LABELS[TRAIN].reshape(5, 6, 1)},
        r"y_train has shape \(5, 6, 1\); labels are \(examples,\)",
    ),
    "fractions as labels": ({"y_train": LABELS[TRAIN] / 2}, "y_train holds 0.5 at example 1 .*classes: whole numbers"),
    "NaN as label": ({"y_train": with_one(LABELS[TRAIN] * 1.0, (4,), np.nan)}, r"y_train holds nan at example 4 \(1 label of"),
    "two labels": (
        {"y_train": with_one(np.eye(3)[LABELS[TRAIN]], (6,), 1)},
        r"row 6 is not one-hot \(1\.0, 1\.0, 1\.0; 1 row of",
    ),
    "one class": ({"y_train": LABELS[TRAIN] * 0}, "y_train holds the label 0 alone; classification needs at least two classes"),
    "unknown labels": ({"y_test": LABELS[TEST] + 1}, "y_test holds the labels 3, which no training example has.* 0, 1, 2"),
    "text against numbers": ({"y_test": NAMES[LABELS[TEST]]}, "y_test holds the labels across, down, slant as text, which no"),
    "NaN": (
        {"x_train": with_one(IMAGES[TRAIN] / 255, (7, 2, 2, 0), np.nan), "x_test": IMAGES[TEST] / 255},
        "x_train: picture 7 holds NaN or infinity; replace or remove it",
    ),
    "infinity": (
        {"x_train": IMAGES[TRAIN] / 255, "x_test": with_one(IMAGES[TEST] / 255, (slice(3, 5), 0, 0, 0), -np.inf)},
        "x_test: picture 3 holds NaN or infinity, and 1 other picture as well",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_arrays_that_do_not_fit_are_refused_before_an_image_is_prepared(tmp_path, fault):
    changed, message = REFUSED[fault]
    with pytest.raises(DataError, match=message):
        image_facts(saved(tmp_path, **{**parts(), **changed}))


def test_a_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "set.npz"
    with pytest.raises(DataError, match=r"no file at .*set\.npz; give an existing \.npz file"):
        image_facts(DatasetReference(source=str(path)))
    path.write_text("hello")
    with pytest.raises(DataError, match=r"set\.npz is no readable \.npz file"):
        image_facts(DatasetReference(source=str(path)))


def test_a_truncated_or_altered_file_is_refused(tmp_path):
    np.savez(tmp_path / "set.npz", **parts())
    whole = (tmp_path / "set.npz").read_bytes()
    reference = DatasetReference(source=str(tmp_path / "set.npz"))
    (tmp_path / "set.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"set\.npz is no readable \.npz file"):
        image_facts(reference)
    at = whole.index(IMAGES[3].tobytes())
    (tmp_path / "set.npz").write_bytes(whole[:at] + bytes(40) + whole[at + 40 :])
    with pytest.raises(DataError, match=r"set\.npz is damaged: x_train cannot be read .*; write the file again"):
        load_images(reference)


def test_the_cache_is_kept_apart_by_how_arrays_are_read(tmp_path):
    reference = saved(tmp_path, **parts(IMAGES / 255))
    bright = load_test_split(replace(reference, pixel_range=(0.0, 0.5))).images
    plain = load_test_split(reference).images
    assert (np.asarray(bright) >= plain).all()
    assert (np.asarray(bright) > plain).any()
    np.testing.assert_array_equal(load_test_split(reference).images, plain)


def test_pixels_of_one_value_are_refused_with_a_range_that_can_be_given(tmp_path):
    with pytest.raises(DataError, match=r"from 0 to 0, .* --pixel-range 0,1$"):
        open_source(saved(tmp_path, x=np.zeros((9, 8, 8), np.float32), y=np.arange(9) % 3))


def test_text_for_numbers_in_another_part_is_called_so(tmp_path):
    with pytest.raises(DataError, match=r"labels 0, 1, 2 as text, .*; those of training are 0, 1, 2 as numbers"):
        open_source(saved(tmp_path, **parts() | {"y_test": LABELS[TEST].astype(str)}))


@pytest.mark.parametrize("flag", [{"layout": "nchw"}, {"pixel_range": (0.0, 16.0)}], ids=["layout", "pixel-range"])
def test_flags_about_arrays_are_refused_for_a_set_that_goes_by_a_name(flag):
    with pytest.raises(DataError, match=r"--(layout|pixel-range) is about arrays .* and digits holds none; leave it out"):
        image_facts(DatasetReference(source="digits", **flag))
