"""Rewords msgspec's validation errors. No other module depends on how msgspec phrases them."""

import re

_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "names with values",
}
_BOUNDS = {">=": "of at least", ">": "above", "<=": "of at most", "<": "below"}


def path_and_problem(text: str) -> tuple[str, str]:
    """Split msgspec's "Expected `int`, got `str` - at `$.body.trial`" into `body.trial` and the problem.

    A field that is missing or unknown becomes part of the path. Sentences that are not msgspec's, such as those of a
    `__post_init__`, stay as they are.

    >>> path_and_problem("Object contains unknown field `depht` - at `$.body`")
    ('body.depht', 'unknown field')
    >>> path_and_problem("Expected `int | null`, got `str` - at `$.trials`")
    ('trials', 'expected a whole number, got text')
    >>> path_and_problem("Expected `float` > 0 - at `$.rate`")
    ('rate', 'expected a number above 0')
    >>> path_and_problem("Invalid enum value 'rang'")
    ('', "invalid enum value 'rang'")
    """
    problem, _, at = text.partition(" - at `")
    path = at.rstrip("`").removeprefix("$").lstrip(".")
    if match := re.fullmatch(r"Object (contains unknown|missing required) field `(.*)`", problem):
        field, problem = match[2], "unknown field" if match[1].endswith("unknown") else "is missing"
        path = f"{path}.{field}" if path else field
    elif match := re.match(r"Expected `([^`]*)`", problem):
        problem = f"expected {_in_words(match[1])}{_rest_in_words(problem[match.end() :])}"
    elif problem.startswith("Invalid "):
        problem = problem.replace("Invalid", "invalid", 1)
    return path, problem


def _in_words(types: str) -> str:
    """Return msgspec's type names as plain words. "or null" is dropped, since an optional field needs no mention."""
    names = [name for name in types.split(" | ") if name != "null" or types == name]
    return " or ".join(_NAMES.get(name, name) for name in names)


def _rest_in_words(rest: str) -> str:
    """Return the rest of msgspec's sentence in plain words: the type that was found instead, or a bound."""
    if match := re.fullmatch(r", got `(.*)`", rest):
        return f", got {_in_words(match[1])}"
    if match := re.fullmatch(r" (>=|>|<=|<) (.*)", rest):
        return f" {_BOUNDS[match[1]]} {match[2]}"
    return rest
