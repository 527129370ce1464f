"""Holds what is asked of a training: flags over those of a file, or over a recorded training that is done anew."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from automl_cli.core.errors import UserError
from automl_cli.data.paths import expanded
from automl_cli.store.run_directory import RunDirectory
from automl_cli.training.anew import RecordedTraining, open_anew, read_configuration
from automl_cli.training.directory import directory_to_resume, open_training
from automl_cli.training.flags import NAMING
from automl_cli.training.request import TrainingRequest
from automl_cli.training.trainable import NamedTrainable, named_by


class AskedTraining(NamedTuple):
    """The request of a training, what is trained, and the recorded training that is done anew, if one is."""

    request: TrainingRequest
    named: NamedTrainable | None
    recorded: RecordedTraining | None = None

    def open(self, out: Path | None, *, resume: bool, overwrite: bool, resume_or_start: bool = False) -> RunDirectory:
        """Hold the directory of the training: a new one, an interrupted one, or that of a recorded one that is done anew."""
        if self.recorded is None:
            where = {"resume": resume, "overwrite": overwrite, "resume_or_start": resume_or_start}
            return open_training(out, self.request, self.named, **where)
        directory_to_resume(out, resume=resume, overwrite=overwrite)
        return open_anew(out, self.recorded, self.request, self.named, overwrite=overwrite)


def asked_training(given: Mapping[str, Any]) -> AskedTraining:
    """Return what is asked of the training by flags, by attribute, over the file that `config` names. Raises UserError for a
    value out of bounds."""
    config = given.get("config")
    before: Mapping[str, Any] | RecordedTraining = {} if config is None else read_configuration(config)
    recorded = before if isinstance(before, RecordedTraining) else None
    if recorded is not None and (given.get("resume") or given.get("resume_or_start")):
        raise UserError(
            "--resume and --resume-or-start go on with the training in --out, and --config TRAINING trains anew; give one of "
            "them"
        )
    in_file = {} if isinstance(before, RecordedTraining) else before
    naming = {row.attribute: given.get(row.attribute) for row in NAMING}
    if not any(naming.values()):
        naming = {name: in_file.get(name) for name in naming}
    said = {name: in_file.get(name) if given.get(name) is None else given[name] for name in TrainingRequest.rows()}
    request = TrainingRequest(**said)
    request.check()
    if request.data_dir is not None:
        request = request.replaced(data_dir=str(expanded(request.data_dir).resolve()))
    return AskedTraining(request, named_by(**naming), recorded)
