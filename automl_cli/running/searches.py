"""Runs a search to its end: settle what is asked, make or take up run directories, run their studies."""

from collections.abc import Callable
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from automl_cli.core.errors import UserError
from automl_cli.running.event_files import check_event_files
from automl_cli.running.opening import check_one_way, open_patiently
from automl_cli.running.studies import Finished, FinishedSearch, ended_before, prepare_data, run_one
from automl_cli.running.talk import (
    Talk,
    goes_on_with,
    say_timings,
    warn_of_environment,
    warn_of_marker,
    warn_of_set_aside,
    warn_of_timings,
)
from automl_cli.running.transferring import transfer

if TYPE_CHECKING:
    from automl_cli.core.spaces import SearchSpace
    from automl_cli.planning.asked import AskedSearch
    from automl_cli.planning.request import SearchRequest
    from automl_cli.store.run_directory import RunDirectory
    from automl_cli.store.study import StudySettings

    Settle = Callable[[RunDirectory], tuple[StudySettings, SearchSpace]]


class RunPlace(NamedTuple):
    """The run directory of a search, and whether it is a new one, one to continue or one to replace, or with `resume_or_start`
    what is found there. With `repeat` there are as many searches in it, with seeds s, s + 1, …"""

    out: Path | None = None
    resume: bool = False
    overwrite: bool = False
    repeat: int | None = None
    resume_or_start: bool = False

    def check(self) -> None:
        """Raise UserError for settings that do not go together."""
        if self.resume and self.overwrite:
            raise UserError("--resume continues a run and --overwrite replaces it; give one of them")
        if self.resume and self.out is None:
            raise UserError("--resume needs the run to continue: give its directory with --out")
        check_one_way(self.out, resume=self.resume, overwrite=self.overwrite, resume_or_start=self.resume_or_start)

    @property
    def resumes(self) -> bool:
        """Whether a run that is there already is continued."""
        return self.resume or (self.resume_or_start and self.is_there())

    def is_there(self) -> bool:
        """Return whether the directory holds a search, or its repeats."""
        from automl_cli.store.run_layout import runs_in

        return self.out is not None and bool(runs_in(self.out))

    @property
    def repeats(self) -> list[Path]:
        """The repeats in the directory. Raises UserError unless they are as many as asked for."""
        from automl_cli.store.run_layout import repeats_of

        assert self.out is not None
        repeats = repeats_of(self.out)
        if self.repeat not in (None, len(repeats)):
            raise UserError(f"--repeat {self.repeat} is not what {self.out} was started with ({len(repeats) or 'none'})")
        return repeats


def run_search(asked: "AskedSearch", place: RunPlace, talk: Talk) -> FinishedSearch:
    """Start or continue the search to its end: one study, or its repeats.

    The process is set up already. Raises UserError for whatever does not fit, before anything slow, and RunFailed where nothing
    succeeds.
    """
    place.check()
    if talk.events:
        check_event_files()
    warn_of_set_aside(talk)
    if place.resume_or_start:
        assert place.out is not None
        held, settle = open_patiently(lambda: _opened(asked, place, talk), place.out, is_there=place.is_there, talk=talk)
    else:
        held, settle = _opened(asked, place, talk)
    with held:
        return _run_all(held, settle, talk, may_have_ended=place.resume_or_start)


def _opened(asked: "AskedSearch", place: RunPlace, talk: Talk) -> "tuple[RunDirectory, Settle]":
    """Hold the directory, and return it with what settles each study in it."""
    return _resumed(asked, place, talk) if place.resumes else _started(asked, place, talk)


def _started(asked: "AskedSearch", place: RunPlace, talk: Talk) -> "tuple[RunDirectory, Settle]":
    from automl_cli.planning.resolve import repeated
    from automl_cli.store.artifact import artifact_of
    from automl_cli.store.run_directory import (
        check_new_run,
        create_repeats,
        create_run,
        create_under_default_name,
        default_run_path,
    )

    repeat = asked.repeats(place.repeat)
    check_new_run(place.out or default_run_path(asked.command), overwrite=place.overwrite)
    settings, space = asked.settled()
    say_what_differs(asked, talk)
    prepare_data(settings, talk)
    say_doubts(settings, asked.request, talk)
    _say_fitted(settings, space, talk)

    def create(path: Path) -> "RunDirectory":
        if repeat is None:
            return create_run(path, artifact_of(settings, settings.inputs), overwrite=place.overwrite)
        repeats = {one.seed: artifact_of(one, one.inputs) for one in repeated(settings, repeat)}
        return create_repeats(path, repeats, overwrite=place.overwrite)

    held = create(place.out) if place.out else create_under_default_name(asked.command, create)
    return held, lambda run: (run.settings(), space)


