"""Policies with Pillow: every operation equals the engine's pixel for pixel, and what is drawn is what the settings say."""

import random
from collections import Counter
from itertools import product

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from automl_cli.data.pillow_policy import Policy, apply, value_of
from automl_cli.nn.augment.crops import UPSAMPLING, margin, upsampling_matrix
from automl_cli.nn.augment.operations import apply_operation
from automl_cli.nn.augment.parameters import operation_parameters
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.policy import (
    FILLS,
    MAPPINGS,
    OPERATIONS,
    AppliedOperation,
    RandomOperations,
    SubPolicies,
    arguments,
    is_defined,
)
from automl_cli.values.policy_settings import settings_of

LEVELS = [0, 1, 3, 4.5, 7, 9]
SHAPES = [(9, 14, 1), (11, 16, 3), (12, 7, 4), (8, 8, 2), (1, 1, 3)]
SIDE = 16


def image_of(shape, seed=0):
    """Smooth and noisy parts, so that neighbours differ and histograms have gaps."""
    random_ = np.random.default_rng(seed)
    ramp = np.linspace(20, 200, shape[0])[:, None, None] * np.ones(shape)
    return np.clip(ramp + random_.normal(0, 25, shape), 0, 255).astype(np.uint8)


def picture_of(image):
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def settings_for(*operations, **more):
    """The settings of one sub-policy of these (name, probability, level)."""
    sub_policy = tuple(AppliedOperation(*one) for one in operations)
    augmentation = Augmentation(**{"baseline": "none", "policy": SubPolicies((sub_policy,)), **more})
    return settings_of(augmentation, flip=True)


