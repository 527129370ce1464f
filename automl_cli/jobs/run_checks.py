"""Checks a run directory against itself: its journal against `study.json`, `best.json` against both.

Nothing is replayed and no strategy is made, so it is as quick as reading the journal: the order of the records, genotypes,
epochs, the seeds of the children, and who won.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import ArtifactError, SpaceError
from automl_cli.core.numbers import counted
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Outcome, Stage, Status, Trial
from automl_cli.evaluators import own
from automl_cli.plugins.listing import kind_named
from automl_cli.store.consistency import must_equal
from automl_cli.store.earlier_trials import check_head
from automl_cli.store.file_names import STUDY_FILE
from automl_cli.store.journal import Asked, Ended, Record, Started, TakenOver, Told, TrainingKey, placed_records
from automl_cli.store.ledger import Ledger
from automl_cli.store.rung_records import AtRung, Promoted
from automl_cli.store.study import Found, JoinedTrial, Retraining, StudySettings
from automl_cli.study.evaluation_cache import EvaluationCache, itself
from automl_cli.study.incumbent import Retrained, Winner, joined_trials, provenance, ranking_of, winner_of_retraining
from automl_cli.study.limits import OverLimit
from automl_cli.study.retraining import chosen_by, seed_after, winner_on_record


class JournalChecker:
    """Checks the records of a journal, one after the other, against the settings of their study.

    The space is None where it is not among those found here; then the genotypes are not checked. Raises ArtifactError naming
    `file:line` for a record that this study cannot have written there.
    """

    def __init__(self, settings: StudySettings, space: SearchSpace | None) -> None:
        self.ledger = Ledger()
        self.records = 0
        self.ended: Literal["finished", "interrupted", "time-budget", "failed"] | None = None
        """The end of the last session; None while it has not ended, and when it was killed."""
        self._settings = settings
        self._space = space
        self._standing_for = itself if space is None else space.canonical
        self._joins = 0 if space is None else kind_named(space.plugin.produces).joins
        self.meanings_known = space is not None or not settings.space.canonical
        """Whether it is known which genotypes mean the same. Seeds of children and the ranking depend on that."""
        self._head: list[TakenOver] = []
        self._seeds: dict[int, tuple[int, ...]] = {}
        """By trial that is open, the seeds of its child at all rungs but the first."""
        self._left: set[TrainingKey] = set()
        """What an earlier session was training again: a trial that was found since may have taken the place of such a one."""
        self._over_limit = OverLimit()
        self._evaluations = EvaluationCache(settings.seed, reuse=settings.reuse, standing_for=self._standing_for)

    def take(self, record: Record, place: str) -> None:
        """Check the next record, which stands at this `file:line`."""
        self.records += 1
        self.ended = record.reason if isinstance(record, Ended) else None
        match record:
            case TakenOver() if self.records == len(self._head) + 1:
                self._head.append(record)
                self._check_of_space(record.genotype, place)
            case TakenOver():
                raise ArtifactError(f"{place}: a trial of an earlier run stands behind other records; those come first")
            case Asked():
                self.ledger.ask(record, place)
                self._check_asked(record, place)
            case AtRung() | Promoted():
                self._check_rung(record, place)
            case Told():
                self._check_told(self.ledger.tell(record, place), place)
            case Started():
                self._left = {key for key in self.ledger.open if key[0] is Stage.RETRAIN}
            case Ended(reason="finished") if wanted := self.ledger.open.keys() - self._left:
                stage, number, _ = min(wanted)
                raise ArtifactError(f"{place}: the study finished, but trial {number} of the {stage} was never told")

    def check_head(self, place: str) -> None:
        """Check what was taken over from earlier runs, once all records are taken."""
        check_head(place, self._head, self._settings.taken_over)

    def winner(self) -> Winner | None:
        """Return the winner by this journal, or None where no trial has a score."""
        settings = self._settings
        ranking = ranking_of(settings, joins=self._joins, standing_for=self._standing_for)
        for (stage, *_), trial in self.ledger.trials.items():
            if stage is Stage.SEARCH and trial.reused is None:
                ranking.add(trial)
        if not (ranked := ranking.best()):
            return None
        candidates = ranked[: settings.retrain_top]
        if self.ended == "finished" and candidates and self.retrained(candidates) is None:
            missing = next(trial.number for trial in candidates if self.retrained([trial]) is None)
            raise ArtifactError(
                f"the search finished, and trial {missing}, one of the {settings.retrain_top} best, was never trained "
                f"again, though {STUDY_FILE} says so"
            )
        told = sum(stage is Stage.SEARCH for stage, *_ in self.ledger.trials)
        searched = self._over_limit.is_enough(told, settings.trials)
        return winner_on_record(ranked, self.ledger.outcomes, settings, joins=self._joins, searched=searched)

    def retrained(self, candidates: Sequence[Trial]) -> Retrained | None:
        """Return the outcomes of these candidates that were trained again, by trial; None where one is missing."""
        return chosen_by(self.ledger.outcomes, candidates, self._settings)

    def _check_asked(self, record: Asked, place: str) -> None:
        settings = self._settings
        if record.stage is Stage.BASELINE:
            seed = self._check_asked_by_hand(record, place)
        elif record.stage is Stage.RETRAIN:
            before = self.ledger.trials.get((Stage.SEARCH, record.trial, 0))
            if before is None or before.outcome.measurement is None or before.task.genotype != record.genotype:
                raise ArtifactError(f"{place}: trial {record.trial} is trained again, but has no score with this genotype")
            must_equal(f"{place}: epochs", record.epochs, settings.retrain_epochs, STUDY_FILE)
            seed = seed_after(settings, Stage.RETRAIN, self._standing_for(record.genotype), record.replicate)
        else:
            if self._over_limit.is_enough(record.trial, settings.trials):
                raise ArtifactError(
                    f"{place}: trial {record.trial} was asked, but study.json has only {counted(settings.trials, 'trial')}"
                )
            self._check_genotype(record, place)
            may_be = settings.rungs if record.replicate else settings.rungs[:1]  # one is trained as long as what it is one of
            must_equal(f"{place}: epochs", record.epochs, record.epochs if record.epochs in may_be else may_be[0], STUDY_FILE)
            seed = self._evaluations.seed_of_next(record.genotype, record.epochs, replicate=record.replicate)
            self._seeds[record.trial] = self._evaluations.seeds_of_next(record.genotype, settings.rungs[1:])
            self._evaluations.enter(record)
        if self.meanings_known:
            must_equal(f"{place}: seed", record.seed, seed, f"the root seed {settings.seed} in study.json")

    def _check_rung(self, record: AtRung | Promoted, place: str) -> None:
        """Check that a training of an open trial, or its promotion to the next rung, is one of this study."""
        if (asked := self.ledger.open.get((Stage.SEARCH, record.trial, 0))) is None:
            raise ArtifactError(f"{place}: trial {record.trial} is not under way")
        rungs = self._settings.rungs
        if asked.replicate or asked.epochs not in rungs[:-1]:
            raise ArtifactError(f"{place}: trial {record.trial} has come to its last rung, of {counted(asked.epochs, 'epoch')}")
        rung = rungs.index(asked.epochs)
        if isinstance(record, AtRung):
            must_equal(f"{place}: epochs", record.epochs, asked.epochs, "the training of this trial that is under way")
            return
        must_equal(f"{place}: epochs", record.epochs, rungs[rung + 1], STUDY_FILE)
        if self.meanings_known:
            expected = self._seeds[record.trial][rung]
            must_equal(f"{place}: seed", record.seed, expected, f"the root seed {self._settings.seed} in study.json")
        self.ledger.promote(record, place)

    def _check_asked_by_hand(self, record: Asked, place: str) -> int:
        """Check a training of what is made by hand, and return the seed that it should have."""
        if self._settings.baseline is None:
            raise ArtifactError(f"{place}: something made by hand is trained, and {STUDY_FILE} has none")
        must_equal(f"{place}: genotype", record.genotype, (), "it has none")
        must_equal(f"{place}: epochs", record.epochs, self._settings.retrain_epochs, STUDY_FILE)
        return seed_after(self._settings, Stage.BASELINE, (), record.replicate)

    def _check_of_space(self, genotype: Genotype, place: str) -> None:
        try:
            if self._space is not None:
                self._space.decisions.check(genotype)
        except SpaceError as error:
            raise ArtifactError(f"{place}: genotype: {error}") from error

    def _check_genotype(self, record: Asked, place: str) -> None:
        self._check_of_space(record.genotype, place)
        if self._space is None or self._settings.replication is not None:
            return  # with replicates the strategy numbers its proposals without them
        must_equal(f"{place}: indices of the genotype", len(record.genotype), self._space.length(record.trial), "the space")

    def _check_told(self, trial: Trial, place: str) -> None:
        self._seeds.pop(trial.number, None)
        if trial.outcome.status is Status.OVER_LIMIT:
            self._over_limit.add(trial.number)
        measurement = trial.outcome.measurement
        in_all = self._settings.evaluator.name == own.NAME and measurement is not None and len(measurement.scores) == 1
        if self._settings.child is not None and measurement is not None and not in_all:
            must_equal(f"{place}: number of scores", len(measurement.scores), trial.task.epochs, "one for each epoch")
        if trial.reused is None:
            return
        earlier = self.ledger.trials.get((trial.task.stage, trial.reused, 0))
        if earlier is None or not self._same(earlier, trial) or _lasting(earlier) != _lasting(trial):
            raise ArtifactError(f"{place}: reused: trial {trial.reused} has not this genotype and outcome")

    def _same(self, one: Trial, other: Trial) -> bool:
        """Return whether the genotypes of two trials mean the same, as far as that can be known."""
        return self.mean_the_same(one.task.genotype, other.task.genotype) or not self.meanings_known

    def mean_the_same(self, one: Genotype, other: Genotype) -> bool:
        """Return whether two genotypes mean the same, as far as the space that is found here tells."""
        return self._standing_for(one) == self._standing_for(other)


def check_journal(path: Path, settings: StudySettings, space: SearchSpace | None) -> JournalChecker:
    """Check the journal of a run to its end, and return the checker with what it holds."""
    course = JournalChecker(settings, space)
    for place, record in placed_records(path):
        course.take(record, place)
    course.check_head(str(path))
    return course


def check_winner(place: str, found: Found, settings: StudySettings, course: JournalChecker) -> Winner | None:
    """Return the trial that the journal ranks best; None where that cannot be known. Raises ArtifactError unless it is this
    winner.

    `place` names the file, and where in it the winner stands.

    After a kill `best.json` may lag behind the journal, since it is written once a second at most: then it must name a trial of
    the journal.
    """
    if not course.meanings_known:
        return None
    winner = course.winner()
    if winner is None:
        raise ArtifactError(f"{place}: trial {found.trial} is named the best, but no trial of the journal has a score")
    if course.ended is None:
        winner = _as_named(place, found, settings, course)
    for field, value in provenance(settings, winner).items():
        must_equal(f"{place}.{field}", getattr(found, field), value, "the journal with study.json")
    return winner


def check_joined(
    place: str, said: Sequence[JoinedTrial], winner: Winner, settings: StudySettings, course: JournalChecker
) -> None:
    """Raise ArtifactError unless these trials are those that the journal ranks best, or after a kill trials of the journal."""
    if course.ended is None:
        named = [course.ledger.trials.get((Stage.SEARCH, row.trial, 0)) for row in said]
        winner = Winner(winner.trial, joined=tuple(trial for trial in named if trial and trial.outcome.measurement is not None))
    must_equal(place, said, joined_trials(winner, settings), "the journal with study.json")


def _as_named(place: str, found: Found, settings: StudySettings, course: JournalChecker) -> Winner:
    named = course.ledger.trials.get((Stage.SEARCH, found.trial, 0))
    if named is None or named.outcome.measurement is None:
        raise ArtifactError(f"{place}.trial: trial {found.trial} has no score in the journal")
    named = msgspec.structs.replace(named, replicates=tuple(_as_said(found, settings, course)))
    return Winner(named, None if found.retraining is None else _recomputed(place, found.retraining, settings, course))


def _as_said(found: Found, settings: StudySettings, course: JournalChecker) -> Iterator[Trial]:
    """Yield the replicates in the journal that have the scores which stand behind the first one's, in order."""
    said = list(found.scores_by_seed[1:])
    for (stage, number, _), trial in sorted(course.ledger.trials.items(), key=lambda item: item[0][1]):
        same = stage is Stage.SEARCH and number > found.trial and course.mean_the_same(trial.task.genotype, found.genotype)
        if (
            same
            and said
            and trial.outcome.measurement is not None
            and settings.reward.score(trial.outcome.measurement) == said[0]
        ):
            said.pop(0)
            yield trial


def _recomputed(place: str, said: Retraining, settings: StudySettings, course: JournalChecker) -> Retraining | None:
    searched = {number: trial for (stage, number, _), trial in course.ledger.trials.items() if stage is Stage.SEARCH}
    candidates = [searched[row.trial] for row in said.candidates if row.trial in searched]
    retrained = course.retrained(candidates)
    if len(candidates) < len(said.candidates) or retrained is None:
        raise ArtifactError(f"{place}.retraining: names a trial that the journal does not train again")
    return winner_of_retraining(candidates, retrained, settings).retraining


def _lasting(trial: Trial) -> Outcome:
    """Return the outcome without the fields that a reused one does not take over."""
    return msgspec.structs.replace(trial.outcome, seconds=0.0, worker="")
