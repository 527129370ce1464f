"""Checks of a search space before anything is written: what its file declares, and what its functions give for one genotype."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, get_args

from automl_cli.core.decisions import Choice, DecisionList, Genotype
from automl_cli.core.errors import AutomlError, SpaceError, UserError
from automl_cli.core.plugin_calls import described, file_of, shown_genotype, type_in_words
from automl_cli.core.spaces import Plugin, SearchPreset, SearchSpace, SpaceOption
from automl_cli.plugins.kind import Kind
from automl_cli.plugins.listing import kind_named, kinds, standing_kind
from automl_cli.store.encoding import convert, plain
from automl_cli.values.child import ChildPreset

_FUNCTIONS = {"decisions": True, "decode": True, "tokens": True} | dict.fromkeys(
    ("place", "encode", "length", "mutate", "canonical"), False
)
"""The functions of a plug-in, and whether it must have them."""

_TYPES: Mapping[str, type] = {"name": str, "version": int, "command": str, "produces": str, "summary": str, "presets": dict}


def check_plugin(plugin: Plugin, place: str) -> Plugin:
    """Return the plug-in. Raises SpaceError where a field of its declaration is of another type than it must be."""
    for name, wanted in _TYPES.items():
        if type(value := getattr(plugin, name)) is not wanted:
            raise _wrong_field(place, name, value, f"of type {wanted.__name__}")
    if not plugin.name:
        raise SpaceError(f"{place}: name of SPACE is empty; give the space a name")
    for name, needed in _FUNCTIONS.items():
        value = getattr(plugin, name)
        if not callable(value) and (needed or value is not None):
            raise _wrong_field(place, name, value, "a function" if needed else "a function or None")
    options: Any = plugin.options
    if type(options) is not tuple or not all(isinstance(option, SpaceOption) for option in options):
        raise _wrong_field(place, "options", options, "a tuple of SpaceOption")
    for option in plugin.options:
        _check_option(option, place)
    for name, preset in plugin.presets.items():
        _check_preset(preset, place, f"presets[{name!r}]")
    return plugin


def _check_option(option: SpaceOption, place: str) -> None:
    field = f"option {option.name!r}"
    if type(option.default) not in get_args(Choice):
        raise _wrong_field(place, f"the default of {field}", option.default, "a text, a number, True or False")
    try:
        option.check(option.default)
    except UserError as error:
        raise SpaceError(f"{place}: {field} of SPACE has a default that it may not be: {error}") from error


def _check_preset(preset: Any, place: str, field: str) -> None:
    if not isinstance(preset, SearchPreset):
        raise _wrong_field(place, field, preset, "a SearchPreset")
    if preset.child is not None and not isinstance(preset.child, ChildPreset):
        raise _wrong_field(place, f"{field}.child", preset.child, "a ChildPreset (automl_cli.values.child) or None")
    try:
        convert(plain(preset), SearchPreset, f"{place}: {field} of SPACE")
    except TypeError as error:
        raise SpaceError(f"{place}: {field} of SPACE holds what JSON cannot: {error}") from error


def _wrong_field(place: str, field: str, value: object, allowed: str) -> SpaceError:
    return SpaceError(f"{place}: {field} of SPACE is {type_in_words(value)}; it must be {allowed}")


def check_space(space: SearchSpace) -> None:
    """Draw one genotype and check what every function of the space gives for it.

    Raises SpaceError naming the space's file, the function, what it gave and what it may give.
    """
    _check_stored(space.decisions, DecisionList, f"{space.place}: decisions gave what no file can hold")
    genotype = space.sample(0, 0)
    value = decoded(space, genotype)
    if _asked(space, "decode", genotype, lambda: space.decode(genotype)) != value:
        raise SpaceError(
            f"{space.place}: decode gave two values for one {shown_genotype(genotype)}; its value may depend on options and "
            "genotype only"
        )
    meaning = _asked(space, "canonical", genotype, lambda: space.canonical(genotype))
    if _asked(space, "canonical", genotype, lambda: space.canonical(genotype)) != meaning:
        raise SpaceError(
            f"{space.place}: canonical gave two answers for one {shown_genotype(genotype)}; its answer may depend on "
            "options and genotype only"
        )
    tokens = _asked(space, "tokens", genotype, lambda: space.tokens(genotype))
    if not tokens or not all(tokens):
        raise SpaceError(
            f"{space.place}: tokens gave no text for {shown_genotype(genotype)}; it must give at least one, none empty"
        )
    _asked(space, "mutate", genotype, lambda: space.mutate(genotype, Random(0)))
    if space.plugin.encode is not None:
        again = _asked(space, "encode", genotype, lambda: space.encode(value))
        if decoded(space, again) != value:
            raise SpaceError(
                f"{space.place}: encode gave {shown_genotype(again)} for the value of {shown_genotype(genotype)}, which "
                f"decodes to another value"
            )


def check_placed(space: SearchSpace, facts: Any) -> None:
    """Draw one genotype and check what stands for it in a child, on data with these facts; raise SpaceError where it cannot."""
    kind, genotype = standing_kind(_found_kind(space)), space.sample(0, 0)
    if space.plugin.place is None and kind.name != space.plugin.produces:
        raise _wrong_field(space.place, "place", None, f"a function that makes {_type_with_module(kind)} of a decoded value")
    name = "decode" if space.plugin.place is None else "place"
    placed = _asked(space, name, genotype, lambda: space.placed(genotype, facts))
    _check_value(space, name, genotype, placed, kind, f"a child of this space is built from {_type_with_module(kind)}")


def decoded(space: SearchSpace, genotype: Genotype) -> Any:
    """Return the value of the genotype. Raises SpaceError where it is not one of the kind that the space produces."""
    kind = _found_kind(space)
    value = _asked(space, "decode", genotype, lambda: space.decode(genotype))
    allowed = f"a space that produces {kind.name!r} decodes to {_type_with_module(kind)}"
    _check_value(space, "decode", genotype, value, kind, allowed)
    return value


def _found_kind(space: SearchSpace) -> Kind:
    """Return the kind that the space produces, which must be one that searches write."""
    name = space.plugin.produces
    found = [kind.name for kind in kinds().values() if kind.is_found]
    if name not in found:
        raise SpaceError(f"{space.place}: produces of SPACE is {name!r}; it must be one of: {', '.join(found)}")
    return kind_named(name)


def _check_value(space: SearchSpace, name: str, genotype: Genotype, value: Any, kind: Kind, allowed: str) -> None:
    """Raise SpaceError unless the value is of the kind's type and the same again when it is read from a file."""
    start = f"{space.place}: {name} gave {type_in_words(value)}"
    if not isinstance(value, kind.value):
        raise SpaceError(f"{start} for {shown_genotype(genotype)}; {allowed}")
    _check_stored(value, kind.value, f"{start} for {shown_genotype(genotype)} that no file can hold")


def _check_stored(value: Any, kind: type, problem: str) -> None:
    """Raise SpaceError unless the value is the same again when it is read from a file that it was written to."""
    try:
        again: Any = convert(plain(value), kind, "value")
    except (TypeError, AutomlError) as error:
        raise SpaceError(f"{problem}: {str(error).removeprefix('value: ')}") from error
    if again != value:
        raise SpaceError(f"{problem}: read again it is another; give tuples, not lists, where its fields are tuples")


def _asked(space: SearchSpace, name: str, genotype: Genotype, ask: Callable[[], Any]) -> Any:
    """Return what the function of the space gives; an error of ours that it raises for this genotype is a fault of it."""
    try:
        return ask()
    except AutomlError as error:
        if str(error).startswith(f"{space.place}: "):
            raise
        where = described(error, file_of(getattr(space.plugin, name)))
        raise SpaceError(f"{space.place}: {name} fails for {shown_genotype(genotype)}: {where}") from error


def _type_with_module(kind: Kind) -> str:
    types = [kind.value] if isinstance(kind.value, type) else list(get_args(kind.value))
    name = " or ".join(one.__name__ for one in types)
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name} ({types[0].__module__})"
