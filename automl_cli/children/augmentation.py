"""Augmentations of `values.augmentation` as transformations of training images, and evaluation views."""

from typing import NamedTuple

from automl_cli.nn.augment.colour_distortion import distort_colours
from automl_cli.nn.augment.crops import Transform, View, centre_crop, crop_and_flip, flip_and_crop
from automl_cli.values.augmentation import Augmentation


class ImageAugmentation(NamedTuple):
    """The transformation of a batch of training images, and the view of images outside training, at the scale of training.

    Both take and return images (batch, height, width, channels). `streamed` says that pictures are decoded, and cropped, on
    demand.
    """

    transform: Transform | None
    view: View | None
    streamed: bool = False


def images(augmentation: Augmentation, *, flip: bool) -> ImageAugmentation:
    """Return the augmentation as functions of images; it mirrors them only if `flip`."""
    match augmentation.baseline:
        case "standard":
            return ImageAugmentation(crop_and_flip(flip=flip), centre_crop)
        case "flip-crop":
            return ImageAugmentation(flip_and_crop(flip=flip), None)
        case "inception":
            return ImageAugmentation(distort_colours, None, streamed=True)
        case "none":
            return ImageAugmentation(None, None)
