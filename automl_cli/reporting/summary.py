"""Summarises the history of one run in figures."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from msgspec import UNSET

from automl_cli.core.errors import ArtifactError, SpaceError
from automl_cli.core.numbers import counted
from automl_cli.core.rewards import Reward
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Status, Trial
from automl_cli.data.catalogue import canonical_name
from automl_cli.jobs.transfer import transfer_of
from automl_cli.plugins.discovery import plugins
from automl_cli.plugins.listing import kind_named
from automl_cli.reporting.made_by_hand import by_hand_of
from automl_cli.reporting.pareto import pareto_of
from automl_cli.reporting.runs import History, space_of
from automl_cli.store.file_names import JOURNAL_FILE
from automl_cli.store.reports import (
    CurvePoint,
    EarlyStopSummary,
    RankedTrial,
    ReachedScore,
    Reason,
    RunCost,
    RungSummary,
    RunSummary,
)
from automl_cli.store.study import StudySettings
from automl_cli.study.evaluation_cache import Representative, itself
from automl_cli.study.incumbent import Winner, ranking_of, reward_of, score_of
from automl_cli.study.limits import OverLimit
from automl_cli.study.retraining import winner_on_record
from automl_cli.study.session import costs_of


def summarise(history: History, *, top: int = 5, target: float | None = None) -> RunSummary:
    """Return the summary of a run: its best trials, its course, and its cost; and how many trials a target score took."""
    settings, trials = history.settings, history.trials
    space = space_of(settings)
    joins = 0 if space is None else kind_named(space.plugin.produces).joins
    standing_for = itself if space is None else space.canonical
    ranking = ranking_of(settings, joins=joins, top=top, standing_for=standing_for)
    for trial in trials:
        checked = _checked(trial, space, history.path)
        if checked.reused is None:
            ranking.add(checked)
    winner = _winner(history, ranking.best(), joins)
    best, retraining = (None, None) if winner is None else (winner.trial, winner.retraining)
    return RunSummary(
        name=history.name,
        command=settings.command,
        space=settings.space.name,
        strategy=settings.strategy,
        seed=settings.seed,
        dataset=settings.source,
        trials=len(trials),
        planned_trials=_planned(trials, settings),
        statuses=dict(sorted(Counter(trial.outcome.ending for trial in trials).items())),
        reasons=tuple(reasons_of(trials)),
        running=history.running,
        best=None if best is None else _ranked(best, settings, space),
        top=tuple(_ranked(trial, settings, space) for trial in ranking.best()[:top]),
        curve=tuple(_curve(trials, settings, standing_for)),
        quarters=_quarters(trials, settings.reward),
        retraining=retraining,
        to_retrain=0 if retraining else min(settings.retrain_top, len(ranking.best())),
        cost=cost_of(history),
        early_stop=UNSET if settings.early_stop is None else stopped_early(trials, settings),
        transfer=transfer_of(history.path, settings),
        baseline=by_hand_of(history, None if winner is None else winner.trial) or UNSET,
        joined=tuple(trial.number for trial in winner.joined) if winner is not None and winner.joined else UNSET,
        pareto=UNSET if (front := pareto_of(history)) is None else front,
        reach=UNSET if target is None else ReachedScore(target=target, trials=trials_to(target, trials, settings.reward)),
    )


def _planned(trials: Sequence[Trial], settings: StudySettings) -> int:
    """Return how many trials there will be, as far as it is known: those over a limit are drawn again."""
    return _over_limit(trials).in_all(len(trials), settings.trials)


def _over_limit(trials: Sequence[Trial]) -> OverLimit:
    """Return the count of those over a limit, of trials in order."""
    over = OverLimit()
    for trial in trials:
        if trial.outcome.status is Status.OVER_LIMIT:
            over.add(trial.number)
    return over


def reasons_of(trials: Sequence[Trial]) -> Iterator[Reason]:
    """Yield the reasons why trials have no score, the most frequent first: messages that differ in numbers only are one."""
    first: dict[tuple[str, str], Trial] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for trial in trials:
        if trial.outcome.measurement is None:
            key = (trial.outcome.ending, without_numbers(trial.outcome.message))
            first.setdefault(key, trial)
            counts[key] += 1
    for key, count in counts.most_common():
        example = first[key]
        yield Reason(status=key[0], message=example.outcome.message, trials=count, first=example.number)


def without_numbers(message: str) -> str:
    """Return a message without the numbers in it, which are of one trial.

    >>> without_numbers("the loss is nan in epoch 1, step 13 of 44")
    'the loss is # in epoch #, step # of #'
    """
    return NUMBER.sub("#", message)


NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?(?<![.,])|[-+]?\b(?:nan|inf)\b")
"""A number as messages have it."""


def trials_to(target: float, trials: Sequence[Trial], reward: Reward) -> int | None:
    """Return the number of trials up to the first one with at least this score, or at most where the lower is better."""
    sign = 1 if reward.better == "higher" else -1
    scores = ((trial.number + 1, score_or_none(trial, reward)) for trial in trials)
    return next((count for count, score in scores if score is not None and sign * score >= sign * target), None)


def warnings_of(reasons: Iterable[Reason], trials: int) -> Iterator[str]:
    """Yield a warning for each reason that an evaluator gave itself, such as a table without the genotype."""
    for reason in reasons:
        if reason.status not in set(Status):
            yield f"{reason.trials:,} of {counted(trials, 'trial')} {reason.status}: {reason.message}"


def improvements(trials: Sequence[Trial], reward: Reward) -> Iterator[CurvePoint]:
    """Yield the score of every trial that was rewarded above all before it, or trained longer than those."""
    best = (0, -math.inf)
    for trial in trials:
        measurement = trial.outcome.measurement
        if measurement is not None and (rank := (trial.task.epochs, reward.of(measurement))) > best:
            best = rank
            yield CurvePoint(trials=trial.number + 1, score=reward.score(measurement))


def _curve(trials: Sequence[Trial], settings: StudySettings, standing_for: Representative) -> Iterator[CurvePoint]:
    """Yield the score of the best so far wherever it changes; with replicates it is a mean, which may fall."""
    if settings.replication is None:
        yield from improvements(trials, settings.reward)
        return
    ranking, before = ranking_of(settings, joins=0, standing_for=standing_for), None
    for trial in trials:
        if trial.reused is None:
            ranking.add(trial)
        if ranking.best() and (score := score_of(settings.reward, ranking.best()[0])) != before:
            before = score
            yield CurvePoint(trials=trial.number + 1, score=score)


def score_or_none(trial: Trial, reward: Reward) -> float | None:
    """Return the validation score, or None for a trial without one."""
    return None if trial.outcome.measurement is None else reward.score(trial.outcome.measurement)


def cost_of(history: History) -> RunCost:
    """Return the seconds and children of a run, those of the retraining included. A reused outcome costs nothing again."""
    every = (*history.trials, *history.retrained, *history.made_by_hand)
    trained = [trial for trial in every if trial.reused is None and trial.outcome.status is not Status.OVER_LIMIT]
    return RunCost(
        compute_seconds=sum(trial.outcome.seconds for trial in trained),
        wall_seconds=history.wall_seconds,
        trained=sum(trial.outcome.status is Status.OK for trial in trained),
        reused=sum(trial.reused is not None for trial in every),
        failed=sum(trial.outcome.status is not Status.OK for trial in trained),
        published=_published_cost(history.settings),
    )


def stopped_early(trials: Sequence[Trial], settings: StudySettings) -> EarlyStopSummary:
    """Return how long the trials that have ended were trained. Every training counts whole, one that failed as well, and those
    of one epoch that find a learning rate."""
    own = [trial for trial in trials if trial.reused is None and trial.outcome.status is not Status.OVER_LIMIT]
    reached = Counter(trial.task.epochs for trial in own)
    rates = 0 if settings.child is None else len(settings.child.recipe.learning_rates)
    epochs = 0
    for trial in own:
        rungs = [trial.task.epochs] if trial.proposal.replicate else [one for one in settings.rungs if one <= trial.task.epochs]
        epochs += sum(rungs) + rates * len(rungs)
    return EarlyStopSummary(
        rungs=tuple(RungSummary(epochs=rung, ended=reached[rung]) for rung in settings.rungs),
        epochs=epochs,
        epochs_without=len(own) * (settings.epochs + rates),
    )


def _published_cost(settings: StudySettings) -> str:
    """Return the cost of the paper's search: as recorded, or as the space states it where a small preset was searched."""
    plugin = plugins().get(settings.space.name) if settings.space.file is None else None
    if settings.published_cost or plugin is None or "paper" not in plugin.presets:
        return settings.published_cost
    return plugin.presets["paper"].on(canonical_name(settings.source or "")).published_cost


