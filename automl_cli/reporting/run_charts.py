"""Draws one run: every trial and the best so far, scores before and after retraining, the entropy of the strategy."""

from collections.abc import Sequence
from statistics import quantiles

from automl_cli.core.numbers import counted
from automl_cli.core.trials import Trial
from automl_cli.reporting.charts import Chart, ChartAxis, Dot, DotsMark, LineMark, Mark, RugMark, RuleMark
from automl_cli.reporting.learned import Learned
from automl_cli.reporting.runs import History
from automl_cli.reporting.scales import Scale, held, scale_over
from automl_cli.reporting.shown_trials import ShownTrial
from automl_cli.reporting.summary import improvements
from automl_cli.store.study import Retraining

FAR = 3.0
"""A score is far off where it lies beyond the middle half of all scores by so many times its width."""
TITLES_BUDGET = 240_000
"""Characters that may stand behind the points of a chart."""
CROWD = 600
"""More points than this are drawn smaller."""
BEST_NAMED = "best so far"


def course_chart(history: History, trials: Sequence[ShownTrial], winner: int | None) -> Chart | None:
    """Return the chart of every trial's score and of the best so far; None where no trial has a score."""
    settings, better = history.settings, history.settings.reward.better
    scores = [(one, one.score) for one in trials if one.score is not None]
    if not scores:
        return None
    failed = [one for one in trials if one.score is None]
    y = _robust([score for _, score in scores], lower_is_better=better == "lower", below=0.12 if failed else 0.04)
    limit = max(0, TITLES_BUDGET // len(trials) - 60)
    dots = [Dot(one.trial.number, score, _said(one, score, limit), one.target) for one, score in scores]
    last = history.trials[-1].number
    steps = [(point.trials - 1, point.score) for point in improvements(history.trials, settings.reward)]
    marks: list[Mark] = [
        DotsMark("trial", dots, shape="crowded" if len(dots) > CROWD else ""),
        LineMark(BEST_NAMED, [*steps, (last, steps[-1][1])], 2, steps=True),
        DotsMark("winner", [dot for dot, (one, _) in zip(dots, scores, strict=True) if one.trial.number == winner], 2, "large"),
        RugMark("no score", [Dot(one.trial.number, 0, _said(one, None, limit), one.target) for one in failed], 4),
    ]
    beyond = sum(not y.low <= score <= y.high for _, score in scores)
    note = f"{counted(beyond, 'score')} lie beyond the edge, where they are drawn. " if beyond else ""
    words = (
        f"{counted(len(history.trials), 'trial')}; the best score rises from {steps[0][1]:.4f} to {steps[-1][1]:.4f} in "
        f"{counted(len(steps), 'step')}"
    )
    title = f"validation score ({better} is better)"
    x = ChartAxis("trial", Scale(low=-0.01 * max(1, last), high=1.01 * max(1, last)))
    return Chart("All trials and the best so far", words, x, ChartAxis(title, y), tuple(marks), note)


def _said(one: ShownTrial, score: float | None, limit: int) -> str:
    """Return the words behind a point."""
    trial: Trial = one.trial
    ended = trial.outcome.ending if score is None else f"{score:.4f}"
    again = "" if trial.reused is None else f", as trial {trial.reused}"
    words = one.words if len(one.words) <= limit else f"{one.words[:limit]}…" if limit > 20 else ""
    return f"trial {trial.number}: {ended}{again}{'. ' if words else ''}{words}"


def _robust(scores: Sequence[float], *, lower_is_better: bool, below: float) -> Scale:
    """Return a scale of all scores, without those on the bad side that are far off."""
    scores = [held(score) for score in scores]
    if len(scores) < 8:
        return scale_over(scores, below=below)
    first, _, third = quantiles(scores, n=4)
    width = FAR * (third - first) or max(scores) - min(scores)
    low, high = min(scores), max(scores)
    low, high = (low, min(high, third + width)) if lower_is_better else (max(low, first - width), high)
    return scale_over([low, high], below=below)


def retraining_chart(retraining: Retraining) -> Chart | None:
    """Return the chart of scores in the search against scores after retraining; None for fewer than two of them."""
    pairs = [(row.trial, row.search_score, row.retrained_score) for row in retraining.candidates]
    known = [(trial, proxy, final) for trial, proxy, final in pairs if final is not None]
    if len(known) < 2:
        return None
    dots = [
        Dot(proxy, final, f"trial {trial}: {proxy:.4f} in the search, {final:.4f} retrained") for trial, proxy, final in known
    ]
    rank = retraining.rank_correlation
    words = "rank correlation not defined" if rank is None else f"Spearman's rank correlation {rank:+.2f}"
    return Chart(
        "Does the short training tell?",
        words,
        ChartAxis("score in the search", scale_over(dot.x for dot in dots)),
        ChartAxis(f"score after {counted(retraining.epochs, 'epoch')}", scale_over((dot.y for dot in dots), above=0.08)),
        (DotsMark("", dots, 1, "large"),),
        f"{words[0].upper()}{words[1:]} over {counted(len(known), 'candidate')}.",
        "small",
    )


def entropy_chart(learned: Learned) -> Chart:
    """Return the chart of the strategy's entropy after so many trials."""
    points = [(snapshot.trials, snapshot.entropy) for snapshot in learned.snapshots]
    uniform = learned.snapshots[-1].uniform
    how = "each decision by itself" if learned.by_itself else "of whole genotypes"
    words = f"entropy falls from {points[0][1]:.1f} to {points[-1][1]:.1f} bits of {uniform:.1f}"
    if points[-1][1] >= points[0][1]:
        words = f"entropy goes from {points[0][1]:.1f} to {points[-1][1]:.1f} bits of {uniform:.1f}"
    return Chart(
        "How undecided it is",
        words,
        ChartAxis("trials", Scale(low=0.0, high=points[-1][0] * 1.01)),
        ChartAxis(f"entropy in bits, {how}", Scale(low=0.0, high=1.1 * max(uniform, 1e-3, *(value for _, value in points)))),
        (RuleMark("uniform draws", uniform), LineMark("", points, 1)),
        "",
        "small",
    )
