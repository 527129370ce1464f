"""The operations of policies equal Pillow's pixel for pixel, under `jit`, for all mappings and levels."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from automl_cli.core.errors import UserError
from automl_cli.nn.augment.enhancements import blend
from automl_cli.nn.augment.histograms import contrast_table
from automl_cli.nn.augment.operations import apply_operation
from automl_cli.nn.augment.parameters import LONGEST_SIDE, operation_parameters
from automl_cli.nn.compilation import compiled
from automl_cli.values.policy import FILLS, OPERATIONS, OperationName, arguments
from tests.nn.augment.pillow import IN_PILLOW, all_arguments, by_pillow

SHAPES = [(17, 23, 3), (9, 5, 1), (6, 4, 4)]
"""Few, since each is a compilation of each operation: colour, grey, with alpha."""

BATCH = 4


@cache
def program(name: OperationName):
    """The compiled program of an operation."""
    return jax.jit(lambda *given: apply_operation(name, *given))


def ours(name: OperationName, images: np.ndarray, argument: float, fill: tuple[int, ...] = (0,)) -> np.ndarray:
    """A batch after one operation with the same argument for all images."""
    numbers = operation_parameters(name, argument, shape=images.shape[1:], fill=fill)
    return np.asarray(program(name)(images, np.stack([numbers] * len(images)), np.zeros((len(images), 2), np.int32), images))


def samples(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """A batch of a random image, one of few near values, a constant one of 255, and a ramp."""
    random = np.random.default_rng(seed)
    ramp = np.linspace(30, 200, shape[0])[:, None, None] + np.zeros(shape)
    images = [random.integers(0, 256, shape), random.normal(120, 5, shape).clip(0, 255), np.full(shape, 255), ramp]
    return np.stack(images).astype(np.uint8)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", IN_PILLOW)
def test_every_level_of_every_mapping_equals_pillow(name, shape):
    images = samples(shape)
    for mapping, argument in all_arguments(name, shape[:2]):
        found = ours(name, images, argument, FILLS[mapping])
        for image, changed in zip(images, found, strict=True):
            np.testing.assert_array_equal(changed, by_pillow(name, image, argument, FILLS[mapping]), f"{mapping} {argument}")


@given(data=st.data(), name=st.sampled_from(IN_PILLOW), shape=st.sampled_from(SHAPES))
@settings(max_examples=40, deadline=None)
def test_any_image_and_argument_equal_pillow(data, name, shape):
    seed, fill = data.draw(st.integers(0, 2**32 - 1)), data.draw(st.tuples(*[st.integers(0, 255)] * 3))
    least, largest = sorted(data.draw(st.tuples(st.integers(0, 255), st.integers(0, 255))))
    images = np.random.default_rng(seed).integers(least, largest + 1, (BATCH, *shape), np.uint8)
    spans = {"Posterize": (1, 8), "Solarize": (0, 256), "Rotate": (-400, 400), "TranslateX": (-40, 40), "TranslateY": (-40, 40)}
    argument = data.draw(st.floats(*spans.get(name, (-2, 3))))
    for image, changed in zip(images, ours(name, images, argument, fill), strict=True):
        np.testing.assert_array_equal(changed, by_pillow(name, image, argument, fill))


@pytest.mark.parametrize("name", ["Rotate", "AutoContrast", "Equalize", "Sharpness", "Contrast", "TranslateX"])
@pytest.mark.parametrize("shape", [(1, 1, 3), (8, 8, 3)], ids=str)
def test_degenerate_and_square_images_equal_pillow(name, shape):
    images = samples(shape)
    for argument in (90, 180, 270, 45, 0) if name == "Rotate" else (0.1, 1, 1.9):
        for image, changed in zip(images, ours(name, images, argument), strict=True):
            np.testing.assert_array_equal(changed, by_pillow(name, image, argument))


def test_translations_round_as_sums_in_double_precision():
    images = np.arange(331, dtype=np.uint8)[None, None, :, None]
    near = [0.5 - 2**-53, arguments("TranslateX", 0.03, "paper", shape=(331, 331))[0], 3 - 2**-51, 0.5 - 2**-50]
    for argument in (*near, *(-pixels for pixels in near), 400, -400):
        np.testing.assert_array_equal(ours("TranslateX", images, argument)[0], by_pillow("TranslateX", images[0], argument))


def test_a_position_is_rounded_up_within_an_image():
    numbers = operation_parameters("TranslateX", 0.5 - 2**-53, shape=(331, 331, 1))
    assert 0 < numbers[1] < 331


@pytest.mark.parametrize("shape", [SHAPES[0], (6, 4, 2)], ids=str)
def test_sample_pairing_equals_the_blend_of_pillow(shape):
    images, partners = samples(shape), samples(shape, seed=1)[::-1]
    for _, weight in all_arguments("SamplePairing", shape[:2]):
        numbers = np.stack([operation_parameters("SamplePairing", weight, shape=shape)] * BATCH)
        found = program("SamplePairing")(images, numbers, np.zeros((BATCH, 2), np.int32), partners)
        for image, partner, paired in zip(images, partners, found, strict=True):
            planes = zip(channels_of(image), channels_of(partner), strict=True)
            expected = [Image.blend(*map(Image.fromarray, pair), weight) for pair in planes]
            np.testing.assert_array_equal(np.asarray(paired), np.stack([np.asarray(plane) for plane in expected], axis=-1))


def channels_of(image: np.ndarray) -> list[np.ndarray]:
    """The channels of an image, each (height, width)."""
    return [np.ascontiguousarray(image[..., channel]) for channel in range(image.shape[-1])]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_cutout_fills_a_square_that_ends_at_the_border(shape):
    images, fill = samples(shape), (125, 122, 113)
    corners = np.array([(0, 0), (shape[0] - 1, shape[1] - 1), (2, 3), (shape[0] // 2, 0)], np.int32)
    for side in (0, 1, 2, 3, 5, 30):
        numbers = np.stack([operation_parameters("Cutout", side, shape=shape, fill=fill)] * BATCH)
        found = np.asarray(program("Cutout")(images, numbers, corners, images))
        for image, (row, column), cut in zip(images, corners, found, strict=True):
            expected, top, left = image.copy(), row - side // 2, column - side // 2
            expected[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = fill if shape[2] == 3 else fill[0]
            np.testing.assert_array_equal(cut, expected)


@pytest.mark.parametrize("constant", [False, True], ids=["level traced", "level constant"])
@pytest.mark.parametrize("compiler", [jax.jit, compiled], ids=["jit", "compiled"])
@pytest.mark.parametrize("mapping", ["paper", "torchvision", "authors-cifar"])
def test_no_product_and_sum_of_a_blend_becomes_one_instruction(mapping, constant, compiler):
    """All pairs of values at ten levels: 655,360 pixels, of which hundreds are wrong where the two are contracted."""
    given_levels = [arguments("Color", level, mapping, shape=(1, 1))[0] for level in range(10)]
    numbers = np.stack([operation_parameters("Color", argument, shape=(1, 1, 3)) for argument in given_levels])
    start, end = (np.tile(values.ravel(), (10, 1)).astype(np.uint8) for values in np.mgrid[:256, :256])
    if constant:  # the slot that is always 0 stays an input
        call = compiler(lambda start, end, zero: blend(start, end, jnp.asarray(numbers).at[:, -1].set(zero)))
        found = call(start, end, np.int32(0))
    else:
        found = compiler(blend)(start, end, numbers)
    factors = np.array(given_levels, np.float32)[:, None]
    products = factors * (end.astype(np.float32) - start)
    np.testing.assert_array_equal(np.asarray(found), (start + products).clip(0, 255).astype(np.uint8))


def test_contrast_is_stretched_as_in_double_precision_for_all_limits():
    least, largest = (values.ravel() for values in np.mgrid[:256, :256])
    tables = np.asarray(jax.jit(jax.vmap(contrast_table))(least, largest))
    values, spread = np.arange(256), (largest - least)[:, None]
    scale = 255.0 / np.where(spread > 0, spread, 1)
    stretched = np.trunc(values * scale + -least[:, None] * scale).clip(0, 255)
    np.testing.assert_array_equal(tables, np.where(spread > 0, stretched, values))


def test_an_image_is_changed_alone():
    images = samples(SHAPES[0])
    for name in OPERATIONS[:15]:
        argument = 3 if name == "Posterize" else 0.7
        np.testing.assert_array_equal(ours(name, images[::-1], argument), ours(name, images, argument)[::-1])


@pytest.mark.parametrize("name", ["Invert", "Rotate", "Color", "Equalize", "Sharpness"])
def test_channels_after_the_third_of_many_are_no_colours(name):
    images = samples((6, 5, 6))
    found = ours(name, images, 1.5)
    np.testing.assert_array_equal(found[..., :3], ours(name, images[..., :3], 1.5))
    if name == "Rotate":
        np.testing.assert_array_equal(found[..., 3:], ours(name, images[..., 3:], 1.5))
    else:
        np.testing.assert_array_equal(found[..., 3:], images[..., 3:])


def test_grey_has_no_colour_to_change():
    images = samples((9, 5, 1))
    np.testing.assert_array_equal(ours("Color", images, 1.9), images)


def test_images_that_are_too_large_are_refused():
    with pytest.raises(UserError, match=f"40000 x 3 pixels; scale them down to sides of at most {LONGEST_SIDE}"):
        operation_parameters("Invert", 0, shape=(40000, 3, 3))
