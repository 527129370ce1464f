"""Augmentations, by name."""

from typing import get_args

from automl_cli.plugins.kind import Kind
from automl_cli.values.augmentation import Augmentation, BaselineName

KIND = Kind(
    name="augmentation-policy",
    role="augmentation",
    flag="augment",
    value=Augmentation,
    names={name: Augmentation(baseline=name) for name in get_args(BaselineName)},
    about="standard: upsample, crop, flip where allowed. flip-crop: such a flip, pad, crop. "
    "inception: windows of random area and aspect, flip, colours; the "
    "pictures are decoded as they are needed, any number of any size.",
    words=lambda augmentation: (augmentation.baseline,),
    build="automl_cli.children.augmentation:images",
    library="automl_cli.children.library:augmentation",
)
