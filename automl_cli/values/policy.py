"""Augmentation policies as data: operations with a probability and a level, and what a level means to each operation.

Papers: Cubuk, Zoph, Mane, Vasudevan and Le, "AutoAugment", arXiv 1805.09501, section 3 and table 6; RandAugment, arXiv
1909.13719; TrivialAugment, arXiv 2103.10158. What is done to pixels: `nn.augment`.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct

from automl_cli.core.errors import UserError

OperationName = Literal[
    "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "AutoContrast", "Invert", "Equalize", "Solarize", "Posterize",
    "Contrast", "Color", "Brightness", "Sharpness", "Cutout", "SamplePairing", "Identity",
]  # fmt: skip

OPERATIONS: tuple[OperationName, ...] = get_args(OperationName)[:-1]
"""The 16 operations that are searched, in the order of the paper's table 6. Identity is for policies drawn at random."""

GEOMETRIC: tuple[OperationName, ...] = OPERATIONS[:5]
"""Operations that move pixels, and with them boxes and masks."""

MappingName = Literal["paper", "torchvision", "authors-cifar"]

TOP_LEVEL = 9
"""The highest of the paper's ten levels, which start from 0. A level is a real number between."""


class LevelRange(Struct, frozen=True, kw_only=True):
    """The meaning of a level for one operation: an argument of start + level * span / divisor.

    With `of_side` the change, level * span / divisor, is multiplied by the length of the image's side, in pixels. `rounding`
    says what becomes of the change, or with `round_all` of the argument. With `signed` half of the images get start - change.
    """

    start: float = 0.0
    span: float
    divisor: int = TOP_LEVEL
    of_side: bool = False
    rounding: Literal["none", "nearest", "towards-zero"] = "none"
    round_all: bool = False
    signed: bool = False

    def arguments(self, level: float, side: int) -> tuple[float, float]:
        """Return the arguments for the two signs on an image with a side of so many pixels; equal ones where nothing is signed.

        >>> LevelRange(span=30, signed=True).arguments(3, side=32)
        (10.0, -10.0)
        """
        change = level * self.span / self.divisor * (side if self.of_side else 1)
        if self.round_all:
            argument = _rounded(self.start + change, self.rounding)
            return argument, argument
        change = _rounded(change, self.rounding)
        return self.start + change, self.start - change if self.signed else self.start + change


def _rounded(number: float, rounding: str) -> float:
    """Return a number as Python's `round` or `int` gives it.

    >>> [_rounded(2.5, rounding) for rounding in ("none", "nearest", "towards-zero")]
    [2.5, 2.0, 2.0]
    """
    if rounding == "none":
        return number
    return float(round(number) if rounding == "nearest" else int(number))


_WITHOUT_LEVEL: tuple[OperationName, ...] = ("AutoContrast", "Invert", "Equalize", "Identity")
_SHEARS, _TRANSLATIONS = GEOMETRIC[:2], GEOMETRIC[2:4]
_ENHANCEMENTS: tuple[OperationName, ...] = ("Contrast", "Color", "Brightness", "Sharpness")

MAPPINGS: Mapping[MappingName, Mapping[OperationName, LevelRange]] = {
    "paper": {
        **dict.fromkeys(_SHEARS, LevelRange(span=0.3, signed=True)),
        **dict.fromkeys(_TRANSLATIONS, LevelRange(span=150 / 331, of_side=True, signed=True)),
        "Rotate": LevelRange(span=30, signed=True),
        "Solarize": LevelRange(start=256, span=-256),
        "Posterize": LevelRange(start=8, span=-4, rounding="nearest", round_all=True),
        **dict.fromkeys(_ENHANCEMENTS, LevelRange(start=0.1, span=1.8)),
        "Cutout": LevelRange(span=60 / 331, of_side=True, rounding="nearest"),
        "SamplePairing": LevelRange(span=0.4),
    },
    "torchvision": {
        **dict.fromkeys(_SHEARS, LevelRange(span=0.3, signed=True)),
        **dict.fromkeys(_TRANSLATIONS, LevelRange(span=150 / 331, of_side=True, rounding="towards-zero", signed=True)),
        "Rotate": LevelRange(span=30, signed=True),
        "Solarize": LevelRange(start=255, span=-255),
        "Posterize": LevelRange(start=8, span=-4, rounding="nearest"),
        **dict.fromkeys(_ENHANCEMENTS, LevelRange(start=1, span=0.9, signed=True)),
    },
    "authors-cifar": {
        **dict.fromkeys(_SHEARS, LevelRange(span=0.3, divisor=10, signed=True)),
        **dict.fromkeys(_TRANSLATIONS, LevelRange(span=10, divisor=10, rounding="towards-zero", signed=True)),
        "Rotate": LevelRange(span=30, divisor=10, rounding="towards-zero", signed=True),
        "Solarize": LevelRange(start=256, span=-256, divisor=10, rounding="towards-zero"),
        "Posterize": LevelRange(start=4, span=-4, divisor=10, rounding="towards-zero"),
        **dict.fromkeys(_ENHANCEMENTS, LevelRange(start=0.1, span=1.8, divisor=10)),
        "Cutout": LevelRange(span=20, divisor=10, rounding="towards-zero"),
    },
}
"""The level mappings: by name, what a level means to each operation that has one and that the mapping defines.

paper          the paper's ranges, magnitude read as strength: 9 is the strongest
torchvision    that of `torchvision.transforms.AutoAugment`: bins of a linear range
authors-cifar  that of the code released for CIFAR-10: ten levels below the maximum; Posterize keeps 4 to 1 bits

Shears are a slope, translations and the side of Cutout pixels, rotations degrees counter-clockwise, Solarize a threshold,
Posterize the bits kept, the four enhancements Pillow's factor, SamplePairing the weight of the other image. Differs from the
paper: it gives translations and Cutout in pixels of images of 331; here they are a share of the side."""

