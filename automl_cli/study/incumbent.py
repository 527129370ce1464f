"""Who won: the ranking of trials, the retraining of the best, and the artifact that says what was found."""

from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from statistics import StatisticsError, correlation
from typing import Any

import msgspec
from msgspec import Struct

from automl_cli.core.decisions import Genotype
from automl_cli.core.plugins import SearchSpace
from automl_cli.core.trials import Costs, Outcome, Trial
from automl_cli.store.artifact import Artifact, artifact_of
from automl_cli.store.bodies import Architecture, RetrainedCandidate, Retraining, StudySettings
from automl_cli.store.cells import Cell, Found


class Winner(Struct, frozen=True):
    """The trial that is named the best, and how it was chosen if the best were retrained."""

    trial: Trial
    retraining: Retraining | None = None


class Ranking:
    """The best trials with distinct genotypes: by reward, ties to the lowest number. The order of adding does not matter."""

    def __init__(self, size: int, exponent: float) -> None:
        self._size = size
        self._exponent = exponent
        self._best: list[Trial] = []

    def add(self, trial: Trial) -> bool:
        """Consider a trial; whether it is now the best of all. Trials without a measurement do not count."""
        if trial.outcome.measurement is None:
            return False
        twin = next((other for other in self._best if other.task.genotype == trial.task.genotype), None)
        if twin is not None:
            if self._order(twin) <= self._order(trial):
                return False
            self._best.remove(twin)
        insort(self._best, trial, key=self._order)
        del self._best[self._size :]
        return self._best[0] is trial

    def best(self) -> tuple[Trial, ...]:
        """At most `size` trials, the best first."""
        return tuple(self._best)

    def _order(self, trial: Trial) -> tuple[float, int]:
        assert trial.outcome.measurement is not None
        return (-trial.outcome.measurement.reward(self._exponent), trial.number)


def winner_of_retraining(candidates: Sequence[Trial], outcomes: Mapping[int, Outcome], epochs: int) -> Winner:
    """The candidate with the highest retrained score, ties to the better ranked; those whose retraining failed stand last."""
    rows = [
        RetrainedCandidate(
            trial=trial.number, search_score=score_of(trial.outcome), retrained_score=_retrained(outcomes, trial)
        )
        for trial in candidates
    ]
    both = [(row.search_score, row.retrained_score) for row in rows if row.retrained_score is not None]
    best = max(range(len(rows)), key=lambda at: (_or_last(rows[at].retrained_score), -at))
    retraining = Retraining(epochs=epochs, candidates=tuple(rows), rank_correlation=rank_correlation(both))
    return Winner(candidates[best], retraining)


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Spearman's: Pearson's correlation of the ranks, equal values sharing their mean rank; None where it is undefined.

    >>> rank_correlation([(0.1, 10.0), (0.2, 30.0), (0.3, 20.0)])
    0.5
    """
    try:
        return correlation(*(_ranks(values) for values in zip(*pairs, strict=True)))
    except (StatisticsError, TypeError):  # fewer than two pairs, or all values of one side equal
        return None


def score_of(outcome: Outcome) -> float:
    """The validation score of a trial that is ok."""
    assert outcome.measurement is not None
    return outcome.measurement.score


def costs_of(settings: StudySettings, space: SearchSpace, genotype: Genotype) -> Costs | None:
    """Exact costs of the network that the genotype is measured by, where there is one and the data set is known."""
    if settings.facts is None or (network := space.network(genotype, settings.facts.image_shape)) is None:
        return None
    return network.costs(settings.facts.image_shape, len(settings.facts.classes))


def winner_artifact(settings: StudySettings, space: SearchSpace, winner: Winner) -> Artifact[Any]:
    """What `best.json` says: the same bytes wherever, however and in however many sessions the study ran."""
    return artifact_of(_BODIES[space.plugin.produces](settings, space, winner))


def _architecture(settings: StudySettings, space: SearchSpace, winner: Winner) -> Architecture:
    genotype = winner.trial.task.genotype
    return Architecture(**_found(settings, space, winner), tokens=space.tokens(genotype), network=space.decode(genotype))


def _cell(settings: StudySettings, space: SearchSpace, winner: Winner) -> Cell:
    genotype = winner.trial.task.genotype
    found = Found(**_found(settings, space, winner))
    return Cell(cell=space.decode(genotype), words=space.tokens(genotype), found=found)


def _found(settings: StudySettings, space: SearchSpace, winner: Winner) -> dict[str, Any]:
    """What is said of every winner: how it was found, what was chosen, what it costs."""
    genotype = winner.trial.task.genotype
    about = {"choices": space.decisions.choices_of(genotype), "costs": costs_of(settings, space, genotype)}
    return provenance(settings, winner) | about


def provenance(settings: StudySettings, winner: Winner) -> dict[str, Any]:
    """What `best.json` takes from settings and journal: the genotype, how it was found, how well its child did."""
    task, measurement = winner.trial.task, winner.trial.outcome.measurement
    assert measurement is not None
    facts = settings.facts
    return {
        "space": msgspec.structs.replace(settings.space, file=None),
        "trial": task.trial,
        "genotype": task.genotype,
        "image_shape": None if facts is None else facts.image_shape,
        "classes": None if facts is None else len(facts.classes),
        "validation_scores": measurement.scores,
        "validation_score": measurement.score,
        "reward": measurement.reward(settings.reward_exponent),
        "reward_exponent": settings.reward_exponent,
        "dataset": None if settings.dataset is None else msgspec.structs.replace(settings.dataset, data_dir=None),
        "epochs": task.epochs,
        "recipe": settings.recipe,
        "strategy": settings.strategy,
        "seed": settings.seed,
        "retraining": winner.retraining,
    }


_BODIES: Mapping[str, Callable[[StudySettings, SearchSpace, Winner], Struct]] = {
    "architecture": _architecture,
    "cell": _cell,
}
"""How the winner of a search is written down, by what its space produces."""


def _retrained(outcomes: Mapping[int, Outcome], trial: Trial) -> float | None:
    measurement = outcomes[trial.number].measurement
    return None if measurement is None else measurement.score


def _or_last(score: float | None) -> float:
    return float("-inf") if score is None else score


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1, equal values sharing the mean of theirs.

    >>> _ranks([3.0, 1.0, 3.0])
    [2.5, 1.0, 2.5]
    """
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) + 1) / 2 for value in values]
