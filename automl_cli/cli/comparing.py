"""Run `automl compare`: settle what is asked, hold the directory, show the course and the result."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_cli.cli.console import data_console, talk_console, write_json, write_words
from automl_cli.cli.errors import warn_if_refused
from automl_cli.core.errors import UserError
from automl_cli.core.numbers import counted, duration
from automl_cli.core.shell_commands import command_line
from automl_cli.running.search_display import PLAIN_SECONDS
from automl_cli.running.talk import Talk, goes_on_with, say_timings, warn_of_marker, warn_of_set_aside, warn_of_timings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.figure import Figure

    from automl_cli.core.trials import Trial
    from automl_cli.kinds.comparison import ComparisonSettings
    from automl_cli.planning.compare_flags import ComparisonRequest
    from automl_cli.store.run_directory import RunDirectory
    from automl_cli.values.sheet import Part

IMAGES = (".svg", ".png")
WITHOUT_DATA = ("optimizer", "problem", "learning-rates", "seed")
"""The flags that mean something to an analytic problem."""


def check_place(given: Mapping[str, Any]) -> None:
    """Raise UserError for flags about the run that do not fit together."""
    if given["resume"] and given["overwrite"]:
        raise UserError("--resume continues a comparison and --overwrite replaces it; give one of them")
    if given["resume"] and given["out"] is None:
        raise UserError("--resume needs --out: the directory of the comparison to go on with")
    image = given["image"]
    if image is not None and image.suffix not in IMAGES:
        raise UserError(f"--image is {str(image)!r}; its name must end in {' or '.join(IMAGES)}")
    if image is not None and not image.absolute().parent.is_dir():
        raise UserError(f"--image is {str(image)!r}, and there is no folder {image.parent}; make it, or choose another place")


def compare_on_problem(request: "ComparisonRequest", given: Mapping[str, Any]) -> None:
    """Compare update rules on an analytic problem and print the table."""
    from automl_cli.jobs.descents import RATES, compare_descents
    from automl_cli.planning.compare import compared_of, rates_of
    from automl_cli.references import open_filling
    from automl_cli.reporting.compared import descent_parts
    from automl_cli.system.process import set_up_this_process

    placed = [name for name in ("out", "resume", "overwrite", "dry_run") if given[name]]
    foreign = [*(flag for flag in request.given() if flag not in WITHOUT_DATA), *(name.replace("_", "-") for name in placed)]
    if foreign:
        raise UserError(f"--{foreign[0]} means nothing to --problem {request.problem}, which trains no network; leave it out")
    _, role, texts = compared_of(request)
    values = [(text, open_filling(role, text)) for text in texts]
    rates = rates_of(request, RATES)
    set_up_this_process()
    result = compare_descents(request.problem, values, rates=rates, seed=request.seed or 0)
    if given["image"] is not None:
        from automl_cli.reporting.plots import descent_plot

        _draw(descent_plot(result), given["image"])
    _print(result, descent_parts(result), json=given["json"])


def show_plan(request: "ComparisonRequest", given: Mapping[str, Any]) -> None:
    """Print the plan of a new comparison, or of one on record. Nothing is written."""
    from automl_cli.planning.compare import comparison_plan, plan_comparison, plan_resumed
    from automl_cli.plugins.roles import words_of
    from automl_cli.store.run_directory import check_new_run
    from automl_cli.store.run_layout import COMPARISON
    from automl_cli.values.expressions.tree import number_text

    if given["resume"]:
        settings = plan_resumed(_recorded(given["out"]), request)
    else:
        settings = plan_comparison(request, data_needed=False)
        if given["out"] is not None:
            out, overwrite = given["out"], given["overwrite"]
            warn_if_refused("comparison", lambda: check_new_run(out, overwrite=overwrite, layout=COMPARISON))
    plan = comparison_plan(settings)
    if given["json"]:
        write_json(plan)
        return
    rows = [(value.label, words_of(value.filling)) for value in settings.values]
    rows += [("data set", settings.child.problem.source)]
    rows += [(role, filling.name or words_of(filling)) for role, filling in settings.child.roles.items()]
    if plan.sweep_trainings:
        rates = ", ".join(map(number_text, settings.rates_of(0)))
        rows += [("rates", f"{rates}; {counted(plan.sweep_trainings, 'training')} of 1 epoch choose")]
    rows += [("compared", f"{counted(plan.trainings, 'training')} of {counted(settings.epochs, 'epoch')}")]
    if plan.wall_seconds is not None:
        rows += [("here", f"about {duration(plan.wall_seconds)}, {settings.workers} at a time")]
    width = max(len(name) for name, _ in rows)
    write_words("\n".join(f"{name:<{width}}  {value}" for name, value in rows))


def compare_on_data(request: "ComparisonRequest", given: Mapping[str, Any]) -> None:
    """Run or continue a comparison, and print its table."""
    from automl_cli.jobs.caches import trim_programs
    from automl_cli.jobs.compare import best_rates, prepare_comparison, run_comparison
    from automl_cli.reporting.compared import comparison_parts, comparison_result
    from automl_cli.reporting.plots import compared_plot
    from automl_cli.running.accounts import warn_of_the_cache
    from automl_cli.store.file_names import COMPARISON_PLOT
    from automl_cli.system.process import set_up_this_process

    set_up_this_process()
    warn_of_set_aside(Talk(talk_console()))
    trim_programs()
    with _held(request, given) as run:
        settings = _recorded(run.path)
        warn_of_marker(run, Talk(talk_console()))
        with goes_on_with(command_line("compare", "--resume", "--out", run.path)):
            display = _ComparisonDisplay(quiet=given["quiet"])
            display.say(f"{run.path}: {_in_words(settings)}")
            say_timings(settings.timings, Talk(talk_console(), quiet=given["quiet"]))
            prepare_comparison(settings, lambda done, total: None)
            warn_of_the_cache(Talk(talk_console()))
            trials = run_comparison(run, settings, on_trial=display.ended)
        result = comparison_result(run.path, settings, trials, best_rates(settings, trials))
        for place in (run.path / COMPARISON_PLOT, *([given["image"]] if given["image"] is not None else ())):
            _draw(compared_plot(result), place)
    _print(result, comparison_parts(result), json=given["json"])
    display.say(f"plot: {run.path / COMPARISON_PLOT}")


def _held(request: "ComparisonRequest", given: Mapping[str, Any]) -> "RunDirectory":
    """Hold the directory of a new comparison, or of one that goes on."""
    from automl_cli.planning.compare import plan_comparison, plan_resumed
    from automl_cli.store.artifact import artifact_of, write_artifact
    from automl_cli.store.run_directory import check_new_run, create_run, create_under_default_name, default_run_path, open_run
    from automl_cli.store.run_layout import COMPARISON

    if not given["resume"]:
        overwrite = given["overwrite"]
        check_new_run(given["out"] or default_run_path("compare"), overwrite=overwrite, layout=COMPARISON)
        settings = plan_comparison(request)
        artifact = artifact_of(settings, settings.inputs)
        create = partial(create_run, settings=artifact, overwrite=overwrite, layout=COMPARISON)
        return create(given["out"]) if given["out"] else create_under_default_name("compare", create)
    run = open_run(given["out"], layout=COMPARISON)
    try:
        recorded = _recorded(run.path)
        settings = plan_resumed(recorded, request)
        warn_of_timings(recorded.timings, "the comparison", Talk(talk_console()))
        if settings != recorded:
            write_artifact(run.path / COMPARISON.settings, artifact_of(settings, settings.inputs))
    except BaseException:
        run.close()
        raise
    return run


def _recorded(directory: Path) -> "ComparisonSettings":
    from automl_cli.kinds.comparison import ComparisonSettings
    from automl_cli.store.artifact import read_artifact
    from automl_cli.store.run_directory import check_is_run
    from automl_cli.store.run_layout import COMPARISON

    check_is_run(directory, COMPARISON)
    return read_artifact(directory / COMPARISON.settings, ComparisonSettings).body


class _ComparisonDisplay:
    """Says how far the comparison is: a line now and then, and one for every training without a score."""

    def __init__(self, *, quiet: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet = quiet
        self._clock = clock
        self._said_at = clock()

    def ended(self, trial: "Trial | None", done: int, planned: int) -> None:
        """Take in a training that has ended."""
        from automl_cli.core.trials import Stage

        if trial is None or (self._clock() - self._said_at < PLAIN_SECONDS and done < planned):
            return
        self._said_at = self._clock()
        stage = "choosing rates" if trial.task.stage is Stage.SEARCH else "comparing"
        self.say(f"{stage}: {done}/{planned}")

    def say(self, text: str) -> None:
        """Print a line on stderr."""
        if not self._quiet:
            talk_console().print(text, soft_wrap=True)


def _in_words(settings: "ComparisonSettings") -> str:
    labels = ", ".join(value.label for value in settings.values)
    how = f"{counted(settings.epochs, 'epoch')}, {counted(settings.seeds, 'seed')}, {settings.workers} at a time"
    return f"{labels} on {settings.child.problem.source}, {how}"


def _draw(figure: "Figure", place: Path) -> None:
    from automl_cli.reporting.plots import file_of
    from automl_cli.store.files import replace_file

    replace_file(place, file_of(figure, place.name))


def _print(result: Any, parts: "Iterable[Part]", *, json: bool) -> None:
    from automl_cli.reporting.terminal import laid_out

    if json:
        write_json(result)
        return
    console = data_console()
    for part in parts:
        console.print(laid_out(part, console.width))
        console.print()
