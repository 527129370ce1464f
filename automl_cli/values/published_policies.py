"""Published policies: those that AutoAugment found, row by row, and two that draw operations at random.

AutoAugment: Cubuk, Zoph, Mane, Vasudevan and Le, arXiv 1805.09501, appendix. A row is a sub-policy: two operations, each with
its probability and its level from 0 to 9. Each table joins the five best policies of a search, five rows each; that of ImageNet
repeats five of its rows, so that 20 are distinct.
"""

from automl_cli.values.policy import TOP_LEVEL, AppliedOperation, OperationName, RandomOperations, SubPolicies

_Row = tuple[OperationName, float, int, OperationName, float, int]

_CIFAR10: tuple[_Row, ...] = (
    ("Invert", 0.1, 7, "Contrast", 0.2, 6),
    ("Rotate", 0.7, 2, "TranslateX", 0.3, 9),
    ("Sharpness", 0.8, 1, "Sharpness", 0.9, 3),
    ("ShearY", 0.5, 8, "TranslateY", 0.7, 9),
    ("AutoContrast", 0.5, 8, "Equalize", 0.9, 2),
    ("ShearY", 0.2, 7, "Posterize", 0.3, 7),
    ("Color", 0.4, 3, "Brightness", 0.6, 7),
    ("Sharpness", 0.3, 9, "Brightness", 0.7, 9),
    ("Equalize", 0.6, 5, "Equalize", 0.5, 1),
    ("Contrast", 0.6, 7, "Sharpness", 0.6, 5),
    ("Color", 0.7, 7, "TranslateX", 0.5, 8),
    ("Equalize", 0.3, 7, "AutoContrast", 0.4, 8),
    ("TranslateY", 0.4, 3, "Sharpness", 0.2, 6),
    ("Brightness", 0.9, 6, "Color", 0.2, 8),
    ("Solarize", 0.5, 2, "Invert", 0.0, 3),
    ("Equalize", 0.2, 0, "AutoContrast", 0.6, 0),
    ("Equalize", 0.2, 8, "Equalize", 0.6, 4),
    ("Color", 0.9, 9, "Equalize", 0.6, 6),
    ("AutoContrast", 0.8, 4, "Solarize", 0.2, 8),
    ("Brightness", 0.1, 3, "Color", 0.7, 0),
    ("Solarize", 0.4, 5, "AutoContrast", 0.9, 3),
    ("TranslateY", 0.9, 9, "TranslateY", 0.7, 9),
    ("AutoContrast", 0.9, 2, "Solarize", 0.8, 3),
    ("Equalize", 0.8, 8, "Invert", 0.1, 3),
    ("TranslateY", 0.7, 9, "AutoContrast", 0.9, 1),
)
_SVHN: tuple[_Row, ...] = (
    ("ShearX", 0.9, 4, "Invert", 0.2, 3),
    ("ShearY", 0.9, 8, "Invert", 0.7, 5),
    ("Equalize", 0.6, 5, "Solarize", 0.6, 6),
    ("Invert", 0.9, 3, "Equalize", 0.6, 3),
    ("Equalize", 0.6, 1, "Rotate", 0.9, 3),
    ("ShearX", 0.9, 4, "AutoContrast", 0.8, 3),
    ("ShearY", 0.9, 8, "Invert", 0.4, 5),
    ("ShearY", 0.9, 5, "Solarize", 0.2, 6),
    ("Invert", 0.9, 6, "AutoContrast", 0.8, 1),
    ("Equalize", 0.6, 3, "Rotate", 0.9, 3),
    ("ShearX", 0.9, 4, "Solarize", 0.3, 3),
    ("ShearY", 0.8, 8, "Invert", 0.7, 4),
    ("Equalize", 0.9, 5, "TranslateY", 0.6, 6),
    ("Invert", 0.9, 4, "Equalize", 0.6, 7),
    ("Contrast", 0.3, 3, "Rotate", 0.8, 4),
    ("Invert", 0.8, 5, "TranslateY", 0.0, 2),
    ("ShearY", 0.7, 6, "Solarize", 0.4, 8),
    ("Invert", 0.6, 4, "Rotate", 0.8, 4),
    ("ShearY", 0.3, 7, "TranslateX", 0.9, 3),
    ("ShearX", 0.1, 6, "Invert", 0.6, 5),
    ("Solarize", 0.7, 2, "TranslateY", 0.6, 7),
    ("ShearY", 0.8, 4, "Invert", 0.8, 8),
    ("ShearX", 0.7, 9, "TranslateY", 0.8, 3),
    ("ShearY", 0.8, 5, "AutoContrast", 0.7, 3),
    ("ShearX", 0.7, 2, "Invert", 0.1, 5),
)
_IMAGENET: tuple[_Row, ...] = (
    ("Posterize", 0.4, 8, "Rotate", 0.6, 9),
    ("Solarize", 0.6, 5, "AutoContrast", 0.6, 5),
    ("Equalize", 0.8, 8, "Equalize", 0.6, 3),
    ("Posterize", 0.6, 7, "Posterize", 0.6, 6),
    ("Equalize", 0.4, 7, "Solarize", 0.2, 4),
    ("Equalize", 0.4, 4, "Rotate", 0.8, 8),
    ("Solarize", 0.6, 3, "Equalize", 0.6, 7),
    ("Posterize", 0.8, 5, "Equalize", 1.0, 2),
    ("Rotate", 0.2, 3, "Solarize", 0.6, 8),
    ("Equalize", 0.6, 8, "Posterize", 0.4, 6),
    ("Rotate", 0.8, 8, "Color", 0.4, 0),
    ("Rotate", 0.4, 9, "Equalize", 0.6, 2),
    ("Equalize", 0.0, 7, "Equalize", 0.8, 8),
    ("Invert", 0.6, 4, "Equalize", 1.0, 8),
    ("Color", 0.6, 4, "Contrast", 1.0, 8),
    ("Rotate", 0.8, 8, "Color", 1.0, 2),
    ("Color", 0.8, 8, "Solarize", 0.8, 7),
    ("Sharpness", 0.4, 7, "Invert", 0.6, 8),
    ("ShearX", 0.6, 5, "Equalize", 1.0, 9),
    ("Color", 0.4, 0, "Equalize", 0.6, 3),
    ("Equalize", 0.4, 7, "Solarize", 0.2, 4),
    ("Solarize", 0.6, 5, "AutoContrast", 0.6, 5),
    ("Invert", 0.6, 4, "Equalize", 1.0, 8),
    ("Color", 0.6, 4, "Contrast", 1.0, 8),
    ("Equalize", 0.8, 8, "Equalize", 0.6, 3),
)


