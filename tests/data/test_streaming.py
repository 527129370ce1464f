"""Streamed sets: the same examples as prepared ones, the same bits on any number of threads."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from automl_cli.core.errors import DataError
from automl_cli.data import (
    StreamedSplit,
    check_source,
    load_images,
    load_streamed,
    load_streamed_test,
    load_test_split,
)
from automl_cli.data import images as prepared_images
from automl_cli.values.dataset import DatasetReference
from tests.data.conftest import encoded


@pytest.fixture
def photographs(tmp_path):
    """Return a folder of 2 classes of 12 JPEG, no two of one size, and one PNG."""
    random = np.random.Generator(np.random.Philox(1))
    for label, name in enumerate(("cat", "dog")):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(12):
            height, width = random.integers(20, 90, 2)
            coarse = random.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
            picture = np.kron(coarse, np.ones((8, 8, 1), np.uint8))[:height, :width] // 2 + 100 * label
            kind = "png" if number == 11 else "jpeg"
            (tmp_path / "set" / name / f"{number:02}.{kind}").write_bytes(encoded(picture.astype(np.uint8), kind))
    return tmp_path / "set"


def reference(root, **given) -> DatasetReference:
    return DatasetReference(source=str(root), image_size=16, **given)


def served(split: StreamedSplit, *, seed: int = 0, epoch: int = 0, flip: bool = True, threads: int = 2) -> np.ndarray:
    return np.stack(list(split.crops(range(len(split)), seed=seed, epoch=epoch, flip=flip, depth=8, threads=threads)))


def test_streamed_parts_hold_the_examples_of_the_prepared_ones(photographs):
    streamed, prepared = load_streamed(reference(photographs)), load_images(reference(photographs))
    assert streamed.facts == prepared.facts
    np.testing.assert_array_equal(streamed.class_counts, prepared.class_counts)
    pairs = [(streamed.train, prepared.train), (streamed.validation, prepared.validation)]
    for ours, theirs in [*pairs, (load_streamed_test(reference(photographs)), load_test_split(reference(photographs)))]:
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        # The centre of each is most like its own prepared image among all of them.
        centres = np.stack(list(ours.centres(depth=4))).astype(float)
        distances = np.abs(centres[:, None] - theirs.images[None].astype(float)).mean((2, 3, 4))
        assert (distances.argmin(1) == np.arange(len(ours))).all()


def test_any_number_of_threads_gives_the_same_bits(photographs):
    split = load_streamed(reference(photographs)).train
    np.testing.assert_array_equal(served(split, threads=1), served(split, threads=4))
    one, four = (np.stack(list(split.centres(depth=5, threads=threads))) for threads in (1, 4))
    np.testing.assert_array_equal(one, four)


def test_a_crop_depends_on_seed_epoch_and_example_alone(photographs):
    split = load_streamed(reference(photographs)).train
    forward = served(split)
    backward = np.stack(list(split.crops(reversed(range(len(split))), seed=0, epoch=0, flip=True, depth=3)))
    np.testing.assert_array_equal(forward, backward[::-1])
    for other in (served(split, seed=1), served(split, epoch=1)):
        assert (forward != other).any((1, 2, 3)).mean() > 0.9


def test_half_of_the_crops_are_mirrored_and_otherwise_the_same(photographs):
    split = load_streamed(reference(photographs)).train
    plain, mixed = (np.concatenate([served(split, epoch=epoch, flip=flip) for epoch in range(12)]) for flip in (False, True))
    same = (plain == mixed).all((1, 2, 3))
    mirrored = (plain[:, :, ::-1] == mixed).all((1, 2, 3))
    assert (same | mirrored).all()
    assert 0.3 < mirrored.mean() < 0.7


def test_merging_appends_the_validation_examples(photographs):
    data = load_streamed(reference(photographs))
    merged = data.merged()
    assert len(merged.train) == len(data.train) + len(data.validation)
    np.testing.assert_array_equal(merged.train.labels, np.concatenate([data.train.labels, data.validation.labels]))
    assert merged.class_counts.sum() == len(merged.train)
    centres = [np.stack(list(split.centres(depth=4))) for split in (data.train, data.validation, merged.train)]
    np.testing.assert_array_equal(np.concatenate(centres[:2]), centres[2])


def test_a_set_with_its_own_validation_part_is_streamed_from_it(pictures, tmp_path):
    pictures(tmp_path / "set" / "train")
    pictures(tmp_path / "set" / "val", count=2)
    data = load_streamed(reference(tmp_path / "set"))
    assert data.validation.labels.tolist() == [0, 0, 1, 1, 2, 2]
    merged = data.merged().train
    assert "/val/" in merged.read(len(merged) - 1).where
    assert "/train/" in merged.read(0).where


def test_tfds_sets_are_streamed(tiny_tfds):
    given = DatasetReference(source="tiny_pictures", data_dir=str(tiny_tfds), image_size=8)
    data, test = load_streamed(given), load_streamed_test(given)
    for split in (data.train, data.validation, test):
        images = np.stack(list(split.centres(depth=4)))
        assert images.shape == (len(split), 8, 8, 3)
        np.testing.assert_array_equal(images[:, 0, 0, 0], split.labels)
    assert len(test) == 6


def test_reading_the_labels_for_the_first_time_is_told(tiny_tfds):
    told = []
    for _ in range(2):
        load_streamed(
            DatasetReference(source="tiny_pictures", data_dir=str(tiny_tfds), image_size=8), lambda *counts: told.append(counts)
        )
    assert told == [(24, 24)]


def test_a_broken_jpeg_is_one_error_that_names_the_file(photographs):
    split = load_streamed(reference(photographs)).train
    where = split.read(5).where
    data = split.read(5).data
    Path(where).write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError) as caught:
        served(split)
    assert where in str(caught.value)


def test_arrays_are_not_streamed():
    with pytest.raises(DataError, match=r"digits holds arrays of pixels.* train with --augment standard"):
        check_source(DatasetReference(source="digits"), streamed=True)


def test_a_set_too_large_for_arrays_is_refused_and_streams(photographs, monkeypatch):
    check_source(reference(photographs), streamed=False)
    monkeypatch.setattr(prepared_images, "PREPARED_LIMIT", 24 * 16 * 16 * 3 - 1)
    for load in (partial(check_source, streamed=False), load_images):
        with pytest.raises(DataError, match=r"has 24 images; as arrays of 16×16 pixels .* --augment inception"):
            load(reference(photographs))
    check_source(reference(photographs), streamed=True)
    assert len(load_streamed(reference(photographs)).train) > 0


def test_photographs_of_a_real_set_are_streamed(shared_data):
    given = DatasetReference(source="imagenette_subset", data_dir=str(shared_data / "tfds"), image_size=224)
    data = load_streamed(given)
    assert (len(data.train), len(data.validation), len(load_streamed_test(given))) == (700, 400, 400)
    places = np.arange(0, 400, 25)
    crops = np.stack(list(data.train.crops(places, seed=0, epoch=0, flip=True, depth=8)))
    assert crops.shape == (16, 224, 224, 3)
    assert crops.std() > 30
