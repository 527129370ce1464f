"""Augmentations, to fill that role of a child: a baseline, a policy, Cutout. `children.augmentation` says what they do."""

from typing import Literal

from msgspec import Struct

from automl_cli.core.errors import UserError
from automl_cli.values.policy import MappingName, Policy, is_defined, operations_of

BaselineName = Literal["standard", "flip-crop", "inception", "none"]

Order = Literal["paper", "authors"]


class Augmentation(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Settings of what is done to training images: the baseline, then the policy, then Cutout.

    The baselines are

        standard    upsample, random crop, and a horizontal flip where the data set allows one
        flip-crop   pad by an eighth of the side, random crop, and such a flip (arXiv 1805.09501, section 4.1)
        inception   a window of random area and aspect, a flip, random brightness and saturation; pictures are decoded on demand
        none        nothing

    `mapping` gives the levels of the policy their meaning. In the `order` of the authors' code for CIFAR-10 the policy comes
    before the baseline. `cutout` is the side of a square that is set to the mean of the data, as a share of the image's shorter
    side; its centre is uniform over the image. Raises UserError for an operation that the mapping does not define.
    """

    baseline: BaselineName
    policy: Policy | None = None
    cutout: float = 0.0
    mapping: MappingName = "paper"
    order: Order = "paper"

    def __post_init__(self) -> None:
        if not 0 <= self.cutout <= 1:
            raise UserError(f"cutout is {self.cutout:g}; it must be a share of the side, from 0 to 1")
        for operation in () if self.policy is None else operations_of(self.policy):
            if not is_defined(operation, self.mapping):
                raise UserError(f"mapping {self.mapping!r} does not define {operation}")

    @property
    def streamed(self) -> bool:
        """Return whether pictures of any size are decoded as they are needed; else all are prepared as arrays once."""
        return self.baseline == "inception"
