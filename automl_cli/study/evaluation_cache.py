"""Which genotypes a study has evaluated or is evaluating, and the seeds of their children."""

import hashlib
from collections.abc import Callable, Container, Iterable

import msgspec

from automl_cli.core.decisions import Genotype
from automl_cli.core.numbers import LARGEST
from automl_cli.core.protocols import canonical
from automl_cli.core.random_streams import stream_seed
from automl_cli.core.trials import Outcome, Stage, Status
from automl_cli.store.journal import Asked

Representative = Callable[[Genotype], Genotype]
"""A genotype -> the one that stands for all that mean the same (`SearchSpace.canonical`)."""


def itself(genotype: Genotype) -> Genotype:
    """Each genotype stands for itself."""
    return genotype


class Evaluation:
    """The first trial of a genotype: its outcome once there is one, and the later trials that wait for it.

    The outcome is kept as later trials take it: in no time, by no worker. A study has one of these for each genotype, so they
    are small.
    """

    __slots__ = ("outcome", "trial", "waiting")

    def __init__(self, trial: int) -> None:
        self.trial = trial
        self.outcome: Outcome | None = None
        self.waiting: tuple[Asked, ...] = ()


class EvaluationCache:
    """With `reuse`, a genotype is evaluated once and later trials take that outcome; without, each trial is a replicate.

    Genotypes that `standing_for` maps to one mean the same, so they count as one. They are held as 16-byte digests, since a
    study may have tens of thousands of long ones.
    """

    def __init__(self, seed: int, *, reuse: bool, standing_for: Representative = itself) -> None:
        self._seed = seed
        self._reuse = reuse
        self._standing_for = standing_for
        self._first: dict[bytes, Evaluation] = {}
        self._replicates: dict[bytes, int] = {}

    def seed_of_next(self, genotype: Genotype, epochs: int) -> int:
        """The child seed of the next trial of this genotype."""
        replicate = None if self._reuse else self._replicates.get(self._key(genotype), 0)
        return child_seed(self._seed, self._standing_for(genotype), Stage.SEARCH, epochs, replicate=replicate)

    def enter(self, asked: Asked) -> None:
        """A trial was proposed."""
        key = self._key(asked.genotype)
        if not self._reuse:
            self._replicates[key] = self._replicates.get(key, 0) + 1
        else:
            self._first.setdefault(key, Evaluation(asked.trial))

    def earlier(self, asked: Asked) -> Evaluation | None:
        """The evaluation whose outcome this trial takes, or None when it has its own."""
        found = self._first.get(self._key(asked.genotype))
        return None if found is None or found.trial == asked.trial else found

    def conclude(self, asked: Asked, outcome: Outcome) -> tuple[Asked, ...]:
        """An evaluation ended; the trials that waited for it."""
        found = self._first.get(self._key(asked.genotype))
        if found is None or found.trial != asked.trial:
            return ()
        found.outcome = msgspec.structs.replace(outcome, seconds=0.0, worker="")
        waiting, found.waiting = found.waiting, ()
        return waiting

    def forget(self, statuses: Container[Status], unfinished: Iterable[Asked]) -> None:
        """No trial takes an outcome with one of these statuses any more: the first unfinished or later one is evaluated."""
        ended = ((key, found.outcome) for key, found in self._first.items())
        for key in [key for key, outcome in ended if outcome is not None and outcome.status in statuses]:
            del self._first[key]
        for asked in unfinished if self._reuse else ():
            self._first.setdefault(self._key(asked.genotype), Evaluation(asked.trial))

    def _key(self, genotype: Genotype) -> bytes:
        return hashlib.blake2b(canonical(self._standing_for(genotype)).encode(), digest_size=16).digest()


def child_seed(root: int, genotype: Genotype, stage: Stage, epochs: int, *, replicate: int | None = None) -> int:
    """The seed of a child: a function of what it is and how long it is trained, never of the trial's number or place."""
    keys = (
        (canonical(genotype), stage.value, epochs)
        if replicate is None
        else (canonical(genotype), stage.value, epochs, replicate)
    )
    return stream_seed(root, "child", *keys) % LARGEST
