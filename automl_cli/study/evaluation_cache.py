"""Keeps which genotypes a study has evaluated or is evaluating, and derives the seeds of their children."""

import hashlib
from collections.abc import Callable, Container, Iterable
from functools import partial

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
    """Return the genotype: each stands for itself."""
    return genotype


class Evaluation:
    """The first evaluation of a genotype: its outcome once there is one, and the later trials that wait for that outcome.

    The outcome is kept as later trials take it: in no time, by no worker; `epochs` are those of the training it is of. A study
    has one of these for each genotype, so they are small.
    """

    __slots__ = ("epochs", "outcome", "trial", "waiting")

    def __init__(self, trial: int) -> None:
        self.trial = trial
        self.epochs: int | None = None
        self.outcome: Outcome | None = None
        self.waiting: tuple[Asked, ...] = ()


class EvaluationCache:
    """Maps each genotype to its first evaluation, so that later trials of the genotype take that outcome.

    Without `reuse` nothing is shared: each trial of a genotype is a replicate with a seed of its own. With it, a proposal may
    still ask for a replicate (`Proposal.replicate`), which has a seed of its own and shares nothing.

    Genotypes that `standing_for` maps to one mean the same, so they count as one. They are held as 16-byte digests, since a
    study may have tens of thousands of long ones.
    """

    def __init__(self, seed: int, *, reuse: bool, standing_for: Representative = itself) -> None:
        self._seed = seed
        self._reuse = reuse
        self._standing_for = standing_for
        self._first: dict[bytes, Evaluation] = {}
        self._replicates: dict[bytes, int] = {}

    def seed_of_next(self, genotype: Genotype, epochs: int, *, replicate: int = 0) -> int:
        """Return the child seed of the next trial of this genotype, or of this replicate of it."""
        return self.seeds_of_next(genotype, (epochs,), replicate=replicate)[0]

    def seeds_of_next(self, genotype: Genotype, fidelities: Iterable[int], *, replicate: int = 0) -> tuple[int, ...]:
        """Return the child seeds of the next trial of this genotype, or of this replicate of it, one for each of these
        epochs."""
        number = (replicate or None) if self._reuse else self._replicates.get(self._key(genotype), 0)
        meaning = self._standing_for(genotype)
        seed = partial(child_seed, self._seed, meaning, Stage.SEARCH, replicate=number)
        return tuple(map(seed, fidelities))

    def epochs_of(self, genotype: Genotype) -> int | None:
        """Return the epochs of the last training of this genotype's first trial; None where that has not ended."""
        found = self._first.get(self._key(genotype))
        return None if found is None else found.epochs

    def enter(self, asked: Asked) -> None:
        """Record that a trial was proposed."""
        key = self._key(asked.genotype)
        if not self._reuse:
            self._replicates[key] = self._replicates.get(key, 0) + 1
        elif not asked.replicate:
            self._first.setdefault(key, Evaluation(asked.trial))

    def earlier(self, asked: Asked) -> Evaluation | None:
        """Return the evaluation whose outcome this trial takes, or None when it has its own."""
        found = None if asked.replicate else self._first.get(self._key(asked.genotype))
        return None if found is None or found.trial == asked.trial else found

    def conclude(self, asked: Asked, outcome: Outcome) -> tuple[Asked, ...]:
        """Record the outcome of an evaluation, and return the trials that waited for it."""
        found = self._first.get(self._key(asked.genotype))
        if found is None or found.trial != asked.trial:
            return ()
        found.outcome, found.epochs = msgspec.structs.replace(outcome, seconds=0.0, worker=""), asked.epochs
        waiting, found.waiting = found.waiting, ()
        return waiting

    def forget(self, statuses: Container[Status], unfinished: Iterable[Asked]) -> None:
        """Drop outcomes with one of these statuses, so that the next trial of such a genotype is evaluated."""
        ended = ((key, found.outcome) for key, found in self._first.items())
        for key in [key for key, outcome in ended if outcome is not None and outcome.status in statuses]:
            del self._first[key]
        for asked in unfinished if self._reuse else ():
            if not asked.replicate:
                self._first.setdefault(self._key(asked.genotype), Evaluation(asked.trial))

    def _key(self, genotype: Genotype) -> bytes:
        return hashlib.blake2b(canonical(self._standing_for(genotype)).encode(), digest_size=16).digest()


def child_seed(root: int, genotype: Genotype, stage: Stage, epochs: int, *, replicate: int | None = None) -> int:
    """Return the seed of a child: a function of genotype, stage and epochs, never of the trial's number or place."""
    keys = (
        (canonical(genotype), stage.value, epochs)
        if replicate is None
        else (canonical(genotype), stage.value, epochs, replicate)
    )
    return stream_seed(root, "child", *keys) % LARGEST
