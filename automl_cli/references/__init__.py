"""Published results under a name, usable wherever an artifact is: `--cell nasnet-a`.

    publications.json   the papers, and of each what it provides here: where it stands, what was reported for it
    artifacts/          one artifact per name, of the same form as what a search writes

Adding a reference is adding one artifact and naming it under its paper.
"""

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, TypeVar

from msgspec import Struct

from automl_cli.core.errors import ArtifactError, unknown_name
from automl_cli.store import encoding
from automl_cli.store.artifact import Artifact, decode_artifact, kind_of, read_bytes

B = TypeVar("B", bound=Struct)


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
    """The artifact of this name, in this file, or in this run directory's `best.json`, of whatever kind it is."""
    return _open(name_or_file, None)


def open_artifact(name_or_file: str, body: type[B]) -> Opened[B]:
    """The same, which must be of the kind that has this body; a network is that of the run directory's `network.json`."""
    return _open(name_or_file, kind_of(body).name)


def _open(name_or_file: str, kind: str | None) -> Opened[Any]:
    if name_or_file in names():
        place = f"reference {name_or_file}"
        data = (files(__name__) / "artifacts" / f"{name_or_file}.json").read_bytes()
    else:
        path = _path(name_or_file, kind)
        place, data = str(path), read_bytes(path)
    return Opened(decode_artifact(data, place, kind), place, hashlib.sha256(data).hexdigest())


def _path(text: str, kind: str | None) -> Path:
    path = Path(text)
    if path.is_dir():
        file = "network.json" if kind == "network" else "best.json"
        if (path / file).is_file():
            return path / file
        raise ArtifactError(f"{path} holds no {file}; see how far the run is with: automl report {path}")
    if not path.exists() and not path.suffix and len(path.parts) == 1:
        what = "reference or file" if kind is None else f"{kind} reference or file"
        raise unknown_name(what, text, _names_of(kind), hint="The name of a file ends in .json")
    return path


def _names_of(kind: str | None) -> tuple[str, ...]:
    return names() if kind is None else tuple(name for name in names() if open_any(name).artifact.kind == kind)
