"""The options of a plug-in as rows of plain data, read off the type of its settings: what `automl strategies` shows."""

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from automl_cli.core.bounds import Bounds

_TYPE_WORDS: dict[Any, str] = {
    int: "whole number",
    float: "number",
    bool: "true or false",
    str: "text",
    dict: "names with values",
}


class OptionRow(Struct, frozen=True, kw_only=True):
    """One option. `default` means nothing where the option is `required`: then a rule of the plug-in chooses its value.

    `bounds` are in words, empty for none; `choices` lists the words it takes, empty for any.
    """

    name: str
    type: str
    required: bool
    default: Any
    bounds: str
    choices: tuple[str, ...]
    help: str


def option_rows(kind: type[Struct]) -> tuple[OptionRow, ...]:
    """Return a row for every field of a type of settings, in order.

    >>> class Noise(Struct):
    ...     deviation: Annotated[float, Meta(ge=0, lt=1, description="Standard deviation.")] = 0.5
    >>> (row,) = option_rows(Noise)
    >>> row.type, row.default, row.bounds, row.help
    ('number', 0.5, 'at least 0 and below 1', 'Standard deviation.')
    """
    return tuple(_row(field) for field in msgspec.structs.fields(kind))


def _row(field: Any) -> OptionRow:
    plain, notes = _unwrapped(field.type)
    choices = tuple(map(str, get_args(plain))) if get_origin(plain) is Literal else ()
    default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
    return OptionRow(
        name=field.name,
        type="word" if choices else _TYPE_WORDS.get(get_origin(plain) or plain, "list"),
        required=field.required,
        default=None if field.required else default,
        bounds=" and ".join(words for note in notes for words in _bounds(note)),
        choices=choices,
        help=next((note.description for note in notes if note.description), ""),
    )


def _unwrapped(hint: Any) -> tuple[Any, list[Meta]]:
    """Return the type itself, without None, and the notes that stand beside it."""
    notes: list[Meta] = []
    while True:
        if get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            notes += [note for note in more if isinstance(note, Meta)]
        elif get_origin(hint) in (Union, UnionType):
            hint = next(part for part in get_args(hint) if part is not NoneType)
        else:
            return hint, notes


def _bounds(note: Meta) -> list[str]:
    """Return the bounds of a note in words, each by itself."""
    bounds = Bounds(at_least=note.ge, above=note.gt, at_most=note.le, below=note.lt)
    return [] if bounds == Bounds() else bounds.each_in_words
