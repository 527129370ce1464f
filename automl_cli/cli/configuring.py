"""Reads what a search command is asked for: flags over a file of flags, or over a run that is searched anew."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from automl_cli.cli.console import talk_console, write_json, write_line
from automl_cli.cli.options import pairs
from automl_cli.core.errors import UserError
from automl_cli.core.shell_commands import command_line

if TYPE_CHECKING:
    from automl_cli.core.spaces import SearchSpace
    from automl_cli.planning.anew import RecordedSearch
    from automl_cli.planning.request import SearchRequest
    from automl_cli.store.study import StudySettings
    from automl_cli.system.machine import Environment


class AskedSearch(NamedTuple):
    """The request of a command: flags over those of a file; `recorded` is the run that is searched anew, if one is."""

    command: str
    default_space: str
    request: "SearchRequest"
    recorded: "RecordedSearch | None" = None

    def settled(self, *, data_needed: bool = True) -> "tuple[StudySettings, SearchSpace]":
        """Return the settings of the new study, and its space. Raises UserError for what does not fit."""
        from automl_cli.planning.anew import search_anew
        from automl_cli.planning.resolve import plan_search

        if self.recorded is not None:
            return search_anew(self.command, self.recorded, self.request)
        return plan_search(self.command, self.request, default_space=self.default_space, data_needed=data_needed)

    def repeats(self, given: int | None) -> int | None:
        """Return how many searches are asked for; where a run is searched anew, as many as that made."""
        return self.recorded.repeats if given is None and self.recorded is not None else given


def asked_of(command: str, flags: Mapping[str, Any], config: Path | None, *, default_space: str, resume: bool) -> AskedSearch:
    """Return what was asked for: flags by attribute, over the configuration."""
    from automl_cli.planning.anew import RecordedSearch, read_configuration
    from automl_cli.planning.request import SearchRequest

    before: SearchRequest | RecordedSearch = SearchRequest() if config is None else read_configuration(config)
    if not isinstance(before, RecordedSearch):
        return AskedSearch(command, default_space, request_of(flags, before))
    if resume:
        raise UserError("--resume goes on with the run in --out, and --config RUN searches one anew; give one of them")
    return AskedSearch(command, default_space, request_of(flags, SearchRequest()), before)


def request_of(flags: Mapping[str, Any], before: "SearchRequest") -> "SearchRequest":
    """Return the flags, by attribute, over what was asked for before."""
    asked = before
    for name, row in before.rows().items():
        value = flags.get(name)
        if row.type is dict:
            value = {**(getattr(asked, name) or {}), **pairs(value, f"--{row.name}")} or None
        if value is not None:
            asked = asked.replaced(**{name: value})
    return asked


def say_what_differs(asked: AskedSearch) -> None:
    """Warn where the recorded run may have found something else than the same search finds here."""
    if asked.recorded is None:
        return
    settings = asked.recorded.settings
    warn_of_environment(settings.environment, f"the run in {asked.recorded.place}")
    by_clock = {"--time-budget": settings.time_budget_seconds, "--trial-timeout": settings.trial_timeout_seconds}
    if said := [flag for flag, seconds in by_clock.items() if seconds is not None]:
        talk_console().print(f"warning: it ran with {said[0]}, so the clock had a say in what it found", soft_wrap=True)


def warn_of_environment(recorded: "Environment", what: str) -> None:
    """Warn of versions and CPUs that are not those on record."""
    from automl_cli.planning.resume import environment_changes

    if changes := ", ".join(environment_changes(recorded)):
        talk_console().print(f"warning: not as {what} was started: {changes}; scores may differ in low bits", soft_wrap=True)


def write_config(asked: AskedSearch, path: Path, *, json: bool, plan_follows: bool = False) -> None:
    """Write the flags that ask for this search to a new file. What does not fit is refused before.

    Its path goes to stdout, or to stderr where a plan follows."""
    from msgspec.structs import replace

    from automl_cli.planning.as_flags import flags_for
    from automl_cli.store.config_file import check_new_file, write_flags

    check_new_file(path)
    settings, _ = asked.settled(data_needed=False)
    request = asked.request
    if asked.recorded is not None:
        told = asked.recorded.settings.taken_over  # by the runs that it is from, not by the journal of this one
        settings = replace(settings, taken_over=told)
        request = flags_for(settings, request, default_space=asked.default_space)
    values, repeats = request.given(), asked.repeats(None)
    again = command_line(asked.command, "--config", path, *(() if repeats is None else ("--repeat", repeats)))
    write_flags(path, values, command=again)
    say_written(path, values, again, json=json, plan_follows=plan_follows)


def say_written(path: Path, values: Mapping[str, Any], again: str, *, json: bool, plan_follows: bool) -> None:
    """Say which file of flags was written, and the command that takes it."""
    if plan_follows:
        talk_console().print(f"{path}: take it with: {again}", style="dim", soft_wrap=True)
    elif json:
        write_json({"config": str(path), "command": again, "flags": values})
    else:
        write_line(str(path))
        talk_console().print(f"take it with: {again}", style="dim", soft_wrap=True)
