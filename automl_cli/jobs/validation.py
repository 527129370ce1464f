"""Checks files that the tool wrote, beyond what reading them checks: does what they say agree with itself?"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from automl_cli.core.errors import ArtifactError, SpaceError, UserError
from automl_cli.core.plugins import SearchSpace, SpaceReference
from automl_cli.core.trials import Measurement
from automl_cli.jobs.run_checks import check_journal, check_winner
from automl_cli.plugins.discovery import open_space, plugins
from automl_cli.store.agreement import must_equal
from automl_cli.store.artifact import Artifact, read_any, read_artifact, read_bytes
from automl_cli.store.bodies import Architecture, Model, StudySettings
from automl_cli.store.cells import Cell, Found
from automl_cli.store.encoding import check_keys
from automl_cli.store.files import file_digest
from automl_cli.store.journal import placed_records, trials_of
from automl_cli.values.cell import CellPair

RUN_FILES = ("study.json", "journal.jsonl", "best.json", "network.json", "transfer/training.json", "transfer/model.json")
"""What is checked of a run directory, where it exists."""


class Verdict(Struct, frozen=True):
    """What a file holds; what is wrong with it, if anything; what could not be checked here, if anything."""

    file: str
    holds: str | None
    problem: str | None = None
    unchecked: str | None = None


def files_in(path: Path) -> Iterator[Path]:
    """The file itself, or what a run directory holds of its files, those of its sub-studies included."""
    if not path.is_dir():
        yield path
        return
    found = [path / name for name in RUN_FILES if (path / name).is_file()]
    studies = sorted(study.parent for study in path.glob("seed-*/study.json"))
    if not found and not studies:
        raise ArtifactError(f"{path} is no run directory: it holds none of {', '.join(RUN_FILES)}")
    yield from found
    for study in studies:
        yield from files_in(study)


def check_file(path: Path) -> Verdict:
    """The verdict on one file; never an exception for what stands in it."""
    try:
        if path.suffix == ".jsonl":
            return _check_journal(path)
        artifact = read_any(path)
        check_keys(read_bytes(path), str(path))
        unchecked = CHECKS[artifact.kind](path, artifact) if artifact.kind in CHECKS else None
        return Verdict(str(path), artifact.schema, unchecked=unchecked)
    except UserError as error:
        return Verdict(str(path), None, str(error))


def _check_journal(path: Path) -> Verdict:
    """Its records must be those that the study beside it writes."""
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    study = path.with_name("study.json")
    if not study.is_file():
        records = list(placed_records(path))
        for _ in trials_of(records):
            pass
        return Verdict(str(path), f"journal of {len(records)} records", unchecked="what study.json says, which is not there")
    settings = read_artifact(study, StudySettings).body
    space = _space_of(settings.space, f"{study}: body.space")
    course = check_journal(path, settings, space)
    return Verdict(
        str(path),
        f"journal of {course.records} records",
        unchecked=None if space else _not_decoded(settings.space, "genotypes"),
    )


def _check_architecture(path: Path, artifact: Artifact[Architecture]) -> str | None:
    """The genotype must decode to the choices, tokens and network beside it, and the costs must be the network's."""
    body = artifact.body
    _check_scores(f"{path}: body", body)
    _check_against_run(path, "body", body)
    if (space := _space_of(body.space, f"{path}: body.space")) is not None:
        _check_genotype(f"{path}: body", body, space)
        must_equal(f"{path}: body.tokens", body.tokens, space.tokens(body.genotype))
        must_equal(f"{path}: body.network", body.network, space.decode(body.genotype))
    if body.costs is not None and body.image_shape is not None and body.classes is not None:
        must_equal(f"{path}: body.costs", body.costs, body.network.costs(body.image_shape, body.classes))
    return None if space else _not_decoded(body.space)


