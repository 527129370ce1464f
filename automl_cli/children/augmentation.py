"""The augmentations named in `values.augmentation`: transformations of training images, and evaluation views."""

from typing import NamedTuple

from automl_cli.nn.augment import Transform, View, centre_crop, crop_and_flip
from automl_cli.nn.colour_distortion import distort_colours
from automl_cli.values.augmentation import Augmentation


class ImageAugmentation(NamedTuple):
    """The transformation of a batch of training images, and the view of images outside training, at the scale of training.

    Both take and return images (batch, height, width, channels). `streamed` says that pictures are decoded, and cropped, on
    demand.
    """

    transform: Transform | None
    view: View | None
    streamed: bool = False


def by_name(augmentation: Augmentation, *, flip: bool) -> ImageAugmentation:
    """Return the augmentation of this name; it mirrors images only if `flip`."""
    match augmentation.name:
        case "standard":
            return ImageAugmentation(crop_and_flip(flip=flip), centre_crop)
        case "inception":
            return ImageAugmentation(distort_colours, None, streamed=True)
        case "none":
            return ImageAugmentation(None, None)
