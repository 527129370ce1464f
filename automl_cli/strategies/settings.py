"""Constants of a strategy: given ones checked, the others from its paper or from a rule."""

import math
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from automl_cli.core.errors import UserError, unknown_name

Settings = TypeVar("Settings", bound=Struct)

CONSTANTS = "constants"
"""The setting that says where constants come from that are not given: `budget` (the strategy's rule) or `paper`."""


def settle(
    kind: type[Settings], given: Mapping[str, Any], *, strategy: str, sources: Mapping[str, Mapping[str, Any]]
) -> Settings:
    """The settings of a strategy: what is given, over one of the named sources, over the defaults of the kind.

    `given` may choose the source by the setting `constants`; else the first one serves. Raises UserError for an unknown name,
    a wrong type or a value out of range.
    """
    names = [field.name for field in msgspec.structs.fields(kind)]
    for name in given:
        if name not in (*names, CONSTANTS):
            raise unknown_name(f"setting of strategy {strategy!r}:", name, (*names, CONSTANTS))
    source = given.get(CONSTANTS, next(iter(sources)))
    if source not in sources:
        raise unknown_name(f"source of the constants of strategy {strategy!r}:", str(source), sources)
    chosen = {name: value for name, value in given.items() if name != CONSTANTS}
    for name, value in chosen.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"setting {name} of strategy {strategy!r} is {value}; give a finite number")
    return read(kind, {**sources[source], **chosen}, strategy=strategy)


def read(kind: type[Settings], settings: Mapping[str, Any], *, strategy: str) -> Settings:
    """Resolved settings as the strategy's own type; UserError names the setting that does not fit."""
    try:
        return msgspec.convert(dict(settings), kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise UserError(f"setting {where.rstrip('`') or '?'} of strategy {strategy!r}: {_lower(what)}") from error


def _lower(text: str) -> str:
    """Msgspec's sentence as the end of ours.

    >>> _lower("Expected `int` >= 1")
    'expected int >= 1'
    """
    return re.sub(r"^\w", lambda first: first[0].lower(), text.replace("`", ""))
