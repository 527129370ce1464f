"""The flags of image data sets, besides name and size: how pictures are read, scored and mirrored."""

from __future__ import annotations

import math
import re

from automl_cli.core.errors import UserError
from automl_cli.core.flags import Flag

METRICS = ("accuracy", "balanced-accuracy")
"""Validation metrics that may be chosen."""

CLASS_WEIGHTS = ("balanced", "none")
"""Ways to weigh the classes in the loss."""

RESIZINGS = ("crop", "pad", "squash")
"""Ways to bring pictures to `--image-size`: cut out the middle, add margins, or change the proportions."""


LAYOUTS = ("nhwc", "nchw")
"""Orders of the axes of arrays: examples, height, width, channels; or examples, channels, height, width."""


def pixel_range(given: str | list[float]) -> list[float]:
    """Return `--pixel-range` as it is recorded, [low, high]. Raises UserError unless they are two finite numbers that increase.

    >>> pixel_range("0,4095"), pixel_range("-1, 1")
    ([0.0, 4095.0], [-1.0, 1.0])
    """
    try:
        low, high = (float(number) for number in (given.split(",") if isinstance(given, str) else given))
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(f"--pixel-range is {given!r}; it is LOW,HIGH, the numbers that are black and white, such as 0,4095")
    return [low, high]


def image_size(given: str | int) -> int | list[int]:
    """Return `--image-size` as it is recorded: the side of squares, or [height, width]. Raises UserError for other texts.

    >>> image_size("32"), image_size("24x36"), image_size("24×24")
    (32, [24, 36], 24)
    """
    found = re.fullmatch(r"(\d{1,9})(?:[x×](\d{1,9}))?", str(given))
    if found is None:
        raise UserError(f"--image-size is {given!r}; it may be a number of pixels, such as 32, or height×width, such as 24x36")
    height, width = int(found[1]), int(found[2] or found[1])
    return height if height == width else [height, width]


def size_in_words(recorded: int | list[int]) -> int | str:
    """Return a recorded `--image-size` as it is given.

    >>> size_in_words(32), size_in_words([24, 36])
    (32, '24x36')
    """
    return recorded if isinstance(recorded, int) else "x".join(map(str, recorded))


def class_weights(given: str) -> str | None:
    """Return `--class-weights` as it is recorded: None for none."""
    return None if given == "none" else given


FLAGS = (
    Flag(
        name="image-size",
        type=str,
        panel="",
        metavar="H|HxW",
        help="Height and width to which images are resized.",
        in_file=int | str,
        recorded="child.problem.dataset.image_size",
        as_recorded=image_size,
        as_said=size_in_words,
    ),
    Flag(
        name="resize",
        type=str,
        panel="",
        metavar="crop|pad|squash",
        choices=RESIZINGS,
        help="How pictures of another shape get there: crop cuts out the middle, pad adds margins. [default: crop]",
        recorded="child.problem.dataset.resize",
    ),
    Flag(
        name="background",
        type=str,
        panel="",
        metavar="COLOUR",
        help="Under transparent pixels, and of margins: a name or #rrggbb. [default: white]",
        recorded="child.problem.dataset.background",
    ),
    Flag(
        name="layout",
        type=str,
        panel="",
        metavar="nhwc|nchw",
        choices=LAYOUTS,
        help="Whether the channels of arrays stand last or first. [default: by their shape]",
        recorded="child.problem.dataset.layout",
    ),
    Flag(
        name="pixel-range",
        type=str,
        panel="",
        metavar="LOW,HIGH",
        help="The numbers that are black and white in arrays. [default: by the numbers]",
        in_file=str | list[float],
        recorded="child.problem.dataset.pixel_range",
        as_recorded=pixel_range,
    ),
    Flag(
        name="skip-broken",
        type=bool,
        panel="",
        help="Leave out pictures that cannot be read.",
        recorded="child.problem.dataset.skip_broken",
    ),
    Flag(
        name="skip-small-classes",
        type=bool,
        panel="",
        help="Leave out classes with too few pictures.",
        recorded="child.problem.dataset.skip_small_classes",
    ),
    Flag(
        name="validation-share",
        type=float,
        panel="",
        metavar="X",
        help="Share of all examples to validate with. [default: by size]",
        above=0,
        below=1,
        recorded="child.problem.dataset.validation_share",
    ),
    Flag(
        name="test-share",
        type=float,
        panel="",
        metavar="X",
        help="Share of all examples to test with, where the set has no test part. [default: 0.2]",
        above=0,
        below=1,
        recorded="child.problem.dataset.test_share",
    ),
    Flag(
        name="class-weights",
        type=str,
        panel="",
        metavar="balanced|none",
        choices=CLASS_WEIGHTS,
        help="balanced: all classes weigh alike in the loss, however many examples they have. [default: none]",
        recorded="child.problem.dataset.class_weights",
        as_recorded=class_weights,
    ),
    Flag(
        name="metric",
        type=str,
        panel="",
        metavar="accuracy|balanced-accuracy",
        choices=METRICS,
        help="The validation score; balanced-accuracy weighs the classes alike, in the loss as well.",
        recorded="child.problem.dataset.metric",
    ),
    Flag(
        name="flip",
        type=bool,
        negatable=True,
        panel="",
        help="Whether a mirrored image is as good. [default: by data set]",
        recorded="child.problem.dataset.flip",
    ),
)
"""Flags of an image data set besides its name and size. Commands list them under panels of their own."""
