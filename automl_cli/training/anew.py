"""Train a recorded training anew, or say it by flags: what `automl train --config` takes beside files of flags."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

import msgspec
from msgspec import Struct

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.flags import Flag
from automl_cli.core.shell_commands import command_line
from automl_cli.kinds.training import TrainingSettings
from automl_cli.plugins.listing import problem_named
from automl_cli.plugins.roles import check_roles, replaced, value_of, words_of
from automl_cli.references import WHAT_IS_TRAINED, open_filling, role_flags
from automl_cli.references.said import text_that_gives
from automl_cli.store.artifact import WrongKind, artifact_of, read_artifact
from automl_cli.store.config_file import read_flags
from automl_cli.store.consistency import alike, first_difference
from automl_cli.store.encoding import plain
from automl_cli.store.file_names import STUDY_FILE, TRAINING_FILE
from automl_cli.store.run_directory import RunDirectory
from automl_cli.store.timings_in_force import settled
from automl_cli.system.machine import current_environment
from automl_cli.training.directory import check_new_training, create_training
from automl_cli.training.flags import rows_in_files, training_rows
from automl_cli.training.request import TrainingRequest
from automl_cli.training.settings import new_training, resumed, with_name
from automl_cli.training.trainable import NamedTrainable, network_flags
from automl_cli.values.child import Filling

ALWAYS = ("dataset", "seed", "epochs", "layout", "pixel-range")
"""Flags that are written whether or not they say anything new."""

ROUNDS = 3
"""A flag may bring others into line, or out of it, so often."""


class RecordedTraining(Struct, frozen=True):
    """The settings of a training, read from this place, and the digests of what went into it."""

    place: Path
    settings: TrainingSettings
    inputs: dict[str, str]


def read_configuration(path: Path) -> Mapping[str, Any] | RecordedTraining:
    """Return what `--config` names: flags by attribute from a TOML file, or the settings in a `training.json` or in the
    directory of a training. Raises UserError, with the name of the file, for what is neither."""
    if path.is_dir():
        if not (path / TRAINING_FILE).is_file():
            anew = "" if not (path / STUDY_FILE).is_file() else "; it is a search: give it to the command that searched"
            raise ArtifactError(f"--config {path} is no training: it holds no {TRAINING_FILE}{anew}")
        path = path / TRAINING_FILE
    if path.suffix != ".json":
        return read_flags(path, rows_in_files())
    try:
        artifact = read_artifact(path, TrainingSettings)
    except WrongKind as error:
        takes = f"--config takes the {TRAINING_FILE} of a training, its directory, or a .toml file of flags"
        raise WrongKind(f"{error}; {takes}") from error
    return RecordedTraining(path, artifact.body, artifact.inputs)


def train_anew(recorded: RecordedTraining, request: TrainingRequest, named: NamedTrainable | None) -> TrainingSettings:
    """Return the recorded settings for another training on this machine: the same weights. The seed may be another one.

    Raises UserError for any other flag that says something else, and for data that changed or are not here.
    """
    before = recorded.settings
    check_roles(before.child, f"{recorded.place}: body.child", may_be_open=False)
    before = resumed(before, request.replaced(seed=None), named, otherwise=_otherwise(recorded, named))
    problem_named(before.child.problem.name).check(before.child)
    seed = before.seed if request.seed is None else request.seed
    return msgspec.structs.replace(before, seed=seed, environment=current_environment(), timings=settled(before.timings))


def _otherwise(recorded: RecordedTraining, named: NamedTrainable | None) -> str:
    """Return what to do about a flag that a training anew cannot be given, with the flag that only the user can give again."""
    again = ""
    if _has_no_name(recorded):
        again = f" --{named.flag} {quote(named.name)}" if named is not None else f" and, as it was given, {_any_of_the_flags()}"
    return f"leave that out, or write its flags to a file with --write-config FILE.toml{again}, and change them there"


def _has_no_name(recorded: RecordedTraining) -> bool:
    """Whether what was trained came from a file, whose place is not on record."""
    return recorded.settings.child.roles[WHAT_IS_TRAINED].name is None


def _any_of_the_flags() -> str:
    *flags, last = (f"--{flag}" for flag in network_flags())
    return f"{', '.join(flags)} or {last}"


def open_anew(
    out: Path | None, recorded: RecordedTraining, request: TrainingRequest, named: NamedTrainable | None, *, overwrite: bool
) -> RunDirectory:
    """Hold a new directory of a recorded training that is done anew."""
    check_new_training(out, overwrite=overwrite)
    settings = train_anew(recorded, request, named)
    return create_training(out, artifact_of(settings, recorded.inputs), overwrite=overwrite)


def flags_for(recorded: RecordedTraining, request: TrainingRequest, named: NamedTrainable | None) -> dict[str, Any]:
    """Return the flags, by name, that ask for this training. `request` and `named` hold what only the user can say: files.

    Raises UserError for a training that no flags ask for.
    """
    named = named or _named(recorded)
    settings = train_anew(recorded, request, named)
    opened = named.open()
    asked = request.replaced(**{row.attribute: _said(row, settings, request) for row in training_rows() if row.name in ALWAYS})
    for _ in range(ROUNDS):
        planned = new_training(opened.artifact.body, opened.place, asked)
        planned = with_name(planned, named.name) if opened.published else planned
        if alike(_decisive(planned), _decisive(settings)):
            return {named.flag: named.name, **asked.given()}
        more = {row.attribute: _said(row, settings, request) for row in _differing(planned, settings, asked)}
        asked = asked.replaced(**more)
    path, was, by_flags = first_difference(_decisive(settings), _decisive(planned))
    which = " (give --stack, --filters and --preset as they were)" if f"roles.{WHAT_IS_TRAINED}" in path else ""
    raise UserError(
        f"no flags ask for what is on record: {path.lstrip('.')} is {was}, and flags give {by_flags}{which}. Train anew with "
        f"{command_line('train', '--config', recorded.place)}"
    )


def _named(recorded: RecordedTraining) -> NamedTrainable:
    """Return the flag and the name of what was trained. Raises UserError where it came from a file."""
    filling = recorded.settings.child.roles[WHAT_IS_TRAINED]
    if filling.name is None:
        digest = recorded.inputs.get(WHAT_IS_TRAINED, "")
        known = f" (SHA-256 {digest[:12]}…)" if digest else ""
        raise UserError(f"what was trained came from elsewhere{known}; give it again with {_any_of_the_flags()}")
    named = [NamedTrainable(flag, filling.name) for flag in network_flags()]
    return next(each for each in named if each.is_there)


def _decisive(settings: TrainingSettings) -> Any:
    """Return the settings as plain data, without the machine that they were resolved on."""
    return {name: value for name, value in plain(settings).items() if name not in ("environment", "engine", "timings")}


def _differing(planned: TrainingSettings, settings: TrainingSettings, asked: TrainingRequest) -> Iterator[Flag]:
    """Yield the rows that were not asked for and of which the two have different values on record."""
    for row in training_rows():
        if row.recorded is None or row.name in asked.given():
            continue
        was, now = row.recorded_in(settings), row.recorded_in(planned)
        if (role := role_flags().get(row.name)) is not None:
            was = settings.child.roles[role]
            now = _with_momentum(planned.child.roles[role], was)
        if was is not None and not alike(was, now):
            yield row


def _said(row: Flag, settings: TrainingSettings, given: TrainingRequest) -> Any:
    """Return what would be said of the flag."""
    if row.name not in role_flags():
        return row.as_said(plain(row.recorded_in(settings)))
    role = role_flags()[row.name]
    filling = settings.child.roles[role]
    texts = (filling.name, words_of(filling), getattr(given, row.attribute))
    return text_that_gives(filling, row.name, texts, lambda text: _with_momentum(open_filling(role, text), filling))


def _with_momentum(opened: Filling, filling: Filling) -> Filling:
    """Return what a text gives, with the momentum on record, which has a flag of its own."""
    momentum = getattr(value_of(filling), "momentum", None)
    if momentum is None or getattr(value_of(opened), "momentum", None) is None:
        return opened
    return replaced(opened, momentum=momentum)
