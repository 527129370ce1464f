"""What augmentations do to images, and how images are looked at outside training: the names of `values.augmentation`."""

from typing import NamedTuple

from automl_cli.nn.augment import Transform, View, centre_crop, crop_and_flip
from automl_cli.nn.colour_distortion import distort_colours
from automl_cli.values.augmentation import Augmentation


class ImageAugmentation(NamedTuple):
    """What is done to a batch of training images, and how images are looked at outside training: at the scale that they are
    trained at. `streamed` says whether pictures are decoded as they are needed, which crops them too."""

    transform: Transform | None
    view: View | None
    streamed: bool = False


def by_name(augmentation: Augmentation, *, flip: bool) -> ImageAugmentation:
    """The augmentation of this name; images are mirrored where `flip` says so."""
    match augmentation.name:
        case "standard":
            return ImageAugmentation(crop_and_flip(flip=flip), centre_crop)
        case "inception":
            return ImageAugmentation(distort_colours, None, streamed=True)
        case "none":
            return ImageAugmentation(None, None)
