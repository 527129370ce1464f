"""Draws contact sheets: what each sub-policy of an augmentation does to a few images, drawn with Pillow."""

import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from automl_cli.core.errors import UserError
from automl_cli.core.numbers import counted
from automl_cli.core.random_streams import stream_seed
from automl_cli.data.pillow_policy import Policy
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.policy import AppliedOperation, SubPolicies
from automl_cli.values.policy_settings import LEFT_TO_THE_LOADER, settings_of
from automl_cli.values.policy_words import meaning

TILE, GAP, MARGIN = 88, 8, 20
"""Pixels: the longest side of an image on the sheet, between images, around all."""

FONT_SIZE, SMALL_SIZE, LINE = 15, 13, 19
"""Pixels: the title, all other text, from line to line."""

BACKGROUND, INK, FAINT, RULE = (255, 255, 255), (25, 25, 25), (110, 110, 110), (205, 205, 205)

BASELINE_ROWS = 3
"""Rows of an augmentation that is a baseline alone."""


class SheetRow(NamedTuple):
    """A row: lines of words, and for each column what is done to its image."""

    words: tuple[str, ...]
    policies: tuple[Policy, ...]


def contact_sheet(value: Augmentation, images: Sequence[np.ndarray], *, title: str, flip: bool) -> bytes:
    """Return a PNG file: the images (height, width, channels) uint8 on top, below them a row for each sub-policy.

    Every operation of a sub-policy is applied, whatever its probability, so that one sees what it does; signs and places are
    drawn anew for each image. Raises UserError for an augmentation that changes no image, or only while pictures are decoded.
    """
    rows = tuple(_rows(value, columns=len(images), flip=flip))
    if not rows:
        left = LEFT_TO_THE_LOADER.get(value.baseline)
        reason = f"its pictures are changed while they are decoded: {left}" if left else "it changes no image"
        raise UserError(f"there is nothing to draw of {title}: {reason}")
    tiles = [_tile(image) for image in images]
    cells = [
        [_tile(_augmented(policy, images, row, column)) for column, policy in enumerate(line.policies)]
        for row, line in enumerate(rows)
    ]
    labels = [("original",), *(line.words for line in rows)]
    sheet = _laid_out((title, _about(value)), labels, [tiles, *cells])
    data = io.BytesIO()
    sheet.save(data, format="PNG", optimize=True)
    return data.getvalue()


def _rows(value: Augmentation, *, columns: int, flip: bool) -> Iterator[SheetRow]:
    """Yield what is drawn: the baseline, each sub-policy or operation, Cutout."""
    settings = settings_of(value, flip=flip)
    bare = {**settings, "draws": 0, "cutout": 0.0}
    if value.baseline not in ("none", *LEFT_TO_THE_LOADER):
        words = (f"{value.baseline}, the baseline", "mirrored for half of the images" if settings["flip"] else "never mirrored")
        for _ in range(1 if value.policy is not None else BASELINE_ROWS):
            yield SheetRow(words, (Policy(bare),) * columns)
    policy = value.policy
    if isinstance(policy, SubPolicies):
        for sub_policy in policy.sub_policies:
            yield SheetRow(tuple(_words(applied, value) for applied in sub_policy), (_always(value, sub_policy),) * columns)
    elif policy is not None:
        levels = sorted(policy.levels)
        shown = [levels[round(column * (len(levels) - 1) / max(1, columns - 1))] for column in range(columns)]
        for name in policy.operations:
            each = [AppliedOperation(name, 1.0, level) for level in shown]
            ends = dict.fromkeys(meaning(applied, value.mapping) for applied in (each[0], each[-1]))
            lines = tuple(filter(None, (name, " to ".join(filter(None, ends)))))
            yield SheetRow(lines, tuple(_always(value, (applied,)) for applied in each))
    if value.cutout:
        yield SheetRow((f"Cutout {100 * value.cutout:.3g} % of the side", "at last"), (_cut(bare, value.cutout),) * columns)


