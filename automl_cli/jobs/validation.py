"""Checks files that the tool wrote, beyond what reading them checks: does what they say agree with itself?"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from automl_cli.core.cells import CellPair
from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.plugins import SearchSpace, SpaceReference
from automl_cli.discovery import open_space, plugins
from automl_cli.store.artifact import Artifact, read_any
from automl_cli.store.bodies import Architecture, Model
from automl_cli.store.cells import Cell, StackedNetwork, stacked_network
from automl_cli.store.files import file_digest
from automl_cli.store.journal import read_records

RUN_FILES = ("study.json", "journal.jsonl", "best.json", "network.json")
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
        unchecked = CHECKS[artifact.kind](path, artifact) if artifact.kind in CHECKS else None
        return Verdict(str(path), artifact.schema, unchecked=unchecked)
    except UserError as error:
        return Verdict(str(path), None, str(error))


def _check_journal(path: Path) -> Verdict:
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    return Verdict(str(path), f"journal of {sum(1 for _ in read_records(path))} records")


def _check_architecture(path: Path, artifact: Artifact[Architecture]) -> str | None:
    """The genotype must decode to the choices, tokens and network beside it, and the costs must be the network's."""
    body = artifact.body
    if (space := _space_of(body.space)) is not None:
        _must_equal(path, "body.choices", body.choices, space.decisions.choices_of(body.genotype))
        _must_equal(path, "body.tokens", body.tokens, space.tokens(body.genotype))
        _must_equal(path, "body.network", body.network, space.decode(body.genotype))
    if body.costs is not None and body.image_shape is not None and body.classes is not None:
        _must_equal(path, "body.costs", body.costs, body.network.costs(body.image_shape, body.classes))
    return None if space else _not_decoded(body.space)


def _check_cell(path: Path, artifact: Artifact[Cell]) -> str | None:
    """A published cell must have the words beside it; a found genotype must decode to the cell, its words and its costs."""
    body, found = artifact.body, artifact.body.found
    if found is None:
        if isinstance(body.cell, CellPair):
            _must_equal(path, "body.words", body.words, body.cell.equations())
        return None
    if (space := _space_of(found.space)) is None:
        return _not_decoded(found.space)
    _must_equal(path, "body.found.choices", found.choices, space.decisions.choices_of(found.genotype))
    _must_equal(path, "body.cell", body.cell, space.decode(found.genotype))
    _must_equal(path, "body.words", body.words, space.tokens(found.genotype))
    if found.costs is not None and found.image_shape is not None and found.classes is not None:
        network = space.network(found.genotype, found.image_shape)
        _must_equal(path, "body.found.costs", found.costs, network and network.costs(found.image_shape, found.classes))
    return None


def _check_network(path: Path, artifact: Artifact[StackedNetwork]) -> None:
    """Everything that follows from cell, stack and image must be what follows from them."""
    body = artifact.body
    made = stacked_network(body.cell, body.stack, target=body.target, image_shape=body.image_shape, classes=body.classes)
    for field in body.__struct_fields__:
        _must_equal(path, f"body.{field}", getattr(body, field), getattr(made, field))


def _space_of(reference: SpaceReference) -> SearchSpace | None:
    """The space, or None for one from a user's file: nothing is imported from a path that a file names."""
    return open_space(reference) if reference.file is None and reference.name in plugins() else None


def _not_decoded(reference: SpaceReference) -> str:
    return f"the genotype, since space {reference.name!r} is not among those found here"


def _check_model(path: Path, artifact: Artifact[Model]) -> str | None:
    """The weights must be there with the digest that the model names, and the costs must be the network's."""
    body = artifact.body
    weights = path.parent / body.weights_file
    if not weights.is_file():
        raise ArtifactError(f"{path}: body.weights_file: {weights} does not exist; keep it beside the model")
    _must_equal(path, "body.weights_digest", body.weights_digest, file_digest(weights))
    costs = body.network.costs(body.image_shape, len(body.class_names))
    _must_equal(path, "body.parameters", body.parameters, costs.parameters)
    _must_equal(path, "body.multiply_adds", body.multiply_adds, costs.multiply_adds)
    return None


def _must_equal(path: Path, field: str, said: object, found: object) -> None:
    if said != found:
        raise ArtifactError(f"{path}: {field}: says {_short(said)}, but what stands beside it makes it {_short(found)}")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


CHECKS: Mapping[str, Callable[[Path, Artifact[Any]], str | None]] = {
    "architecture": _check_architecture,
    "cell": _check_cell,
    "network": _check_network,
    "model": _check_model,
}
"""Checks by kind of artifact: raise ArtifactError, or say what could not be checked."""
