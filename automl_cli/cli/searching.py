"""Run a search command: read its flags, run or plan the search, print where the winner is."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from automl_cli.cli.configuring import write_config
from automl_cli.cli.console import talk_console, write_json, write_line, write_words
from automl_cli.cli.errors import warn_if_refused
from automl_cli.cli.options import pairs
from automl_cli.core.errors import UserError
from automl_cli.core.numbers import counted
from automl_cli.planning.run_flags import RUN_ROWS
from automl_cli.running.searches import RunPlace, run_search, say_doubts, say_what_differs
from automl_cli.running.talk import Talk
from automl_cli.running.transferring import last_words

if TYPE_CHECKING:
    from automl_cli.core.spaces import SearchSpace
    from automl_cli.planning.asked import AskedSearch
    from automl_cli.planning.request import SearchRequest
    from automl_cli.running.studies import FinishedSearch
    from automl_cli.store.study import StudySettings


class RunFlags(NamedTuple):
    """The flags that are about the run and not about the search."""

    out: Path | None
    resume: bool
    resume_or_start: bool
    overwrite: bool
    repeat: int | None
    config: Path | None
    write_config: Path | None
    dry_run: bool
    json: bool
    verbose: bool
    quiet: bool
    nice: int | None
    log_file: Path | None
    tensorboard: bool

    @property
    def place(self) -> RunPlace:
        """The run directory that is asked for."""
        return RunPlace(self.out, self.resume, self.overwrite, self.repeat, self.resume_or_start)

    @property
    def talk(self) -> Talk:
        """The talk on stderr while the search runs."""
        return Talk(talk_console(), self.verbose, self.quiet, self.log_file, self.tensorboard)


def search(command: str, flags: Mapping[str, Any]) -> None:
    """Run a search command with these flags, by attribute."""
    from automl_cli.running.search_display import check_log_file, check_one_volume
    from automl_cli.system.process import set_up_this_process

    run_flags = RunFlags(**{name: flags[name] for name in RunFlags._fields})
    for row in RUN_ROWS:
        if flags[row.attribute] is not None:
            row.check(flags[row.attribute])
    run_flags.place.check()
    if run_flags.write_config is not None and run_flags.place.resumes:
        raise UserError("--write-config with --resume: give the run with --config in place of --resume --out")
    check_one_volume(verbose=run_flags.verbose, quiet=run_flags.quiet)
    check_log_file(run_flags.log_file)
    os.nice(run_flags.nice or 0)
    asked = asked_of(command, flags, run_flags.config, resume=run_flags.resume or run_flags.resume_or_start)
    if run_flags.write_config is not None:
        write_config(asked, run_flags.write_config, json=run_flags.json, plan_follows=run_flags.dry_run)
    if run_flags.dry_run:
        set_up_this_process()
        _show_plan(asked, run_flags)
    elif run_flags.write_config is None:
        set_up_this_process()
        finished = run_search(asked, run_flags.place, run_flags.talk)
        _print(finished, as_json=run_flags.json)


def asked_of(command: str, flags: Mapping[str, Any], config: Path | None, *, resume: bool = False) -> "AskedSearch":
    """Return what was asked for: flags by attribute, over the configuration."""
    from automl_cli.planning.asked import asked_search
    from automl_cli.planning.request import SearchRequest

    rows = SearchRequest.rows()
    given = {name: flags.get(name) for name in rows}
    values = {name: pairs(value, f"--{rows[name].name}") if rows[name].type is dict else value for name, value in given.items()}
    return asked_search(command, values, config, resume=resume)


def _show_plan(asked: "AskedSearch", flags: RunFlags) -> None:
    from automl_cli.cli.plans import plan_text
    from automl_cli.planning.estimate import plan_of
    from automl_cli.running.accounts import say_what_was_read

    if flags.place.resumes:
        settings, space = _recorded(asked.command, asked.request, flags)
    else:
        settings, space = asked.settled(data_needed=False)
        _say_taken(flags)
    say_what_was_read(settings.child, flags.talk)
    say_what_differs(asked, flags.talk)
    say_doubts(settings, asked.request, flags.talk)
    repeats = len(flags.place.repeats) or None if flags.place.resumes else asked.repeats(flags.repeat)
    plan = msgspec.structs.replace(plan_of(settings, space), repeats=repeats)
    if flags.json:
        write_json(plan)
    else:
        write_words(plan_text(plan))


def _say_taken(flags: RunFlags) -> None:
    """Warn that the search itself would be refused where --out names what is there already."""
    from automl_cli.store.run_directory import check_new_run

    if (out := flags.out) is not None:
        warn_if_refused("search", lambda: check_new_run(out, overwrite=flags.overwrite))


def _recorded(command: str, request: "SearchRequest", flags: RunFlags) -> "tuple[StudySettings, SearchSpace]":
    """Return the settings and the space of the search on record, or of the first of its repeats. Nothing is written."""
    from automl_cli.core.trials import Stage, Status
    from automl_cli.planning.resume import check_best, resume_search
    from automl_cli.store.file_names import JOURNAL_FILE
    from automl_cli.store.ledger import read_trials
    from automl_cli.store.run_directory import recorded_settings

    assert flags.out is not None
    run = next(iter(flags.place.repeats), flags.out)
    recorded = recorded_settings(run)
    settings, space = resume_search(command, recorded, request)
    check_best(run, recorded)
    searched = (trial for trial in read_trials(run / JOURNAL_FILE) if trial.task.stage is Stage.SEARCH)
    ended = sum(trial.outcome.status is not Status.OVER_LIMIT for trial in searched)
    words = f"{ended:,} of {counted(settings.trials, 'trial')} have ended"
    talk_console().print(f"{run}: the plan of the whole search, of which {words}", soft_wrap=True)
    return settings, space


def _print(finished: "FinishedSearch", *, as_json: bool) -> None:
    """Print the paths that were written on stdout, then say on stderr what a user should know of them."""
    if as_json:
        write_json(finished.document())
    else:
        write_line("\n".join(path for one in finished.studies for path in one.paths()))
    for one in finished.studies:
        for line in last_words(one.transfer) if one.transfer is not None else ():
            talk_console().print(line, soft_wrap=True)
