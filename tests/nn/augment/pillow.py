"""The operations of policies as Pillow does them, image by image: what ours are held to."""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from automl_cli.values.policy import MAPPINGS, OPERATIONS, MappingName, OperationName, arguments, is_defined

IN_PILLOW = OPERATIONS[:14]
"""Operations that Pillow has; SamplePairing is its blend, and Cutout a square."""

_ON_TABLES = ("AutoContrast", "Equalize", "Invert", "Solarize", "Posterize")
_MATRICES = {
    "ShearX": lambda a: (1, a, 0, 0, 1, 0),
    "ShearY": lambda a: (1, 0, 0, a, 1, 0),
    "TranslateX": lambda a: (1, 0, a, 0, 1, 0),
    "TranslateY": lambda a: (1, 0, 0, 0, 1, a),
}


def picture(image: np.ndarray) -> Image.Image:
    """An image (height, width, channels) for Pillow."""
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def by_pillow(name: OperationName, image: np.ndarray, argument: float, fill: tuple[int, ...] = (0,)) -> np.ndarray:
    """The image after an operation. Pillow has no tables for images with alpha: there, alpha is set aside."""
    if image.shape[-1] == 4 and name in _ON_TABLES:
        return np.concatenate([by_pillow(name, image[..., :3], argument), image[..., 3:]], axis=-1)
    return np.asarray(changed(name, picture(image), argument, fill)).reshape(image.shape)


def changed(name: OperationName, image: Image.Image, argument: float, fill: tuple[int, ...]) -> Image.Image:
    """A picture after an operation."""
    colour = fill if len(fill) == len(image.getbands()) > 1 else fill[0] if len(image.getbands()) == 1 else (fill[0],) * 4
    if name in _MATRICES:
        return image.transform(image.size, Image.Transform.AFFINE, _MATRICES[name](argument), fillcolor=colour)
    if name == "Rotate":
        return image.rotate(argument, fillcolor=colour)
    if name in ("Contrast", "Color", "Brightness", "Sharpness"):
        return getattr(ImageEnhance, name)(image).enhance(argument)
    if name in ("Solarize", "Posterize"):
        return getattr(ImageOps, name.lower())(image, argument if name == "Solarize" else int(argument))
    return getattr(ImageOps, name.lower())(image)


def all_arguments(name: OperationName, shape: tuple[int, int]) -> Iterator[tuple[MappingName, float]]:
    """Every mapping that defines the operation, with its argument at ten levels and some between them, for both signs."""
    for mapping in MAPPINGS:
        if is_defined(name, mapping):
            for level in (*range(10), 0.03, 3.3, 4.5, 8.9):
                yield from ((mapping, argument) for argument in sorted(set(arguments(name, level, mapping, shape=shape))))
