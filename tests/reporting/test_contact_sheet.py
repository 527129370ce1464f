"""Contact sheets: what is drawn where, of which data, and what is refused."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from automl_cli.core.errors import UserError
from automl_cli.kinds.augmentation_policy import NAMED, AugmentationPolicyBody, words
from automl_cli.reporting import contact_sheet as module
from automl_cli.reporting.contact_sheet import FAINT, GAP, INK, MARGIN, TILE, contact_sheet
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.policy import AppliedOperation, SubPolicies

SIDE = 8
INVERT = Augmentation(
    baseline="none",
    policy=SubPolicies(
        ((AppliedOperation("Invert", 0.1, 0),), (AppliedOperation("Invert", 1.0, 0), AppliedOperation("Invert", 0.0, 0)))
    ),
)


def images(count=3, shape=(SIDE, SIDE, 3)):
    return list(np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8))


def drawn(value, shown, **more):
    data = contact_sheet(value, shown, **{"title": "a policy", "flip": False, **more})
    sheet = Image.open(io.BytesIO(data))
    assert sheet.format == "PNG"
    return np.asarray(sheet.convert("RGB"))


def places_of(sheet, tile):
    """Row and column of the left upper corner of every place where this tile (height, width, 3) stands."""
    windows = np.lib.stride_tricks.sliding_window_view(sheet, tile.shape)[:, :, 0]
    candidates = np.argwhere((windows[:, :, 0, 0] == tile[0, 0]).all(-1) & (windows[:, :, -1, -1] == tile[-1, -1]).all(-1))
    return [tuple(map(int, at)) for at in candidates if np.array_equal(windows[tuple(at)], tile)]


def enlarged(image):
    factor = TILE // SIDE
    return image.repeat(factor, 0).repeat(factor, 1)


def test_originals_stand_on_top_and_every_sub_policy_in_a_row_of_its_own_on_the_same_columns():
    shown = images(6)
    sheet = drawn(INVERT, shown)
    tops = [places_of(sheet, enlarged(image)) for image in shown]
    below = [places_of(sheet, enlarged(255 - image)) for image in shown]
    assert all(len(places) == 1 for places in tops)
    assert all(len(places) == 2 for places in below), "0.1 is applied, 1 is applied, 0 never is"
    columns = [places[0][1] for places in tops]
    assert np.diff(columns).tolist() == [TILE + GAP] * 5
    for (top,), rows in zip(tops, below, strict=True):
        assert [row for row, _ in rows] == [top[0] + TILE + GAP, top[0] + 2 * (TILE + GAP)]
        assert {column for _, column in rows} == {top[1]}
    assert sheet.shape[1] - columns[-1] - TILE == sheet.shape[0] - below[0][1][0] - TILE == MARGIN


def test_rows_are_labelled_in_words(monkeypatch):
    said = []
    laid_out = module._laid_out

    def seen(head, labels, cells):
        said.append((head, labels, [len(row) for row in cells]))
        return laid_out(head, labels, cells)

    monkeypatch.setattr(module, "_laid_out", seen)
    sheet = drawn(NAMED["autoaugment-cifar10"], images(), title="autoaugment-cifar10")
    head, labels, counts = said[-1]
    assert head[0] == "autoaugment-cifar10"
    assert counts == [3] * 28  # originals, the baseline, 25 sub-policies, Cutout
    assert [labels[0], labels[1], labels[-1]] == [
        ("original",),
        ("flip-crop, the baseline", "never mirrored"),
        ("Cutout 50 % of the side", "at last"),
    ]
    assert labels[3] == ("Rotate ±6.67°, 70 %", "TranslateX ±45.3 %, 30 %")
    for colour in (INK, FAINT):
        assert (sheet == colour).all(-1).sum() > 100
    drawn(NAMED["randaugment"], images())
    drawn(NAMED["trivialaugment"], images())
    _, labels, counts = said[-1]
    assert counts == [3] * (1 + 1 + 14 + 1)
    assert ("Rotate", "0° to ±30°") in labels
    assert ("Equalize",) in labels


@pytest.mark.parametrize("shape", [(SIDE, SIDE, 1), (300, 200, 3), (1, 1, 3), (40, 90, 4)], ids=str)
def test_images_of_any_size_fit_the_sheet(shape):
    sheet = drawn(NAMED["autoaugment-imagenet"], images(2, shape))
    assert sheet.shape[0] < 26 * (TILE + GAP) + 150
    assert sheet.shape[1] < 1000


def test_the_same_sheet_is_drawn_again():
    value = NAMED["autoaugment-svhn"]
    assert np.array_equal(drawn(value, images()), drawn(value, images()))


@pytest.mark.parametrize(("name", "problem"), [("none", "it changes no image"), ("inception", "while they are decoded")])
def test_an_augmentation_that_changes_no_image_is_not_drawn(name, problem):
    with pytest.raises(UserError, match=problem):
        drawn(NAMED[name], images())


def test_the_command_draws_on_digits_or_on_a_data_set(automl, environment_of_its_own):
    done = automl("show", "autoaugment-svhn", "--image", "digits.png")
    assert (done.code, done.stdout, done.stderr) == (0, "digits.png\n", "")
    for number in range(2):
        for place in ("cats", "dogs"):
            Path("photos", place).mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 256, (30 + number, 40, 3), dtype=np.uint8)
            for more in range(20):
                Image.fromarray(pixels).save(Path("photos", place, f"{number}-{more}.png"))
    write_artifact(Path("best.json"), artifact_of(AugmentationPolicyBody(value=INVERT, words=words(INVERT))))
    done = automl("show", "best.json", "--dataset", "./photos", "--image-size", "24", "--image", "photos.png")
    assert (done.code, done.stdout, done.stderr) == (0, "photos.png\n", "")
    with Image.open("digits.png") as digits, Image.open("photos.png") as photos:
        assert digits.width > photos.width > 10 * (24 * (TILE // 24) + GAP)
        assert digits.height > 25 * TILE > photos.height


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("randaugment", "--image", "a.svg"), "--image a.svg must end in .png, which says the format; images of pixels"),
        (("randaugment", "--image", "no/a.png"), "there is no directory"),
        (("randaugment", "--image", "there.png"), "there.png is no PNG image, so it stays"),
        (("randaugment", "--image", "a.png", "--dataset", "cifra10"), "unknown data set 'cifra10'"),
        (("randaugment", "--image", "a.png", "--dataset", "floats.npz"), "fill no known range"),
        (("swish", "--image", "a.png", "--dataset", "digits"), "holds a value of kind 'activation', drawn without data"),
    ],
    ids=["svg", "folder", "in-the-way", "unknown", "floats", "curve"],
)
def test_what_cannot_be_drawn_is_one_line(automl, environment_of_its_own, arguments, problem):
    Path("there.png").write_text("notes", encoding="utf-8")
    labels = np.arange(800) % 2
    np.savez("floats.npz", x_train=np.zeros((800, 8, 8, 1), np.float32), y_train=labels)
    done = automl("show", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not Path("a.png").exists()
    assert Path("there.png").read_text(encoding="utf-8") == "notes"
