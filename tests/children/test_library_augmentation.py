"""Augmentations as functions of batches, for programs of one's own: `automl_cli.load(...).build()`."""

import re
from functools import partial

import jax
import numpy as np
import pytest
from PIL import Image, ImageOps

import automl_cli
from automl_cli.children.library import augmentation
from automl_cli.nn.augment.cutout import squares
from automl_cli.nn.augment.pipeline import cutout_key
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.policy import FILLS, AppliedOperation, SubPolicies
from tests.tables import ROOT

INVERT = SubPolicies(((AppliedOperation("Invert", 1.0, 0),),))
KEY = jax.random.key(4)

jitted = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True})
"""`jax.jit`, compiled in a fifth of the time."""


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def inverted(batch: np.ndarray) -> np.ndarray:
    return np.stack([np.asarray(ImageOps.invert(Image.fromarray(image))) for image in batch])


def test_the_program_of_the_manual_runs():
    text = (ROOT / "docs" / "augmentation.md").read_text(encoding="utf-8")
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL) if "automl_cli.load" in block)
    names = {"images": images(2, 6, 9, 3)}
    exec(code, names)  # noqa: S102
    assert (names["images"].shape, names["images"].dtype) == ((2, 6, 9, 3), np.uint8)


def test_a_published_policy_augments_grey_batches_under_jit():
    shape = (3, 5, 5, 1)
    augment = automl_cli.load("autoaugment-cifar10").build(flip=True)
    batch = images(*shape)
    program = jitted(augment)
    found = program(batch, KEY)
    assert (found.shape, found.dtype) == (shape, np.uint8)
    np.testing.assert_array_equal(found, program(batch, KEY))
    assert any((np.asarray(found) != np.asarray(program(batch, jax.random.key(seed)))).any() for seed in range(3))


def test_a_policy_without_a_baseline_is_the_policy_alone():
    batch = images(20, 8, 8, 3)
    found = jitted(augmentation(Augmentation(baseline="none", policy=INVERT)))(batch, KEY)
    np.testing.assert_array_equal(found, inverted(batch))
    untouched = augmentation(Augmentation(baseline="none"))(batch, KEY)
    np.testing.assert_array_equal(untouched, batch)


@pytest.mark.parametrize(("mapping", "order"), [("paper", "authors"), ("authors-cifar", "paper")])
def test_margins_and_cutout_have_the_fill_of_the_mapping_in_either_order(mapping, order):
    batch, fill = np.full((200, 8, 8, 3), 7, np.uint8), np.array(FILLS[mapping], np.uint8)
    value = Augmentation(baseline="flip-crop", policy=INVERT, cutout=0.5, mapping=mapping, order=order)
    found = np.asarray(jitted(augmentation(value, flip=True))(batch, KEY)).astype(int)
    margin = 255 - fill.astype(int) if order == "paper" else fill.astype(int)
    cut = np.asarray(squares(cutout_key(KEY), (200, 8, 8), side=4))
    np.testing.assert_array_equal(found[cut], np.broadcast_to(fill, found[cut].shape))
    at_margin = (found == margin).all(-1) & ~cut
    np.testing.assert_array_equal(found[~cut & ~at_margin], 248)
    assert at_margin[:, 1:-1, 1:-1].sum() == 0, "margins are one pixel wide"
    assert 0.5 < at_margin.any((1, 2)).mean() < 1  # of nine windows one has no margin


def test_flips_are_asked_for():
    batch = np.broadcast_to(np.arange(8, dtype=np.uint8)[None, None, :, None], (100, 8, 8, 1))
    value = Augmentation(baseline="flip-crop")
    descending = [
        (np.diff(np.asarray(augmentation(value, flip=flip)(batch, KEY))[:, 4, 2:6, 0].astype(int)) < 0).all(1)
        for flip in (True, False)
    ]
    assert 30 <= descending[0].sum() <= 70  # of 100 even draws, outside in 3e-5 of all runs
    assert not descending[1].any()


def test_other_numbers_of_channels_get_the_first_number_of_the_fill():
    value = Augmentation(baseline="none", cutout=1.0, mapping="authors-cifar")
    found = np.asarray(augmentation(value)(np.zeros((50, 4, 4, 4), np.uint8), KEY))
    assert set(np.unique(found)) == {0, 125}


def test_inception_changes_colours_alone():
    grey = np.full((60, 4, 4, 3), 128, np.uint8)
    found = np.asarray(augmentation(Augmentation(baseline="inception"))(grey, KEY)).astype(int)
    assert (found == found[:, :1, :1, :1]).all()
    assert 96 <= found.min() < 110
    assert 146 < found.max() <= 160


def test_images_that_are_no_bytes_are_refused():
    with pytest.raises(TypeError, match="images to augment are uint8, from 0 to 255; these are float32"):
        augmentation(Augmentation(baseline="none"))(np.zeros((1, 4, 4, 3), np.float32), KEY)
