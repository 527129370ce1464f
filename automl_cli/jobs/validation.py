"""Checks files that the tool wrote, beyond what reading them checks: does what they say agree with itself?"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.discovery import open_space, plugins
from automl_cli.store.artifact import Artifact, read_any
from automl_cli.store.bodies import Architecture, Model
from automl_cli.store.files import file_digest
from automl_cli.store.journal import read_records

RUN_FILES = ("study.json", "journal.jsonl", "best.json")
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
    known = body.space.file is None and body.space.name in plugins()
    if known:
        space = open_space(body.space)
        _must_equal(path, "body.choices", body.choices, space.decisions.choices_of(body.genotype))
        _must_equal(path, "body.tokens", body.tokens, space.tokens(body.genotype))
        _must_equal(path, "body.network", body.network, space.decode(body.genotype))
    if body.costs is not None and body.image_shape is not None and body.classes is not None:
        _must_equal(path, "body.costs", body.costs, body.network.costs(body.image_shape, body.classes))
    return None if known else f"the genotype, since space {body.space.name!r} is not among those found here"


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
    "model": _check_model,
}
"""Checks by kind of artifact: raise ArtifactError, or say what could not be checked."""
