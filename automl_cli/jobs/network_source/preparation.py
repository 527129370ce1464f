"""`preprocess` as text: pictures become what the network takes, by the numbers of the training."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from msgspec import Struct

from automl_cli.values.augmentation import Augmentation
from automl_cli.values.dataset import DatasetReference, ImageFacts

if TYPE_CHECKING:
    import numpy as np

UPSAMPLING = 1.25
"""Factor by which the evaluation view of the baseline `standard` upsamples before it takes the middle (`nn.augment.crops`)."""


class Preparation(Struct, frozen=True, kw_only=True):
    """Settings of `preprocess`: the shape of images, their moments, and what is done to pictures.

    `share` is the part of the shorter side that the middle window of a picture has, `resize` what is done to pictures of
    another size, and `zoom` (per axis) the part of the whitened image that is enlarged to the whole, or None.
    """

    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: str
    share: float
    margin: tuple[int, ...]
    zoom: tuple[tuple[float, float], tuple[float, float]] | None

    @property
    def takes(self) -> str:
        """The pictures that it takes, in words."""
        height, width, channels = self.shape
        colours = {1: "1), grey", 3: "3), in red, green and blue"}.get(channels, f"{channels})")
        if self.share != 1:
            return (
                f"pictures (batch, height, width, {colours}, uint8 from 0 to 255, upright and of any size; the middle of them, "
                f"{self.share:g} of the shorter side, becomes {height} x {width}"
            )
        how = {"crop": "the largest window in the middle", "pad": "all, with margins,", "squash": "all, squashed,"}
        return (
            f"pictures (batch, {height}, {width}, {colours}, uint8 from 0 to 255, or of another type in the units of the "
            f"training data. Of pictures of another size {how[self.resize]} is brought to this one"
        )


def preparation_of(
    facts: ImageFacts, dataset: DatasetReference, augmentation: Augmentation, moments: tuple[np.ndarray, np.ndarray]
) -> Preparation:
    """Return how pictures become inputs of a network that was trained so."""
    from automl_cli.data.crops import CENTRE
    from automl_cli.data.resizing import colour_named, grey_level

    mean, std = moments
    zoom = None
    if augmentation.baseline == "standard":
        zoom = (_middle(facts.image_shape[0]), _middle(facts.image_shape[1]))
    colour = colour_named(dataset.background)
    channels = facts.image_shape[2]
    return Preparation(
        shape=facts.image_shape,
        mean=tuple(map(float, mean)),
        std=tuple(max(float(value), 1e-6) for value in std),
        resize="crop" if augmentation.streamed else dataset.resize,
        share=CENTRE if augmentation.streamed else 1.0,
        margin=colour if channels == 3 else (grey_level(colour),) * channels,
        zoom=zoom,
    )


def _middle(size: int) -> tuple[float, float]:
    """Return where the middle window of an upsampled axis starts and how long it is, in pixels before upsampling."""
    upsampled = round(UPSAMPLING * size)
    return ((upsampled - size) // 2 * size / upsampled, size * size / upsampled)


_RESAMPLING = '''@cache
def resampling(
    size: int, start: float, length: float, count: int
) -> tuple[tuple[float, ...], ...]:
    """Return weights (count, size) that bring a part of an axis to `count` pixels,
    bilinearly with antialiasing."""
    step = length / count
    reach = max(step, 1.0)
    rows = []
    for number in range(count):
        centre = start + (number + 0.5) * step - 0.5
        row = [max(0.0, 1 - abs(pixel - centre) / reach) for pixel in range(size)]
        rows.append(tuple(weight / sum(row) for weight in row))
    return tuple(rows)'''

_RESAMPLE = {
    "flax": '''def resample(
    x: jax.Array, axis: int, start: float, length: float, count: int
) -> jax.Array:
    """Return a part of an axis in `count` pixels."""
    weights = jnp.array(resampling(x.shape[axis], start, length, count))
    x = jnp.tensordot(x, weights, axes=(axis, 1), precision="highest")
    return jnp.moveaxis(x, -1, axis)''',
    "torch": '''def resample(x: Tensor, axis: int, start: float, length: float, count: int) -> Tensor:
    """Return a part of an axis in `count` pixels."""
    rows = resampling(x.shape[axis], start, length, count)
    weights = torch.tensor(rows, device=x.device)
    return torch.tensordot(x, weights, dims=([axis], [1])).movedim(-1, axis)''',
}

_HEAD = '''def fit(x: {array}) -> {array}:
    """Return {what} in the size of the network."""
    height, width = x.shape[1:3]
'''

_FITS = {
    "crop": """    columns = {share}min(width, height * SIZE[1] / SIZE[0])
    rows = columns * SIZE[0] / SIZE[1]
    x = resample(x, 2, (width - columns) / 2, columns, SIZE[1])
    x = {floor}(x + 0.5)
    x = resample(x, 1, (height - rows) / 2, rows, SIZE[0])
    return {floor}(x + 0.5)""",
    "squash": """    x = {floor}(resample(x, 2, 0, width, SIZE[1]) + 0.5)
    return {floor}(resample(x, 1, 0, height, SIZE[0]) + 0.5)""",
    "pad": """    scale = min(SIZE[0] / height, SIZE[1] / width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    x = {floor}(resample(x, 2, 0, width, columns) + 0.5)
    x = {floor}(resample(x, 1, 0, height, rows) + 0.5)
    top, left = (SIZE[0] - rows) // 2, (SIZE[1] - columns) // 2
{padded}""",
}
_WHAT = {
    "crop": "the middle of pictures of any size",
    "squash": "whole pictures of any size, squashed,",
    "pad": "whole pictures of any size, with margins,",
}

_PADDED = {
    "flax": """    whole = jnp.zeros((len(x), *SIZE, len(MARGIN))) + jnp.array(MARGIN)
    return whole.at[:, top : top + rows, left : left + columns].set(x)""",
    "torch": """    whole = x.new_zeros((len(x), *SIZE, len(MARGIN)))
    whole += torch.tensor(MARGIN, device=x.device)
    whole[:, top : top + rows, left : left + columns] = x
    return whole""",
}

_OTHER_SIZE = """    if x.shape[1:3] != SIZE:
        if images.dtype != {uint8}:
            raise ValueError(f"images must be {{SIZE}}; only bytes are brought to it")
        x = fit(x)
"""

_ZOOM = """    # the middle, enlarged: in training crops of enlarged images were shown
    x = resample(x, 2, {columns[0]!r}, {columns[1]!r}, SIZE[1])
    x = resample(x, 1, {rows[0]!r}, {rows[1]!r}, SIZE[0])
"""

_BODIES = {
    "flax": '''def preprocess(images: jax.Array) -> jax.Array:
    """Return what the network takes, (batch, {height}, {width}, {channels}).

{takes}
    """
    images = jnp.asarray(images)
    x = images.astype(jnp.float32)
{fitted}    x = (x - jnp.array(MEAN)) / jnp.array(STD)
{zoom}    return x''',
    "torch": '''def preprocess(images: Tensor) -> Tensor:
    """Return what the network takes, (batch, {channels}, {height}, {width}).

{takes}
    """
    images = torch.as_tensor(images)
    x = images.float()
{fitted}    x = (x - torch.tensor(MEAN, device=x.device)) / torch.tensor(STD, device=x.device)
{zoom}    return x.permute(0, 3, 1, 2).contiguous()''',
}

_WORDS = {
    "flax": {"array": "jax.Array", "floor": "jnp.floor", "uint8": "jnp.uint8"},
    "torch": {"array": "Tensor", "floor": "torch.floor", "uint8": "torch.uint8"},
}


def preprocess_text(preparation: Preparation, library: str) -> str:
    """Return the definitions of `preprocess` and what it needs, in one of the libraries `flax` and `torch`."""
    words, (height, width, channels) = _WORDS[library], preparation.shape
    constants = [
        f"SIZE = ({height}, {width})  # height and width of the images that the network takes",
        *_numbers("MEAN", preparation.mean, "of the training images, each channel"),
        *_numbers("STD", preparation.std, ""),
    ]
    if preparation.resize == "pad":
        constants += _numbers("MARGIN", preparation.margin, "the colour of margins")
    share = "" if preparation.share == 1 else f"{preparation.share:g} * "
    head = _HEAD.format(what=_WHAT[preparation.resize], **words)
    fit = _FITS[preparation.resize].format(share=share, padded=_PADDED[library], **words)
    fitted = "    x = fit(x)\n" if share else _OTHER_SIZE.format(**words)
    zoom = "" if preparation.zoom is None else _ZOOM.format(rows=preparation.zoom[0], columns=preparation.zoom[1])
    takes = "\n".join(wrap(f"`images` are {preparation.takes}.", 88, initial_indent="    ", subsequent_indent="    "))
    body = _BODIES[library].format(height=height, width=width, channels=channels, takes=takes, fitted=fitted, zoom=zoom)
    return "\n\n\n".join(("\n".join(constants), _RESAMPLING, _RESAMPLE[library], head + fit, body))


def _numbers(name: str, values: Sequence[float], about: str) -> list[str]:
    said = f"  # {about}" if about else ""
    numbers = tuple(map(repr, values))
    line = f"{name} = ({numbers[0]},)" if len(numbers) == 1 else f"{name} = ({', '.join(numbers)})"
    if len(line + said) <= 88:
        return [line + said]
    return [f"{name} = ({said}", *(f"    {number}," for number in numbers), ")"]
