"""Holds which of the best trials are trained again, longer and on new seeds (`--retrain-top`), and what came of it."""

from collections.abc import Sequence

from automl_cli.core.trials import Outcome, Stage, Trial
from automl_cli.store.journal import Asked, Told
from automl_cli.store.study import StudySettings
from automl_cli.study.evaluation_cache import Representative, child_seed


class RetrainStage:
    """The second stage of a study. `told` are the outcomes so far, by trial."""

    def __init__(self, settings: StudySettings, standing_for: Representative) -> None:
        self.told: dict[int, Outcome] = {}
        self._settings = settings
        self._standing_for = standing_for
        self._asked: dict[int, Asked] = {}

    def candidates(self, ranked: Sequence[Trial]) -> Sequence[Trial]:
        """Return those of the ranked trials that are trained again."""
        return ranked[: self._settings.retrain_top]

    def missing(self, ranked: Sequence[Trial]) -> list[Trial]:
        """Return the candidates without an outcome."""
        return [trial for trial in self.candidates(ranked) if trial.number not in self.told]

    def asked(self, trial: Trial) -> Asked | None:
        """Return what is on record as asked for, if anything."""
        return self._asked.get(trial.number)

    def ask(self, trial: Trial) -> Asked:
        """Return what is asked for."""
        genotype, epochs = trial.task.genotype, self._settings.retrain_epochs
        seed = child_seed(self._settings.seed, self._standing_for(genotype), Stage.RETRAIN, epochs)
        return Asked(trial=trial.number, stage=Stage.RETRAIN, genotype=genotype, log_probability=None, seed=seed, epochs=epochs)

    def take(self, record: Asked | Told) -> None:
        """Take a record of this stage."""
        if isinstance(record, Asked):
            self._asked[record.trial] = record
        else:
            self.told[record.trial] = record.outcome
