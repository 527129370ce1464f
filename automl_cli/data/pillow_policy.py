"""Augmentation policies on single pictures with Pillow and NumPy, and nothing else: this text is what is exported.

`jobs.export_policy` writes the text behind this docstring into a file of its own, with a policy as data at its end. It must
import nothing of this package.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

MODES = ("L", "LA", "RGB", "RGBA")
"""The modes of pictures that a policy takes, by their number of channels less one."""

Step = tuple[str, Any, Sequence[int]]
"""One thing that is done to a picture: the name of an operation, its argument, the colour of pixels that it leaves empty."""


class Policy:
    """A policy as a function of pictures: `policy(image)`, or `policy(image, rng)` with a NumPy generator.

    `settings` are

        baseline      flip-crop: mirror, pad by an eighth of the side, crop; standard: enlarge by 1.25, crop, mirror; anything
                      else is left to the caller
        flip          whether the baseline mirrors half of the pictures
        order         paper: baseline, policy, Cutout; authors: policy, baseline, Cutout
        draws         how many sub-policies are drawn for a picture, one after the other, each uniformly
        sub_policies  each a list of [operation, probability, level, argument]; `value_of` reads the argument
        cutout        the side of a square that is filled at last, as a share of the shorter side
        fill          the colour of pixels that operations leave empty, three numbers; a grey picture gets the first
        mean          the same for the margin of the baseline and the square of `cutout`: best the mean of your data
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        self.needs_partner = any(row[0] == "SamplePairing" for rows in settings["sub_policies"] for row in rows)

    def __call__(self, image: Any, rng: np.random.Generator | None = None, partner: Any = None) -> Any:
        """Return an augmented copy of a Pillow image (L, LA, RGB, RGBA), or of a uint8 array (height, width[, channels]).

        Without a generator every call draws from a new one that Python's `random` seeds. PyTorch seeds `random` in each worker
        of a DataLoader and for each epoch, so workers differ, and torch.manual_seed repeats a run. `partner` is a second image
        of the same size and mode, for SamplePairing. Raises ValueError for an image that does not fit.
        """
        rng = np.random.default_rng(random.getrandbits(128)) if rng is None else rng
        picture = _picture_of(image)
        if self.needs_partner and partner is None:
            raise ValueError("this policy has SamplePairing, which needs a second image: policy(image, rng, partner)")
        other = None if partner is None else _picture_of(partner)
        for step in self.steps(rng, picture.size):
            picture = apply(step, picture, other)
        if not isinstance(image, np.ndarray):
            return picture
        return np.array(picture).reshape(image.shape)

    def steps(self, rng: np.random.Generator, size: tuple[int, int]) -> list[Step]:
        """Draw what is done to one picture of this (width, height)."""
        baseline = _baseline(self.settings, rng, size)
        policy = []
        for _ in range(self.settings["draws"]):
            rows = self.settings["sub_policies"][rng.integers(len(self.settings["sub_policies"]))]
            policy += [self._operation(row[0], row[3], rng, size) for row in rows if rng.random() < row[1]]
        ordered = [*policy, *baseline] if self.settings["order"] == "authors" else [*baseline, *policy]
        side = round(self.settings["cutout"] * min(size))
        return [*ordered, *([("Cutout", _square(side, rng, size), self.settings["mean"])] if side else [])]

    def _operation(self, name: str, argument: Any, rng: np.random.Generator, size: tuple[int, int]) -> Step:
        """Draw one operation of a sub-policy: the sign of its argument, for Cutout its place."""
        value = None if argument is None else value_of(argument, int(rng.integers(len(argument["one_of"]))), size)
        return name, _square(int(value or 0), rng, size) if name == "Cutout" else value, self.settings["fill"]


def _baseline(settings: Mapping[str, Any], rng: np.random.Generator, size: tuple[int, int]) -> list[Step]:
    """Draw the baseline: whether the picture is mirrored, and where its window lies."""
    mean = settings["mean"]
    flip: list[Step] = [("Flip", None, mean)] if settings["flip"] and rng.random() < 0.5 else []
    if settings["baseline"] == "flip-crop":
        margins = [max(1, round(side / 8)) for side in size]
        return [*flip, ("Crop", tuple(int(rng.integers(-margin, margin + 1)) for margin in margins), mean)]
    if settings["baseline"] == "standard":
        enlarged = tuple(round(1.25 * side) for side in size)
        start = tuple(int(rng.integers(more - side + 1)) for more, side in zip(enlarged, size, strict=True))
        return [("Enlarge", (*enlarged, *start), mean), *flip]
    return []


def value_of(argument: Mapping[str, Any], sign: int, size: tuple[int, int]) -> float:
    """Return the value of an argument for a picture of this (width, height).

    `one_of` holds its values, one for each sign; those that grow with the picture are a share of a side, which `times` names,
    and are rounded as `rounding` says: nearest, towards-zero, or none.
    """
    value: float = argument["one_of"][sign]
    if "times" not in argument:
        return value
    value *= {"width": size[0], "height": size[1], "shorter side": min(size)}[argument["times"]]
    rounding: str = argument["rounding"]
    return value if rounding == "none" else float(round(value) if rounding == "nearest" else int(value))


