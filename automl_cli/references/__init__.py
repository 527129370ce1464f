"""Published results under a name, usable wherever an artifact is: `--cell nasnet-a`.

    publications.json   the papers, and of each what it provides here: where it stands, what was reported for it
    artifacts/          one artifact per name, of the same form as what a search writes

Adding a reference is adding one artifact and naming it under its paper.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, TypeVar

from msgspec import Struct

from automl_cli.core.errors import ArtifactError, UserError, unknown_name
from automl_cli.core.flags import Flag
from automl_cli.plugins.listing import bodies, kind_named, kinds, kinds_of_role
from automl_cli.plugins.roles import filling_named, filling_of, names_of, value_of
from automl_cli.store import encoding
from automl_cli.store.artifact import Artifact, Body, artifact_of, decode_artifact, encode_artifact, read_bytes
from automl_cli.store.file_names import BEST_FILE, NETWORK_FILE
from automl_cli.values.child import Filling

B = TypeVar("B", bound=Body)


WHAT_IS_TRAINED = "network"
"""The role that flags of their own fill: `--arch`, `--cell`, `--network`."""


class Result(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reported number. `setting` says of what network and training; `parameters` and `multiply_adds` are as printed."""

    setting: str
    dataset: str
    metric: str
    value: float
    parameters: str | None = None
    multiply_adds: str | None = None
    table: str


