"""Say a recorded search by flags, such as `automl search-arch --config RUN --write-config FILE` writes to a file.

What a preset means anyway is left out, but for the flags that say what kind of search it is. The flags are planned, and their
settings compared with the recorded ones: a search that no flags ask for is refused, with the first place that differs.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from automl_cli.core.errors import UserError
from automl_cli.core.flags import Flag
from automl_cli.planning.child import network_given
from automl_cli.planning.flags import flags_of, search_rows
from automl_cli.planning.network_flags import NETWORK_FLAGS
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.planning.strategy_rule import AUTO
from automl_cli.plugins.registry import EVALUATORS
from automl_cli.plugins.roles import typed_facts, words_of
from automl_cli.references import WHAT_IS_TRAINED, open_filling, role_flags
from automl_cli.references.said import gives, text_that_gives
from automl_cli.store.consistency import alike, first_difference
from automl_cli.store.encoding import plain
from automl_cli.store.study import StudySettings

SORT = ("preset", "space", "space-option", "dataset", "strategy", "strategy-option", "trials", "epochs", "seed", "in-flight")
ALWAYS = (*SORT, "layout", "pixel-range")
"""Flags that are written whether or not the preset means the same, as far as the evaluator has them: without the last two some
arrays cannot be read."""

_NONE = "none"
"""A choice of flags that may say that there is nothing of the kind."""

ROUNDS = 3
"""A flag may bring others into line, or out of it, so often."""


def flags_for(settings: StudySettings, given: SearchRequest, *, default_space: str) -> SearchRequest:
    """Return the flags that ask for the search with these settings. `given` holds what only the user can say: files.

    A strategy that `auto` meant is said so, and by its name where `auto` means another one by now: a resumed search may have
    been given more trials. Raises UserError for a search that no flags ask for.
    """
    if settings.strategy_rule:
        with suppress(UserError):
            return _flags_of(settings, given, default_space)
        settings = msgspec.structs.replace(settings, strategy_rule="")
    return _flags_of(settings, given, default_space)


def _flags_of(settings: StudySettings, given: SearchRequest, default_space: str) -> SearchRequest:
    """Return the flags of settings whose strategy is said by its name, or as `auto` where they have its rule."""
    asked = given.replaced(**{row.attribute: _said(row, settings, given) for row in _always(settings)})
    if settings.space.file is not None:
        asked = asked.replaced(space=given.space)
    for _ in range(ROUNDS):
        planned, _space = plan_search(settings.command, asked, default_space=default_space)
        if alike(_decisive(planned), _decisive(settings)):
            return asked
        if alike(_decisive(planned, but="taken_over"), _decisive(settings, but="taken_over")):
            asked = asked.replaced(start_from=[run.path for run in settings.taken_over])
        more = {row.attribute: _said(row, settings, given) for row in _differing(planned, settings, asked)}
        asked = asked.replaced(**more)
    path, recorded, by_flags = first_difference(_decisive(settings), _decisive(planned))
    raise UserError(
        f"no flags ask for what this run has on record: {path.lstrip('.')} is {recorded}, and flags give {by_flags}. Search it "
        "anew with --config RUN, without --write-config"
    )


def _decisive(settings: StudySettings, *, but: str = "environment") -> Any:
    """Return the settings as plain data, without the machine that they were resolved on, and without another one."""
    return {name: value for name, value in plain(settings).items() if name not in ("environment", "timings", but)}


def _always(settings: StudySettings) -> Iterator[Flag]:
    """Yield the rows that are always written of such a search: what a plan cannot do without is among them."""
    for row in _sayable(settings):
        of_evaluator = row.of_evaluator is not None or (row.name == "evaluator" and settings.child is None)
        if row.name in ALWAYS or of_evaluator:
            yield row


def _sayable(settings: StudySettings) -> Iterator[Flag]:
    """Yield the rows that mean something in such a search, without those whose value stands in a table of options."""
    evaluator = EVALUATORS.load(settings.evaluator.name)
    known, own = {row.name for row in flags_of(settings.command)}, {row.name for row in evaluator.flags}
    options = {row.recorded for row in search_rows() if row.type is dict and row.name != "evaluator-option"}
    for row in search_rows():
        means_nothing = row.name in evaluator.unused or (row.of_children and not evaluator.trains)
        of_another = row.of_evaluator is not None and row.name not in own
        within = row.recorded is not None and row.recorded.rpartition(".")[0] in options
        if row.name in known and not (means_nothing or of_another or within):
            yield row


def _differing(planned: StudySettings, settings: StudySettings, asked: SearchRequest) -> Iterator[Flag]:
    """Yield the rows that were not asked for and of which the two have different values on record."""
    for row in _sayable(settings):
        if row.name in asked.given() or (row.name in NETWORK_FLAGS and _has_network(asked)):
            continue
        was, now = _recorded(row, settings), _recorded(row, planned)
        if (was is not None or _NONE in row.choices) and not alike(was, now):
            yield row


def _recorded(row: Flag, settings: StudySettings) -> Any:
    """Return what is on record of the flag: of one that fills a role also the name and the digest of its value."""
    role = WHAT_IS_TRAINED if row.name in NETWORK_FLAGS else role_flags().get(row.name)
    if role is None:
        return row.recorded_in(settings)
    return None if settings.child is None else settings.child.roles.get(role)


def _has_network(asked: SearchRequest) -> bool:
    return any(getattr(asked, flag) is not None for flag in NETWORK_FLAGS)


def _said(row: Flag, settings: StudySettings, given: SearchRequest) -> Any:
    """Return what would be said of the flag; None for nothing."""
    if row.name in NETWORK_FLAGS:
        return _network(row.name, settings, given)
    if row.name in role_flags():
        return _role(row.name, settings, given)
    if settings.strategy_rule and row.name in ("strategy", "strategy-option"):
        return AUTO if row.name == "strategy" else None
    value = row.recorded_in(settings)
    if row.name == "evaluator-option":
        own = EVALUATORS.load(settings.evaluator.name).options.__struct_fields__
        value = {name: item for name, item in settings.evaluator.settings.items() if name in own}
    if isinstance(value, Mapping):
        return {name: item for name, item in plain(value).items() if item not in (None, [], {})} or None
    if value is None:
        return _NONE if _NONE in row.choices else None
    return row.as_said(plain(value))


def _role(flag: str, settings: StudySettings, given: SearchRequest) -> str:
    """Return the name, or the formula, of what stands in a role; else the file that the user gave."""
    roles = {} if settings.child is None else settings.child.roles
    filling = roles[role_flags()[flag]]
    said = (filling.name, words_of(filling), getattr(given, flag))
    return text_that_gives(filling, flag, said, lambda text: open_filling(role_flags()[flag], text))


def _network(flag: str, settings: StudySettings, given: SearchRequest) -> str | None:
    """Return what is said with this flag of the network that is trained; None where another one of the flags says it."""
    assert settings.child is not None
    filling, facts = settings.child.roles[WHAT_IS_TRAINED], typed_facts(settings.child.problem)
    if flag != NETWORK_FLAGS[-1]:
        with_flag = gives(filling, filling.name, lambda text: network_given(SearchRequest(**{flag: text}), facts))
        return filling.name if with_flag else None
    if any(_network(other, settings, given) is not None for other in NETWORK_FLAGS[:-1]):
        return None
    return text_that_gives(filling, flag, (filling.name,), lambda text: network_given(SearchRequest(network=text), facts))
