"""Settings of a plug-in, such as the constants of a strategy: given ones checked, the others from a paper or from a rule."""

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from automl_cli.core.errors import UserError, unknown_name
from automl_cli.core.msgspec_errors import path_and_problem

Settings = TypeVar("Settings", bound=Struct)

CONSTANTS = "constants"
"""The setting that names the source of constants that are not given: `budget` (the strategy's rule) or `paper`."""


def settle(kind: type[Settings], given: Mapping[str, Any], *, owner: str, sources: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Return complete settings: the given ones, then those of one named source, then the defaults of their type.

    `given` may choose the source by the setting `constants`; else the first one serves. `owner` says in errors whose settings
    these are, for example "strategy 'ppo'". Raises UserError for an unknown name, a wrong type or a value out of range.
    """
    names = [field.name for field in msgspec.structs.fields(kind)]
    for name in given:
        if name not in (*names, CONSTANTS):
            raise unknown_name(f"setting of {owner}:", name, (*names, CONSTANTS))
    source = given.get(CONSTANTS, next(iter(sources)))
    if source not in sources:
        raise unknown_name(f"source of the constants of {owner}:", str(source), sources)
    chosen = {name: value for name, value in given.items() if name != CONSTANTS}
    for name, value in chosen.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"setting {name} of {owner} is {value}; give a finite number")
    return read(kind, {**sources[source], **chosen}, owner=owner)


def read(kind: type[Settings], settings: Mapping[str, Any], *, owner: str) -> Settings:
    """Return complete settings as a value of their own type. Raises UserError naming the setting that does not fit.

    >>> from msgspec import Struct
    >>> class Noise(Struct, forbid_unknown_fields=True):
    ...     deviation: float
    >>> read(Noise, {"deviation": "much"}, owner="evaluator 'analytic'")
    Traceback (most recent call last):
    automl_cli.core.errors.UserError: setting deviation of evaluator 'analytic': expected a number, got text
    """
    try:
        return msgspec.convert(dict(settings), kind)
    except msgspec.ValidationError as error:
        path, problem = path_and_problem(str(error))
        raise UserError(f"setting {path or '?'} of {owner}: {problem}") from error