def _resumed(asked: "AskedSearch", place: RunPlace, talk: Talk) -> "tuple[RunDirectory, Settle]":
    from automl_cli.planning.resume import check_best, resume_search
    from automl_cli.store.run_directory import hold, open_run

    assert place.out is not None
    repeats = place.repeats

    def take_up(run: "RunDirectory") -> "tuple[StudySettings, SearchSpace]":
        """Resume one study. A later repeat has a seed of its own, so the seed that was asked for is left out."""
        later = run.path in repeats[1:]
        recorded, request = run.settings(), asked.request.replaced(seed=None) if later else asked.request
        settings, space = resume_search(asked.command, recorded, request)
        check_best(run.path, recorded)
        _say_what_is_new(run, recorded, talk)
        run.record(settings)
        if not later:
            prepare_data(settings, talk)
            say_doubts(settings, asked.request, talk)
        return settings, space

    return hold(place.out) if repeats else open_run(place.out), take_up


def say_what_differs(asked: "AskedSearch", talk: Talk) -> None:
    """Warn where the recorded run may have found something else than the same search finds here."""
    if asked.recorded is None:
        return
    warn_of_environment(asked.recorded.settings.environment, f"the run in {asked.recorded.place}", talk)
    warn_of_timings(asked.recorded.settings.timings, f"the run in {asked.recorded.place}", talk)
    for flag in asked.by_the_clock():
        talk.console.print(f"warning: it ran with {flag}, so the clock had a say in what it found", soft_wrap=True)


def say_doubts(settings: "StudySettings", request: "SearchRequest", talk: Talk) -> None:
    """Warn of valid settings that are probably mistakes."""
    from automl_cli.planning.memory import granted_here
    from automl_cli.planning.resolve import doubts

    if (granted := granted_here()) is not None:
        talk.say(f"{granted}: {settings.workers} at a time")
    for doubt in doubts(settings, request):
        talk.console.print(f"warning: {doubt}", soft_wrap=True)
    say_timings(settings.timings, talk)


def _say_fitted(settings: "StudySettings", space: "SearchSpace", talk: Talk) -> None:
    from automl_cli.planning.estimate import fitted_in_words

    if not talk.quiet and (words := fitted_in_words(settings, space)) is not None:
        talk.say(f"fitted to the data: {words}")


def _say_what_is_new(run: "RunDirectory", recorded: "StudySettings", talk: Talk) -> None:
    if run.torn_tail is not None:
        words = f"the last line of the journal was cut off by a crash; its rest is in {run.torn_tail}"
        talk.console.print(words, soft_wrap=True)
    warn_of_environment(recorded.environment, "the run", talk)
    warn_of_timings(recorded.timings, "the run", talk)


def _run_all(held: "RunDirectory", settle: "Settle", talk: Talk, *, may_have_ended: bool) -> FinishedSearch:
    """Run the study of the held directory, or of each of its repeats, and return what has ended. Nothing is done in one that
    may have ended before, and has."""
    from automl_cli.jobs.caches import trim_programs
    from automl_cli.planning.resume_commands import resume_search_command
    from automl_cli.store.run_directory import open_run
    from automl_cli.store.run_layout import repeats_of
    from automl_cli.study.session import make_executor

    trim_programs()
    warn_of_marker(held, talk)
    repeats = repeats_of(held.path)
    finished: list[Finished] = []
    with ExitStack() as stack:
        executor = None
        for path in repeats or [held.path]:
            with open_run(path) if repeats else nullcontext(held) as run:
                settings, space = settle(run)
                if may_have_ended and (one := ended_before(run, settings, space=space, talk=talk)) is not None:
                    finished.append(one)
                    continue
                executor = executor or stack.enter_context(closing(make_executor(settings)))
                with goes_on_with(resume_search_command(settings, held.path)):
                    finished.append(run_one(run, settings, space=space, executor=executor, talk=talk))
    for at, one in enumerate(finished):
        with goes_on_with(resume_search_command(one.settings, held.path)):
            finished[at] = one._replace(transfer=transfer(one.run, one.settings, talk))
    return FinishedSearch(held.path, tuple(finished), repeated=bool(repeats))