@pytest.mark.parametrize(
    ("name", "shape"),
    [*product((*OPERATIONS, "Identity"), SHAPES[:2]), *product(("Rotate", "Color", "Invert", "Cutout"), SHAPES[2:4])],
    ids=str,
)
def test_an_operation_equals_that_of_the_engine_at_all_levels_signs_and_mappings(name, shape):
    image, other = image_of(shape), image_of(shape, 1)
    size, place = (shape[1], shape[0]), (shape[0] // 2, shape[1] // 3)
    cases, pictures = [], []
    for mapping, level in product((one for one in MAPPINGS if is_defined(name, one)), LEVELS):
        fill = FILLS[mapping]
        spelled = settings_for((name, 1.0, level), mapping=mapping)["sub_policies"][0][0][3]
        for sign, argument in enumerate(arguments(name, level, mapping, shape=shape[:2])):
            given = None if spelled is None else value_of(spelled, sign % len(spelled["one_of"]), size)
            assert given is None or given == argument
            given = square(place, int(given), size) if name == "Cutout" else given
            cases.append(operation_parameters(name, argument, shape=shape, fill=fill))
            pictures.append(apply((name, given, fill), picture_of(image), picture_of(other)))
    batch = [jnp.asarray(np.repeat(one[None], len(cases), 0)) for one in (image, other)]
    places = jnp.asarray([place] * len(cases), jnp.int32)
    wanted = np.asarray(apply_operation(name, batch[0], jnp.asarray(np.stack(cases)), places, batch[1]))
    found = np.stack([np.asarray(picture).reshape(shape) for picture in pictures])
    np.testing.assert_array_equal(found, wanted)


def square(place, side, size):
    """Left, top, right and bottom of the square of Cutout around this (row, column)."""
    left, top = place[1] - side // 2, place[0] - side // 2
    return max(left, 0), max(top, 0), min(left + side, size[0]), min(top + side, size[1])


def test_an_operation_that_a_mapping_does_not_define_is_refused():
    with pytest.raises(ValueError, match="mapping 'torchvision' does not define Cutout"):
        settings_for(("Cutout", 1.0, 5), mapping="torchvision")


def test_an_array_and_its_picture_become_the_same():
    policy = Policy(settings_for(("Rotate", 1.0, 9), ("Color", 1.0, 9), baseline="flip-crop", cutout=0.5))
    for shape in SHAPES:
        image = image_of(shape)
        changed = policy(image, np.random.default_rng(3))
        picture = policy(picture_of(image), np.random.default_rng(3))
        assert (changed.shape, changed.dtype, picture.mode) == (shape, np.uint8, picture_of(image).mode)
        np.testing.assert_array_equal(changed, np.asarray(picture).reshape(shape))
    flat = image_of((9, 14, 1))[..., 0]
    assert policy(flat, np.random.default_rng(3)).shape == (9, 14)


def test_probability_0_never_fires_1_always_does_and_signs_are_even():
    settings = settings_for(("Invert", 0.0, 5), ("Rotate", 1.0, 9), ("Solarize", 0.3, 3))
    steps = [Policy(settings).steps(np.random.default_rng(seed), (8, 8)) for seed in range(2000)]
    names = Counter(step[0] for one in steps for step in one)
    assert names["Rotate"] == 2000
    assert names["Invert"] == 0
    assert abs(names["Solarize"] - 600) < 100  # 4.9 deviations of 20.5: one failure in 10^6
    signs = Counter(step[1] for one in steps for step in one if step[0] == "Rotate")
    assert set(signs) == {30.0, -30.0}
    assert abs(signs[30.0] - 1000) < 112  # 5 deviations of 22.4


def test_sub_policies_are_drawn_uniformly_and_random_operations_one_after_the_other():
    names = ("Invert", "Equalize", "AutoContrast", "Identity")
    policy = RandomOperations(operations=names, levels=(0.0, 9.0), count=3)
    settings = settings_of(Augmentation(baseline="none", policy=policy), flip=False)
    steps = [Policy(settings).steps(np.random.default_rng(seed), (8, 8)) for seed in range(1000)]
    assert {len(one) for one in steps} == {3}
    counts = Counter(step[0] for one in steps for step in one)
    assert set(counts) == set(names)
    assert all(abs(count - 750) < 119 for count in counts.values())  # 5 deviations of 23.7


@pytest.mark.parametrize(
    ("order", "wanted"), [("paper", ["Crop", "Invert", "Cutout"]), ("authors", ["Invert", "Crop", "Cutout"])]
)
def test_baseline_policy_and_cutout_come_in_the_order_that_is_set(order, wanted):
    settings = {**settings_for(("Invert", 1.0, 0), baseline="flip-crop", cutout=0.5, order=order), "flip": False}
    for seed in range(5):
        assert [step[0] for step in Policy(settings).steps(np.random.default_rng(seed), (8, 8))] == wanted


def test_flip_crop_gives_the_windows_of_the_padded_picture_and_no_others():
    image = image_of((SIDE, SIDE, 3))
    pad = margin(SIDE)
    settings = settings_of(Augmentation(baseline="flip-crop"), flip=True)
    padded = np.full((SIDE + 2 * pad, SIDE + 2 * pad, 3), 128, np.uint8)
    allowed = {}
    for mirrored in (False, True):
        padded[pad:-pad, pad:-pad] = image[:, ::-1] if mirrored else image
        for row in range(2 * pad + 1):
            for column in range(2 * pad + 1):
                allowed[padded[row : row + SIDE, column : column + SIDE].tobytes()] = (row, column, mirrored)
    found = {allowed[Policy(settings)(image, np.random.default_rng(seed)).tobytes()] for seed in range(500)}
    assert len(found) == len(allowed) == 50  # (1 - 1/50)^500 * 50 = 0.2 %; the seeds are fixed


def test_standard_is_the_engine_s_enlargement_to_within_its_rounding():
    image = image_of((SIDE, SIDE, 3))
    settings = settings_of(Augmentation(baseline="standard"), flip=False)
    matrix = upsampling_matrix(SIDE, round(UPSAMPLING * SIDE))
    enlarged = np.einsum("ij,jwc,kw->ikc", matrix, image.astype(float), matrix)
    for seed in range(20):
        ((_, (_, _, left, top), _),) = Policy(settings).steps(np.random.default_rng(seed), (SIDE, SIDE))
        window = enlarged[top : top + SIDE, left : left + SIDE]
        assert np.abs(Policy(settings)(image, np.random.default_rng(seed)) - window).max() <= 1.01


def test_without_a_generator_python_s_random_decides():
    policy, image = Policy(settings_for(("Rotate", 1.0, 9), ("TranslateX", 0.5, 9))), image_of((SIDE, SIDE, 3))

    def made(seed):
        random.seed(seed)
        return [policy(image).tobytes() for _ in range(6)]

    assert made(1) == made(1)
    assert len(set(made(1))) > 1
    assert made(1) != made(2)


def test_sample_pairing_needs_a_partner_of_the_same_size_and_mode():
    policy, image = Policy(settings_for(("SamplePairing", 0.1, 9))), image_of((8, 8, 3))
    with pytest.raises(ValueError, match=r"SamplePairing, which needs a second image: policy\(image, rng, partner\)"):
        policy(image)
    with pytest.raises(ValueError, match="SamplePairing needs a second image of 8×8 pixels, mode RGB"):
        Policy(settings_for(("SamplePairing", 1.0, 9)))(image, partner=image_of((8, 9, 3)))


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (np.zeros((8, 8, 3), np.float32), "an array must be uint8"),
        (np.zeros((8, 8, 5), np.uint8), "1 to 4 channels"),
        (np.zeros((0, 8), np.uint8), "an array must be uint8"),
        (Image.new("P", (8, 8)), "an image of mode P: convert it to L, LA, RGB, RGBA first"),
        ([[1]], "a Pillow image or a uint8 array, not list"),
    ],
    ids=["float", "channels", "empty", "palette", "list"],
)
def test_other_images_are_refused(image, problem):
    with pytest.raises(ValueError, match=problem):
        Policy(settings_for(("Invert", 1.0, 0)))(image)
