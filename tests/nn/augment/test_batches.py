"""Batches and augmentation: every example once, deterministic, and each drawn image is one of the possible ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from automl_cli.nn.augment.batches import Batches, Examples
from automl_cli.nn.augment.crops import centre_crop, crop_and_flip, flip_and_crop, upsampling_matrix
from automl_cli.nn.augment.pipeline import Pipeline
from automl_cli.nn.evaluation import outputs_of

MOMENTS = (np.zeros(1, np.float32), np.ones(1, np.float32))


def batches(count: int = 10, size: int = 4, transform=None) -> Batches:
    images = np.arange(count * 16, dtype=np.float32).reshape(count, 4, 4, 1)
    return Batches(images, np.arange(count, dtype=np.int32), moments=MOMENTS, size=size, pipeline=Pipeline(transform))


def test_an_epoch_serves_whole_batches_without_repeating_an_example():
    labels = [np.asarray(labels) for _, labels in batches().epoch(0, 0)]
    assert [len(part) for part in labels] == [4, 4]
    assert len(set(np.concatenate(labels))) == 8


def test_images_stay_with_their_labels():
    for images, labels in batches().epoch(3, 1):
        np.testing.assert_array_equal(images[:, 0, 0, 0], 16 * labels.astype(np.float32))


def test_order_is_a_function_of_seed_and_epoch():
    def order(seed: int, epoch: int) -> list[int]:
        return [int(label) for _, labels in batches().epoch(seed, epoch) for label in labels]

    assert order(1, 1) == order(1, 1)
    assert order(1, 1) != order(1, 2)
    assert order(1, 1) != order(2, 1)


def test_a_set_smaller_than_a_batch_is_one_batch():
    assert [len(labels) for _, labels in batches(count=3, size=64).epoch(0, 0)] == [3]


def test_images_are_whitened_by_the_given_moments():
    images = np.full((2, 3, 3, 2), [10, 20], np.uint8)
    moments = (np.array([8, 10], np.float32), np.array([2, 5], np.float32))
    served = Batches(images, np.zeros(2, np.int32), moments=moments, size=2, pipeline=Pipeline())
    whitened, _ = next(served.epoch(0, 0))
    np.testing.assert_allclose(whitened, np.full((2, 3, 3, 2), [1, 2]), rtol=1e-6)


@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 32, 3), (6, 5, 2)])
def test_outside_training_images_are_seen_as_the_middle_one_of_the_crops_they_are_trained_as(shape):
    image = np.random.default_rng(0).random(shape, np.float32)
    rows, columns = (upsampling_matrix(size, round(1.25 * size)) for size in shape[:2])
    upsampled = np.einsum("ij,jwc->iwc", rows, image)
    upsampled = np.einsum("kw,iwc->ikc", columns, upsampled)
    top, left = ((len(matrix) - size) // 2 for matrix, size in zip((rows, columns), shape[:2], strict=True))
    expected = upsampled[top : top + shape[0], left : left + shape[1]]
    np.testing.assert_allclose(np.asarray(centre_crop(image[None]))[0], expected, rtol=1e-5, atol=1e-6)


def test_upsampling_keeps_constants_and_linear_ramps():
    matrix = upsampling_matrix(8, 10)
    np.testing.assert_allclose(matrix.sum(1), 1, rtol=1e-6)
    ramp = matrix @ np.arange(8)
    np.testing.assert_allclose(np.diff(ramp)[1:-1], 0.8, rtol=1e-5)


@pytest.mark.parametrize("flip", [False, True])
def test_every_augmented_image_is_a_crop_of_the_upsampled_one_mirrored_or_not(flip: bool):
    random = np.random.default_rng(0)
    images = random.normal(size=(64, 8, 8, 1)).astype(np.float32)
    served = Batches(
        images, np.arange(64, dtype=np.int32), moments=MOMENTS, size=64, pipeline=Pipeline(crop_and_flip(flip=flip))
    )
    augmented, labels = map(np.asarray, next(served.epoch(0, 0)))
    matrix = upsampling_matrix(8, 10)
    seen = set()
    for image, label in zip(augmented[..., 0], labels, strict=True):
        large = matrix @ images[label, :, :, 0] @ matrix.T
        candidates = {
            (row, column, mirrored): large[row : row + 8, column : column + 8][:, :: -1 if mirrored else 1]
            for row in range(3)
            for column in range(3)
            for mirrored in ((False, True) if flip else (False,))
        }
        matching = [key for key, candidate in candidates.items() if np.allclose(image, candidate, atol=1e-5)]
        assert len(matching) == 1
        seen.update(matching)
    assert len(seen) >= 7, "crops vary from image to image"


def test_evaluation_in_batches_equals_evaluation_of_all_and_ignores_the_filling():
    images = np.random.default_rng(0).normal(size=(11, 2, 2, 1)).astype(np.float32)
    shapes = []

    class Sums:
        def outputs(self, state, inputs):
            shapes.append(inputs.shape)
            return inputs.sum((1, 2))

    outputs = outputs_of(Sums(), None, Examples(images, moments=MOMENTS, largest_batch=4))
    np.testing.assert_allclose(outputs, images.sum((1, 2)), rtol=1e-5)
    assert shapes == [(4, 2, 2, 1)] * 3


@pytest.mark.parametrize("flip", [False, True])
def test_flip_and_crop_gives_every_window_of_the_padded_image_and_no_other(flip: bool):
    image = np.arange(1.0, 65.0, dtype=np.float32).reshape(8, 8, 1)
    cropped = np.asarray(flip_and_crop(flip=flip)(jnp.asarray(np.stack([image] * 400)), jax.random.key(0)))
    padded = [np.pad(side, ((1, 1), (1, 1), (0, 0))) for side in ((image, image[:, ::-1]) if flip else (image,))]
    windows = {one[row : row + 8, column : column + 8].tobytes() for one in padded for row in range(3) for column in range(3)}
    assert {one.tobytes() for one in cropped} == windows  # 400 draws miss one of 18 in 2e-9 of all runs
