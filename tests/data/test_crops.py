"""Windows of pictures: inside the picture, of permitted area and shape, and decoded correctly."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from automl_cli.core.errors import DataError
from automl_cli.data.crops import AREA, ASPECT, CENTRE, Box, central_box, random_box
from automl_cli.data.decoding import decode_window
from tests.data.conftest import encoded

SIDES = st.integers(1, 600)


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def ramp(height: int, width: int) -> np.ndarray:
    """Return a picture whose red increases to the right and green downwards, both 0 to 255 between the outer edges."""
    down, across = np.meshgrid((np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij")
    return np.rint(255 * np.stack([across, down, np.zeros_like(down)], -1)).astype(np.uint8)


@given(height=SIDES, width=SIDES, seed=st.integers(0, 1000))
def test_a_random_window_is_whole_pixels_inside_the_picture_and_of_a_permitted_shape(height, width, seed):
    box = random_box(height, width, generator(seed))
    assert all(isinstance(side, int) for side in box)
    assert 0 <= box.left < box.right <= width
    assert 0 <= box.top < box.bottom <= height
    # A side is rounded to whole pixels, so the limits hold for sides that are off by one half each.
    least, most = ((box.right - box.left + sign * 0.51) / (box.bottom - box.top - sign * 0.51) for sign in (-1, 1))
    assert most < 0 or (least <= ASPECT[1] and most >= ASPECT[0])


def test_areas_are_even_between_their_limits_and_aspects_are_even_in_the_logarithm():
    """Kolmogorov-Smirnov at 2,000 draws: each of the two fails falsely once in 10,000 seeds, and the seed is fixed."""
    random = generator(0)
    boxes = [random_box(4000, 4000, random) for _ in range(2000)]
    sides = np.array([(box.right - box.left, box.bottom - box.top) for box in boxes])
    areas, aspects = sides.prod(-1) / 4000**2, np.log(sides[:, 0] / sides[:, 1])
    # Windows that do not fit are drawn again, so only areas that always fit are drawn evenly: up to 3/4 of a square.
    fitting = areas < ASPECT[0]
    for values, (low, high) in (
        (areas[fitting], (AREA[0], ASPECT[0])),
        (aspects[fitting], (math.log(ASPECT[0]), math.log(ASPECT[1]))),
    ):
        ranks = (np.arange(len(values)) + 0.5) / len(values)
        assert np.abs((np.sort(values) - low) / (high - low) - ranks).max() < 2.23 / math.sqrt(len(values))
    assert areas.max() <= AREA[1]
    assert areas.max() > 0.95


def test_a_long_strip_gives_its_middle():
    """13 pixels of the longer side: 10 times 4/3, rounded."""
    assert random_box(10, 1000, generator(0)) == Box(493, 0, 506, 10)
    assert random_box(1000, 10, generator(0)) == Box(0, 493, 10, 506)


@given(height=SIDES, width=SIDES, aspect=st.floats(0.5, 2))
def test_the_central_window_is_centred_and_fills_its_share_of_one_side(height, width, aspect):
    box = central_box(height, width, aspect=aspect)
    assert box.left + box.right == pytest.approx(width)
    assert box.top + box.bottom == pytest.approx(height)
    assert (box.right - box.left) / (box.bottom - box.top) == pytest.approx(aspect)
    assert max((box.right - box.left) / width, (box.bottom - box.top) / height) == pytest.approx(CENTRE)


@pytest.mark.parametrize("kind", ["png", "jpeg"])
@pytest.mark.parametrize("box", [Box(0, 0, 400, 300), Box(40, 30, 140, 230), Box(100, 0, 103, 2), Box(150.5, 20.25, 390, 280)])
def test_a_window_is_decoded_as_that_part_of_the_picture(kind, box):
    """A JPEG is decoded at a fraction of its size for the larger two; the window must be the same."""
    image = decode_window(encoded(ramp(300, 400), kind), "it", lambda height, width: box, shape=(20, 24, 3))
    places = [(np.arange(24) + 0.5) / 24, (np.arange(20) + 0.5) / 20]
    across = (box.left + places[0] * (box.right - box.left)) / 400
    down = (box.top + places[1] * (box.bottom - box.top)) / 300
    np.testing.assert_allclose(image[:, :, 0], np.broadcast_to(255 * across, (20, 24)), atol=6)
    np.testing.assert_allclose(image[:, :, 1], np.broadcast_to(255 * down[:, None], (20, 24)), atol=6)


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size(monkeypatch):
    sizes = []
    resize = Image.Image.resize
    monkeypatch.setattr(
        Image.Image, "resize", lambda self, *given, **more: sizes.append(self.size) or resize(self, *given, **more)
    )
    for side in (20, 39, 40, 90, 160):
        decode_window(encoded(ramp(side, 2 * side), "jpeg"), "it", lambda h, w: Box(0, 0, h, h), shape=(20, 20, 3))
    assert sizes == [(40, 20), (78, 39), (40, 20), (45, 23), (40, 20)]


def test_a_picture_is_turned_before_its_window_is_chosen(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(ramp(80, 60)).rotate(90, expand=True).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    seen = []

    def window(height: int, width: int) -> Box:
        seen.append((height, width))
        return Box(0, 0, width, height)

    data = (tmp_path / "turned.jpg").read_bytes()
    upright = decode_window(data, "it", window, shape=(8, 6, 3), upright=True)
    lying = decode_window(data, "it", window, shape=(6, 8, 3))
    assert seen == [(80, 60), (60, 80)]
    assert (np.diff(upright[4, :, 0].astype(int)) > 0).all()
    assert (np.diff(lying[:, 4, 0].astype(int)) < 0).all()


@pytest.mark.parametrize("spoil", [lambda data: data[: len(data) // 2], lambda data: b"no picture", lambda data: b""])
def test_a_broken_picture_is_named(spoil):
    with pytest.raises(DataError, match="example 7 is no picture that can be read"):
        decode_window(spoil(encoded(ramp(64, 64), "jpeg")), "example 7", lambda h, w: Box(0, 0, w, h), shape=(8, 8, 3))
