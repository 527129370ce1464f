"""Whether data are those that a run was started with: known by their content, wherever they lie now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from automl_cli.core.errors import DataError
from automl_cli.plugins.listing import problem_named
from automl_cli.plugins.roles import typed_dataset
from automl_cli.store.encoding import plain
from automl_cli.values.child import Child, ProblemReference

CONTENT = "content"
"""The field of facts that has the digest of the content, where a problem knows it."""

PLACES = ("source", "data_dir")
"""The fields of a data set that say where it lies, each with a flag."""


def changes_of_data(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Return in words what differs between the facts of data as recorded and as they are; None where nothing does.

    >>> changes_of_data({"classes": ["a"], "content": "1f"}, {"classes": ["a"], "content": "2e"})
    'examples or labels are others than they were'
    >>> changes_of_data({"examples": 3, "content": None}, {"examples": 4, "content": "2e"})
    'examples 4 (was 3)'
    """
    changed = [name for name in now if name != CONTENT and now[name] != before.get(name)]
    if changed:
        return ", ".join(f"{name.replace('_', ' ')} {now[name]} (was {before.get(name)})" for name in changed)
    known = before.get(CONTENT) is not None
    return "examples or labels are others than they were" if known and now.get(CONTENT) != before[CONTENT] else None


def found_again(child: Child, given: Mapping[str, Any]) -> Child:
    """Return the child with the place of its data that the flags `dataset` and `data-dir` give, where data of the same content
    lie there; else the child as it is."""
    named = {"source": given.get("dataset"), "data_dir": given.get("data-dir")}
    places = {field: value for field, value in named.items() if value is not None and value != child.problem.dataset.get(field)}
    if not places or child.problem.facts.get(CONTENT) is None:
        return child
    problem, facts_before = problem_named(child.problem.name), child.problem.facts
    moved = msgspec.structs.replace(typed_dataset(child.problem), **places)
    try:
        facts = plain(problem.facts(moved))
    except DataError:
        if "source" not in places:
            raise
        return child  # the flag is refused by what is on record
    if changes_of_data(facts_before, facts) is not None:
        return child
    return msgspec.structs.replace(child, problem=ProblemReference(name=problem.name, dataset=plain(moved), facts=facts_before))


@contextmanager
def said_if_moved(child: Child | None) -> Iterator[None]:
    """Let the error for data that are not where they lay say which flags take them from elsewhere, if they would be known."""
    try:
        yield
    except DataError as error:
        if child is None or child.problem.facts.get(CONTENT) is None or "--dataset" in str(error):
            raise
        raise DataError(
            f"{error}. If the data of this run were moved, say where they lie now with --dataset (or --data-dir)"
        ) from error


def same_but_for_place(one: Child | None, other: Child | None) -> bool:
    """Return whether two children are alike, apart from where their data lie if the content is known to be the same."""
    if one is None or other is None or one.problem.facts.get(CONTENT) is None:
        return one == other
    place = {field: value for field, value in other.problem.dataset.items() if field in PLACES}
    problem = msgspec.structs.replace(one.problem, dataset={**one.problem.dataset, **place})
    return msgspec.structs.replace(one, problem=problem) == other
