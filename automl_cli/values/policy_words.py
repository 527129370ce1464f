"""Sub-policies in words, and what the level of an operation means."""

from automl_cli.values.policy import MAPPINGS, AppliedOperation, LevelRange, MappingName, SubPolicy

_UNITS = {
    "Rotate": "{}°",
    "Solarize": "invert from {}",
    "Posterize": "{} bits",
    "SamplePairing": "weight {}",
    **dict.fromkeys(("Contrast", "Color", "Brightness", "Sharpness"), "factor {}"),
    **dict.fromkeys(("ShearX", "ShearY"), "slope {}"),
}
"""The argument of an operation in words, where it is no length."""


def operation_words(applied: AppliedOperation) -> str:
    """Return an operation as the paper prints it, with its probability and its level.

    >>> operation_words(AppliedOperation("Rotate", 0.7, 2.0))
    'Rotate 0.7 2'
    >>> operation_words(AppliedOperation("Rotate", 0.25, 2.5))
    'Rotate 0.25 2.5'
    """
    probability = f"{applied.probability:g}"
    return f"{applied.operation} {probability if '.' in probability else f'{applied.probability:.1f}'} {applied.level:g}"


def sub_policy_words(sub_policy: SubPolicy) -> str:
    """Return the operations of a sub-policy in their order.

    >>> sub_policy_words((AppliedOperation("Invert", 0.1, 7.0), AppliedOperation("Contrast", 0.2, 6.0)))
    'Invert 0.1 7, Contrast 0.2 6'
    """
    return ", ".join(map(operation_words, sub_policy))


def meaning(applied: AppliedOperation, mapping: MappingName) -> str:
    """Return what the level of an operation means by this mapping, "" where it means nothing. Lengths are shares of the side.

    >>> meaning(AppliedOperation("Rotate", 0.7, 3.0), "paper"), meaning(AppliedOperation("Cutout", 1.0, 9.0), "paper")
    ('±10°', '18.1 %')
    """
    levels = MAPPINGS[mapping].get(applied.operation)
    if levels is None:
        return ""
    if levels.of_side:
        share = applied.level * levels.span / levels.divisor
        return f"{'±' if levels.signed else ''}{100 * share:.3g} %"
    text = _argument(levels, applied.level)
    return _UNITS[applied.operation].format(text) if applied.operation in _UNITS else f"{text} pixels"


def _argument(levels: LevelRange, level: float) -> str:
    """Return the arguments for both signs in words."""
    up, down = (float(f"{number:.3g}") for number in levels.arguments(level, side=1))
    if up == down:
        return f"{up:g}"
    return f"±{up:g}" if up == -down else f"{up:g} or {down:g}"
