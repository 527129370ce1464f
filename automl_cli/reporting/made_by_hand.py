"""Says whether the winners of searches beat what people would have made by hand, as far as the seeds of both tell."""

import math
from collections.abc import Iterable
from statistics import fmean, variance

from msgspec import UNSET, UnsetType

from automl_cli.core.numbers import counted
from automl_cli.core.rewards import Reward
from automl_cli.core.trials import Outcome, Stage, Trial
from automl_cli.reporting.runs import History
from automl_cli.store.reports import MadeByHand
from automl_cli.store.run_groups import BesideMadeByHand
from automl_cli.store.study import StudySettings

BEYOND_CHANCE = 2.0
"""So many standard errors are taken for more than chance."""


def by_hand_of(history: History, winner: Trial | None) -> MadeByHand | None:
    """Return the winner beside what is made by hand; None where nothing was to be, or no trial has a score."""
    settings = history.settings
    if settings.baseline is None or winner is None:
        return None
    outcomes, seeds = history.outcomes_after, settings.retrain_seeds
    by_hand = [outcomes.get((Stage.BASELINE, 0, seed)) for seed in range(seeds)]
    again = [outcomes.get((Stage.RETRAIN, winner.number, seeds + seed)) for seed in range(seeds)]
    return _against(settings, winner, again, by_hand)


def of_repeats(said: Iterable[MadeByHand | UnsetType]) -> BesideMadeByHand | None:
    """Return what the repeats of one search say together; None where none has compared its winner."""
    import numpy as np

    from automl_cli.reporting.statistics import spread

    compared = [one for one in said if one is not UNSET and one.gain is not None]
    if not compared:
        return None
    return BesideMadeByHand(
        role=compared[0].role,
        name=compared[0].name,
        compared=len(compared),
        beating=sum(bool(one.beats) for one in compared),
        gain=spread(np.array([one.gain for one in compared])),
    )


def _against(settings: StudySettings, winner: Trial, again: list[Outcome | None], by_hand: list[Outcome | None]) -> MadeByHand:
    assert settings.baseline is not None
    assert settings.child is not None
    both, reward = [*again, *by_hand], settings.reward
    scores, winner_scores = _scores(by_hand, reward), _scores(again, reward)
    whole = len(scores) == len(winner_scores) == settings.retrain_seeds
    gain = _gain(winner_scores, scores, reward) if whole else None
    error = _error(winner_scores, scores) if whole else None
    return MadeByHand(
        name=settings.baseline.name or settings.baseline.kind,
        role=settings.child.open_role,
        trial=winner.number,
        epochs=settings.retrain_epochs,
        seeds=settings.retrain_seeds,
        winner_scores=winner_scores,
        scores=scores,
        gain=gain,
        error=error,
        beats=None if gain is None else gain > BEYOND_CHANCE * (error or 0.0),
        problem=next((one.message for one in both if one is not None and one.measurement is None), ""),
    )


def _scores(outcomes: list[Outcome | None], reward: Reward) -> tuple[float, ...]:
    return tuple(reward.score(one.measurement) for one in outcomes if one is not None and one.measurement is not None)


def _gain(winner: tuple[float, ...], by_hand: tuple[float, ...], reward: Reward) -> float:
    difference = fmean(winner) - fmean(by_hand)
    return difference if reward.better == "higher" else -difference


def _error(winner: tuple[float, ...], by_hand: tuple[float, ...]) -> float | None:
    """Return the standard error of the difference of the means; None with one seed each."""
    if len(winner) < 2:
        return None
    return math.sqrt(variance(winner) / len(winner) + variance(by_hand) / len(by_hand))


def by_hand_in_words(said: MadeByHand) -> str:
    """Return in one sentence whether the winner beats what is made by hand.

    >>> said = MadeByHand(name="convnet-3x64", role="network", trial=7, epochs=16, seeds=2, winner_scores=(0.97, 0.99),
    ...     scores=(0.95, 0.95), gain=0.03, error=0.01, beats=True)
    >>> by_hand_in_words(said)
    'trial 7 beats the hand-made network convnet-3x64 by 0.0300 ± 0.0100: 0.9800 against 0.9500 after 16 epochs, 2 seeds each'
    """
    what = f"the hand-made {said.role} {said.name}"
    if said.gain is None:
        why = f": {said.problem.partition(chr(10))[0]}" if said.problem else " yet, since trainings of both are missing"
        return f"trial {said.trial} is not compared with {what}{why}"
    spread = " (one seed says nothing of the spread)" if said.error is None else f" ± {said.error:.4f}"
    figures = (
        f"{fmean(said.winner_scores):.4f} against {fmean(said.scores):.4f} after {counted(said.epochs, 'epoch')}, "
        f"{counted(said.seeds, 'seed')} each"
    )
    if said.beats:
        return f"trial {said.trial} beats {what} by {said.gain:.4f}{spread}: {figures}"
    return f"trial {said.trial} does not beat {what}: {said.gain:+.4f}{spread}, {figures}"
