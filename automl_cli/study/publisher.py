"""Publishes the best trial so far, not too often, and the winner at the end: each when the journal is durable up to there."""

import math
from collections.abc import Callable, Sequence

from automl_cli.core.trials import Trial
from automl_cli.store.journal import Journal
from automl_cli.store.study import StudySettings
from automl_cli.study.incumbent import Retrained, Winner, winner_of

PUBLISH_SECONDS = 1.0
"""A new best is published at most so often, and at the end."""


class Publisher:
    """The state of `best.json`; `publish` is given what it is to say. `joins` of the best trials make it up; 0: the best
    alone."""

    def __init__(
        self,
        settings: StudySettings,
        journal: Journal,
        publish: Callable[[Winner], object],
        *,
        joins: int,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._publish = publish
        self._joins = joins
        self._clock = clock
        self._published: tuple[Sequence[Trial], bool] = ((), False)
        """The trials that `best.json` is about, and whether they were chosen by retraining."""
        self._published_at = -math.inf

    def best(self, ranked: Sequence[Trial], retrained: Retrained | None, *, at_once: bool = False) -> None:
        """Publish the best so far, by retraining where that is complete, if it is new and the last publication is not too
        recent."""
        best = self._best(ranked, retrained)
        if not ranked or best == self._published or (self._clock() - self._published_at < PUBLISH_SECONDS and not at_once):
            return
        self._journal.sync()
        self._publish(winner_of(ranked, self._settings, joins=self._joins, retrained=retrained))
        self._published, self._published_at = best, self._clock()

    def winner(self, ranked: Sequence[Trial], retrained: Retrained | None) -> Winner:
        """Publish and return the winner, by retraining where that is complete."""
        winner = winner_of(ranked, self._settings, joins=self._joins, retrained=retrained)
        self._journal.sync()
        self._publish(winner)
        self._published = self._best(ranked, retrained)
        return winner

    def _best(self, ranked: Sequence[Trial], retrained: Retrained | None) -> tuple[Sequence[Trial], bool]:
        return ranked[: max(1, self._joins)], retrained is not None
