"""Artifacts: the JSON files that one command writes for another.

    {"schema": "automl.<kind>/<n>", "tool": "automl-cli <version>", "inputs": {<role>: <digest>}, "body": {…}}

The header is read first. A wrong kind, a newer version, an unknown field, a number that is not finite or a truncated file is
refused with the file and the failing path named, and so is a body that contradicts itself; an older version is upgraded.
`inputs` holds the SHA-256 of every artifact that went into this one, by the role it played.

A kind of artifact is the type of its body, which carries its schema. This module knows none of these types: a caller that
accepts several kinds passes them in a table.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
from msgspec import Struct

from automl_cli import __version__
from automl_cli.core.errors import ArtifactError, unknown_name
from automl_cli.store import encoding
from automl_cli.store.files import replace_file

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""A function from a body of version n, as plain data, to the same body of version n + 1."""


class WrongKind(ArtifactError):
    """A file is a sound artifact of another kind than the one that is needed."""


class Schema(Struct, frozen=True):
    """A kind of artifact at its current version. `upgrades[n]` lifts a body from version n to n + 1.

    `check` raises ArtifactError for a body, read from this place, that contradicts itself.
    """

    name: str
    version: int = 1
    upgrades: dict[int, Upgrade] = {}
    check: Callable[[Any, str], None] = lambda body, place: None

    def __str__(self) -> str:
        return f"automl.{self.name}/{self.version}"


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of an artifact. Every kind of artifact has a type of its own, with its schema."""

    SCHEMA: ClassVar[Schema]


_VERSION = re.compile(r"[1-9][0-9]{0,8}")

B = TypeVar("B", bound=Body)
Bodies = Mapping[str, type[Body]]
"""The bodies of the kinds of artifact that a caller accepts, by name."""


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
        """The name of its kind."""
        return self.body.SCHEMA.name


def artifact_of(body: B, inputs: Mapping[str, str] | None = None) -> Artifact[B]:
    """Return the artifact of this body, as this version of the tool writes it."""
    return Artifact(str(body.SCHEMA), f"automl-cli {__version__}", dict(inputs or {}), body)


def encode_artifact(artifact: Artifact[Any]) -> bytes:
    """Return the bytes of the artifact's file, the same for the same artifact. Raises ArtifactError for a body that could not
    be read back."""
    data = encoding.document(artifact)
    decode_artifact(data, "the new artifact", {artifact.kind: type(artifact.body)})
    return data


def write_artifact(path: Path, artifact: Artifact[Any]) -> str:
    """Replace the file in one step and return the digest of its bytes. Raises RunFailed when the disk refuses."""
    data = encode_artifact(artifact)
    replace_file(path, data)
    return hashlib.sha256(data).hexdigest()


def read_artifact(path: Path, body: type[B]) -> Artifact[B]:
    """Read the artifact in a file, which must be of the kind that has this body."""
    artifact: Artifact[B] = decode_artifact(read_bytes(path), str(path), {body.SCHEMA.name: body})
    return artifact


def decode_artifact(data: bytes, place: str, welcome: Bodies) -> Artifact[Any]:
    """Read an artifact from bytes: the header, the upgrades, the body, and at last its check of itself."""
    document = encoding.parse(data, place)
    header = encoding.convert(document, Header, place)
    name, version = _schema_parts(header.schema, place)
    if name not in welcome:
        raise _unwelcome(name, place, welcome)
    body, schema = header.body, welcome[name].SCHEMA
    if version > schema.version:
        raise ArtifactError(
            f"{place}: schema: {header.schema!r} was written by {header.tool}; this automl-cli {__version__} reads up to "
            f"{str(schema)!r}. Upgrade automl-cli"
        )
    for step in range(version, schema.version):
        body = _upgraded(body, schema.upgrades[step], f"{place}: body: {header.schema!r} cannot be read as {str(schema)!r}")
    try:
        whole = {**document, "schema": str(schema), "body": body}
        artifact: Artifact[Any] = encoding.convert(whole, _artifact_type(welcome[name]), place)
    except ArtifactError as error:
        if str(error).endswith((": unknown field", ": is missing")):
            raise ArtifactError(
                f"{error}; it was changed by hand, or written by a development version. Make it again"
            ) from error
        raise
    schema.check(artifact.body, place)
    return artifact


def json_schema(body: type[Body]) -> dict[str, Any]:
    """Return the JSON Schema of a kind of artifact at its current version."""
    described = msgspec.json.schema(_artifact_type(body))
    definition = described["$defs"].pop(described.pop("$ref").rpartition("/")[2])
    properties = definition["properties"] | {"schema": {"const": str(body.SCHEMA)}}
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"automl {body.SCHEMA.name}"}
    return title | {key: value for key, value in definition.items() if key != "title"} | {"properties": properties} | described


def read_bytes(path: Path) -> bytes:
    """Read the bytes of a file that the user named."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ArtifactError(f"{path}: no such file") from None
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from error


def _schema_parts(text: str, place: str) -> tuple[str, int]:
    family, _, rest = text.partition(".")
    name, _, number = rest.partition("/")
    if family != "automl" or not _VERSION.fullmatch(number):
        raise ArtifactError(f'{place}: schema: {text!r} is not of the form "automl.<kind>/<version>"')
    return name, int(number)


def _unwelcome(name: str, place: str, welcome: Bodies) -> ArtifactError:
    if len(welcome) == 1:
        return WrongKind(f"{place}: this is {_article(name)}; {_article(next(iter(welcome)))} is needed here")
    if get_close_matches(name, welcome, n=1):
        return ArtifactError(f"{place}: schema: {unknown_name('kind of artifact', name, welcome)}")
    return WrongKind(f"{place}: this is {_article(name)}; one of these kinds is needed here: {', '.join(sorted(welcome))}")


def _upgraded(body: dict[str, Any], upgrade: Upgrade, problem: str) -> dict[str, Any]:
    try:
        return upgrade(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"{problem}: {type(error).__name__}: {error}") from error


def _artifact_type(body: type[Body]) -> Any:
    return Artifact[body]  # type: ignore[valid-type]


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind} artifact"