def _square(side: int, rng: np.random.Generator, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Draw a square whose centre is uniform over the picture: (left, top, right, bottom), clipped to it."""
    width, height = size
    left, top = int(rng.integers(width)) - side // 2, int(rng.integers(height)) - side // 2
    return (max(left, 0), max(top, 0), min(left + side, width), min(top + side, height))


def apply(step: Step, image: Image.Image, partner: Image.Image | None = None) -> Image.Image:
    """Return the picture with one step of `Policy.steps` done to it. Colours of a picture with alpha change, its alpha stays;
    what moves pixels moves alpha along."""
    name, argument, colour = step
    if name == "SamplePairing":
        if partner is None or (partner.size, partner.mode) != (image.size, image.mode):
            raise ValueError(f"SamplePairing needs a second image of {image.width}×{image.height} pixels, mode {image.mode}")
        return Image.blend(image, partner, argument)
    if name in MOVES:
        return MOVES[name](image, argument, fill_of(image.mode, colour))
    if image.mode not in ("LA", "RGBA"):
        return COLOURS[name](image, argument)
    changed = COLOURS[name](image.convert(image.mode[:-1]), argument)
    changed.putalpha(image.getchannel("A"))
    return changed


def fill_of(mode: str, colour: Sequence[int]) -> tuple[int, ...] | int:
    """Return a colour for a picture of this mode: three numbers for RGB, the first of them for all channels of another."""
    if mode == "RGB":
        return tuple(colour)
    return (colour[0],) * len(mode) if mode in MODES[1:] else colour[0]


def _picture_of(image: Any) -> Image.Image:
    """Return the image as Pillow's. Raises ValueError for other modes, shapes and types of numbers."""
    if isinstance(image, np.ndarray):
        shape = image.shape
        if image.dtype != np.uint8 or len(shape) not in (2, 3) or 0 in shape or not 1 <= (*shape, 1)[2] <= 4:
            raise ValueError(f"an array must be uint8 (height, width[, 1 to 4 channels]), not {image.dtype} {shape}")
        return Image.fromarray(image[..., 0] if shape[2:] == (1,) else image)
    if not isinstance(image, Image.Image):
        raise ValueError(f"an image is a Pillow image or a uint8 array, not {type(image).__name__}")
    if image.mode not in MODES:
        raise ValueError(f"an image of mode {image.mode}: convert it to {', '.join(MODES)} first")
    return image


def _affine(image: Image.Image, matrix: tuple[float, ...], fill: Any) -> Image.Image:
    """Return the picture whose pixel at (x, y) is that of the old one at (a x + b y + c, d x + e y + f)."""
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST, fillcolor=fill)


def _cropped(image: Image.Image, move: tuple[int, int], fill: Any) -> Image.Image:
    """Return the picture moved by whole pixels."""
    made = Image.new(image.mode, image.size, fill)
    if image.palette:
        made.putpalette(image.palette)
    made.paste(image, move)
    return made


def _enlarged(image: Image.Image, window: tuple[int, int, int, int], resampling: Image.Resampling) -> Image.Image:
    """Return a window of the enlarged picture: the enlarged (width, height), then the window's left and top."""
    width, height, left, top = window
    return image.resize((width, height), resampling).crop((left, top, left + image.width, top + image.height))


def _cut_out(image: Image.Image, box: tuple[int, int, int, int], fill: Any) -> Image.Image:
    made = image.copy()
    if box[0] < box[2] and box[1] < box[3]:
        made.paste(fill, box)
    return made


MOVES: Mapping[str, Callable[[Image.Image, Any, Any], Image.Image]] = {
    "Flip": lambda image, _, fill: ImageOps.mirror(image),
    "Crop": _cropped,
    "Enlarge": lambda image, window, _: _enlarged(image, window, Image.Resampling.BILINEAR),
    "EnlargeMask": lambda image, window, _: _enlarged(image, window, Image.Resampling.NEAREST),
    "ShearX": lambda image, slope, fill: _affine(image, (1, slope, 0, 0, 1, 0), fill),
    "ShearY": lambda image, slope, fill: _affine(image, (1, 0, 0, slope, 1, 0), fill),
    "TranslateX": lambda image, pixels, fill: _affine(image, (1, 0, pixels, 0, 1, 0), fill),
    "TranslateY": lambda image, pixels, fill: _affine(image, (1, 0, 0, 0, 1, pixels), fill),
    "Rotate": lambda image, degrees, fill: image.rotate(degrees, Image.Resampling.NEAREST, fillcolor=fill),
    "Cutout": _cut_out,
}
"""(picture, argument, fill) -> picture, for what places pixels."""

COLOURS: Mapping[str, Callable[[Image.Image, Any], Image.Image]] = {
    "Identity": lambda image, _: image,
    "AutoContrast": lambda image, _: ImageOps.autocontrast(image),
    "Invert": lambda image, _: ImageOps.invert(image),
    "Equalize": lambda image, _: ImageOps.equalize(image),
    "Solarize": ImageOps.solarize,
    "Posterize": lambda image, bits: ImageOps.posterize(image, int(bits)),
    "Contrast": lambda image, factor: ImageEnhance.Contrast(image).enhance(factor),
    "Color": lambda image, factor: ImageEnhance.Color(image).enhance(factor),
    "Brightness": lambda image, factor: ImageEnhance.Brightness(image).enhance(factor),
    "Sharpness": lambda image, factor: ImageEnhance.Sharpness(image).enhance(factor),
}
"""(picture without alpha, argument) -> picture, for what changes colours."""
