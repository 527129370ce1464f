"""Search a recorded run anew: what `--config` takes beside files of flags, and the settings that follow from it."""

from pathlib import Path

import msgspec
from msgspec import Struct

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.shell_commands import command_line
from automl_cli.core.spaces import SearchSpace
from automl_cli.planning.memory import memory_limit
from automl_cli.planning.request import SearchRequest, read_request
from automl_cli.planning.resume import ANEW, take_up
from automl_cli.store.artifact import WrongKind, read_artifact
from automl_cli.store.earlier_trials import check_head, digest_of, split_head
from automl_cli.store.file_names import JOURNAL_FILE, STUDY_FILE, TRAINING_FILE
from automl_cli.store.journal import read_records
from automl_cli.store.run_layout import runs_in
from automl_cli.store.study import EarlierRun, StudySettings
from automl_cli.system.machine import current_environment
from automl_cli.system.process import default_workers


class RecordedSearch(Struct, frozen=True):
    """The settings of a run, read from this place. `repeats` is how many runs `--repeat` made, None for a single one."""

    place: Path
    settings: StudySettings
    repeats: int | None = None


def read_configuration(path: Path) -> SearchRequest | RecordedSearch:
    """Return what `--config` names: flags in a TOML file, or the settings in a `study.json` or in the directory of a run.

    Raises UserError, with the name of the file, for what is neither.
    """
    if path.is_dir():
        return _recorded_in(path)
    if path.suffix != ".json":
        return read_request(path)
    try:
        return RecordedSearch(path, read_artifact(path, StudySettings).body)
    except WrongKind as error:
        takes = f"--config takes the {STUDY_FILE} of a run, its directory, or a .toml file of flags"
        raise WrongKind(f"{error}; {takes}") from error


def _recorded_in(directory: Path) -> RecordedSearch:
    runs = runs_in(directory)
    if not runs:
        if (directory / TRAINING_FILE).is_file():
            anew = command_line("train", "--config", directory)
            raise UserError(f"--config {directory} is a training and no search; train it anew with: {anew}")
        raise ArtifactError(f"--config {directory} is no run: it holds no {STUDY_FILE}; give a run, or a .toml file of flags")
    settings = read_artifact(runs[0] / STUDY_FILE, StudySettings).body
    return RecordedSearch(runs[0] / STUDY_FILE, settings, None if runs == [directory] else len(runs))


def search_anew(command: str, recorded: RecordedSearch, request: SearchRequest) -> tuple[StudySettings, SearchSpace]:
    """Return the recorded settings for another run on this machine, and the space: the same trials, the same `best.json`.

    Only what the results do not depend on may differ, and the seed and the number of trials. Raises UserError for any other
    flag, for data or a table that changed or are not here, and for a space of the user's own whose file is not given.
    """
    before = recorded.settings
    if request.workers is None and request.executor is None and before.executor == "local":
        limit = before.memory_limit_bytes if request.memory_limit is None else memory_limit(request.memory_limit)
        before = msgspec.structs.replace(before, workers=default_workers(limit))
    settings, space = take_up(command, before, request, ANEW)
    if settings.retrain_top > settings.trials:
        raise UserError(f"--trials {settings.trials} is less than the {settings.retrain_top} that this run trains again")
    seed = settings.seed if request.seed is None else request.seed
    taken_over = _from_its_journal(recorded)
    return msgspec.structs.replace(settings, seed=seed, taken_over=taken_over, environment=current_environment()), space


def _from_its_journal(recorded: RecordedSearch) -> tuple[EarlierRun, ...]:
    """Return what the run was told first as it stands at the head of its journal, whatever became of the runs it is from."""
    if not (before := recorded.settings.taken_over):
        return ()
    journal = recorded.place.with_name(JOURNAL_FILE)
    if not journal.is_file():
        raise ArtifactError(
            f"{recorded.place}: this run was told trials of an earlier one, which stand in its journal; give the directory of "
            "the run, or bring the journal beside the file"
        )
    head, _ = split_head(read_records(journal))
    check_head(str(journal), head, before)
    return (EarlierRun(path=str(journal.parent.resolve()), trials=len(head), digest=digest_of(head)),)