def _policy(rows: tuple[_Row, ...]) -> SubPolicies:
    """Return the policy of a table."""
    return SubPolicies(
        tuple(
            (AppliedOperation(first, chance, float(level)), AppliedOperation(second, chance_2, float(level_2)))
            for first, chance, level, second, chance_2, level_2 in rows
        )
    )


CIFAR10 = _policy(_CIFAR10)
"""Found on reduced CIFAR-10."""

SVHN = _policy(_SVHN)
"""Found on reduced SVHN."""

IMAGENET = _policy(_IMAGENET)
"""Found on reduced ImageNet."""

RANDOM: tuple[OperationName, ...] = (
    "Identity", "AutoContrast", "Equalize", "Rotate", "Solarize", "Color", "Posterize", "Contrast", "Brightness", "Sharpness",
    "ShearX", "ShearY", "TranslateX", "TranslateY",
)  # fmt: skip
"""The 14 operations of RandAugment (arXiv 1909.13719, section 3), which TrivialAugment takes, too."""

RANDOM_LEVELS = 30
"""The highest level of RandAugment and TrivialAugment, which means as much as `TOP_LEVEL` here."""


def rand_augment(count: int, level: int) -> RandomOperations:
    """Return RandAugment: so many operations one after the other, each at this level of 30 (arXiv 1909.13719)."""
    return RandomOperations(operations=RANDOM, levels=(_of_thirty(level),), count=count)


def trivial_augment() -> RandomOperations:
    """Return TrivialAugment: one operation at a level drawn from 0 to 30 (arXiv 2103.10158)."""
    return RandomOperations(operations=RANDOM, levels=tuple(map(_of_thirty, range(RANDOM_LEVELS + 1))), count=1)


def _of_thirty(level: int) -> float:
    """Return the level of 30 in levels of `TOP_LEVEL`."""
    return level * TOP_LEVEL / RANDOM_LEVELS