def _about(value: Augmentation) -> str:
    """Return how the sheet is to be read."""
    if value.policy is None:
        return "Drawn anew for each image."
    if isinstance(value.policy, SubPolicies):
        return "Every operation is applied here, save those of 0 %; per cent say how often it is in training."
    count, of = value.policy.count, counted(len(value.policy.operations), "operation")
    return f"In training, {count} of these {of} for each image. Levels grow from left to right, if there are several."


def _words(applied: AppliedOperation, value: Augmentation) -> str:
    """Return an operation with its argument, and how often it is applied."""
    parts = (applied.operation, meaning(applied, value.mapping))
    return f"{' '.join(filter(None, parts))}, {100 * applied.probability:.3g} %"


def _always(value: Augmentation, sub_policy: Sequence[AppliedOperation]) -> Policy:
    """Return a policy of this sub-policy alone, whose operations are always applied, save those that never are."""
    applied = [AppliedOperation(one.operation, 1.0 if one.probability else 0.0, one.level) for one in sub_policy]
    alone = Augmentation(baseline="none", policy=SubPolicies((tuple(applied),)), mapping=value.mapping)
    return Policy(settings_of(alone, flip=False))


def _cut(settings: dict[str, object], share: float) -> Policy:
    return Policy({**settings, "baseline": "none", "flip": False, "cutout": share})


def _augmented(policy: Policy, images: Sequence[np.ndarray], row: int, column: int) -> np.ndarray:
    """Return the image of a column after a policy; the next image is its partner."""
    random = np.random.Generator(np.random.Philox(key=stream_seed(0, "contact sheet", row, column)))
    changed: np.ndarray = policy(images[column], random, images[(column + 1) % len(images)])
    return changed


def _tile(image: np.ndarray) -> Image.Image:
    """Return an image (height, width, channels) at the size of the sheet: small ones by whole pixels, great ones smoothly."""
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    longest = max(picture.size)
    if longest <= TILE:
        factor = TILE // longest
        picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    else:
        picture = picture.convert("RGBA" if picture.mode in ("LA", "RGBA") else "RGB")
        picture.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
    return picture


def _laid_out(head: tuple[str, str], labels: Sequence[Sequence[str]], cells: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Return the sheet: two lines of text on top, labels on the left, to the right of them the cells, row by row."""
    font, small = ImageFont.load_default(FONT_SIZE), ImageFont.load_default(SMALL_SIZE)
    wide = max(cell.width for row in cells for cell in row) + GAP
    high = max(*(cell.height for row in cells for cell in row), LINE * max(map(len, labels))) + GAP
    left = MARGIN + 2 * GAP + round(max(small.getlength(line) for words in labels for line in words))
    top = MARGIN + 2 * LINE + GAP
    texts = (MARGIN + round(font.getlength(head[0])), MARGIN + round(small.getlength(head[1])))
    width = max(left + wide * max(map(len, cells)) - GAP, *texts) + MARGIN
    sheet = Image.new("RGB", (width, top + high * len(cells) - GAP + MARGIN), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN - 4), head[0], INK, font)
    draw.text((MARGIN, MARGIN + LINE - 2), head[1], FAINT, small)
    for row, (words, line) in enumerate(zip(labels, cells, strict=True)):
        y = top + row * high
        if row == 1:
            draw.line((MARGIN, y - GAP // 2, sheet.width - MARGIN, y - GAP // 2), RULE)
        for number, text in enumerate(words):
            middle = y + (high - GAP - LINE * len(words)) / 2 + number * LINE
            draw.text((MARGIN, middle), text, INK if row else FAINT, small)
        for column, cell in enumerate(line):
            place = (left + column * wide, y + (high - GAP - cell.height) // 2)
            sheet.paste(cell, place, cell if cell.mode in ("LA", "RGBA") else None)
            draw.rectangle((place[0] - 1, place[1] - 1, place[0] + cell.width, place[1] + cell.height), outline=RULE)
    return sheet
