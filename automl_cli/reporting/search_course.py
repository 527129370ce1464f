"""The course of a search in a few figures, taken record by record: what a display or a list needs, without the trials."""

from collections import Counter, deque
from collections.abc import Iterator

from automl_cli.core.decisions import Genotype
from automl_cli.core.rewards import Reward
from automl_cli.core.trials import Outcome, Stage, Status
from automl_cli.reporting.states import Ending
from automl_cli.reporting.summary import without_numbers
from automl_cli.store.journal import Asked, Ended, Record, Started, Told
from automl_cli.store.reports import CurvePoint, Reason
from automl_cli.store.rung_records import AtRung, Promoted
from automl_cli.study.limits import OverLimit

RECENT = 8
"""The number of last scores that are kept."""


class SearchCourse:
    """The figures of a search so far; `told` trials of the search stage have ended, and `retrained` trainings after it.

    `best_trial`, `best_score` and `best_genotype` are of the trial with the highest reward, the first of equal ones. Where no
    reward is given, as for a comparison, nothing is ranked.
    """

    def __init__(self, reward: Reward | None) -> None:
        self._reward = reward
        self._open: dict[int, Genotype] = {}
        self._reasons: dict[tuple[str, str], Reason] = {}
        self._epochs: dict[int, int] = {}
        """Epochs to which open trials were promoted, where children are stopped early."""
        self._best_reward = (0, float("-inf"))
        """Epochs of that promotion, and the reward: what was trained longest ranks first."""
        self._earlier_seconds = 0.0
        self.told = 0
        self.retrained = 0
        self.endings: Counter[str] = Counter()
        self.over_limit = OverLimit()
        self.best_trial: int | None = None
        self.best_score: float | None = None
        self.best_genotype: Genotype = ()
        self.curve: list[CurvePoint] = []
        self.recent: deque[float] = deque(maxlen=RECENT)
        self.sessions = 0
        self.began_with = 0
        """How many were `done` when the last session began."""
        self.began_at = 0.0
        """The time when it began, in seconds since 1970."""
        self.session_seconds = 0.0
        """The seconds of the last session, up to its last record."""
        self.ended: Ending | None = None

    @property
    def seconds(self) -> float:
        """Return the seconds of all sessions. A killed one counts up to its last record."""
        return self._earlier_seconds + self.session_seconds

    @property
    def done(self) -> int:
        """Return the number of trials that have ended, the trainings after the search included. Those over a limit do not
        count."""
        return self.told - self.over_limit.count + self.retrained

    @property
    def open(self) -> int:
        """Return how many trials were proposed and have not ended."""
        return len(self._open)

    def reasons(self) -> Iterator[Reason]:
        """Yield why trials have no score, the most frequent reason first."""
        yield from sorted(self._reasons.values(), key=lambda reason: -reason.trials)

    def take(self, record: Record) -> None:
        """Take the next record of the journal."""
        match record:
            case Started():
                self._earlier_seconds += self.session_seconds
                self.session_seconds, self.ended, self.began_at = 0.0, None, record.at
                self.began_with = self.done
                self.sessions += 1
            case Asked():
                if record.stage is Stage.SEARCH:
                    self._open[record.trial] = record.genotype
            case Promoted():
                self._epochs[record.trial] = record.epochs
            case AtRung():
                self.session_seconds = record.elapsed
            case Told():
                self._tell(record)
            case Ended():
                self.ended, self.session_seconds = record.reason, record.elapsed

    def _tell(self, record: Told) -> None:
        self.session_seconds = record.elapsed
        if record.stage is not Stage.SEARCH:
            self.retrained += 1
            return
        self.told += 1
        genotype, outcome = self._open.pop(record.trial, ()), record.outcome
        epochs = self._epochs.pop(record.trial, 0)
        self.endings[outcome.ending] += 1
        if outcome.status is Status.OVER_LIMIT:
            self.over_limit.add(record.trial)
        if outcome.measurement is None:
            self._fail(record.trial, outcome)
        elif self._reward is not None:
            reward, score = (epochs, self._reward.of(outcome.measurement)), self._reward.score(outcome.measurement)
            self.recent.append(score)
            if reward > self._best_reward:
                self.curve.append(CurvePoint(trials=self.told, score=score))
            if reward > self._best_reward or (reward == self._best_reward and record.trial < (self.best_trial or 0)):
                self._best_reward, self.best_score = reward, score
                self.best_trial, self.best_genotype = record.trial, genotype

    def _fail(self, trial: int, outcome: Outcome) -> None:
        key = (outcome.ending, without_numbers(outcome.message))
        known = self._reasons.get(key)
        self._reasons[key] = Reason(
            status=outcome.ending,
            message=outcome.message if known is None else known.message,
            trials=1 if known is None else known.trials + 1,
            first=trial if known is None else known.first,
        )


def shown_endings(endings: Counter[str]) -> str:
    """Return how trials ended that have no score, in words; nothing where all have one.

    >>> shown_endings(Counter({"ok": 5, "diverged": 2}))
    '2 diverged'
    """
    return ", ".join(f"{count:,} {ending}" for ending, count in sorted(endings.items()) if ending != Status.OK)
