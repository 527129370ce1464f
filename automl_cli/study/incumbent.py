"""Ranks trials, chooses the winner after retraining, and writes the artifact that describes it."""

from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from statistics import StatisticsError, correlation, fmean
from typing import Any

import msgspec
from msgspec import Struct

from automl_cli.core.decisions import Genotype
from automl_cli.core.rewards import Reward, ranked
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Costs, Measurement, Outcome, Trial
from automl_cli.plugins.kind import Joining
from automl_cli.plugins.listing import kind_named
from automl_cli.plugins.space_checks import decoded
from automl_cli.store.artifact import Artifact, artifact_of
from automl_cli.store.study import Found, JoinedTrial, RetrainedCandidate, Retraining, StudySettings
from automl_cli.study.evaluation_cache import Representative, itself

Retrained = Mapping[int, Sequence[Outcome]]
"""The outcomes of trials that were trained again, one for each seed, by trial."""


class Winner(Struct, frozen=True):
    """The trial that is named the best, and its retraining if the best were retrained. `joined` are the trials whose values are
    joined into what `best.json` holds, the best first; none where it holds the value of the best alone."""

    trial: Trial
    retraining: Retraining | None = None
    joined: tuple[Trial, ...] = ()


class Ranking:
    """Ranks the best trials with distinct genotypes by reward, ties to the lowest number. The order of adding does not matter.

    Where children are stopped early, those that were trained longest come first, whatever the reward of the others.
    Genotypes that `standing_for` maps to one count as one. With more than one of `seeds`, a genotype is ranked by the mean
    reward of its trials, those that were measured on so many seeds before the others; then it is the first trial, with the
    others as its `replicates`.
    """

    def __init__(self, size: int, reward: Reward, *, seeds: int = 1, standing_for: Representative = itself) -> None:
        self._size = size
        self._reward = reward
        self._seeds = seeds
        self._standing_for = standing_for
        self._best: list[Trial] = []
        self._measured: dict[Genotype, list[Trial]] = {}
        """With more than one of `seeds`, all trials of a genotype, by what it means."""

    def add(self, trial: Trial) -> bool:
        """Consider a trial, and return whether it is now the best of all. Trials without a measurement do not count."""
        if self._seeds > 1:
            return self._add_to_mean(trial)
        if trial.outcome.measurement is None or self._is_behind(trial):
            return False
        same = self._standing_for(trial.task.genotype)
        twin = next((other for other in self._best if self._standing_for(other.task.genotype) == same), None)
        if twin is not None:
            if self._order(twin) <= self._order(trial):
                return False
            self._best.remove(twin)
        insort(self._best, trial, key=self._order)
        del self._best[self._size :]
        return self._best[0] is trial

    def best(self) -> tuple[Trial, ...]:
        """Return at most `size` trials, the best first."""
        return tuple(self._best[: self._size])

    def _add_to_mean(self, trial: Trial) -> bool:
        """Consider a trial beside all others of its genotype, and return whether that is now the best."""
        trials = self._measured.setdefault(self._standing_for(trial.task.genotype), [])
        if (before := self._together(trials)) is not None:
            self._best.remove(before)
        trials.append(trial)
        if (now := self._together(trials)) is None:
            return False
        insort(self._best, now, key=self._trusted_order)
        return self._best[0] is now

    def _together(self, trials: Sequence[Trial]) -> Trial | None:
        """Return the first of these trials that has a score, with the others as its replicates; None where none has one."""
        scored = sorted((one for one in trials if one.outcome.measurement is not None), key=lambda one: one.number)
        return msgspec.structs.replace(scored[0], replicates=tuple(scored[1:])) if scored else None

    def _trusted_order(self, trial: Trial) -> tuple[int, bool, float, int]:
        on_record = len(self._measured[self._standing_for(trial.task.genotype)])
        epochs, reward, number = self._order(trial)
        return (epochs, on_record < self._seeds, reward, number)

    def _is_behind(self, trial: Trial) -> bool:
        """Return whether as many trials as are ranked come before this one, whatever its genotype means: finding that out may
        be slow."""
        return len(self._best) == self._size and self._order(self._best[-1]) <= self._order(trial)

    def _order(self, trial: Trial) -> tuple[int, float, int]:
        return (-trial.task.epochs, -reward_of(self._reward, trial), trial.number)


def ranking_of(settings: StudySettings, *, joins: int, top: int = 1, standing_for: Representative = itself) -> Ranking:
    """Return an empty ranking of as many trials as are retrained, or joined into one value, and at least `top`."""
    size = max(top, joins, settings.retrain_top)
    seeds = 1 if settings.replication is None else settings.replication.seeds
    return Ranking(size, settings.reward, seeds=seeds, standing_for=standing_for)


def winner_of(best: Sequence[Trial], settings: StudySettings, *, joins: int, retrained: Retrained | None) -> Winner:
    """Return the winner among ranked trials: by retraining where those outcomes are given, and else the first.

    What is joined are the best after retraining, then those that rank next.
    """
    if retrained is None:
        return Winner(best[0], joined=tuple(best[:joins]))
    candidates = best[: settings.retrain_top]
    winner = winner_of_retraining(candidates, retrained, settings)
    order = sorted(candidates, key=lambda trial: _ranked_again(settings.reward, retrained[trial.number]), reverse=True)
    joined = (*order, *best[len(candidates) :])[:joins]
    return msgspec.structs.replace(winner, joined=joined)


