"""Facts, training and validation arrays, test split: laws for every kind of source."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from automl_cli.core.errors import DataError
from automl_cli.data import image_facts, load_images, load_test_split
from automl_cli.data.images import moments
from automl_cli.values.dataset import DatasetReference


@pytest.fixture(params=["digits", "digits resized", "tfds", "folder", "npz", "one pool", "subset", "no flip"])
def reference(request, tiny_tfds, pictures, tmp_path) -> DatasetReference:
    """Return a data set of each kind."""
    if request.param in ("npz", "one pool"):
        images, labels = np.random.default_rng(0).random((40, 5, 5, 2), np.float32), np.arange(40) % 4
        keys = {"images": images, "labels": labels}
        parts = {"x_train": images, "y_train": labels[:, None], "x_test": images[:8], "y_test": labels[:8]}
        np.savez(tmp_path / "set.npz", **(parts if request.param == "npz" else keys))
    return {
        "digits": lambda: DatasetReference(source="digits"),
        "digits resized": lambda: DatasetReference(source="digits", image_size=12),
        "tfds": lambda: DatasetReference(source="tiny_pictures", data_dir=str(tiny_tfds)),
        "folder": lambda: DatasetReference(source=str(pictures())),
        "npz": lambda: DatasetReference(source=str(tmp_path / "set.npz")),
        "one pool": lambda: DatasetReference(source=str(tmp_path / "set.npz")),
        "subset": lambda: DatasetReference(source="digits", train_examples=200, split_seed=5),
        "no flip": lambda: DatasetReference(source="tiny_pictures", data_dir=str(tiny_tfds), flip=False),
    }[request.param]()


def test_the_arrays_are_what_the_facts_promise(reference):
    facts, data, test = image_facts(reference), load_images(reference), load_test_split(reference)
    assert data.facts == facts
    sizes = (facts.train_examples, facts.validation_examples, facts.test_examples)
    for split, examples in zip((data.train, data.validation, test), sizes, strict=True):
        assert len(split) == examples
        assert split.images.shape == (examples, *facts.image_shape)
        assert split.images.dtype in (np.uint8, np.float32)
        assert split.labels.dtype == np.int32
        assert set(split.labels) <= set(range(len(facts.classes)))
    assert data.mean.shape == data.std.shape == facts.image_shape[2:]
    np.testing.assert_array_equal(data.class_counts, np.bincount(data.train.labels, minlength=len(facts.classes)))


def test_a_second_load_gives_the_same_bytes_and_reads_no_source(reference, monkeypatch):
    first, first_test = load_images(reference), load_test_split(reference)
    for kind in ("digits.DigitsSource", "tfds.TfdsSource", "folder.FolderSource", "arrays.ArraySource"):
        monkeypatch.delattr(f"automl_cli.data.{kind}.images")
    second, second_test = load_images(reference), load_test_split(reference)
    for a, b in ((first.train, second.train), (first.validation, second.validation), (first_test, second_test)):
        np.testing.assert_array_equal(a.images, b.images)
        np.testing.assert_array_equal(a.labels, b.labels)


def test_images_are_memory_mapped_and_read_only(reference):
    images = load_images(reference).train.images
    assert isinstance(images, np.memmap)
    assert not images.flags.writeable


def test_facts_decode_nothing_and_prepare_nothing(reference, cache, monkeypatch):
    """What the headers of pictures say is kept, as it takes a while to look at many."""
    for kind in ("digits.DigitsSource", "tfds.TfdsSource", "folder.FolderSource", "arrays.ArraySource"):
        monkeypatch.delattr(f"automl_cli.data.{kind}.images")
    image_facts(reference)
    assert {path.stem for path in cache.rglob("*.npy")} <= {
        "labels",
        "contents",
        "traits",
        "readable",
        "content",
        "ranges",
        "extremes",
    }


def test_digits_are_those_of_scikit_learn_with_the_last_360_held_back():
    bunch = load_digits()
    reference = DatasetReference(source="digits")
    data, test = load_images(reference), load_test_split(reference)
    np.testing.assert_array_equal(test.images[..., 0], np.rint(bunch.images[-360:] * 255 / 16))
    np.testing.assert_array_equal(test.labels, bunch.target[-360:])
    seen = np.concatenate([data.train.images, data.validation.images])[..., 0].reshape(1437, -1)
    whole = np.rint(bunch.images[:-360] * 255 / 16).reshape(1437, -1)
    np.testing.assert_array_equal(seen[np.lexsort(seen.T)], whole[np.lexsort(whole.T)])
    assert data.facts.flip is False


def test_test_training_and_validation_parts_of_one_pool_share_no_example(tmp_path):
    images = np.zeros((300, 2, 2, 1), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = np.divmod(np.arange(300), 250)
    np.savez(tmp_path / "pool.npz", images=images, labels=np.arange(300) % 3)
    reference = DatasetReference(source=str(tmp_path / "pool.npz"))
    data, test = load_images(reference), load_test_split(reference)
    numbers = lambda images: images[:, 0, 0, 0] * 250 + images[:, 0, 1, 0].astype(int)  # noqa: E731
    parts = [numbers(split.images) for split in (data.train, data.validation, test)]
    assert sorted(np.concatenate(parts)) == list(range(300))
    assert [len(part) for part in parts] == [180, 60, 60]
    for split in (data.train, data.validation, test):
        assert len(set(np.bincount(split.labels))) == 1


def test_the_test_split_does_not_depend_on_how_many_examples_train(tmp_path):
    np.savez(tmp_path / "pool.npz", images=np.random.default_rng(0).random((100, 2, 2)), labels=np.arange(100) % 2)
    whole, part = (DatasetReference(source=str(tmp_path / "pool.npz"), train_examples=count) for count in (None, 20))
    np.testing.assert_array_equal(load_test_split(whole).images, load_test_split(part).images)


def test_the_split_seed_changes_who_validates_and_nothing_else():
    first, second = (load_images(DatasetReference(source="digits", split_seed=seed)) for seed in (0, 1))
    assert not np.array_equal(first.validation.images, second.validation.images)
    np.testing.assert_array_equal(first.class_counts, second.class_counts)
    tests = [load_test_split(DatasetReference(source="digits", split_seed=seed)).images for seed in (0, 1)]
    np.testing.assert_array_equal(*tests)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_moments_are_those_of_the_whole_array(dtype):
    images = (np.random.default_rng(1).random((3000, 8, 8, 3)) * 255).astype(dtype)
    mean, std = moments(images)
    wide = images.astype(np.float64)
    np.testing.assert_allclose(mean, wide.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(std, wide.std(axis=(0, 1, 2)), rtol=1e-6)


def test_a_constant_channel_counts_as_deviating_by_one():
    _, std = moments(np.full((3, 2, 2, 2), [7, 9], np.uint8))
    assert std.tolist() == [1, 1]


@pytest.mark.parametrize("size", [0, 3, 5000])
def test_an_image_size_out_of_range_says_the_range(size):
    with pytest.raises(DataError, match=f"--image-size is {size}; it may be 4 to 1024 pixels"):
        image_facts(DatasetReference(source="digits", image_size=size))


@pytest.mark.parametrize("count", [-3, 0, 1])
def test_too_few_training_examples_are_refused(count):
    with pytest.raises(DataError, match=f"--train-examples is {count}; it must be at least 2"):
        image_facts(DatasetReference(source="digits", train_examples=count))


def test_progress_is_told_up_to_the_end(tiny_tfds):
    told = []
    load_images(
        DatasetReference(source="tiny_pictures", data_dir=str(tiny_tfds)), lambda done, total: told.append((done, total))
    )
    assert told[-1] == (24, 24)
    assert told == sorted(told)
