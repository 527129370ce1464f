"""Compares searches of the same task: repeats with different seeds form a group, and groups are compared with a baseline.

The baseline is random search where it is among the groups, else the first of them. Everything is compared after equally many
trials. Two figures are the papers': the mean of the k best so far minus that of random search, k = 1, 5, 15 (NAS, arXiv
1611.01578, figure 6), and best, top-5 and top-25 mean against the number of models (NASNet, arXiv 1707.07012, figure 6).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl_cli.core.trials import Status, Trial
from automl_cli.reporting import statistics as st
from automl_cli.reporting.made_by_hand import of_repeats
from automl_cli.reporting.runs import BASELINE, History, settled, space_of
from automl_cli.reporting.summary import summarise
from automl_cli.store.encoding import line
from automl_cli.store.run_groups import (
    BesideMadeByHand,
    Comparison,
    Contrast,
    GroupSummary,
    IncumbentPoint,
    Point,
    Spread,
    TopDifference,
)
from automl_cli.store.study import StudySettings
from automl_cli.study.evaluation_cache import itself
from automl_cli.study.incumbent import ranking_of, score_of
from automl_cli.values.child import Child, Filling

DIFFERENCE_KS = (1, 5, 15)
MEAN_KS = (1, 5, 25)


@dataclass(frozen=True, kw_only=True)
class RunGroup:
    """The repeats of one search as arrays of shape (repeats, trials). `columns` are metrics that every successful trial has.

    `incumbents` are the places of the best after 1, 2, … trials, -1 while there is none, and `best_so_far` their scores: with
    replicates the means over seeds that were known by then.
    """

    name: str
    strategy: str
    seeds: tuple[int, ...]
    scores: st.Scores
    incumbents: NDArray[np.intp]
    best_so_far: st.Scores
    columns: dict[str, st.Scores]
    made_by_hand: BesideMadeByHand | None
    sign: int
    """1 where the higher score is better, -1 where the lower is."""

    def top_means(self, k: int, points: Sequence[int]) -> st.Scores:
        """Return the mean of the k best scores so far at every point."""
        return self.sign * st.top_means(self.sign * self.scores, k, points)

    def at_incumbents(self, values: st.Scores) -> st.Scores:
        """Return the values of the incumbents after 1, 2, … trials; NaN while there is none."""
        return _at(self.incumbents, values)

    def last(self, column: str) -> st.Scores:
        """Return the values of a column at the last incumbents, (repeats,)."""
        return self.at_incumbents(self.columns[column])[:, -1]


def _at(places: NDArray[np.intp], values: st.Scores) -> st.Scores:
    """Return the values at these places of every row; NaN where there is none."""
    return np.where(places < 0, np.nan, np.take_along_axis(values, np.maximum(places, 0), axis=1))


def obstacle(histories: Sequence[History]) -> str | None:
    """Return the reason why these runs cannot be compared, or None when they can."""
    first, trials = histories[0].settings, _common_trials(histories)
    for history in histories:
        for what, of in TASK.items():
            if of(history.settings) != of(first):
                return f"{history.name} and {histories[0].name} differ in {what}"
        if not any(trial.outcome.measurement is not None for trial in _compared(history)[:trials]):
            return f"{history.name} has no successful trial among the first {trials}"
    for _, members in _grouped(histories):
        for earlier, later in combinations(members, 2):
            if earlier.settings.seed == later.settings.seed:
                return f"{later.name} and {earlier.name} are one search with one seed, so one result and not two"
    return None


def compare(histories: Sequence[History], *, target: float | None = None) -> Comparison:
    """Return the comparison of runs between which there is no obstacle.

    `target` is the score whose first reaching is counted; by default what the baseline has on average at the end.
    """
    trials = _common_trials(histories)
    groups = [_group(name, members, trials) for name, members in _grouped(histories)]
    points = st.grid(trials)
    baseline = next((group for group in groups if group.strategy == BASELINE), groups[0])
    others = [group for group in groups if group is not baseline]
    goal = float(baseline.best_so_far[:, -1].mean()) if target is None else target
    return Comparison(
        trials=trials,
        baseline=baseline.name,
        target=goal,
        groups=tuple(_summary(group, points, goal) for group in groups),
        contrasts=tuple(contrast for group in others for contrast in _contrasts(group, baseline, trials)),
        top_differences=tuple(_top_difference(group, baseline, k, points) for group in others for k in DIFFERENCE_KS),
    )


def _space_and_options(settings: StudySettings) -> object:
    return msgspec.structs.replace(settings.space, file=None)


def _evaluator(settings: StudySettings) -> object:
    """Return evaluator and child as far as they matter, whatever the folder in which a table or data set lies."""
    named = dict(settings.evaluator.settings)
    if isinstance(file := named.get("file"), str):
        named["file"] = Path(file).name
    child = settings.child and msgspec.structs.replace(settings.child.portable, roles=_what_they_do(settings.child))
    return settings.evaluator.name, named, child


def _what_they_do(child: Child) -> dict[str, Filling]:
    """Return the roles without where their values came from."""
    return {role: msgspec.structs.replace(filling, name=None, digest=None) for role, filling in child.roles.items()}


TASK: Mapping[str, Callable[[StudySettings], object]] = {
    "what is searched": _space_and_options,
    "the data set": lambda settings: settings.child and settings.child.portable.problem,
    "how a child is measured": _evaluator,
    "the reward": lambda settings: settings.reward.better,
    "epochs": lambda settings: settings.epochs,
    "the trials of earlier runs that they were told first": lambda settings: [run.digest for run in settings.taken_over],
}
"""The settings that searches must have in common to be compared."""


def _common_trials(histories: Iterable[History]) -> int:
    """Return the number of trials that all runs have finished."""
    return min(len(_compared(history)) for history in histories)


def _compared(history: History) -> list[Trial]:
    """Return the trials that are compared: of a running search those before its first unfinished one, and none over a limit,
    since a search draws others in place of those."""
    ended = history.trials[: settled(history.trials)]
    return [trial for trial in ended if trial.outcome.status is not Status.OVER_LIMIT]


def _grouped(histories: Iterable[History]) -> list[tuple[str, list[History]]]:
    """Return runs that differ in nothing but their seed together, under the name of the strategy.

    Where several groups have one strategy, the name of the run is added.
    """
    groups: dict[bytes, list[History]] = {}
    for history in histories:
        groups.setdefault(_search_key(history.settings), []).append(history)
    names = [members[0].settings.strategy for members in groups.values()]
    return [
        (name if names.count(name) == 1 else f"{name} ({_run_name(members[0])})", members)
        for name, members in zip(names, groups.values(), strict=True)
    ]


LIMITS = ("time_budget_seconds", "trial_timeout_seconds", "memory_limit_bytes")
AFTER = ("retrain_top", "retrain_epochs", "retrain_seeds", "baseline")
VARYING = ("seed", "trials", "workers", "executor", "cluster", *LIMITS, *AFTER, "environment", "timings")
"""The settings that may differ between repeats of one search: what is trained after it is not compared."""


def _search_key(settings: StudySettings) -> bytes:
    kept = {name: value for name, value in msgspec.to_builtins(settings).items() if name not in VARYING}
    return line(kept | {"space": _space_and_options(settings), "evaluator": _evaluator(settings), "child": None})


def _run_name(history: History) -> str:
    return history.name.partition("/")[0]


def _group(name: str, members: Sequence[History], trials: int) -> RunGroup:
    reward = members[0].settings.reward
    measured = [[trial.outcome.measurement for trial in _compared(history)[:trials]] for history in members]
    found = [one.metrics.keys() for row in measured for one in row if one is not None]
    columns = [column for column in found[0] if all(column in metrics for metrics in found)] if found else []
    scores = np.array([[_whole_score(trial, history.settings) for trial in _compared(history)[:trials]] for history in members])
    rewards = np.array([[np.nan if one is None else reward.of(one) for one in row] for row in measured])
    places = st.incumbents(rewards)
    best_so_far = _at(places, scores)
    if members[0].settings.replication is not None or members[0].settings.early_stop is not None:
        courses = [list(_incumbents(history, trials)) for history in members]
        places = np.array([[place for place, _ in course] for course in courses])
        best_so_far = np.array([[score for _, score in course] for course in courses])
    return RunGroup(
        name=name,
        strategy=members[0].settings.strategy,
        seeds=tuple(history.settings.seed for history in members),
        scores=scores,
        incumbents=places,
        best_so_far=best_so_far,
        made_by_hand=of_repeats(summarise(each).baseline for each in members if each.settings.baseline is not None),
        sign=1 if reward.better == "higher" else -1,
        columns={
            column: np.array([[np.nan if one is None else one.metrics[column] for one in row] for row in measured])
            for column in columns
        },
    )


def _whole_score(trial: Trial, settings: StudySettings) -> float:
    """Return the score of a trial; NaN where it has none, or was stopped early."""
    measurement = trial.outcome.measurement
    is_whole = settings.early_stop is None or trial.task.epochs == settings.epochs
    return settings.reward.score(measurement) if measurement is not None and is_whole else np.nan


def _incumbents(history: History, trials: int) -> Iterator[tuple[int, float]]:
    """Yield the place and the mean score of the trial that ranks first after 1, 2, … trials; -1 and NaN while none does."""
    space, reward = space_of(history.settings), history.settings.reward
    ranking = ranking_of(history.settings, joins=0, standing_for=itself if space is None else space.canonical)
    compared = _compared(history)[:trials]
    places = {trial.number: place for place, trial in enumerate(compared)}
    for trial in compared:
        if trial.reused is None:
            ranking.add(trial)
        best = next(iter(ranking.best()), None)
        yield (-1, np.nan) if best is None else (places[best.number], score_of(reward, best))


def _summary(group: RunGroup, points: Sequence[int], target: float) -> GroupSummary:
    columns = {name: group.at_incumbents(values) for name, values in group.columns.items()}
    return GroupSummary(
        name=group.name,
        strategy=group.strategy,
        seeds=group.seeds,
        curve=tuple(
            IncumbentPoint(trials=n, score=value, columns={name: float(at[:, n - 1].mean()) for name, at in columns.items()})
            for n, value in _spreads(group.best_so_far[:, [point - 1 for point in points]], points)
        ),
        top_means={str(k): _points(group.top_means(k, points), points) for k in MEAN_KS},
        reach=st.reach(group.sign * group.best_so_far, group.sign * target),
        made_by_hand=group.made_by_hand,
    )


def _contrasts(group: RunGroup, baseline: RunGroup, trials: int) -> Iterator[Contrast]:
    """Yield the contrast of the incumbents' scores, then of every report column, after all common trials."""
    shared = [name for name in group.columns if name in baseline.columns]
    columns = [(_measure(name), group.last(name), baseline.last(name)) for name in shared]
    for measure, ours, theirs in (("score", group.best_so_far[:, -1], baseline.best_so_far[:, -1]), *columns):
        interval = st.difference_interval(ours, theirs)
        yield Contrast(
            group=group.name,
            baseline=baseline.name,
            measure=measure,
            trials=trials,
            difference=float(ours.mean() - theirs.mean()),
            low=interval and interval[0],
            high=interval and interval[1],
            p_value=st.rank_test(ours, theirs),
            superiority=st.superiority(group.sign * ours, group.sign * theirs),
        )


