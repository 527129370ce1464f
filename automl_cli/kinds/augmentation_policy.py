"""Augmentations, by name."""

from typing import get_args

from automl_cli.plugins.kind import Kind
from automl_cli.values.augmentation import Augmentation, AugmentationName

KIND = Kind(
    name="augmentation-policy",
    role="augmentation",
    flag="augment",
    value=Augmentation,
    names={name: Augmentation(name) for name in get_args(AugmentationName)},
    about="standard: upsample, crop, flip where allowed. inception: windows of random area and aspect, flip, colours; the "
    "pictures are decoded as they are needed, any number of any size.",
    words=lambda augmentation: (augmentation.name,),
    build="automl_cli.children.augmentation:by_name",
)