FILLS: Mapping[MappingName, tuple[int, int, int]] = {
    "paper": (128, 128, 128),
    "torchvision": (0, 0, 0),
    "authors-cifar": (125, 122, 113),
}
"""The colour of pixels moved in from outside and of Cutout, by mapping; an image of another number of channels gets the first.

The paper's figure 2 shows grey; the code for CIFAR-10 sets them to the mean of that data set."""


def is_defined(operation: OperationName, mapping: MappingName) -> bool:
    """Return whether the mapping says what the operation does."""
    return operation in _WITHOUT_LEVEL or operation in MAPPINGS[mapping]


def arguments(operation: OperationName, level: float, mapping: MappingName, *, shape: tuple[int, int]) -> tuple[float, float]:
    """Return the arguments of an operation for the two signs, on images of this (height, width); 0 where it has none.

    Each sign is drawn for half of the images. Raises UserError for an operation that the mapping does not define.

    >>> arguments("Posterize", 9, "paper", shape=(32, 32))
    (4.0, 4.0)
    """
    if not is_defined(operation, mapping):
        able = ", ".join(name for name in MAPPINGS if is_defined(operation, name))
        raise UserError(f"mapping {mapping!r} does not define {operation}; leave it out, or take a mapping that does: {able}")
    if operation in _WITHOUT_LEVEL:
        return 0.0, 0.0
    height, width = shape
    sides = {"TranslateX": width, "TranslateY": height}
    return MAPPINGS[mapping][operation].arguments(level, sides.get(operation, min(height, width)))


class AppliedOperation(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """An operation as it stands in a sub-policy: ["Rotate", 0.7, 2]. `level` is from 0 to 9, the strongest."""

    operation: OperationName
    probability: float
    level: float

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise UserError(f"{self.operation}: probability is {self.probability:g}; it must be from 0 to 1")
        if not 0 <= self.level <= TOP_LEVEL:
            raise UserError(f"{self.operation}: level is {self.level:g}; it must be from 0 to {TOP_LEVEL}")


MOST_APPLIED = 20
"""Of the operations for one image, one after the other: a compiled program holds each of them. The papers have 2 and 3."""


def _check_applied(count: int) -> None:
    if count > MOST_APPLIED:
        raise UserError(f"{count} operations for one image; a policy has at most {MOST_APPLIED}")


SubPolicy = tuple[AppliedOperation, ...]
"""Operations applied in order, each with its own probability."""


class SubPolicies(Struct, frozen=True, forbid_unknown_fields=True, tag="sub-policies"):
    """A policy of which one sub-policy is drawn uniformly for each image of each batch (arXiv 1805.09501, section 3)."""

    sub_policies: tuple[SubPolicy, ...]

    def __post_init__(self) -> None:
        if not self.sub_policies or not all(self.sub_policies):
            raise UserError("a policy needs at least one sub-policy, and each of them at least one operation")
        _check_applied(max(map(len, self.sub_policies)))


class RandomOperations(Struct, frozen=True, forbid_unknown_fields=True, tag="random-operations"):
    """A policy of `count` operations one after the other, each drawn uniformly with a level of its own, for every image anew.

    With one level this is RandAugment (arXiv 1909.13719), with one operation of many levels TrivialAugment (arXiv 2103.10158).
    """

    operations: tuple[OperationName, ...]
    levels: tuple[float, ...]
    count: int

    def __post_init__(self) -> None:
        if not self.operations or not self.levels or self.count < 1:
            raise UserError("a policy drawn at random needs an operation, a level, and a count of at least 1")
        _check_applied(self.count)
        for level in self.levels:
            AppliedOperation(self.operations[0], 1.0, level)


Policy = SubPolicies | RandomOperations


def operations_of(policy: Policy) -> tuple[OperationName, ...]:
    """Return the distinct operations of a policy, in the order of `OPERATIONS`."""
    used = (
        {applied.operation for sub_policy in policy.sub_policies for applied in sub_policy}
        if isinstance(policy, SubPolicies)
        else set(policy.operations)
    )
    return tuple(name for name in get_args(OperationName) if name in used)


def table_of(policy: Policy) -> tuple[SubPolicy, ...]:
    """Return what is drawn from, uniformly: the sub-policies, or for `RandomOperations` every operation with every level, of
    which `count` are drawn one after the other."""
    if isinstance(policy, SubPolicies):
        return policy.sub_policies
    return tuple((AppliedOperation(name, 1.0, level),) for name in policy.operations for level in policy.levels)
