"""Shows one run on a page: what was searched and what it cost, the winner, the course, what was learned, what it is worth."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import ValidationError

from automl_cli.core.numbers import counted, duration
from automl_cli.core.spaces import SearchSpace
from automl_cli.evaluators.own import NAME as OWN
from automl_cli.reporting.charts import figure_of
from automl_cli.reporting.escaping import shown
from automl_cli.reporting.figures import metric
from automl_cli.reporting.learned import learned_of
from automl_cli.reporting.learned_view import learned_section
from automl_cli.reporting.made_by_hand import by_hand_in_words
from automl_cli.reporting.markup import facts, folded, laid_out, paragraph, table
from automl_cli.reporting.pareto import pareto_grid
from automl_cli.reporting.run_charts import course_chart, retraining_chart
from automl_cli.reporting.runs import History, space_of
from automl_cli.reporting.sections import transfer_facts
from automl_cli.reporting.shown_trials import ShownTrial, described, shortened, shown_trials, thinning_in_words
from automl_cli.reporting.tradeoff_view import tradeoff_section, transfer_section
from automl_cli.reporting.view import Section
from automl_cli.reporting.winner_view import winner_section
from automl_cli.store.reports import MadeByHand, RunCost, RunSummary
from automl_cli.store.study import Retraining, StudySettings
from automl_cli.study.session import evaluator_of, setup_of
from automl_cli.values.sheet import Facts, Grid

LONG = 18
"""A figure of so many characters is written smaller."""
TOP_WORDS = 400
"""Characters of a genotype in words in the table of the best."""


def run_sections(history: History, run: RunSummary, *, place: int, share: float) -> Iterator[Section]:
    """Yield the sections about one run, the `place`-th of a page of which it has this share."""
    space, prefix = space_of(history.settings), f"r{place}"
    best = None if run.best is None else run.best.trial
    keep = [trial.trial for trial in (*run.top, *([run.best] if run.best else []))]
    trials = shown_trials(history.trials, history.settings.reward, space, prefix=prefix, share=share, keep=keep)
    if run.best is not None:
        yield Section("The winner", "".join(winner_section(history, run, space)))
    yield Section("The course of the search", "".join(_course(history, trials, best, name=f"{prefix}trials")))
    if run.top:
        yield Section("The best trials", table(_top_grid(run, space), caption="The best trials", targets=()))
    if (learned := learned_of(history, space)) is not None:
        yield Section("What the strategy learned", learned_section(learned))
    if weighed := tradeoff_section(history, space, trials, best):
        yield Section("Score against cost", weighed)
    if run.pareto:
        yield Section("What length is worth", laid_out(pareto_grid(run.pareto), caption="The best of each length"))
    if run.retraining:
        yield Section("Trained longer", _retraining(run.retraining))
    if run.baseline:
        yield Section("Beside what is made by hand", _by_hand(run.baseline))
    if run.transfer:
        yield Section(
            "The winner, scaled", laid_out(Facts(tuple(transfer_facts(run.transfer)))) + transfer_section(run.transfer)
        )
    yield Section("How it was searched", facts(_settings(history, space)))


def lead_of(history: History, run: RunSummary) -> str:
    """Return one sentence about what was searched, on what, and how far it is."""
    settings, space = history.settings, space_of(history.settings)
    size = "" if space is None else f" of {_size(space)}"
    on = f" on {run.dataset}" if run.dataset else ""
    state = "is still running" if run.running else "is finished" if run.complete else "stopped before its end"
    each = (
        f"{counted(settings.epochs, 'epoch')} each" if settings.child is not None else f"looked up by {settings.evaluator.name}"
    )
    each += "" if settings.early_stop is None else f" ({settings.early_stop.words})"
    return (
        f"{run.command}{on}: the space {run.space}{size}, searched by {run.strategy}, "
        f"{counted(run.planned_trials, 'trial')}, {each}, seed {run.seed}. The search {state}."
    )


def tiles(rows: Sequence[tuple[str, str, str]]) -> str:
    """Return figures large, each with its name above and words below."""
    made = "".join(
        f"<div><dt>{shown(name)}</dt><dd><b{'' if len(value) < LONG else ' class=long'}>{shown(value)}</b>"
        f"<span>{shown(words)}</span></dd></div>"
        for name, value, words in rows
    )
    return f'<dl class="tiles">{made}</dl>'


def run_tiles(run: RunSummary) -> str:
    """Return score, trials, and what it cost beside what the paper spent."""
    endings = ", ".join(f"{count:,} {status}" for status, count in run.statuses.items())
    best = ("none yet", "no trial has succeeded")
    if run.best is not None:
        best = (f"{run.best.score:.4f}", f"in trial {run.best.trial}{', named after longer training' * bool(run.retraining)}")
    return tiles(
        (("best score", *best), ("trials", f"{run.trials:,}", f"of {run.planned_trials:,}: {endings}"), *cost_tiles(run.cost))
    )


def cost_tiles(cost: RunCost) -> Iterator[tuple[str, str, str]]:
    """Yield what was spent, and what the paper spent."""
    children = (
        f"{duration(cost.wall_seconds)} by the clock; {counted(cost.trained, 'child/children')} scored, {cost.reused:,} reused"
    )
    yield "compute", duration(cost.compute_seconds), children
    if cost.published:
        yield "the paper spent", cost.published, ""


RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _size(space: SearchSpace) -> str:
    """Return how many values the space holds, in words."""
    if space.size < 1e7:
        return counted(space.size, "candidate")
    power = str(round(math.log10(space.size))).translate(RAISED)
    return f"about 10{power}" + " candidates"


def _course(history: History, trials: Sequence[ShownTrial], best: int | None, *, name: str) -> Iterator[str]:
    chart = course_chart(history, trials, best)
    yield paragraph("No trial has a score yet.") if chart is None else figure_of(chart)
    thinned = thinning_in_words(len(trials), len(history.trials))
    if thinned:
        yield paragraph(thinned, kind="note")
    yield "".join(_without_score(history))
    grid = Grid(("trial", "score", "what it is"), tuple(map(_trial_row, trials)), words=("what it is",))
    caption = "Every trial" if not thinned else "Trials that are shown one by one"
    rows = table(grid, caption=caption, targets=[one.target for one in trials])
    yield folded(f"{counted(len(trials), 'trial')} in words", rows, name=name)


def _trial_row(one: ShownTrial) -> tuple[str, str, str]:
    score = one.trial.outcome.ending if one.score is None else f"{one.score:.4f}"
    again = "" if one.trial.reused is None else f"(as trial {one.trial.reused}) "
    return str(one.trial.number), score, f"{again}{one.words}"


def _without_score(history: History) -> Iterator[str]:
    from automl_cli.reporting.summary import reasons_of

    rows = tuple(
        (f"{reason.trials:,}", reason.status, reason.message.partition("\n")[0] or "no message", str(reason.first))
        for reason in reasons_of(history.trials)
    )
    if rows:
        yield "<h4>Trials without a score, and why</h4>"
        grid = Grid(("trials", "ended", "why", "first"), rows[:REASONS_SHOWN], words=("ended", "why"))
        yield table(grid, caption="Trials without a score")
        if len(rows) > REASONS_SHOWN:
            yield paragraph(
                f"{counted(len(rows) - REASONS_SHOWN, 'other reason')}: automl report --json has all of them.", kind="note"
            )


REASONS_SHOWN = 20


def _top_grid(run: RunSummary, space: SearchSpace | None) -> Grid:
    shared = [name for name in run.top[0].metrics if all(name in trial.metrics for trial in run.top)][:4]
    words = described(space)
    rows = tuple(
        (
            str(rank),
            str(trial.trial),
            f"{trial.score:.4f}",
            *(metric(trial.metrics[name]) for name in shared),
            shortened(words(trial.genotype), TOP_WORDS),
        )
        for rank, trial in enumerate(run.top, start=1)
    )
    return Grid(
        ("rank", "trial", "score", *(name.replace("_", " ") for name in shared), "what it is"), rows, words=("what it is",)
    )


def _retraining(retraining: Retraining) -> str:
    rows = tuple(
        (str(row.trial), f"{row.search_score:.4f}", "failed" if row.retrained_score is None else f"{row.retrained_score:.4f}")
        for row in retraining.candidates
    )
    grid = Grid(("trial", "in the search", f"after {counted(retraining.epochs, 'epoch')}"), rows)
    chart = retraining_chart(retraining)
    rank = retraining.rank_correlation
    words = "is not defined for these scores" if rank is None else f"is {rank:+.2f}: 1 would be the same order"
    said = paragraph(f"The rank correlation between scores of the search and after longer training {words}.")
    return said + ("" if chart is None else figure_of(chart)) + table(grid, caption="The best, trained longer")


def _by_hand(said: MadeByHand) -> str:
    words = by_hand_in_words(said)
    rows = tuple(
        (
            f"seed {seed}",
            *("-" if len(of_one) < seed else f"{of_one[seed - 1]:.4f}" for of_one in (said.winner_scores, said.scores)),
        )
        for seed in range(1, said.seeds + 1)
    )
    grid = Grid(("", f"trial {said.trial}", said.name), rows, words=("",))
    how = f"Validation scores after {counted(said.epochs, 'epoch')}, on seeds that the winner was not chosen by."
    return paragraph(f"{words[0].upper()}{words[1:]}.") + table(grid, caption="Scores of both") + paragraph(how, kind="note")


def _settings(history: History, space: SearchSpace | None) -> Iterator[tuple[str, str]]:
    settings = history.settings
    options = ", ".join(f"{name}={value}" for name, value in settings.space.options.items())
    yield "space", f"{settings.space.name} version {settings.space.version}{f' ({options})' if options else ''}"
    constants = ", ".join(
        f"{name} {value}" for name, value in settings.strategy_settings.items() if not isinstance(value, list | tuple)
    )
    yield "strategy", f"{settings.strategy}{f': {constants}' if constants else ''}"
    if (again := settings.replication) is not None:
        seeds = counted(again.seeds, "seed")
        yield (
            "replicates",
            f"what looks best is measured again until it has {seeds}, by at most {again.share:.0%} of the trials",
        )
    yield from _measured(settings, space)
    if settings.child is not None:
        data = settings.child.problem.facts
        examples = [f"{data[name]:,} {words}" for name, words in EXAMPLES.items() if isinstance(data.get(name), int)]
        yield "data", f"{settings.source}{': ' if examples else ''}{', '.join(examples)}"
        for role, filling in settings.child.roles.items():
            yield role, filling.name or filling.kind
    yield "preset", settings.preset
    environment = settings.environment
    yield "machine", environment.cpu


def _measured(settings: StudySettings, space: SearchSpace | None) -> Iterator[tuple[str, str]]:
    """Yield what scores are and, where children are not simply trained, who gives them: a file by its name, without the place
    where it lay."""
    evaluator, words = evaluator_of(settings), settings.reward.words
    if "epochs" in evaluator.unused:  # there is one score and no last epochs
        words = words.partition(", the ")[0].replace("validation score", "score")
    yield "reward", words
    if space is None or not (settings.child is None or settings.evaluator.name == OWN):
        return
    file = str(settings.evaluator.settings.get("file", ""))
    try:
        said = dict(evaluator.describe(setup_of(settings), space, ())).get(MEASURED_BY, settings.evaluator.name)
    except ValidationError:  # recorded by a version with other settings
        said = settings.evaluator.name
    yield MEASURED_BY, said.replace(file, Path(file).name) if file else said


MEASURED_BY = "measured by"
"""The row in which an evaluator says what gives the scores."""

EXAMPLES = {"train_examples": "to train", "validation_examples": "to validate", "test_examples": "kept for the test"}
"""Facts of images that say how many there are."""
