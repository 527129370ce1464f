"""Colour distortion: hue stays, saturation and brightness change within their limits, each image on its own."""

import colorsys

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.nn.augment.colour_distortion import BRIGHTNESS, SATURATION, distort_colours, saturated

UNIT = st.floats(0, 1, width=32)


@given(colour=st.tuples(UNIT, UNIT, UNIT), factor=st.floats(0.5, 1.5, width=32))
def test_saturation_is_multiplied_as_in_hsv(colour, factor):
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    expected = colorsys.hsv_to_rgb(hue, min(1, saturation * factor), value)
    found = saturated(np.array(colour, np.float32)[None, None, None], np.full((1, 1, 1, 1), factor, np.float32))
    np.testing.assert_allclose(np.asarray(found)[0, 0, 0], expected, atol=2e-6)


def test_grey_images_become_lighter_or_darker_by_no_more_than_the_limit():
    grey = np.zeros((500, 2, 2, 1), np.float32)
    change = np.asarray(distort_colours(grey, jax.random.key(0)))[:, 0, 0, 0] / 2
    assert np.abs(change).max() <= BRIGHTNESS + 1e-6
    assert change.min() < -0.9 * BRIGHTNESS
    assert change.max() > 0.9 * BRIGHTNESS


def test_values_stay_between_their_ends():
    images = np.random.default_rng(0).uniform(-1, 1, (64, 4, 4, 3)).astype(np.float32)
    distorted = np.asarray(distort_colours(images, jax.random.key(1)))
    assert distorted.min() >= -1
    assert distorted.max() <= 1


def test_every_image_gets_a_draw_of_its_own_for_all_of_its_pixels():
    pixel = np.array([0.5, 0.0, -0.3], np.float32)
    distorted = np.asarray(distort_colours(np.broadcast_to(pixel, (300, 3, 3, 3)), jax.random.key(2)))
    assert (distorted == distorted[:, :1, :1]).all()
    colours = distorted[:, 0, 0]
    assert len(np.unique(colours, axis=0)) == 300
    largest, least = colours.max(-1), colours.min(-1)
    saturation = (largest - least) / (largest + 1)
    # Brightness alone changes it too: what is left of the middle is between the limits of both.
    original = 0.8 / 1.5
    assert saturation.max() <= SATURATION[1] * original * 1.5 / (1.5 - 2 * BRIGHTNESS) + 1e-5
    assert saturation.min() >= SATURATION[0] * original * 1.5 / (1.5 + 2 * BRIGHTNESS) - 1e-5
    assert saturation.std() > 0.1


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_black_and_white_stay_finite(value):
    assert np.isfinite(distort_colours(np.full((50, 2, 2, 3), value, np.float32), jax.random.key(3))).all()
