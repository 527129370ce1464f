"""Settings of a plug-in, such as the constants of a strategy: given ones checked, the others from a paper or from a rule."""

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from automl_cli.core.errors import UserError, unknown_name, unknown_option
from automl_cli.core.msgspec_errors import path_and_problem
from automl_cli.core.option_rows import option_rows

Settings = TypeVar("Settings", bound=Struct)

CONSTANTS = "constants"
"""The option that says where constants come from that are not given: `budget` (the strategy's rule) or `paper`."""


class NoOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a plug-in that has none."""


def settle(kind: type[Settings], given: Mapping[str, Any], *, owner: str, sources: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Return complete settings: the given ones, then those of one named source, then the defaults of their type.

    Where there is more than one source, `given` may choose one by the option `constants`; else the first one serves. `owner`
    says in errors whose options these are, for example "strategy ppo". Raises UserError for an unknown name, a wrong type or a
    value out of range.
    """
    choosable = (CONSTANTS,) if len(sources) > 1 else ()
    check_options(kind, given, owner=owner, besides=choosable)
    source = given.get(CONSTANTS, next(iter(sources)))
    if source not in sources:
        raise unknown_name(f"source of the constants of {owner}:", str(source), sources)
    chosen = {name: value for name, value in given.items() if name != CONSTANTS}
    return read(kind, {**sources[source], **chosen}, owner=owner)


def check_options(kind: type[Struct], given: Mapping[str, Any], *, owner: str, besides: tuple[str, ...] = ()) -> None:
    """Raise UserError for a given option that is no field of this kind, has a wrong type or is out of range.

    `besides` names options that are checked elsewhere.
    """
    known = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for name, value in given.items():
        if name in besides:
            continue
        if name not in known:
            raise unknown_option(name, owner, (*known, *besides))
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"option {name} of {owner} is {value}; give a finite number")
        read(msgspec.defstruct(kind.__name__, [(name, known[name])]), {name: value}, owner=owner)


def read(kind: type[Settings], settings: Mapping[str, Any], *, owner: str) -> Settings:
    """Return complete settings as a value of their own type. Raises UserError naming the option that does not fit.

    >>> from msgspec import Struct
    >>> class Noise(Struct, forbid_unknown_fields=True):
    ...     deviation: float
    >>> read(Noise, {"deviation": "much"}, owner="evaluator analytic")
    Traceback (most recent call last):
    automl_cli.core.errors.UserError: option deviation of evaluator analytic is 'much'; expected a number
    """
    try:
        return msgspec.convert(dict(settings), kind)
    except msgspec.ValidationError as error:
        path, problem = path_and_problem(str(error))
        raise _misfit(kind, path or "?", problem, settings, owner) from error


def _misfit(kind: type[Struct], path: str, problem: str, settings: Mapping[str, Any], owner: str) -> UserError:
    """Return the error for an option that does not fit, with its value and what it may be."""
    row = next((row for row in option_rows(kind) if row.name == path), None)
    if row is None or path not in settings:
        return UserError(f"option {path} of {owner}: {problem}")
    if row.choices:
        return unknown_name(f"value of option {path} of {owner}:", str(settings[path]), row.choices)
    return UserError(f"option {path} of {owner} is {settings[path]!r}; {problem.partition(', got ')[0]}")
