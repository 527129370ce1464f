"""Augmentations of `values.augmentation` as pipelines of training images, and evaluation views."""

from typing import NamedTuple

from automl_cli.nn.augment.colour_distortion import distort_colours
from automl_cli.nn.augment.crops import Transform, View, centre_crop, crop_and_flip, flip_and_crop
from automl_cli.nn.augment.pipeline import Pipeline
from automl_cli.nn.augment.policy import PolicyTable, policy_table
from automl_cli.values.augmentation import Augmentation


class ImageAugmentation(NamedTuple):
    """The pipeline of a batch of training images, and the view of images outside training, at the scale of training.

    Both take and return images (batch, height, width, channels). `value` is what they were built from. The view is that of the
    baseline: images outside training are changed by no policy.
    """

    pipeline: Pipeline
    view: View | None
    value: Augmentation

    def policy(self, shape: tuple[int, int, int]) -> PolicyTable | None:
        """Return the policy as data for images of this (height, width, channels); None without one."""
        return None if self.value.policy is None else policy_table(self.value, shape)


def images(augmentation: Augmentation, *, flip: bool) -> ImageAugmentation:
    """Return the augmentation as functions of images; it mirrors them only if `flip`."""
    baseline, view = _baseline(augmentation, flip=flip)
    return ImageAugmentation(Pipeline(baseline, augmentation.cutout, augmentation.order), view, augmentation)


def _baseline(augmentation: Augmentation, *, flip: bool) -> tuple[Transform | None, View | None]:
    """Return the baseline's transformation of whitened training images, and its evaluation view."""
    match augmentation.baseline:
        case "standard":
            return crop_and_flip(flip=flip), centre_crop
        case "flip-crop":
            return flip_and_crop(flip=flip), None
        case "inception":
            return distort_colours, None
        case "none":
            return None, None
