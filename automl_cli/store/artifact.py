"""Artifacts: the JSON files that one command writes for another.

    {"schema": "automl.<kind>/<n>", "tool": "automl-cli <version>", "inputs": {<role>: <digest>}, "body": {…}}

The header is read first. A wrong kind, a newer version, an unknown field, a number that is not finite or a truncated file is
refused with the file and the failing path named, and so is a scaled network whose size does not follow from its cell; an older
version is upgraded. `inputs` holds the SHA-256 of every artifact that went into this one, by the role it played.
"""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from automl_cli import __version__
from automl_cli.core.errors import ArtifactError, unknown_name
from automl_cli.store import encoding
from automl_cli.store.bodies import Architecture, Model, StudySettings, Training
from automl_cli.store.cells import Cell, StackedNetwork, check_stacked_network
from automl_cli.store.files import replace_file
from automl_cli.store.reports import Report

B = TypeVar("B", bound=Struct)
Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""A body of version n, as plain data, to the same of version n + 1."""


class Kind(Struct, frozen=True):
    """A kind of artifact at its current version. `upgrades[n]` lifts a body from version n to n + 1.

    `check` raises ArtifactError for a body, read from this place, that contradicts itself.
    """

    name: str
    version: int
    body: type[Struct]
    upgrades: dict[int, Upgrade] = {}
    check: Callable[[Any, str], None] = lambda body, place: None

    @property
    def schema(self) -> str:
        return f"automl.{self.name}/{self.version}"


Kinds = Mapping[str, Kind]

KINDS: Kinds = {
    kind.name: kind
    for kind in (
        Kind("study", 1, StudySettings),
        Kind("architecture", 1, Architecture),
        Kind("training", 1, Training),
        Kind("cell", 1, Cell),
        Kind("network", 1, StackedNetwork, check=check_stacked_network),
        Kind("model", 1, Model),
        Kind("report", 1, Report),
    )
}


class Header(Struct, frozen=True):
    """The part that every artifact has, of whatever kind and version."""

    schema: str
    tool: str
    inputs: dict[str, str]
    body: dict[str, Any]


class Artifact(Struct, Generic[B], frozen=True, forbid_unknown_fields=True):
    """A body with its header. Made by `artifact_of`, or read from a file."""

    schema: str
    tool: str
    inputs: dict[str, str]
    body: B

    @property
    def kind(self) -> str:
        return self.schema.removeprefix("automl.").partition("/")[0]


def artifact_of(body: B, inputs: Mapping[str, str] | None = None, *, kinds: Kinds = KINDS) -> Artifact[B]:
    """The artifact of this body, written by this version of the tool."""
    return Artifact(kind_of(type(body), kinds).schema, f"automl-cli {__version__}", dict(inputs or {}), body)


def encode_artifact(artifact: Artifact[Any], *, kinds: Kinds = KINDS) -> bytes:
    """The bytes of its file: the same for the same artifact. ArtifactError for a body that could not be read back."""
    data = encoding.document(artifact)
    decode_artifact(data, "the new artifact", artifact.kind, kinds=kinds)
    return data


def write_artifact(path: Path, artifact: Artifact[Any], *, kinds: Kinds = KINDS) -> str:
    """Replace the file in one step; the digest of its bytes. RunFailed when the disk refuses."""
    data = encode_artifact(artifact, kinds=kinds)
    replace_file(path, data)
    return hashlib.sha256(data).hexdigest()


def read_artifact(path: Path, body: type[B], *, kinds: Kinds = KINDS) -> Artifact[B]:
    """The artifact in a file, which must be of the kind that has this body."""
    artifact: Artifact[B] = decode_artifact(read_bytes(path), str(path), kind_of(body, kinds).name, kinds=kinds)
    return artifact


def read_any(path: Path, *, kinds: Kinds = KINDS) -> Artifact[Any]:
    """The artifact in a file, of whatever kind it says."""
    return decode_artifact(read_bytes(path), str(path), None, kinds=kinds)


def decode_artifact(data: bytes, place: str, expected: str | None, *, kinds: Kinds = KINDS) -> Artifact[Any]:
    """Header first, then the upgrades, then the body, then whether it agrees with itself."""
    document = encoding.parse(data, place)
    header = encoding.convert(document, Header, place)
    kind, version = _schema_parts(header.schema, place, kinds)
    if expected is not None and kind.name != expected:
        raise ArtifactError(f"{place}: this is {_article(kind.name)}; {_article(expected)} is needed here")
    if version > kind.version:
        raise ArtifactError(
            f"{place}: schema: {header.schema!r} was written by {header.tool}; this automl-cli {__version__} reads up to "
            f"{kind.schema!r}. Upgrade automl-cli"
        )
    body = header.body
    for step in range(version, kind.version):
        body = _upgraded(body, kind.upgrades[step], f"{place}: body: {header.schema!r} cannot be read as {kind.schema!r}")
    artifact: Artifact[Any] = encoding.convert({**document, "schema": kind.schema, "body": body}, _artifact_type(kind), place)
    kind.check(artifact.body, place)
    return artifact


def schema(kind: str, *, kinds: Kinds = KINDS) -> dict[str, Any]:
    """JSON Schema of a kind of artifact at its current version."""
    if kind not in kinds:
        raise unknown_name("kind of artifact", kind, kinds)
    described = msgspec.json.schema(_artifact_type(kinds[kind]))
    definition = described["$defs"].pop(described.pop("$ref").rpartition("/")[2])
    properties = definition["properties"] | {"schema": {"const": kinds[kind].schema}}
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"automl {kind}"}
    return title | {key: value for key, value in definition.items() if key != "title"} | {"properties": properties} | described


def read_bytes(path: Path) -> bytes:
    """The bytes of a file the user named."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ArtifactError(f"{path}: no such file") from None
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from error


def _schema_parts(text: str, place: str, kinds: Kinds) -> tuple[Kind, int]:
    family, _, rest = text.partition(".")
    name, _, number = rest.partition("/")
    if family != "automl" or not number.isdecimal() or int(number) < 1:
        raise ArtifactError(f'{place}: schema: {text!r} is not of the form "automl.<kind>/<version>"')
    if name not in kinds:
        raise ArtifactError(f"{place}: schema: {unknown_name('kind of artifact', name, kinds)}")
    return kinds[name], int(number)


def _upgraded(body: dict[str, Any], upgrade: Upgrade, problem: str) -> dict[str, Any]:
    try:
        return upgrade(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"{problem}: {type(error).__name__}: {error}") from error


def kind_of(body: type[Struct], kinds: Kinds = KINDS) -> Kind:
    """The kind of artifact that has this body."""
    return next(kind for kind in kinds.values() if kind.body is body)


def _artifact_type(kind: Kind) -> Any:
    return Artifact[kind.body]  # type: ignore[name-defined]


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind} artifact"