def _winner(history: History, ranked: Sequence[Trial], joins: int) -> Winner | None:
    """Return the trials that `best.json` names, and the retraining of the best if that is complete; None where none has a
    score."""
    if not ranked:
        return None
    searched = _over_limit(history.trials).is_enough(len(history.trials), history.settings.trials)
    return winner_on_record(ranked, history.outcomes_after, history.settings, joins=joins, searched=searched)


def _checked(trial: Trial, space: SearchSpace | None, run: Path) -> Trial:
    """Return the trial. ArtifactError where its genotype is not of the space."""
    try:
        if space is not None:
            space.decisions.check(trial.task.genotype)
    except SpaceError as error:
        raise ArtifactError(f"{run / JOURNAL_FILE}: trial {trial.number}: genotype: {error}") from error
    return trial


def _ranked(trial: Trial, settings: StudySettings, space: SearchSpace | None) -> RankedTrial:
    measurement = trial.outcome.measurement
    assert measurement is not None
    costs = space and costs_of(settings, space, trial.task.genotype)
    own = {"seeds": 1 + len(trial.replicates)} if settings.replication else {}
    own |= {"epochs": trial.task.epochs} if settings.early_stop else {}
    sizes = {"parameters": costs.parameters, "multiply_adds": costs.multiply_adds} if costs else {}
    return RankedTrial(
        trial=trial.number,
        score=score_of(settings.reward, trial),
        reward=reward_of(settings.reward, trial),
        genotype=trial.task.genotype,
        choices=space.decisions.choices_of(trial.task.genotype) if space else {},
        metrics={**own, **sizes, **measurement.metrics},
    )


def _quarters(trials: Sequence[Trial], reward: Reward) -> tuple[float | None, float | None, float | None, float | None]:
    cuts = [len(trials) * part // 4 for part in range(5)]
    first, second, third, fourth = (_mean_score(trials[start:end], reward) for start, end in pairwise(cuts))
    return first, second, third, fourth


def _mean_score(trials: Sequence[Trial], reward: Reward) -> float | None:
    scores = [score for trial in trials if (score := score_or_none(trial, reward)) is not None]
    return sum(scores) / len(scores) if scores else None
