"""Check a request to resume a study, or to search it anew: some settings may change, all others must be as recorded."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.flags import Flag
from automl_cli.core.numbers import counted
from automl_cli.core.settings import CONSTANTS
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Limits
from automl_cli.evaluators import own
from automl_cli.planning.child import network_given
from automl_cli.planning.flags import flag_named, search_rows
from automl_cli.planning.memory import check_limit, memory_limit
from automl_cli.planning.network_flags import NETWORK_FLAGS
from automl_cli.planning.place import cluster_of, place_of
from automl_cli.planning.request import SearchRequest, typed
from automl_cli.planning.resolve import check_held
from automl_cli.planning.strategy_rule import AUTO
from automl_cli.planning.transfer import check_transfer
from automl_cli.planning.warm_start import starting
from automl_cli.plugins.discovery import open_space
from automl_cli.plugins.registry import STRATEGIES
from automl_cli.plugins.roles import check_roles, typed_facts
from automl_cli.plugins.same_data import found_again, said_if_moved, same_but_for_place
from automl_cli.plugins.space_checks import check_space
from automl_cli.references import WHAT_IS_TRAINED, open_any, open_filling, role_flags
from automl_cli.store.consistency import must_equal
from automl_cli.store.earlier_trials import head_of
from automl_cli.store.encoding import convert, plain
from automl_cli.store.file_names import BEST_FILE, STUDY_FILE
from automl_cli.store.study import EarlierRun, StudySettings
from automl_cli.store.timings_in_force import settled
from automl_cli.study.session import evaluator_of, setup_of


class TakingUp(NamedTuple):
    """A way to take up recorded settings, in words, and the flags that may say something new beside the changeable ones."""

    flag: str
    verb: str
    when: str
    otherwise: str
    also: tuple[str, ...] = ()


RESUMED = TakingUp("--out RUN --resume", "continue it", "On resume", "for anything else start a new run")
ANEW = TakingUp(
    "--config RUN",
    "search it anew",
    "When a run is searched anew",
    "for anything else write its flags to a file with --write-config FILE.toml, and change them there",
    also=("seed",),
)


def resume_search(command: str, recorded: StudySettings, request: SearchRequest) -> tuple[StudySettings, SearchSpace]:
    """Merge the changeable flags into the recorded settings and open the space. Data may lie elsewhere than they did.

    Raises UserError if any other flag differs, or if the data or the table have changed since."""
    settings, space = take_up(command, recorded, request, RESUMED)
    if request.trials is not None:
        _check_trials(request.trials, recorded)
    return settings, space


def take_up(command: str, recorded: StudySettings, request: SearchRequest, how: TakingUp) -> tuple[StudySettings, SearchSpace]:
    """Return the recorded settings with the flags that may say something new, and the space.

    Raises UserError if any other flag differs, or if the data or the table have changed since."""
    if command != recorded.command:
        raise UserError(f"this is a run of {recorded.command}; {how.verb} with `automl {recorded.command} {how.flag}`")
    request.check()
    if recorded.child is not None:
        check_roles(recorded.child, f"{STUDY_FILE}: body.child", may_be_open=True)
        recorded = msgspec.structs.replace(recorded, child=found_again(recorded.child, request.given()))
    recorded = _with_function(_with_file(recorded, request.space), request.evaluator)
    space = _check_recorded(recorded)
    _check_that_nothing_else_changes(recorded, request, how)
    with said_if_moved(recorded.child):
        evaluator_of(recorded).check(setup_of(recorded))
    check_held(request)
    executor = request.executor or recorded.executor
    memory = recorded.memory_limit_bytes if request.memory_limit is None else memory_limit(request.memory_limit)
    place = place_of(
        executor,
        request.workers or (None if request.executor else recorded.workers),
        timeout := request.trial_timeout or recorded.trial_timeout_seconds,
        memory_limit_bytes=memory,
        cluster=cluster_of(executor, request, recorded.cluster),
    )
    check_limit(memory, executor)
    settings = msgspec.structs.replace(
        recorded,
        trials=request.trials or recorded.trials,
        time_budget_seconds=request.time_budget or recorded.time_budget_seconds,
        trial_timeout_seconds=timeout,
        memory_limit_bytes=memory,
        timings=settled(recorded.timings) if evaluator_of(recorded).trains else None,
        **place._asdict(),
    )
    check_transfer(settings)
    check_space(space)
    return settings, space


def _check_recorded(recorded: StudySettings) -> SearchSpace:
    """Open the space of a study. Raises ArtifactError, with the place in its file, for options that were edited by hand."""
    evaluator, strategy = recorded.evaluator, STRATEGIES.load(recorded.strategy)
    convert(evaluator.settings, evaluator_of(recorded).settings, f"{STUDY_FILE}: body.evaluator.settings")
    convert(recorded.strategy_settings, strategy.settings, f"{STUDY_FILE}: body.strategy_settings")
    try:
        return open_space(recorded.space)
    except UserError as error:
        if recorded.space.file is not None:  # the file was given just now
            raise
        raise ArtifactError(f"{STUDY_FILE}: body.space: {error}") from error


def check_best(run: Path, recorded: StudySettings) -> None:
    """Raise ArtifactError where the best.json of a run was found otherwise than study.json says: one was edited by hand.

    One that cannot be read is passed over, since the resumed search writes it anew.
    """
    best = run / BEST_FILE
    if not best.is_file():
        return
    found = None
    with suppress(ArtifactError):
        found = open_any(str(best)).artifact.body.found
    if found is None:
        return
    child = None if recorded.child is None else recorded.child.portable
    space = msgspec.structs.replace(recorded.space, file=None)
    said = {"space": space, "reward_function": recorded.reward, "strategy": recorded.strategy}
    if not same_but_for_place(found.child, child):
        must_equal(f"{best}: body.found.child", found.child, child, STUDY_FILE)
    for field, value in {**said, "seed": recorded.seed}.items():
        must_equal(f"{best}: body.found.{field}", getattr(found, field), value, STUDY_FILE)


def _check_that_nothing_else_changes(recorded: StudySettings, request: SearchRequest, how: TakingUp) -> None:
    for name, value in request.given().items():
        row = flag_named(name)
        if row.changeable or name in how.also or (name == "space" and recorded.space.file):
            continue  # a space from a file is checked when it is opened
        if name == "evaluator" and recorded.evaluator.name == own.NAME:
            continue  # it has been given again
        asked, was = _as_recorded(row, value, recorded), _on_record(row, recorded)
        if not _agrees(asked, was):
            may_change = ", ".join(f"--{row.name}" for row in search_rows() if row.changeable or row.name in how.also)
            raise UserError(
                f"{_as_typed(row, value)} is not what this run was started with ({_was(row, value, recorded)}). "
                f"{how.when} only {may_change} may change; {how.otherwise}"
            )


def _check_trials(wanted: int, recorded: StudySettings) -> None:
    """Raise UserError for fewer trials than recorded, and for more where they would change the group of the last ones."""
    together = evaluator_of(recorded).together(recorded.evaluator.settings)
    if wanted < recorded.trials:
        raise UserError(f"--trials {wanted} is less than the recorded {recorded.trials}; on resume it can only be raised")
    if wanted > recorded.trials and together > 1 and recorded.limits != Limits():
        raise UserError(
            f"{together} trials are evaluated together, and with limits the last ones on record need not fill a group, so "
            "--trials cannot be raised; start a new run"
        )
    if wanted > recorded.trials and recorded.trials % together:
        raise UserError(
            f"{together} trials are evaluated together, and the recorded {recorded.trials} are not a multiple of that, so "
            "--trials cannot be raised; start a new run"
        )


def _as_recorded(row: Flag, value: Any, recorded: StudySettings) -> Any:
    """Return what a run with these settings would record of the flag."""
    if row.name in role_flags():
        filling, role = open_filling(role_flags()[row.name], value), role_flags()[row.name]
        before = None if recorded.child is None else recorded.child.roles.get(role)
        return filling.value if before is not None and before.kind == filling.kind else filling
    meaning = _MEANINGS.get(row.name)
    return row.as_recorded(value) if meaning is None else meaning(value, recorded)


def _starting_points(value: Any, recorded: StudySettings) -> Any:
    """Return the genotypes that the artifacts hold, and what runs offer."""
    measured = {name: getattr(recorded, name) for name in ("reward", "evaluator", "child", "epochs", "early_stop", "trials")}
    found = starting(SearchRequest(start_from=value), open_space(recorded.space), recorded.strategy, measured)
    runs = tuple(_first(run, recorded.taken_over) for run in found.taken_over)
    return [list(genotype) for genotype in found.genotypes], runs


def _first(run: EarlierRun, recorded: tuple[EarlierRun, ...]) -> EarlierRun:
    """Return as many trials of the run as are on record, where it has gone on since."""
    before = next((each for each in recorded if each.path == run.path and each.trials <= run.trials), None)
    if before is None:
        return run
    head_of((before,))  # raises where those are not the trials on record
    return before


def _on_record(row: Flag, recorded: StudySettings) -> Any:
    """Return what is on record of the flag."""
    if row.name == "start-from":
        return plain(recorded.strategy_settings.get("start_from", ())), recorded.taken_over
    return row.recorded_in(recorded)


def _constants(value: Mapping[str, Any], recorded: StudySettings) -> Any:
    """Return the given constants; with `constants=paper` all constants of the strategy."""
    if CONSTANTS not in value:
        return value
    return plain(STRATEGIES.load(recorded.strategy).resolve(recorded.trials, typed(value)))


def _network(flag: str, value: Any, recorded: StudySettings) -> Any:
    """Return what the flag puts into the role of the network, on the data of the study."""
    child = recorded.child
    filling = None if child is None else network_given(SearchRequest(**{flag: value}), typed_facts(child.problem))
    return None if filling is None else filling.value


def _strategy(value: str, recorded: StudySettings) -> Any:
    """Return the strategy that is meant: with `auto` the one that was chosen when the search was started, if one was."""
    return recorded.strategy if value == AUTO and recorded.strategy_rule else value


_MEANINGS: Mapping[str, Callable[[Any, StudySettings], Any]] = {
    **{flag: partial(_network, flag) for flag in NETWORK_FLAGS},
    "start-from": _starting_points,
    "strategy": _strategy,
    "strategy-option": _constants,
}
"""Flags of which something is recorded that only the other settings tell."""


def _with_file(recorded: StudySettings, given: str | None) -> StudySettings:
    """Put the file that the user gives now in place of the recorded one, which is never imported."""
    if recorded.space.file is None:
        return recorded
    if given is None or not given.endswith(".py"):
        raise UserError(
            f"this run searches a space of your own, {recorded.space.name!r}; give its file again with --space FILE.py"
        )
    return msgspec.structs.replace(recorded, space=msgspec.structs.replace(recorded.space, file=str(Path(given).resolve())))


def _with_function(recorded: StudySettings, given: str | None) -> StudySettings:
    """Put the function that the user gives now in place of the recorded one, which is never imported."""
    if recorded.evaluator.name != own.NAME:
        return recorded
    return msgspec.structs.replace(recorded, evaluator=own.given_again(recorded.evaluator, given))


def _was(row: Flag, value: Any, recorded: StudySettings) -> str:
    """Return what is recorded of the flag, as it would be typed behind it; of options only those that `value` names."""
    role = WHAT_IS_TRAINED if row.name in NETWORK_FLAGS else role_flags().get(row.name)
    filling = None if role is None or recorded.child is None else recorded.child.roles.get(role)
    if filling is not None:
        return filling.name or f"one of kind {filling.kind}"
    if row.name == "start-from" and recorded.taken_over:
        return ", ".join(f"{counted(run.trials, 'trial')} of {run.path}" for run in recorded.taken_over)
    was = row.recorded_in(recorded)
    if row.negatable and isinstance(was, bool):
        return _as_typed(row, was)
    return _was_option(was, value) if isinstance(was, Mapping) and isinstance(value, Mapping) else _shown(was)


def _was_option(recorded: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Return the recorded values of the given options, or words for options without one."""
    if known := {name: recorded[name] for name in given if name in recorded}:
        return _shown(known)
    return "other constants" if CONSTANTS in given else "without it"


def _agrees(given: Any, recorded: Any) -> bool:
    if isinstance(given, Mapping):
        return all(name in recorded and value == recorded[name] for name, value in typed(given).items())
    return bool(given == recorded)


def _as_typed(row: Flag, value: Any) -> str:
    """Return the flag with the value, as it would be typed."""
    if row.negatable and isinstance(value, bool):
        return f"--{row.name}" if value else f"--no-{row.name}"
    return f"--{row.name} {_shown(value)}"


def _shown(value: Any) -> str:
    """Return the value as it would be typed behind a flag."""
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_shown(item)}" for name, item in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)
