"""Augmentations by name, to fill that role of a child. `children.augmentation` says what they do to images."""

from typing import Literal

from msgspec import Struct

AugmentationName = Literal["standard", "inception", "none"]


class Augmentation(Struct, frozen=True, forbid_unknown_fields=True):
    """standard: whiten, upsample, random crop, and a horizontal flip where the data set allows one. inception: a window of
    random area and aspect, a flip, random brightness and saturation; the pictures are decoded as they are needed. none: whiten
    only."""

    name: AugmentationName

    @property
    def streamed(self) -> bool:
        """Return whether pictures of any size are decoded as they are needed; else all are prepared as arrays once."""
        return self.name == "inception"
