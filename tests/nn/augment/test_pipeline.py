"""Baseline, policy and Cutout in both orders, recomputed in NumPy where the policy draws nothing."""

from itertools import product

import jax
import numpy as np
import pytest
from PIL import Image, ImageOps

from automl_cli.children import augmentation as building
from automl_cli.nn.augment.batches import Batches
from automl_cli.nn.augment.crops import upsampling_matrix
from automl_cli.nn.augment.cutout import squares
from automl_cli.nn.augment.pipeline import Pipeline, as_bytes, cutout_key, whiten
from automl_cli.nn.compilation import Program
from automl_cli.nn.streaming import StreamedBatches
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.policy import AppliedOperation, SubPolicies

COUNT, SIDE, CHANNELS = 96, 8, 3
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, SIDE, SIDE, CHANNELS)).astype(np.uint8)
LABELS = np.arange(COUNT, dtype=np.int32)
MEAN, STD = IMAGES.mean((0, 1, 2)).astype(np.float32), IMAGES.std((0, 1, 2)).astype(np.float32)

CERTAIN = {
    "Invert": (0.0, ImageOps.invert),
    "Posterize": (9.0, lambda image: ImageOps.posterize(image, 4)),
    "Solarize": (4.5, lambda image: ImageOps.solarize(image, 128)),
}
"""Operations without randomness at probability 1: their level, and what Pillow does."""


def policy_of(name: str) -> SubPolicies:
    return SubPolicies(((AppliedOperation(name, 1.0, CERTAIN[name][0]),),))


def by_pillow(name: str, images: np.ndarray) -> np.ndarray:
    return np.stack([np.asarray(CERTAIN[name][1](Image.fromarray(image))) for image in images])


