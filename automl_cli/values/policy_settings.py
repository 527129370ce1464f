"""Augmentations as plain data in which every argument is spelled out, for programs that know nothing of levels and mappings.

`data.pillow_policy` applies them, and `automl export` writes them as JSON.
"""

from collections.abc import Mapping
from typing import Any

from automl_cli.values.augmentation import Augmentation
from automl_cli.values.policy import FILLS, MAPPINGS, AppliedOperation, MappingName, SubPolicies, arguments, table_of

LEFT_TO_THE_LOADER = {
    "inception": "windows of random area and aspect, mirrored, with random brightness and saturation",
}
"""Baselines that need the picture before it is scaled, in words: a program that reads pictures does them, not the policy."""

FIELDS: Mapping[str, str] = {
    "baseline": "what is done to every picture beside the policy: flip-crop (mirror, pad by an eighth of the side, crop), "
    "standard (enlarge by 1.25, crop, mirror), inception (left to the loader), none",
    "flip": "whether the baseline mirrors half of the pictures",
    "order": "paper: baseline, policy, cutout; authors: policy, baseline, cutout",
    "mapping": "the mapping that gave the levels their arguments",
    "draws": "how many sub-policies are drawn for each picture, uniformly, and applied one after the other",
    "sub_policies": "lists of operations that are applied in order, each [operation, probability, level, argument]; the "
    "argument is drawn uniformly from one_of, and multiplied by the side of the picture, in pixels, that times names",
    "cutout": "the side of the square that is filled at last, as a share of the shorter side; 0 for none",
    "fill": "the colour of pixels that operations leave empty; a grey picture gets the first number",
    "mean": "the same for the margin of the baseline and for cutout, best the mean of your data",
}
"""Meaning of each field of the settings."""


def settings_of(augmentation: Augmentation, *, flip: bool) -> dict[str, Any]:
    """Return the augmentation as plain data. `flip` says whether a mirrored picture is as good as the picture.

    >>> from automl_cli.values.policy import SubPolicies
    >>> rotate = SubPolicies(((AppliedOperation("Rotate", 0.7, 3),),))
    >>> settings_of(Augmentation(baseline="none", policy=rotate), flip=False)["sub_policies"]
    [[['Rotate', 0.7, 3, {'one_of': [10.0, -10.0]}]]]
    """
    policy = augmentation.policy
    table = () if policy is None else table_of(policy)
    draws = 0 if policy is None else 1 if isinstance(policy, SubPolicies) else policy.count
    return {
        "baseline": augmentation.baseline,
        "flip": flip and augmentation.baseline in ("standard", "flip-crop"),
        "order": augmentation.order,
        "mapping": augmentation.mapping,
        "draws": draws,
        "sub_policies": [[_row(applied, augmentation.mapping) for applied in sub_policy] for sub_policy in table],
        "cutout": augmentation.cutout,
        "fill": list(FILLS[augmentation.mapping]),
        "mean": list(FILLS[augmentation.mapping]),
    }


def _row(applied: AppliedOperation, mapping: MappingName) -> list[Any]:
    return [applied.operation, applied.probability, applied.level, _argument(applied, mapping)]


def _argument(applied: AppliedOperation, mapping: MappingName) -> dict[str, Any] | None:
    """Return the argument of an operation, or its share of a side where it grows with the picture; None where it has none."""
    name = applied.operation
    level_range = MAPPINGS[mapping].get(name)
    if level_range is None:
        return None
    if not level_range.of_side:
        return {"one_of": list(dict.fromkeys(arguments(name, applied.level, mapping, shape=(1, 1))))}
    share = applied.level * level_range.span / level_range.divisor
    times = {"TranslateX": "width", "TranslateY": "height"}.get(name, "shorter side")
    signs = (share, -share) if level_range.signed else (share,)
    return {"one_of": list(dict.fromkeys(signs)), "times": times, "rounding": level_range.rounding}
