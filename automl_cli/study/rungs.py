"""Decides which children are trained longer: asynchronous successive halving, in the order of the proposals.

ASHA (Li, Jamieson, Rostamizadeh, Gonina, Hardt, Recht and Talwalkar, arXiv 1810.05934), as its stopping variant: a trial is
trained for the epochs of the first rung. Trial t goes on from rung k to the next if it is among the best

    max(1, n // factor)

of the n trials up to t that were trained at rung k, by reward, an earlier one before a later one of equal reward; a trial that
failed there counts as one of the n. Otherwise it ends, and the score it has is its score.

**Decided in the order of the proposals.** What becomes of trial t depends on trials 0 … t alone, and is decided once no earlier
trial can come to that rung any more. So workers, speed and luck have no say in it. The first trial in flight never waits,
since all before it have ended; so none waits for ever. An earlier trial that trains at a higher rung is not waited for.

Differs from the paper: a trial that was stopped is never taken up again, because its reward has been told by then. And a
promotion is a training of its own: its seed is that of its genotype at that fidelity, so the outcome at the last rung is the
very one that a search without rungs would have had.
"""

import math
from bisect import bisect_right, insort
from collections.abc import Sequence

import msgspec

from automl_cli.core.numbers import counted
from automl_cli.core.rewards import Reward
from automl_cli.core.trials import Outcome, Status
from automl_cli.store.journal import Told
from automl_cli.store.rung_records import AtRung, Promoted
from automl_cli.store.study import StudySettings

OTHERWISE = (
    "went on or ended otherwise than its scores say: study.json or the journal was changed by hand, or the code was. Resume "
    "with the versions that study.json names, or start a new run"
)


class Climb:
    """A trial on its way: its seed at each rung, the rung it is at, the outcome there if it is known, and the seconds that its
    trainings took."""

    __slots__ = ("outcome", "rung", "seconds", "seeds")

    def __init__(self, seeds: Sequence[int]) -> None:
        self.seeds = tuple(seeds)
        self.rung = 0
        self.outcome: Outcome | None = None
        self.seconds = 0.0


class Rungs:
    """The trials that are on their way up, and the rewards at each rung but the last. With one rung nothing is stopped.

    Per trial: `enter`, then `measure` and `decide` for each training below the last rung, and `leave` when it has ended.
    """

    def __init__(self, epochs: Sequence[int], reward: Reward, *, factor: int) -> None:
        self.epochs = tuple(epochs)
        self.are_several = len(self.epochs) > 1
        self._reward = reward
        self._factor = factor
        self._climbs: dict[int, Climb] = {}
        """By trial, in order."""
        self._losses: list[list[float]] = [[] for _ in self.epochs[:-1]]
        """At each rung, the negative rewards of the trials that it was decided about, sorted."""

    def enter(self, trial: int, seeds: Sequence[int]) -> None:
        """Let a trial start at the first rung. `seeds` are those of its child, one for each rung."""
        in_order = not self._climbs or trial > next(reversed(self._climbs))
        self._climbs[trial] = Climb(seeds)
        if not in_order:  # one that was to take the outcome of an earlier trial, and has its own after all
            self._climbs = dict(sorted(self._climbs.items()))

    def is_climbing(self, trial: int) -> bool:
        """Return whether a trial is on its way."""
        return trial in self._climbs

    def is_measured(self, trial: int) -> bool:
        """Return whether the last training of a trial that has not ended is known, so that nothing of it is to be trained."""
        return (climb := self._climbs.get(trial)) is not None and climb.outcome is not None

    def may_go_on(self, trial: int, outcome: Outcome) -> bool:
        """Return whether a longer training can follow the one that ended so."""
        climb = self._climbs.get(trial)
        return climb is not None and climb.rung < len(self._losses) and outcome.measurement is not None

    def measure(self, record: AtRung) -> None:
        """Take what a trial scored at its rung."""
        self._climbs[record.trial].outcome = record.outcome

    def in_all(self, trial: int, outcome: Outcome) -> Outcome:
        """Return the outcome of the last training of a trial with the seconds of all its trainings."""
        climb = self._climbs.get(trial)
        return outcome if climb is None else msgspec.structs.replace(outcome, seconds=climb.seconds + outcome.seconds)

    def leave(self, told: Told) -> None:
        """Take the end of a trial. One that failed below the last rung counts there when its turn comes."""
        climb = self._climbs.get(told.trial)
        if climb is None:
            return
        if told.reused is None and climb.rung < len(self._losses) and told.outcome.status is not Status.OVER_LIMIT:
            climb.outcome = told.outcome
        else:
            del self._climbs[told.trial]

    def decide(self) -> tuple[int, Promoted | Outcome] | None:
        """Decide about the first trial about which it can be decided; None where there is none.

        Returns the trial with its promotion, or with the outcome that it ends with.
        """
        while (number := self._first_decidable()) is not None:
            climb = self._climbs[number]
            outcome, goes_on = climb.outcome, self._is_among_best(climb)
            assert outcome is not None
            if goes_on:
                climb.rung, climb.outcome, climb.seconds = climb.rung + 1, None, climb.seconds + outcome.seconds
                return number, Promoted(trial=number, epochs=self.epochs[climb.rung], seed=climb.seeds[climb.rung])
            ended = self.in_all(number, outcome)
            del self._climbs[number]
            if outcome.measurement is not None:  # the end of one without a score is on record already
                return number, ended
        return None

    def replay(self, record: AtRung | Promoted | Told) -> str | None:
        """Take a record of a journal, `Told` before `leave` does. Return in words, to be read behind the trial, why it cannot
        stand there."""
        climb = self._climbs.get(record.trial)
        is_below_last = climb is not None and climb.outcome is None and climb.rung < len(self._losses)
        match record:
            case AtRung() if climb is None or not is_below_last or self.epochs[climb.rung] != record.epochs:
                return f"was not under way for {counted(record.epochs, 'epoch')}"
            case AtRung():
                self.measure(record)
            case Promoted() if self.decide() != (record.trial, record):
                return OTHERWISE
            case Told(reused=None) if is_below_last and record.outcome.measurement is not None:
                return OTHERWISE
            case Told() if self.is_measured(record.trial):
                decided = self.decide()
                if decided is None or decided[0] != record.trial or isinstance(decided[1], Promoted):
                    return OTHERWISE
        return None

    def _first_decidable(self) -> int | None:
        """Return the first trial with an outcome at a rung to which no trial before it can come any more."""
        reachable = len(self._losses)  # the lowest rung at which a trial that was passed over trains
        for number, climb in self._climbs.items():
            if climb.outcome is None:
                reachable = min(reachable, climb.rung)
            elif climb.rung < reachable:
                return number
            if reachable == 0:
                return None
        return None

    def _is_among_best(self, climb: Climb) -> bool:
        """Return whether the trial is among the best at its rung, and count it there."""
        assert climb.outcome is not None
        measurement, losses = climb.outcome.measurement, self._losses[climb.rung]
        loss = math.inf if measurement is None else -self._reward.of(measurement)
        before = bisect_right(losses, loss)
        insort(losses, loss)
        return measurement is not None and before < max(1, len(losses) // self._factor)


def rungs_of(settings: StudySettings) -> Rungs:
    """Return the rungs of a study, at the start; one where no child is stopped early."""
    factor = 1 if settings.early_stop is None else settings.early_stop.factor
    return Rungs(settings.rungs, settings.reward, factor=factor)