def served(augmentation: Augmentation, *, flip: bool = True, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The first batch of a training, all images: in the units of the stored pixels, and labels."""
    built = building.images(augmentation, flip=flip)
    batches = Batches(IMAGES, LABELS, moments=(MEAN, STD), size=COUNT, pipeline=built.pipeline)
    images, labels = next(batches.with_policy(built.policy(IMAGES.shape[1:])).epoch(seed, 0))
    return np.asarray(images) * STD + MEAN, np.asarray(labels)


def windows(image: np.ndarray, margin_of: np.ndarray) -> dict[tuple[int, int, bool], np.ndarray]:
    """Every window that flip-crop may cut, with margins of this colour."""
    padded = np.full((SIDE + 2, SIDE + 2, CHANNELS), margin_of, np.float64)
    found = {}
    for mirrored in (False, True):
        padded[1:-1, 1:-1] = image[:, ::-1] if mirrored else image
        found |= {
            (row, column, mirrored): padded[row:, column:][:SIDE, :SIDE].copy() for row, column in product(range(3), repeat=2)
        }
    return found


def drawn(images: np.ndarray, candidates: list[dict[tuple[int, int, bool], np.ndarray]]) -> list[tuple[int, int, bool]]:
    """Which of the candidates each image is; exactly one."""
    matching = [
        [key for key, window in each.items() if np.allclose(image, window, atol=1e-3)]
        for image, each in zip(images, candidates, strict=True)
    ]
    assert {len(keys) for keys in matching} == {1}
    return [keys[0] for keys in matching]


@pytest.mark.parametrize("name", CERTAIN)
def test_in_the_papers_order_the_policy_changes_the_cropped_bytes_with_margins_of_the_rounded_mean(name):
    images, labels = served(Augmentation(baseline="flip-crop", policy=policy_of(name)))
    cropped = [windows(IMAGES[label], np.rint(MEAN)) for label in labels]
    expected = [
        dict(zip(each, by_pillow(name, np.stack(list(each.values())).astype(np.uint8)).astype(float), strict=True))
        for each in cropped
    ]
    assert len(set(drawn(images, expected))) == 18  # 96 draws miss one of 18 in 7 % of seeds; this seed draws all


@pytest.mark.parametrize("name", CERTAIN)
def test_in_the_authors_order_what_the_policy_made_is_cropped_with_margins_of_the_mean(name):
    images, labels = served(Augmentation(baseline="flip-crop", policy=policy_of(name), order="authors"))
    changed = by_pillow(name, IMAGES)
    keys = drawn(images, [windows(changed[label], MEAN) for label in labels])
    paper, _ = served(Augmentation(baseline="flip-crop", policy=policy_of("Invert")))
    assert keys == drawn(
        paper, [{key: 255 - one for key, one in windows(IMAGES[label], np.rint(MEAN)).items()} for label in labels]
    )


def test_what_the_standard_baseline_interpolates_is_rounded_before_the_policy():
    """Up to one grey level, where a sum lies between two of them."""
    images, labels = served(Augmentation(baseline="standard", policy=policy_of("Invert")), flip=False)
    matrix = upsampling_matrix(SIDE, 10).astype(np.float64)
    assert np.abs(images - np.rint(images)).max() < 1e-3
    for image, label in zip(images, labels, strict=True):
        large = np.einsum("ij,jwc,kw->ikc", matrix, IMAGES[label].astype(float), matrix)
        errors = [
            np.abs(255 - np.rint(large[row:, column:][:SIDE, :SIDE]) - image).max()
            for row, column in product(range(3), repeat=2)
        ]
        assert min(errors) < 1 + 1e-3


def test_without_a_baseline_both_orders_are_the_policy_alone():
    for order in ("paper", "authors"):
        images, labels = served(Augmentation(baseline="none", policy=policy_of("Solarize"), order=order))
        np.testing.assert_allclose(images, by_pillow("Solarize", IMAGES)[labels], atol=1e-3)


@pytest.mark.parametrize(
    ("baseline", "policy", "order"),
    [
        ("none", None, "paper"),
        ("flip-crop", None, "paper"),
        ("flip-crop", policy_of("Invert"), "paper"),
    ],
)
def test_cutout_comes_last_and_sets_a_square_to_the_mean_of_the_data(baseline, policy, order):
    whole, _ = served(Augmentation(baseline=baseline, policy=policy, order=order))
    cut, _ = served(Augmentation(baseline=baseline, policy=policy, order=order, cutout=0.5))
    differs = np.abs(whole - cut).max(-1) > 1e-3
    assert differs.any((1, 2)).mean() > 0.9  # a square may lie in a margin, which is the mean by itself
    assert max(differs.any(axis).sum(1).max() for axis in (1, 2)) == 4
    at_mean = np.abs(cut - MEAN).max(-1) < 1e-3
    assert at_mean[differs].all()
    assert at_mean.sum((1, 2)).min() >= 4


def test_bytes_survive_whitening_and_back():
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    for mean, std in ((0.0, 1.0), (127.5, 127.5), (13.7, 1e-3), (200.1, 90.3)):
        moments = np.array([mean], np.float32), np.array([std], np.float32)
        np.testing.assert_array_equal(as_bytes(whiten(images, *moments), *moments), images)


def test_draws_of_cutout_are_no_draws_of_the_baseline():
    keys = {bytes(np.asarray(jax.random.key_data(key))) for key in jax.random.split(jax.random.key(7), 1000)}
    assert bytes(np.asarray(jax.random.key_data(cutout_key(jax.random.key(7))))) not in keys
    assert np.asarray(squares(cutout_key(jax.random.key(7)), (1, 4, 4), side=2)).any()


def test_images_that_are_no_bytes_are_refused():
    built = building.images(Augmentation(baseline="none", policy=policy_of("Invert")), flip=False)
    batches = Batches(IMAGES.astype(np.float32), LABELS, moments=(MEAN, STD), size=4, pipeline=built.pipeline)
    with pytest.raises(TypeError, match="uint8; these are float32"):
        next(batches.with_policy(built.policy(IMAGES.shape[1:])).epoch(0, 0))


def random_policy(seed: int) -> SubPolicies:
    random = np.random.default_rng(seed)
    names = ("Invert", "Rotate", "Equalize", "Color", "Posterize", "TranslateX")
    return SubPolicies(
        tuple(
            tuple(
                AppliedOperation(str(random.choice(names)), round(random.random(), 1), float(random.integers(10)))
                for _ in range(2)
            )
            for _ in range(int(random.integers(1, 26)))
        )
    )


class Uncoded:
    """Pictures that are arrays."""

    labels = LABELS

    def __len__(self) -> int:
        return COUNT

    def crops(self, indices, *, seed, epoch, flip, depth):
        yield from (IMAGES[index] for index in indices)


@pytest.mark.parametrize("streamed", [False, True])
def test_50_policies_are_data_to_one_program(monkeypatch, streamed):
    compiled: list[Program] = []
    real = Program._compile
    monkeypatch.setattr(Program, "_compile", lambda self, given: compiled.append(self) or real(self, given))
    size = 19 if streamed else 23  # of no other test, so that the first policy compiles its program
    pipeline = Pipeline(cutout=0.25)
    batches = (
        StreamedBatches(Uncoded(), moments=(MEAN, STD), size=size, flip=False, pipeline=pipeline)
        if streamed
        else Batches(IMAGES, LABELS, moments=(MEAN, STD), size=size, pipeline=pipeline)
    )
    seen = set()
    for seed in range(50):
        built = building.images(Augmentation(baseline="none", policy=random_policy(seed), cutout=0.25), flip=False)
        images, _ = next(batches.with_policy(built.policy(IMAGES.shape[1:])).epoch(0, 0))
        seen.add(np.asarray(images).tobytes())
    assert len(compiled) == 1
    assert len(seen) == 50
