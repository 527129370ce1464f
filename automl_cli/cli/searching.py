"""Run a search command: settle what is asked, make or take up run directories, run their studies.

`running` runs one study and says how it went.
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from automl_cli.cli.accounts import say_what_was_read
from automl_cli.cli.configuring import AskedSearch, asked_of, say_what_differs, warn_of_environment, write_config
from automl_cli.cli.console import talk_console, write_json, write_line, write_words
from automl_cli.cli.errors import warn_if_refused
from automl_cli.cli.interruption import goes_on_with
from automl_cli.cli.running import Finished, prepare_data, run_one
from automl_cli.cli.transferring import last_words, transfer
from automl_cli.core.errors import UserError
from automl_cli.core.numbers import counted
from automl_cli.planning.run_flags import RUN_ROWS

if TYPE_CHECKING:
    from automl_cli.cli.search_display import Display
    from automl_cli.core.spaces import SearchSpace
    from automl_cli.planning.request import SearchRequest
    from automl_cli.store.run_directory import RunDirectory
    from automl_cli.store.study import StudySettings


class RunFlags(NamedTuple):
    """The flags that are about the run and not about the search."""

    out: Path | None
    resume: bool
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

    @property
    def display(self) -> "Display":
        """The settings of the display while the search runs."""
        from automl_cli.cli.search_display import Display

        return Display(self.verbose, self.quiet, self.log_file)


def run_search(command: str, *, default_space: str, flags: Mapping[str, Any]) -> None:
    """Run a search command with these flags, by attribute."""
    run_flags = RunFlags(**{name: flags[name] for name in RunFlags._fields})
    for row in RUN_ROWS:
        if flags[row.attribute] is not None:
            row.check(flags[row.attribute])
    _check(run_flags)
    os.nice(run_flags.nice or 0)
    asked = asked_of(command, flags, run_flags.config, default_space=default_space, resume=run_flags.resume)
    with _sigterm_as_ctrl_c():
        if run_flags.write_config is not None:
            write_config(asked, run_flags.write_config, json=run_flags.json, plan_follows=run_flags.dry_run)
        if run_flags.dry_run:
            _show_plan(asked, run_flags)
        elif run_flags.write_config is not None:
            return
        elif run_flags.resume:
            _resume(command, asked.request, run_flags)
        else:
            _start(asked, run_flags)


def _check(flags: RunFlags) -> None:
    from automl_cli.cli.search_display import check_log_file

    if flags.resume and flags.overwrite:
        raise UserError("--resume continues a run and --overwrite replaces it; give one of them")
    if flags.resume and flags.out is None:
        raise UserError("--resume needs the run to continue: give its directory with --out")
    if flags.write_config is not None and flags.resume:
        raise UserError("--write-config with --resume: give the run with --config in place of --resume --out")
    if flags.verbose and flags.quiet:
        raise UserError("--verbose asks for a line for every trial and --quiet for none; give one of them")
    check_log_file(flags.log_file)


def _show_plan(asked: AskedSearch, flags: RunFlags) -> None:
    from automl_cli.cli.plans import plan_text
    from automl_cli.planning.estimate import plan_of
    from automl_cli.system.process import set_up_this_process

    set_up_this_process()
    if flags.resume:
        settings, space = _recorded(asked.command, asked.request, flags)
    else:
        settings, space = asked.settled(data_needed=False)
        _say_taken(flags)
    if not flags.quiet:
        say_what_was_read(settings.child)
    say_what_differs(asked)
    _say_doubts(settings, asked.request)
    repeats = _recorded_repeats(flags) if flags.resume else asked.repeats(flags.repeat)
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


def _recorded_repeats(flags: RunFlags) -> int | None:
    """Return how many repeats the run to be resumed has; None where it is a single search."""
    assert flags.out is not None
    return len(_repeats(flags.out, flags.repeat)) or None


def _recorded(command: str, request: "SearchRequest", flags: RunFlags) -> "tuple[StudySettings, SearchSpace]":
    """Return the settings and the space of the search on record, or of the first of its repeats. Nothing is written."""
    from automl_cli.core.trials import Stage
    from automl_cli.planning.resume import check_best, resume_search
    from automl_cli.store.file_names import JOURNAL_FILE
    from automl_cli.store.journal import read_trials
    from automl_cli.store.run_directory import recorded_settings

    assert flags.out is not None
    run = next(iter(_repeats(flags.out, flags.repeat)), flags.out)
    recorded = recorded_settings(run)
    settings, space = resume_search(command, recorded, request)
    check_best(run, recorded)
    ended = sum(trial.task.stage is Stage.SEARCH for trial in read_trials(run / JOURNAL_FILE))
    words = f"{ended:,} of {counted(settings.trials, 'trial')} have ended"
    talk_console().print(f"{run}: the plan of the whole search, of which {words}", soft_wrap=True)
    return settings, space


def _repeats(path: Path, asked: int | None) -> list[Path]:
    """Return the repeats in a directory. Raises UserError unless they are as many as asked for."""
    from automl_cli.store.run_directory import repeats_of

    repeats = repeats_of(path)
    if asked not in (None, len(repeats)):
        raise UserError(f"--repeat {asked} is not what {path} was started with ({len(repeats) or 'none'})")
    return repeats


def _start(asked: AskedSearch, flags: RunFlags) -> None:
    from automl_cli.planning.resolve import repeated
    from automl_cli.store.artifact import artifact_of
    from automl_cli.store.run_directory import check_new_run, create_repeats, create_run, default_run_path
    from automl_cli.system.process import set_up_this_process

    path, repeat = flags.out or default_run_path(asked.command), asked.repeats(flags.repeat)
    check_new_run(path, overwrite=flags.overwrite)
    set_up_this_process()
    settings, space = asked.settled()
    say_what_differs(asked)
    prepare_data(settings, quiet=flags.quiet)
    _say_doubts(settings, asked.request)
    if not flags.quiet:
        _say_fitted(settings, space)
    if repeat is None:
        held = create_run(path, artifact_of(settings, settings.inputs), overwrite=flags.overwrite)
    else:
        repeats = {one.seed: artifact_of(one, one.inputs) for one in repeated(settings, repeat)}
        held = create_repeats(path, repeats, overwrite=flags.overwrite)
    with held:
        _run_all(held, lambda run: (run.settings(), space), flags)


def _resume(command: str, request: "SearchRequest", flags: RunFlags) -> None:
    from automl_cli.planning.resume import check_best, resume_search
    from automl_cli.store.run_directory import hold, open_run
    from automl_cli.system.process import set_up_this_process

    assert flags.out is not None
    set_up_this_process()
    repeats = _repeats(flags.out, flags.repeat)

    def take_up(run: "RunDirectory") -> "tuple[StudySettings, SearchSpace]":
        """Resume one study. A later repeat has a seed of its own, so the seed that was asked for is left out."""
        later = run.path in repeats[1:]
        recorded = run.settings()
        settings, space = resume_search(command, recorded, request.replaced(seed=None) if later else request)
        check_best(run.path, recorded)
        _say_what_is_new(run, recorded)
        run.record(settings)
        if not later:
            prepare_data(settings, quiet=flags.quiet)
            _say_doubts(settings, request)
        return settings, space

    with hold(flags.out) if repeats else open_run(flags.out) as held:
        _run_all(held, take_up, flags)


def _say_doubts(settings: "StudySettings", request: "SearchRequest") -> None:
    from automl_cli.planning.resolve import doubts

    for doubt in doubts(settings, request):
        talk_console().print(f"warning: {doubt}", soft_wrap=True)


def _say_fitted(settings: "StudySettings", space: "SearchSpace") -> None:
    from automl_cli.planning.estimate import fitted_in_words

    if (words := fitted_in_words(settings, space)) is not None:
        talk_console().print(f"fitted to the data: {words}", soft_wrap=True)


def _say_what_is_new(run: "RunDirectory", recorded: "StudySettings") -> None:
    if run.torn_tail is not None:
        cut = f"the last line of the journal was cut off by a crash; its rest is in {run.torn_tail}"
        talk_console().print(cut, soft_wrap=True)
    warn_of_environment(recorded.environment, "the run")


def _run_all(
    held: "RunDirectory", settle: "Callable[[RunDirectory], tuple[StudySettings, SearchSpace]]", flags: RunFlags
) -> None:
    """Run the study of the held directory, or of each of its repeats, and say where the winners are."""
    from automl_cli.jobs.caches import trim_programs
    from automl_cli.planning.resume_commands import resume_search_command
    from automl_cli.store.run_directory import open_run, repeats_of
    from automl_cli.study.session import make_executor

    trim_programs()
    repeats = repeats_of(held.path)
    finished: list[Finished] = []
    with ExitStack() as stack:
        executor = None
        for path in repeats or [held.path]:
            with open_run(path) if repeats else nullcontext(held) as run:
                settings, space = settle(run)
                executor = executor or stack.enter_context(closing(make_executor(settings)))
                with goes_on_with(resume_search_command(settings, held.path)):
                    finished.append(run_one(run, settings, space=space, executor=executor, display=flags.display))
    for at, one in enumerate(finished):
        with goes_on_with(resume_search_command(one.settings, held.path)):
            finished[at] = one._replace(transfer=transfer(one.run, one.settings, quiet=flags.quiet))
    _print(finished, repeated=bool(repeats), as_json=flags.json)


def _print(finished: list[Finished], *, repeated: bool, as_json: bool) -> None:
    """Print the paths that were written on stdout, then say on stderr what a user should know of them."""
    if as_json:
        documents = [one.document() for one in finished]
        write_json({"runs": documents} if repeated else documents[0])
    else:
        write_line("\n".join(path for one in finished for path in one.paths()))
    for one in finished:
        for line in last_words(one.transfer) if one.transfer is not None else ():
            talk_console().print(line, soft_wrap=True)


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C: workers end, the journal stays whole, the exit code is 130."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