class Provided(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A published thing that ships under a name: where it stands in the paper, and how sure its form is."""

    summary: str
    place: str
    note: str = ""
    results: tuple[Result, ...] = ()


class Publication(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A paper and what it provides here. `key` is its BibTeX key."""

    key: str
    title: str
    authors: tuple[str, ...]
    venue: str
    year: int
    arxiv: str
    provides: dict[str, Provided] = {}

    @property
    def bibtex(self) -> str:
        """The paper as a BibTeX entry."""
        fields = {
            "title": f"{{{self.title}}}",
            "author": " and ".join(self.authors),
            "booktitle": self.venue,
            "year": str(self.year),
            "eprint": self.arxiv,
            "archiveprefix": "arXiv",
        }
        lines = ",\n".join(f"  {name} = {{{text}}}" for name, text in fields.items())
        return f"@inproceedings{{{self.key},\n{lines}\n}}"


class Opened(Struct, Generic[B], frozen=True):
    """An artifact that was named, where it was found, and the digest of its bytes."""

    artifact: Artifact[B]
    place: str
    digest: str


@cache
def publications() -> tuple[Publication, ...]:
    """All papers, in the order of the file."""
    data = (files(__name__) / "publications.json").read_bytes()
    return encoding.decode(data, tuple[Publication, ...], "publications.json")


@cache
def names() -> tuple[str, ...]:
    """The names of all references."""
    return tuple(name for publication in publications() for name in publication.provides)


def open_any(name_or_file: str) -> Opened[Any]:
    """The artifact of this name, in this file, or in this run directory's `best.json`, of whatever kind it is.

    A network made by experts, which goes by a name alone, is opened as the artifact that would hold it.
    """
    return _open(name_or_file, None, by_name=WHAT_IS_TRAINED)


def open_artifact(name_or_file: str, *welcome: type[B], by_name: str | None = None) -> Opened[B]:
    """The same, which must be of a kind that has one of these bodies; a network is that of the run directory's
    `network.json`. What fills the role `by_name` by its name alone is welcome too."""
    return _open(name_or_file, {body.SCHEMA.name: body for body in welcome}, by_name=by_name)


def open_filling(role: str, text: str) -> Filling:
    """What a flag puts into a role: a value that goes by this name, or that of an artifact (a file, a run, a reference).

    UserError for a name that nobody has, ArtifactError for an artifact whose values do not fill this role.
    """
    if (filling := filling_named(role, text)) is not None:
        return filling
    welcome = {kind.body.SCHEMA.name: kind for kind in kinds_of_role(role) if kind.is_found}
    if not welcome:  # nothing of it is searched yet
        raise unknown_name(role, text, names_of(role))
    try:
        opened = _open(text, {name: kind.body for name, kind in welcome.items()})
    except _UnknownReference:
        fitting = [*names_of(role), *_names_of(tuple(welcome))]
        raise unknown_name(role, text, fitting, hint="The name of a file ends in .json") from None
    kind = welcome[opened.artifact.kind]
    name = text if text in names() else None
    return filling_of(kind.name, opened.artifact.body.value, name=name, digest=opened.digest)


def filled_by_flags(request: Any, *, open_role: str | None) -> dict[str, Filling]:
    """What flags put into roles. UserError for the role that is searched."""
    filled = {}
    for flag, role in role_flags().items():
        if (text := getattr(request, flag)) is not None:
            if role == open_role:
                raise UserError(f"--{flag} says what is searched for here; leave it out")
            filled[role] = open_filling(role, text)
    return filled


def role_flags() -> dict[str, str]:
    """The flags that fill roles of a child other than the network, with the role that each fills."""
    return {
        kind.flag: kind.role for kind in kinds().values() if kind.flag is not None and kind.role not in (None, WHAT_IS_TRAINED)
    }


def role_rows(panel: str, *, recorded: str, **more: Any) -> tuple[Flag, ...]:
    """The rows of those flags, for a command whose settings hold the roles of a child at this path."""
    return tuple(
        _role_row(flag, role, panel=panel, recorded=f"{recorded}.{role}.value", **more) for flag, role in role_flags().items()
    )


def _role_row(flag: str, role: str, **more: Any) -> Flag:
    searched = any(kind.is_found for kind in kinds_of_role(role))
    known = f"{', '.join(names_of(role))}{', or one that a search found' if searched else ''}"
    about = "".join(f" {kind.about}" for kind in kinds_of_role(role) if kind.about)
    return Flag(
        name=flag, type=str, metavar="ARTIFACT|NAME" if searched else "NAME", help=f"The {role}: {known}.{about}", **more
    )


class _UnknownReference(ArtifactError):
    """Nothing goes by this name: no reference, no file."""


def _open(name_or_file: str, welcome: Mapping[str, Any] | None, *, by_name: str | None = None) -> Opened[Any]:
    if by_name is not None and (opened := _named_alone(by_name, name_or_file)) is not None:
        return opened
    if name_or_file in names():
        place = f"reference {name_or_file}"
        data = (files(__name__) / "artifacts" / f"{name_or_file}.json").read_bytes()
    else:
        path = _path(name_or_file, welcome, () if by_name is None else names_of(by_name))
        place, data = str(path), read_bytes(path)
    artifact = decode_artifact(data, place, bodies() if welcome is None else welcome)
    return Opened(artifact, place, hashlib.sha256(data).hexdigest())


def _named_alone(role: str, name: str) -> Opened[Any] | None:
    """What fills this role under a name, as the artifact that would hold it; None where nothing with artifacts does."""
    filling = filling_named(role, name)
    if filling is None or not (kind := kind_named(filling.kind)).is_found or kind.words is None:
        return None
    value = value_of(filling)
    artifact = artifact_of(kind.body(value=value, words=kind.words(value)))
    return Opened(artifact, name, hashlib.sha256(encode_artifact(artifact)).hexdigest())


def _path(text: str, welcome: Mapping[str, Any] | None, more: tuple[str, ...]) -> Path:
    """The file that holds the artifact. `more` are names that could have been meant beside those of references."""
    path = Path(text)
    if path.is_dir():
        file = NETWORK_FILE if welcome is not None and "network" in welcome else BEST_FILE
        if (path / file).is_file():
            return path / file
        raise ArtifactError(f"{path} holds no {file}; see how far the run is with: automl report {path}")
    if not path.exists() and not path.suffix and len(path.parts) == 1:
        kinds = None if welcome is None else tuple(welcome)
        what = "reference or file" if kinds is None else f"{' or '.join(kinds)} reference or file"
        known = (*_names_of(kinds), *more)
        raise _UnknownReference(str(unknown_name(what, text, known, hint="The name of a file ends in .json")))
    return path


def _names_of(kinds: tuple[str, ...] | None) -> tuple[str, ...]:
    return names() if kinds is None else tuple(name for name in names() if open_any(name).artifact.kind in kinds)
