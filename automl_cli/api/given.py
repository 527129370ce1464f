"""Turns what a program gives into the values of flags: arrays into a file of the cache, functions and results into names."""

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_cli.api.result import SearchResult
from automl_cli.core.errors import UserError, unknown_name
from automl_cli.core.flags import Flag
from automl_cli.core.plugin_calls import type_in_words
from automl_cli.jobs.loading import Loaded
from automl_cli.store.config_file import typed_values

if TYPE_CHECKING:
    from automl_cli.running.talk import Talk

DATASET, EVALUATOR = "dataset", "evaluator"


def values_of(given: Mapping[str, Any], rows: Iterable[Flag], *, function: str, talk: "Talk") -> dict[str, Any]:
    """Return the values of flags by attribute; None is as good as not given.

    Raises UserError for a keyword that no row has and for a value of another type, before arrays are written. What is done with
    arrays and functions is said.
    """
    known = {row.attribute: row for row in rows}
    for name in given:
        if name not in known:
            raise unknown_name(f"keyword of {function}:", name, known)
    said = {name: value for name, value in given.items() if value is not None}
    held = {name: said.pop(name) for name in (DATASET, EVALUATOR) if name in said and not isinstance(said[name], str)}
    named = {known[name].name: _as_text(value, known[name]) for name, value in said.items()}
    values = typed_values(named, known.values(), function)
    if EVALUATOR in held:
        values[EVALUATOR] = _named_function(held[EVALUATOR], talk)
    if DATASET in held:
        values[DATASET] = dataset_named(held[DATASET], talk)
    return {name: Path(value) if known[name].type is Path else value for name, value in values.items()}


def name_of(value: Any) -> Any:
    """Return the name or path by which a command takes a value: the winner of a search, the place of what was loaded."""
    if isinstance(value, SearchResult):
        return str(value.best_file)
    if isinstance(value, Loaded):
        return value.name or value.place
    return fspath(value) if isinstance(value, PathLike) else value


def dataset_named(dataset: Any, talk: "Talk") -> str:
    """Return the name or path of a data set; arrays are written into the cache first, and that is said."""
    from automl_cli.data.own_arrays import is_arrays, kept_arrays

    if not is_arrays(dataset):
        return str(fspath(dataset))
    file = kept_arrays(dataset)
    talk.say(f"the arrays are kept as {file}")
    return str(file)


def _as_text(value: Any, row: Flag) -> Any:
    """Return paths, results and loaded values as texts, and mappings as dicts; of a row that takes a list, a list of them.

    In a list a search stands for its run with all trials, not for its winner alone.
    """
    if row.type is list:
        alone = isinstance(value, str | PathLike | SearchResult | Loaded)
        items = [value] if alone else value
        return [str(item.path) if isinstance(item, SearchResult) else name_of(item) for item in items]
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else name_of(value)


def _named_function(function: Any, talk: "Talk") -> str:
    from automl_cli.evaluators.own_function import HERE, hold

    if callable(function) and not str(getattr(function, "__name__", "")).isidentifier():
        what = "a lambda" if getattr(function, "__name__", "") == "<lambda>" else type_in_words(function)
        raise UserError(
            f"evaluator is {what}, which has no name for the run to record; write a function with def and a name that calls it"
        )
    reference = hold(function)
    if reference.startswith(f"{HERE}:"):
        name = reference.rpartition(":")[2]
        talk.say(
            f"{name} is held by this process alone, so the children are scored here, one after the other (executor serial); "
            f"in a file, as FILE.py:{name}, it would be called by worker processes"
        )
    return reference
