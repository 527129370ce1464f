"""What every search command does: settle what is asked, hold the run directory, run the study, say where the winner is."""

import shlex
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from automl_cli.cli.console import talk_console, write_json, write_line
from automl_cli.cli.options import pairs
from automl_cli.core.errors import UserError

if TYPE_CHECKING:
    from automl_cli.cli.live import Display
    from automl_cli.core.plugins import SearchSpace
    from automl_cli.planning import SearchRequest
    from automl_cli.store.bodies import StudySettings
    from automl_cli.store.run_directory import RunDirectory
    from automl_cli.winners import Winner

NAME_VALUE = {"space_options": "space-option", "strategy_options": "strategy-option", "evaluator_options": "evaluator-option"}
"""Flags given as NAME=VALUE: the parameter of the command, and the key of the request."""


class RunFlags(NamedTuple):
    """The flags that are about the run and not about the search."""

    out: Path | None
    resume: bool
    overwrite: bool
    config: Path | None
    dry_run: bool
    json: bool
    verbose: bool
    quiet: bool
    log_file: Path | None

    @property
    def display(self) -> "Display":
        """How much is shown while the search runs."""
        from automl_cli.cli.live import Display

        return Display(self.verbose, self.quiet, self.log_file)


def run_search(command: str, *, default_space: str, flags: Mapping[str, Any]) -> None:
    """Run a search command with these flags, by the names of the function's parameters."""
    run_flags = RunFlags(**{name: flags[name] for name in RunFlags._fields})
    search_flags = {name: value for name, value in flags.items() if name not in RunFlags._fields}
    if run_flags.resume and run_flags.overwrite:
        raise UserError("--resume continues a run and --overwrite replaces it; give one of them")
    if run_flags.resume and run_flags.out is None:
        raise UserError("--resume needs the run to continue: give its directory with --out")
    request = request_of(search_flags, run_flags.config)
    with _sigterm_as_ctrl_c():
        if run_flags.dry_run:
            _show_plan(command, request, default_space=default_space, as_json=run_flags.json)
        elif run_flags.resume:
            _resume(request, run_flags)
        else:
            _start(command, request, run_flags, default_space=default_space)


def request_of(flags: Mapping[str, Any], config: Path | None) -> "SearchRequest":
    """What was asked for: flags, and where they say nothing the configuration file."""
    from automl_cli.planning import SearchRequest, read_request

    from_file = {} if config is None else read_request(config).given()
    said = {name.replace("_", "-"): value for name, value in flags.items() if value is not None and name not in NAME_VALUE}
    for parameter, name in NAME_VALUE.items():
        if texts := pairs(flags[parameter], f"--{name}"):
            said[name] = {**from_file.get(name, {}), **texts}
    return SearchRequest(**{name.replace("-", "_"): value for name, value in {**from_file, **said}.items()})


def _show_plan(command: str, request: "SearchRequest", *, default_space: str, as_json: bool) -> None:
    from automl_cli.cli.plans import plan_text
    from automl_cli.estimates import plan_of
    from automl_cli.executors.process import set_up_this_process
    from automl_cli.planning import plan_search

    set_up_this_process()
    plan = plan_of(*plan_search(command, request, default_space=default_space, data_needed=False))
    if as_json:
        write_json(plan)
    else:
        write_line(plan_text(plan))


def _start(command: str, request: "SearchRequest", flags: RunFlags, *, default_space: str) -> None:
    from automl_cli.executors.process import set_up_this_process
    from automl_cli.planning import plan_search
    from automl_cli.store.artifact import artifact_of
    from automl_cli.store.run_directory import check_new_run, create_run, default_run_path

    path = flags.out or default_run_path(command)
    check_new_run(path, overwrite=flags.overwrite)
    set_up_this_process()
    settings, space = plan_search(command, request, default_space=default_space)
    with create_run(path, artifact_of(settings), overwrite=flags.overwrite) as run:
        _run(run, settings, space, flags)


def _resume(request: "SearchRequest", flags: RunFlags) -> None:
    from automl_cli.executors.process import set_up_this_process
    from automl_cli.resuming import environment_changes, resume_search
    from automl_cli.store.run_directory import open_run

    assert flags.out is not None
    set_up_this_process()
    with open_run(flags.out) as run:
        recorded = run.settings()
        settings, space = resume_search(recorded, request)
        talk = talk_console()
        if run.torn_tail is not None:
            talk.print(f"the last line of the journal was cut off by a crash; its rest is in {run.torn_tail}", soft_wrap=True)
        if changes := ", ".join(environment_changes(recorded.environment)):
            talk.print(f"warning: not as the run was started: {changes}; scores may differ in low bits", soft_wrap=True)
        run.record(settings)
        _run(run, settings, space, flags)


def _run(run: "RunDirectory", settings: "StudySettings", space: "SearchSpace", flags: RunFlags) -> None:
    from automl_cli.cli.live import showing
    from automl_cli.study import make_strategy, run_study

    talk = talk_console()
    if not flags.quiet:
        talk.print(f"{run.path}: {_in_words(settings)}", soft_wrap=True)
    try:
        strategy = make_strategy(settings, space)
        with showing(talk, window=settings.in_flight, how=flags.display) as on_progress:
            winner = run_study(run, settings, space=space, strategy=strategy, on_progress=on_progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; continue with: {resume_command(settings, run.path)}") from None
    if not flags.quiet:
        talk.print(_winner_in_words(winner), soft_wrap=True)
    if flags.json:
        write_json(_result(run, settings, winner))
    else:
        write_line(str(run.best_file))


def resume_command(settings: "StudySettings", path: Path) -> str:
    """What continues the run, as it is typed."""
    parts = ["automl", settings.command, "--out", str(path), "--resume"]
    return shlex.join([*parts, "--space", settings.space.file] if settings.space.file else parts)


def _in_words(settings: "StudySettings") -> str:
    on = f" on {settings.dataset.source}" if settings.dataset else ""
    return (
        f"{settings.strategy} search of space {settings.space.name}{on}, {settings.trials} trials of {settings.epochs} epochs, "
        f"{settings.workers} at a time"
    )


def _winner_in_words(winner: "Winner") -> str:
    from automl_cli.winners import score_of

    text = f"best: trial {winner.trial.number}, validation score {score_of(winner.trial.outcome):.4f}"
    if (again := winner.retraining) is not None:
        scores = {row.trial: row.retrained_score for row in again.candidates}
        score, rank = scores[winner.trial.number], again.rank_correlation
        text += f"; retrained for {again.epochs} epochs " + ("it failed" if score is None else f"{score:.4f}")
        text += "" if rank is None else f" (rank correlation of the {len(scores)} candidates {rank:.2f})"
    return text


def _result(run: "RunDirectory", settings: "StudySettings", winner: "Winner") -> dict[str, Any]:
    from automl_cli.store.files import file_digest
    from automl_cli.winners import score_of

    return {
        "run": str(run.path),
        "best": str(run.best_file),
        "digest": file_digest(run.best_file),
        "trials": settings.trials,
        "trial": winner.trial.number,
        "genotype": winner.trial.task.genotype,
        "validation_score": score_of(winner.trial.outcome),
        "retraining": winner.retraining,
    }


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Asked to end, a search ends as by Ctrl-C: workers gone, journal whole, exit code 130."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
