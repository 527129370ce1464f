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
from automl_cli.core.numbers import counted
from automl_cli.core.shell_commands import command_line
from automl_cli.plugins.listing import bodies, kinds, kinds_of_role
from automl_cli.plugins.roles import filling_of, named
from automl_cli.store import encoding
from automl_cli.store.artifact import Artifact, Body, decode_artifact, read_bytes
from automl_cli.store.file_names import BEST_FILE, MODEL_FILE, NETWORK_FILE, STUDY_FILE, TRAINING_FILE
from automl_cli.store.run_directory import repeats_of
from automl_cli.values.child import Filling

B = TypeVar("B", bound=Body)


WHAT_IS_TRAINED = "network"
"""The role that the flags `--arch`, `--cell` and `--network` fill."""


class Result(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reported number. `setting` names the network and its training; `parameters` and `multiply_adds` are as printed."""

    setting: str
    dataset: str
    metric: str
    value: float
    parameters: str | None = None
    multiply_adds: str | None = None
    table: str


class Provided(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A published value that ships under a name: its place in the paper, and how certain its form is."""

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
    """An artifact that the user named, the place where it was found, and the digest of its bytes."""

    artifact: Artifact[B]
    place: str
    digest: str


@cache
def publications() -> tuple[Publication, ...]:
    """Return all papers, in the order of the file."""
    data = (files(__name__) / "publications.json").read_bytes()
    return encoding.decode(data, tuple[Publication, ...], "publications.json")


@cache
def names() -> tuple[str, ...]:
    """Return the names of all references."""
    return tuple(name for publication in publications() for name in publication.provides)


def open_any(name_or_file: str) -> Opened[Any]:
    """Open the artifact of this name, in this file, or in this directory: `best.json` of a search, `model.json` of a training
    or its settings while it lasts. Its kind may be any."""
    return _open(name_or_file, None)


def open_artifact(name_or_file: str, *welcome: type[B]) -> Opened[B]:
    """Open an artifact as `open_any` does; it must have one of these bodies. Where a network is welcome, a run directory stands
    for its `network.json`."""
    return _open(name_or_file, {body.SCHEMA.name: body for body in welcome})


def open_filling(role: str, text: str) -> Filling:
    """Return what a flag puts into a role: the value of this name, or that of an artifact (a file, a run, a reference).

    Raises UserError for an unknown name, ArtifactError for an artifact whose values do not fill this role.
    """
    if text in (known := named(role)):
        return known[text]
    welcome = {kind.body.SCHEMA.name: kind for kind in kinds_of_role(role) if kind.is_found}
    if not welcome:  # nothing of it is searched yet
        raise unknown_name(role, text, known)
    try:
        opened = _open(text, {name: kind.body for name, kind in welcome.items()})
    except _UnknownReference:
        raise unknown_name(role, text, [*known, *_names_of(tuple(welcome))], hint=_OR_A_FILE) from None
    kind = welcome[opened.artifact.kind]
    name = text if text in names() else None
    return filling_of(kind.name, opened.artifact.body.value, name=name, digest=opened.digest)


def filled_by_flags(request: Any, *, open_role: str | None) -> dict[str, Filling]:
    """Return what flags put into roles. Raises UserError for a flag that fills the role that is searched."""
    filled = {}
    for flag, role in role_flags().items():
        if (text := getattr(request, flag)) is not None:
            if role == open_role:
                raise UserError(f"--{flag} says what is searched for here; leave it out")
            filled[role] = open_filling(role, text)
    return filled


def role_flags() -> dict[str, str]:
    """Return the flags that fill roles of a child other than the network, with the role that each fills."""
    return {
        kind.flag: kind.role for kind in kinds().values() if kind.flag is not None and kind.role not in (None, WHAT_IS_TRAINED)
    }


def role_rows(panel: str, *, recorded: str, **more: Any) -> tuple[Flag, ...]:
    """Return the rows of the flags in `role_flags`, for a command whose settings hold a child's roles at the path
    `recorded`."""
    return tuple(
        _role_row(flag, role, panel=panel, recorded=f"{recorded}.{role}.value", **more) for flag, role in role_flags().items()
    )


def _role_row(flag: str, role: str, **more: Any) -> Flag:
    searched = any(kind.is_found for kind in kinds_of_role(role))
    known = f"{', '.join(named(role))}{', or one that a search found' if searched else ''}"
    about = "".join(f" {kind.about}" for kind in kinds_of_role(role) if kind.about)
    return Flag(
        name=flag, type=str, metavar="ARTIFACT|NAME" if searched else "NAME", help=f"The {role}: {known}.{about}", **more
    )


_OR_A_FILE = "Or give a .json file, or the directory of a run"


class _UnknownReference(ArtifactError):
    """Raised for a name that no reference and no file has."""


class MissingInRun(ArtifactError):
    """Raised for a directory that lacks the file that is needed of it."""


def _open(name_or_file: str, welcome: Mapping[str, Any] | None) -> Opened[Any]:
    if name_or_file in names():
        place = f"reference {name_or_file}"
        data = (files(__name__) / "artifacts" / f"{name_or_file}.json").read_bytes()
    else:
        path = _path(name_or_file, welcome)
        place, data = str(path), read_bytes(path)
    artifact = decode_artifact(data, place, bodies() if welcome is None else welcome)
    return Opened(artifact, place, hashlib.sha256(data).hexdigest())


def _path(text: str, welcome: Mapping[str, Any] | None) -> Path:
    path = Path(text)
    if path.is_dir():
        return _file_in(path, welcome)
    if not path.exists() and not path.suffix and len(path.parts) == 1:
        raise _UnknownReference(str(_unknown(text, None if welcome is None else tuple(welcome))))
    return path


def _unknown(text: str, wanted: tuple[str, ...] | None) -> UserError:
    """Return the error for a name of none of the references of these kinds; only kinds that have references are spoken of."""
    known = _names_of(wanted)
    spoken_of = dict.fromkeys(open_any(name).artifact.kind for name in known) or wanted or ()
    what = "artifact" if wanted is None else " or ".join(spoken_of)
    if not known:
        return unknown_name(what, text, (), hint="None is published under a name; give a .json file, or the directory of a run")
    return unknown_name(what, text, known, hint=_OR_A_FILE)


def _file_in(directory: Path, welcome: Mapping[str, Any] | None) -> Path:
    """Return the file that the directory of a search or a training stands for. ArtifactError where it has none."""
    files = [BEST_FILE, MODEL_FILE, TRAINING_FILE] if welcome is None else [BEST_FILE]
    if welcome is not None and "network" in welcome:
        files = [NETWORK_FILE]
    if found := next((directory / file for file in files if (directory / file).is_file()), None):
        return found
    if repeats := repeats_of(directory):
        count = counted(len(repeats), "search/searches")
        raise ArtifactError(f"{directory} holds {count}, one for every seed; give the directory of one, such as {repeats[0]}")
    if welcome is None and not (directory / STUDY_FILE).is_file():
        raise ArtifactError(f"{directory} holds none of {', '.join(files)}; give the directory of a search or a training")
    progress = command_line("report", directory)
    raise MissingInRun(f"{directory} holds no {files[0]}; see how far the run is with: {progress}")


def _names_of(kinds: tuple[str, ...] | None) -> tuple[str, ...]:
    return names() if kinds is None else tuple(name for name in names() if open_any(name).artifact.kind in kinds)
