"""Folds, shares, groups, whole sets, and content by which pictures are known again, over an archive of distinct pictures."""

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_cli.data import image_facts, images, load_all, load_images, load_test_split, whole_facts
from automl_cli.data.contents import common, contents_of, same
from automl_cli.data.opening import open_source
from automl_cli.data.source import Source
from automl_cli.data.split_indices import sizes_for
from automl_cli.values.dataset import DatasetReference
from tests.data.conftest import colour_of, encoded

COUNT = 90


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """Return an archive of `COUNT` pictures of three classes without parts: picture i holds the number i."""
    pictures = np.arange(COUNT, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    np.savez(tmp_path / "pool.npz", images=pictures, labels=np.arange(COUNT) % 3)
    return tmp_path / "pool.npz"


def numbers(split: images.ImageSplit) -> list[int]:
    return sorted(int(image[0, 0, 0]) for image in split.images)


def test_every_training_example_validates_in_one_fold_and_trains_in_the_others(pool: Path) -> None:
    reference = DatasetReference(source=str(pool), folds=4)
    test = numbers(load_test_split(reference))
    learning = sorted(set(range(COUNT)) - set(test))
    folds = [load_images(reference, fold=fold) for fold in range(4)]
    assert sorted(number for data in folds for number in numbers(data.validation)) == learning
    for data in folds:
        assert sorted(numbers(data.train) + numbers(data.validation)) == learning
    facts = image_facts(reference)
    assert (facts.train_examples, facts.validation_examples) == (len(folds[0].train), len(folds[0].validation)) == (54, 18)


def test_the_test_split_does_not_depend_on_folds_or_on_the_validation_share(pool: Path) -> None:
    plain = DatasetReference(source=str(pool))
    others = (DatasetReference(source=str(pool), folds=3), DatasetReference(source=str(pool), validation_share=0.4))
    for other in others:
        assert numbers(load_test_split(other)) == numbers(load_test_split(plain))
    shared = load_images(others[1])
    assert (len(shared.train), len(shared.validation)) == (36, 36)
    assert len(load_test_split(DatasetReference(source=str(pool), test_share=0.4))) == 36


class _Grouped:
    """A source, with three consecutive pictures a group."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def groups(self, part: str) -> np.ndarray:
        return np.arange(COUNT) // 3

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


@pytest.mark.parametrize("folds", [1, 3])
def test_groups_of_a_source_stay_in_one_split(pool: Path, monkeypatch: pytest.MonkeyPatch, folds: int) -> None:
    reference = DatasetReference(source=str(pool), folds=folds)
    source = _Grouped(open_source(reference))
    monkeypatch.setattr(images, "open_source", lambda reference: source)
    for fold in range(folds):
        data = load_images(reference, fold=fold)
        splits = [numbers(split) for split in (data.train, data.validation, load_test_split(reference))]
        assert sorted(chain.from_iterable(splits)) == list(range(COUNT))
        groups = [{number // 3 for number in split} for split in splits]
        assert all(groups[one].isdisjoint(groups[other]) for one in range(3) for other in range(one))
    sizes = sizes_for(source, reference)
    assert (sizes.train, sizes.validation, sizes.test) == ((54, 18, 18) if folds == 1 else (48, 24, 18))


def test_all_of_a_set_is_loaded_and_has_facts_as_a_whole(pool: Path) -> None:
    assert numbers(load_all(DatasetReference(source=str(pool)))) == list(range(COUNT))
    assert whole_facts(DatasetReference(source=str(pool))).test_examples == COUNT


def test_pairs_of_examples_leave_one_of_each_class_to_train_on(tmp_path: Path) -> None:
    images, labels = np.random.default_rng(0).integers(0, 256, (24, 4, 4, 1)).astype(np.uint8), np.repeat(np.arange(12), 2)
    np.savez(tmp_path / "few.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    assert load_images(DatasetReference(source=str(tmp_path / "few.npz"))).class_counts.all()


def test_contents_are_those_of_the_pictures_and_not_of_their_order() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 3), dtype=np.uint8)
    found = contents_of(pictures)
    assert len(set(found.tolist())) == 20
    assert same(found, contents_of(pictures[::-1]))
    assert same(found, contents_of(pictures[:7], pictures[7:]))
    assert not same(found, contents_of(pictures[:-1]))
    changed = pictures.copy()
    changed[3, 2, 1, 0] ^= 1
    assert common(contents_of(changed), found) == 19
    assert not same(contents_of(changed), found)
    assert common(contents_of(pictures.astype(np.float32)), found) == 0


def test_test_splits_of_several_shares_are_kept_apart(tmp_path):
    """With these groups both shares test eleven pictures, which are not the same."""
    groups = np.random.default_rng(0).integers(0, 8, 30)
    lines = ["path,label,group"]
    for row, group in enumerate(groups):
        (tmp_path / f"{row}.png").write_bytes(encoded(colour_of(row // 10, row)))
        lines.append(f"{row}.png,{row // 10},g{group}")
    (tmp_path / "set.csv").write_text("\n".join(lines))
    for share in (0.25, 0.3):
        given = DatasetReference(source=str(tmp_path / "set.csv"), test_share=share)
        data, test = load_images(given), load_test_split(given)
        learnt = {int(image[0, 0, 1]) for split in (data.train, data.validation) for image in split.images}
        assert learnt.isdisjoint(int(image[0, 0, 1]) for image in test.images)
        assert len(test) == 11