def _check_cell(path: Path, artifact: Artifact[Cell]) -> str | None:
    """A published cell must have the words beside it; a found genotype must decode to the cell, its words and its costs."""
    body, found = artifact.body, artifact.body.found
    if found is None:
        if isinstance(body.cell, CellPair):
            must_equal(f"{path}: body.words", body.words, body.cell.equations())
        return None
    _check_scores(f"{path}: body.found", found)
    _check_against_run(path, "body.found", found)
    if (space := _space_of(found.space, f"{path}: body.found.space")) is None:
        return _not_decoded(found.space)
    _check_genotype(f"{path}: body.found", found, space)
    must_equal(f"{path}: body.cell", body.cell, space.decode(found.genotype))
    must_equal(f"{path}: body.words", body.words, space.tokens(found.genotype))
    if found.costs is not None and found.image_shape is not None and found.classes is not None:
        network = space.network(found.genotype, found.image_shape)
        must_equal(f"{path}: body.found.costs", found.costs, network and network.costs(found.image_shape, found.classes))
    return None


def _check_genotype(place: str, found: Architecture | Found, space: SearchSpace) -> None:
    """It must be one of the space, and stand for the choices beside it."""
    try:
        space.decode(found.genotype)
    except SpaceError as error:
        raise ArtifactError(f"{place}.genotype: {error}") from error
    must_equal(f"{place}.choices", found.choices, space.decisions.choices_of(found.genotype))


def _check_scores(place: str, found: Architecture | Found) -> None:
    """Score and reward must follow from the scores of the epochs, and a winner of a retraining must have won it."""
    try:
        measurement = Measurement(scores=found.validation_scores)
    except ValueError as error:
        raise ArtifactError(f"{place}.validation_scores: {error}") from error
    if found.recipe is not None:
        must_equal(f"{place}.epochs", found.epochs, len(found.validation_scores))
    must_equal(f"{place}.validation_score", found.validation_score, measurement.score)
    must_equal(f"{place}.reward", found.reward, measurement.reward(found.reward_exponent))
    if (retraining := found.retraining) is not None:
        scores = {row.trial: row.search_score for row in retraining.candidates}
        must_equal(f"{place}.retraining", scores.get(found.trial), found.validation_score)


def _check_against_run(path: Path, where: str, found: Architecture | Found) -> None:
    """The winner that a run directory names must be that of the journal beside it, which has a verdict of its own."""
    study, journal = path.with_name("study.json"), path.with_name("journal.jsonl")
    if path.name != "best.json" or not (study.is_file() and journal.is_file()):
        return
    try:
        settings = read_artifact(study, StudySettings).body
        course = check_journal(journal, settings, None)
    except UserError:
        return
    check_winner(f"{path}: {where}", found, settings, course)


def _space_of(reference: SpaceReference, place: str) -> SearchSpace | None:
    """The space, or None for one from a user's file: nothing is imported from a path that a file names."""
    if reference.file is not None or reference.name not in plugins():
        return None
    try:
        return open_space(reference)
    except UserError as error:
        raise ArtifactError(f"{place}: {error}") from error


def _not_decoded(reference: SpaceReference, what: str = "genotype") -> str:
    return f"the {what}, since space {reference.name!r} is not among those found here"


def _check_model(path: Path, artifact: Artifact[Model]) -> str | None:
    """The weights must be there with the digest that the model names, and the costs must be the network's."""
    body = artifact.body
    weights = path.parent / body.weights_file
    if not weights.is_file():
        raise ArtifactError(f"{path}: body.weights_file: {weights} does not exist; keep it beside the model")
    must_equal(f"{path}: body.weights_digest", body.weights_digest, file_digest(weights))
    costs = body.network.costs(body.image_shape, len(body.class_names))
    must_equal(f"{path}: body.parameters", body.parameters, costs.parameters)
    must_equal(f"{path}: body.multiply_adds", body.multiply_adds, costs.multiply_adds)
    return None


CHECKS: Mapping[str, Callable[[Path, Artifact[Any]], str | None]] = {
    "architecture": _check_architecture,
    "cell": _check_cell,
    "model": _check_model,
}
"""Checks by kind of artifact: raise ArtifactError, or say what could not be checked."""