def _measure(column: str) -> str:
    """Return the name of a report column among the contrasts, where "score" is the score that was searched for."""
    return "score (column)" if column == "score" else column


def _top_difference(group: RunGroup, baseline: RunGroup, k: int, points: Sequence[int]) -> TopDifference:
    ours, theirs = (one.top_means(k, points) for one in (group, baseline))
    pairs = zip(points, ours.T, theirs.T, strict=True)
    values = tuple(Point(trials=n, value=_difference(a, b)) for n, a, b in pairs if not np.isnan([*a, *b]).any())
    return TopDifference(group=group.name, baseline=baseline.name, k=k, points=values)


def _difference(ours: st.Scores, theirs: st.Scores) -> Spread:
    low, high = st.difference_interval(ours, theirs) or (None, None)
    return Spread(mean=float(ours.mean() - theirs.mean()), std=None, low=low, high=high)


def _points(values: st.Scores, points: Sequence[int]) -> tuple[Point, ...]:
    return tuple(Point(trials=n, value=value) for n, value in _spreads(values, points))


def _spreads(values: st.Scores, points: Sequence[int]) -> Iterator[tuple[int, Spread]]:
    """Yield the spread over repeats at every point where each of them has a value."""
    for n, column in zip(points, values.T, strict=True):
        if not np.isnan(column).any():
            yield n, st.spread(column)
