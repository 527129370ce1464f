"""Checks that files which the tool wrote agree with themselves, beyond what reading them checks."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from msgspec import Struct

from automl_cli.core.errors import ArtifactError, SpaceError, UserError
from automl_cli.core.numbers import counted
from automl_cli.core.rewards import LatencyTarget
from automl_cli.core.spaces import SearchSpace, SpaceReference
from automl_cli.core.trials import Costs, Measurement
from automl_cli.jobs.compare import check_trainings, ledger_of
from automl_cli.jobs.run_checks import check_joined, check_journal, check_winner
from automl_cli.jobs.training_checks import check_checkpoint, check_contents, check_course, check_model
from automl_cli.kinds.comparison import ComparisonSettings
from automl_cli.kinds.model import ModelBody
from automl_cli.plugins.discovery import open_space, plugins
from automl_cli.plugins.kind import Joining, Kind
from automl_cli.plugins.listing import bodies, kind_of, standing_kind
from automl_cli.plugins.roles import check_roles, costs_of, filling_of, typed_facts
from automl_cli.store.artifact import Artifact, decode_artifact, read_artifact, read_bytes
from automl_cli.store.consistency import must_equal
from automl_cli.store.encoding import check_keys
from automl_cli.store.file_names import (
    BEST_FILE,
    CHECKPOINT_FILE,
    COMPARISON_FILE,
    CONTENTS_FILE,
    JOURNAL_FILE,
    MODEL_FILE,
    NETWORK_FILE,
    STUDY_FILE,
    TRAINING_FILE,
    TRANSFER,
)
from automl_cli.store.journal import placed_records
from automl_cli.store.ledger import trials_of
from automl_cli.store.run_layout import repeats_of
from automl_cli.store.study import Found, FoundBody, StudySettings
from automl_cli.study.incumbent import joined_value
from automl_cli.values.child import Child

TRAINING_FILES = (TRAINING_FILE, JOURNAL_FILE, CHECKPOINT_FILE, MODEL_FILE, CONTENTS_FILE)
RUN_FILES = (STUDY_FILE, JOURNAL_FILE, BEST_FILE, NETWORK_FILE, *(f"{TRANSFER}/{name}" for name in TRAINING_FILES))
OUTCOMES = (BEST_FILE, NETWORK_FILE, TRANSFER)
"""Files of a run directory that only trials can bring about, so that a journal must be there too."""


class ValidationResult(Struct, frozen=True):
    """The verdict on one file: what it holds, what is wrong with it, and what could not be checked here; None for nothing."""

    file: str
    holds: str | None
    problem: str | None = None
    unchecked: str | None = None


def files_in(path: Path) -> Iterator[Path]:
    """Yield the file itself, or the files to check in the directory of a search, of its repeats, or of a training.

    The journal of a search is one of them even if it is not there.
    """
    if not path.is_dir():
        yield path
        return
    names = dict.fromkeys((COMPARISON_FILE, TRAINING_FILE, *RUN_FILES, *TRAINING_FILES))
    found = [path / name for name in names if (path / name).is_file()]
    if path / STUDY_FILE in found and path / JOURNAL_FILE not in found:
        found.insert(1, path / JOURNAL_FILE)
    studies = repeats_of(path)
    if not found and not studies:
        known = ", ".join(dict.fromkeys((*RUN_FILES, *TRAINING_FILES)))
        raise ArtifactError(f"{path} is no run directory: it holds none of {known}; give that of a search or a training")
    yield from found
    for study in studies:
        yield from files_in(study)


def check_file(path: Path) -> ValidationResult:
    """Return the verdict on one file. Nothing in the file raises an exception."""
    try:
        if path.suffix == ".jsonl":
            return _check_journal(path)
        if (check := ARRAYS.get(path.name)) is not None:
            return ValidationResult(str(path), check(path))
        data = read_bytes(path)
        artifact = decode_artifact(data, str(path), bodies())
        check_keys(data, str(path))
        return ValidationResult(str(path), artifact.schema, unchecked=_check_artifact(path, artifact))
    except UserError as error:
        return ValidationResult(str(path), None, str(error))


ARRAYS: Mapping[str, Callable[[Path], str]] = {CHECKPOINT_FILE: check_checkpoint, CONTENTS_FILE: check_contents}
"""What checks a file of arrays that no artifact names."""


def _check_journal(path: Path) -> ValidationResult:
    """Check that the records are those that the study beside the journal writes."""
    study, comparison = path.with_name(STUDY_FILE), path.with_name(COMPARISON_FILE)
    if path.is_file() and comparison.is_file() and not study.is_file():
        return _check_comparison(path, comparison)
    if path.is_file() and path.with_name(TRAINING_FILE).is_file() and not study.is_file():
        return ValidationResult(str(path), f"journal of {counted(len(check_course(path).losses), 'epoch')}")
    if not path.is_file():
        return _check_absent(path, study)
    if not study.is_file():
        return _check_lone_journal(path, "is not there")
    try:
        settings = read_artifact(study, StudySettings).body
    except UserError:  # said where study.json itself is checked
        return _check_lone_journal(path, "is not sound")
    space = _space_of(settings.space, f"{study}: body.space")
    course = check_journal(path, settings, space)
    return ValidationResult(
        str(path),
        f"journal of {counted(course.records, 'record')}",
        unchecked=None if space else _not_decoded(settings.space, "genotypes"),
    )


def _check_comparison(path: Path, comparison: Path) -> ValidationResult:
    """Check that the trainings on record are those that the settings beside the journal ask for."""
    settings = read_artifact(comparison, ComparisonSettings).body
    ledger = ledger_of(path)
    check_trainings(path, settings, ledger)
    return ValidationResult(str(path), f"journal of {counted(len(ledger.trials), 'training')}")


def _check_lone_journal(path: Path, why: str) -> ValidationResult:
    """Check the order of the records, without the study that they are of."""
    records = list(placed_records(path))
    for _ in trials_of(records):
        pass
    return ValidationResult(
        str(path), f"journal of {counted(len(records), 'record')}", unchecked=f"what {STUDY_FILE} says, which {why}"
    )


def _check_absent(path: Path, study: Path) -> ValidationResult:
    """Return the verdict on a journal that is not there: a search that was not begun has none."""
    if not study.is_file():
        raise ArtifactError(f"{path}: no such file")
    if outcome := next((name for name in OUTCOMES if path.with_name(name).exists()), None):
        raise ArtifactError(
            f"{path}: no such file, though {outcome} is the outcome of it; bring it back from a copy, or search again"
        )
    return ValidationResult(str(path), None, unchecked="there is no journal yet, so no trial was started")


def _check_artifact(path: Path, artifact: Artifact[Any]) -> str | None:
    """Check a found artifact, then what its kind checks. Return what could not be checked, if anything."""
    body = artifact.body
    kind = kind_of(body)
    if (child := getattr(body, "child", None)) is not None:
        check_roles(child, f"{path}: body.child", may_be_open=isinstance(body, StudySettings | ComparisonSettings))
        _check_inputs(path, artifact, child)
    if isinstance(body, ModelBody):
        check_model(path, body)
    unchecked = _check_found_artifact(path, kind, artifact) if isinstance(body, FoundBody) else None
    return unchecked if kind.check is None else (kind.check(body, str(path)) or unchecked)


def _check_found_artifact(path: Path, kind: Kind, artifact: Artifact[Any]) -> str | None:
    """Check that a published value has its words beside it, and that a genotype decodes to value, words and costs."""
    body, found = artifact.body, artifact.body.found
    if found is None:
        if kind.words is not None:
            must_equal(f"{path}: body.words", body.words, kind.words(body.value))
        return None
    place = f"{path}: body.found"
    if found.child is not None:
        check_roles(found.child, f"{place}.child", may_be_open=True)
    _check_scores(place, found)
    _check_against_run(path, kind, body)
    _check_inputs(path, artifact, found.child)
    if (space := _space_of(found.space, f"{place}.space")) is None:
        return _not_decoded(found.space)
    _check_genotype(place, found, space)
    expected = {"value": space.decode(found.genotype), "words": space.tokens(found.genotype)}
    if kind.joining is not None:
        expected = _checked_joined(path, kind.joining, body, space)
    must_equal(f"{path}: body.value", kind.searched(body.value), expected["value"])
    must_equal(f"{path}: body.words", body.words, expected["words"])
    if found.costs is not None and found.child is not None:
        must_equal(f"{place}.costs", found.costs, _costs(kind, found, space))
    return None


def _checked_joined(path: Path, joining: Joining, body: Any, space: SearchSpace) -> dict[str, Any]:
    """Return value and words of the trials that are joined. Raises ArtifactError unless the first is the best, none stands
    there twice, and they are not too many."""
    place, rows, found = f"{path}: body.joined", body.joined, body.found
    first = {"trial": found.trial, "genotype": found.genotype, "validation_score": found.validation_score}
    must_equal(f"{place}[0]", rows[0] if rows else None, first, "body.found")
    if len(rows) > joining.count:
        raise ArtifactError(f"{place}: joins {counted(len(rows), 'trial')}, and at most {joining.count} may be joined")
    try:
        for row in rows:
            space.decode(row.genotype)
        value = joined_value(joining, space, rows)
        meanings = {space.canonical(row.genotype) for row in rows}
    except SpaceError as error:
        raise ArtifactError(f"{place}: {error}") from error
    if len(meanings) < len(rows):
        raise ArtifactError(f"{place}: two of the trials mean the same, which is joined once")
    return value


def _costs(kind: Kind, found: Found, space: SearchSpace) -> Costs | None:
    """Return the costs of the child that the genotype was measured by: of the roles on record and the one it fills."""
    assert found.child is not None
    facts, standing = typed_facts(found.child.problem), standing_kind(kind)
    if standing.role is None:
        return None
    placed = filling_of(standing.name, space.placed(found.genotype, facts))
    return costs_of({**found.child.roles, standing.role: placed}, facts)


def _check_inputs(path: Path, artifact: Artifact[Any], child: Child | None) -> None:
    """Check that the header names what was put into roles; a training also names the artifact of its network."""
    expected = {} if child is None else child.inputs
    of_network = {"network"} if child is not None and "network" in child.roles else set()
    given = {role: digest for role, digest in artifact.inputs.items() if role in expected or role not in of_network}
    must_equal(f"{path}: inputs", given, expected, "the roles of the child")


def _check_genotype(place: str, found: Found, space: SearchSpace) -> None:
    """Check that the genotype is one of the space, and stands for the choices beside it."""
    try:
        space.decode(found.genotype)
    except SpaceError as error:
        raise ArtifactError(f"{place}.genotype: {error}") from error
    must_equal(f"{place}.choices", found.choices, space.decisions.choices_of(found.genotype))


def _check_scores(place: str, found: Found) -> None:
    """Check that score and reward follow from the scores of the epochs, and that the winner of a retraining won it."""
    reward = found.reward_function
    try:
        measurement = Measurement(scores=found.validation_scores)
    except ValueError as error:
        raise ArtifactError(f"{place}.validation_scores: {error}") from error
    if found.child is not None and len(found.validation_scores) > 1:  # an evaluator of the user's own may give one in all
        must_equal(f"{place}.epochs", found.epochs, len(found.validation_scores))
    by_seed = found.scores_by_seed or (reward.score(measurement),)
    must_equal(f"{place}.scores_by_seed[0]", by_seed[0], reward.score(measurement))
    must_equal(f"{place}.validation_score", found.validation_score, fmean(by_seed))
    if not isinstance(reward, LatencyTarget):
        must_equal(f"{place}.reward", found.reward, fmean(reward.of(Measurement(scores=(score,))) for score in by_seed))
    if (retraining := found.retraining) is not None:
        scores = {row.trial: row.search_score for row in retraining.candidates}
        must_equal(f"{place}.retraining", scores.get(found.trial), found.validation_score)


def _check_against_run(path: Path, kind: Kind, body: Any) -> None:
    """Check that the winner in a run directory is that of the journal beside it, which has a verdict of its own, and that its
    value has what its child learned."""
    study, journal = path.with_name(STUDY_FILE), path.with_name(JOURNAL_FILE)
    if path.name != BEST_FILE or not (study.is_file() and journal.is_file()):
        return
    try:
        settings = read_artifact(study, StudySettings).body
        course = check_journal(journal, settings, _space_of(settings.space, f"{study}: body.space"))
    except UserError:
        return
    winner = check_winner(f"{path}: body.found", body.found, settings, course)
    if kind.joining is not None:
        if winner is not None:
            check_joined(f"{path}: body.joined", body.joined, winner, settings, course)
    elif winner is not None and (measured := winner.trial.outcome.measurement) is not None:
        must_equal(f"{path}: body.value", body.value, kind.learned(kind.searched(body.value), measured.metrics), "the journal")


def _space_of(reference: SpaceReference, place: str) -> SearchSpace | None:
    """Return the space, or None for one from a user's file: nothing is imported from a path that a file names."""
    if reference.file is not None or reference.name not in plugins():
        return None
    try:
        return open_space(reference)
    except UserError as error:
        raise ArtifactError(f"{place}: {error}") from error


def _not_decoded(reference: SpaceReference, what: str = "genotype") -> str:
    return f"the {what}, since space {reference.name!r} is not among those found here"