def winner_of_retraining(candidates: Sequence[Trial], outcomes: Retrained, settings: StudySettings) -> Winner:
    """Return the candidate with the highest mean reward after retraining, ties to the better ranked; those of which a training
    failed rank last."""
    reward, again = settings.reward, [outcomes[trial.number] for trial in candidates]
    rows = [_candidate(trial, of_trial, reward) for trial, of_trial in zip(candidates, again, strict=True)]
    both = [(row.search_score, row.retrained_score) for row in rows if row.retrained_score is not None]
    best = max(range(len(rows)), key=lambda at: (_ranked_again(reward, again[at]), -at))
    retraining = Retraining(epochs=settings.retrain_epochs, candidates=tuple(rows), rank_correlation=rank_correlation(both))
    return Winner(candidates[best], retraining)


def _candidate(trial: Trial, outcomes: Sequence[Outcome], reward: Reward) -> RetrainedCandidate:
    scores = tuple(reward.score(one.measurement) for one in outcomes if one.measurement is not None)
    whole = len(scores) == len(outcomes)
    return RetrainedCandidate(
        trial=trial.number,
        search_score=score_of(reward, trial),
        retrained_score=fmean(scores) if whole else None,
        scores_by_seed=scores if whole and len(scores) > 1 else (),
    )


def _ranked_again(reward: Reward, outcomes: Sequence[Outcome]) -> float:
    """Return what candidates are ranked by: the mean reward after retraining, the lowest possible where a training failed."""
    return fmean(ranked(reward, one.measurement) for one in outcomes)


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return Spearman's rank correlation: Pearson's of the ranks, equal values sharing their mean rank; None if undefined.

    >>> rank_correlation([(0.1, 10.0), (0.2, 30.0), (0.3, 20.0)])
    0.5
    """
    try:
        return correlation(*(_ranks(values) for values in zip(*pairs, strict=True)))
    except (StatisticsError, TypeError):  # fewer than two pairs, or all values of one side equal
        return None


def scores_of(reward: Reward, trial: Trial) -> tuple[float, ...]:
    """Return the validation scores of a trial that is ok and of its replicates, as the reward reads them."""
    return tuple(reward.score(measurement) for measurement in _measurements(trial))


def score_of(reward: Reward, trial: Trial) -> float:
    """Return the validation score of a trial that is ok, the mean with its replicates, as the reward reads it."""
    return fmean(scores_of(reward, trial))


def reward_of(reward: Reward, trial: Trial) -> float:
    """Return the reward of a trial that is ok, the mean with its replicates."""
    return fmean(reward.of(measurement) for measurement in _measurements(trial))


def _measurements(trial: Trial) -> Iterator[Measurement]:
    for one in (trial, *trial.replicates):
        assert one.outcome.measurement is not None
        yield one.outcome.measurement


def winner_artifact(
    settings: StudySettings, space: SearchSpace, winner: Winner, *, costs: Costs | None = None
) -> Artifact[Any]:
    """Return the content of `best.json`: the same bytes wherever, however and in however many sessions the study ran."""
    kind, genotype = kind_named(space.plugin.produces), winner.trial.task.genotype
    found = Found(**provenance(settings, winner), choices=space.decisions.choices_of(genotype), costs=costs)
    if kind.joining is not None:
        rows = joined_trials(winner, settings)
        return artifact_of(kind.body(**joined_value(kind.joining, space, rows), joined=rows, found=found), settings.inputs)
    measurement = winner.trial.outcome.measurement
    metrics = {} if measurement is None else measurement.metrics
    value = kind.learned(decoded(space, genotype), metrics)
    return artifact_of(kind.body(value=value, words=space.tokens(genotype), found=found), settings.inputs)


def joined_trials(winner: Winner, settings: StudySettings) -> tuple[JoinedTrial, ...]:
    """Return the trials that are joined as an artifact names them."""
    return tuple(
        JoinedTrial(trial=trial.number, genotype=trial.task.genotype, validation_score=score_of(settings.reward, trial))
        for trial in winner.joined
    )


def joined_value(joining: Joining, space: SearchSpace, rows: Sequence[JoinedTrial]) -> dict[str, Any]:
    """Return the fields `value` and `words` of an artifact that joins these trials."""
    return {
        "value": joining.value([decoded(space, row.genotype) for row in rows]),
        "words": tuple(word for row in rows for word in space.tokens(row.genotype)),
    }


def provenance(settings: StudySettings, winner: Winner) -> dict[str, Any]:
    """Return the fields of `best.json` that follow from settings and journal: genotype, search and scores."""
    task, measurement = winner.trial.task, winner.trial.outcome.measurement
    assert measurement is not None
    return {
        "space": msgspec.structs.replace(settings.space, file=None),
        "trial": task.trial,
        "genotype": task.genotype,
        "validation_scores": measurement.scores,
        "validation_score": score_of(settings.reward, winner.trial),
        "reward": reward_of(settings.reward, winner.trial),
        "reward_function": settings.reward,
        "child": None if settings.child is None else settings.child.portable,
        "epochs": task.epochs,
        "strategy": settings.strategy,
        "seed": settings.seed,
        "retraining": winner.retraining,
        "scores_by_seed": scores_of(settings.reward, winner.trial) if winner.trial.replicates else (),
    }


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1, equal values sharing the mean of theirs.

    >>> _ranks([3.0, 1.0, 3.0])
    [2.5, 1.0, 2.5]
    """
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) + 1) / 2 for value in values]
