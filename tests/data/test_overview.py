"""A data set looked at: counts, what was done to it, copies, mirror images, advice, and the contact sheet."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from automl_cli.data.advice import advice_on_metric
from automl_cli.data.alike import alike_in
from automl_cli.data.contact_sheet import GAP, MARGIN, PER_CLASS, contact_sheet
from automl_cli.data.images import ImageSplit
from automl_cli.data.mirror import mirror_check
from automl_cli.data.overview import look_at
from automl_cli.values.dataset import DatasetReference
from tests.data.conftest import CLASSES


def slants(count: int, random: np.random.Generator, *, both: bool) -> tuple[np.ndarray, np.ndarray]:
    """Gratings (count, 20, 20, 1): class 0 leans to the right; class 1 leans to the left if `both`, else lies flat."""
    y, x = np.mgrid[:20, :20]
    labels = np.arange(count) % 2
    directions = (x + y, x - y if both else 2 * y)
    waves = [np.sin(directions[label] * random.uniform(0.7, 1.0) + random.uniform(0, 6)) for label in labels]
    noise = random.normal(0, 15, (count, 20, 20))
    return (128 + 90 * np.stack(waves) + noise).clip(0, 255).astype(np.uint8)[..., None], labels


def test_mirroring_is_advised_against_where_it_makes_another_class():
    images, labels = slants(160, np.random.default_rng(0), both=True)
    check = mirror_check(images, labels)
    assert check.recognised > 0.9
    assert check.recognised_mirrored < 0.1
    assert check.advises_no_flip


def test_mirroring_is_not_advised_against_where_classes_look_alike_in_the_mirror():
    random = np.random.default_rng(1)
    images, labels = slants(160, random, both=False)
    images = np.where(random.random((160, 1, 1, 1)) < 0.5, images, images[:, :, ::-1])
    assert not mirror_check(images, labels).advises_no_flip


def test_mirroring_is_not_advised_against_for_noise():
    random = np.random.default_rng(2)
    images = random.integers(0, 256, (400, 12, 12, 3)).astype(np.uint8)
    assert not mirror_check(images, np.arange(400) % 4).advises_no_flip


def test_digits_may_not_be_mirrored():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    assert mirror_check(bunch.images[..., None], bunch.target).advises_no_flip


def test_copies_are_counted_across_splits_and_classes():
    images = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    train = ImageSplit(images[[0, 0, 1, 2, 3]], np.array([0, 0, 0, 1, 1]))
    test = ImageSplit(images[[3, 1, 5]], np.array([1, 1, 0]))
    found = alike_in({"train": train, "test": test})
    assert (found.copies, found.in_several_splits, found.in_several_classes) == (3, 2, 1)


@pytest.mark.parametrize(("counts", "advised"), [((30, 10), True), ((29, 10), False), ((5, 0), True), ((1, 1), False)])
def test_balanced_accuracy_is_advised_from_three_to_one_on(counts, advised):
    assert (advice_on_metric(counts, "accuracy") is not None) is advised
    assert advice_on_metric(counts, "balanced-accuracy") is None


def test_an_overview_has_the_counts_of_every_split(pictures):
    overview = look_at(DatasetReference(source=str(pictures(count=20)))).overview
    assert [one.name for one in overview.classes] == list(CLASSES)
    for split in overview.splits:
        assert sum(getattr(one, split.name) for one in overview.classes) == split.examples
    assert {split.name: split.drawn for split in overview.splits} == {"train": False, "validation": True, "test": True}
    assert sum(split.examples for split in overview.splits) == 60
    assert overview.broken == ()
    assert overview.alike.copies == 0


def test_an_overview_names_what_is_broken_and_goes_on_without_it(pictures):
    root = pictures(count=20)
    (root / "cat" / "003.png").write_bytes(b"")
    (root / "dog" / "004.png").write_text("<html>404</html>")
    overview = look_at(DatasetReference(source=str(root))).overview
    assert [fault.file for fault in overview.broken] == ["cat/003.png", "dog/004.png"]
    assert sum(split.examples for split in overview.splits) == 58
    assert any(advice.startswith("--skip-broken") for advice in overview.advice)


def test_an_overview_advises_balanced_accuracy_for_uneven_classes_unless_it_is_chosen(pictures):
    root = pictures(count=40)
    for number in range(30):
        (root / "owl" / f"{number:03}.png").unlink()
    plain, balanced = (
        look_at(DatasetReference(source=str(root), metric=metric)).overview for metric in ("accuracy", "balanced-accuracy")
    )
    assert any(advice.startswith("--metric balanced-accuracy") for advice in plain.advice)
    assert not any(advice.startswith("--metric") for advice in balanced.advice)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_sheet_shows_the_pictures_of_every_class_in_a_row_of_its_own(channels):
    images = np.zeros((20, 10, 12, channels), np.uint8)
    images[...] = (np.arange(20) * 10)[:, None, None, None]
    labels = np.arange(20) % 2
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheet(images, labels, ["first", "second"], "twenty"))))
    left = sheet.shape[1] - MARGIN - PER_CLASS * (12 * 7 + GAP)
    for row in range(2):
        middle = sheet[2 * MARGIN + 15 + row * (70 + GAP) + 35]
        shown = [middle[left + place * (12 * 7 + GAP) + 42, 0] for place in range(PER_CLASS)]
        assert shown == [10 * (2 * place + row) for place in range(PER_CLASS)]


def test_a_sheet_of_many_classes_and_long_names_stays_readable(tmp_path: Path):
    images, labels = np.zeros((60, 8, 8, 3), np.uint8), np.arange(60)
    names = [f"{number} a name that is much longer than a column can be, and goes on" for number in range(60)]
    sheet = Image.open(io.BytesIO(contact_sheet(images, labels, names, "sixty")))
    assert sheet.width < 1000
    assert sheet.height < 40 * (64 + GAP) + 120


def test_pictures_of_one_pixel_are_compared_with_mirrored_ones_too():
    images, labels = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1), np.arange(40) // 20
    found = mirror_check(images, labels)
    assert found.recognised == found.recognised_mirrored
