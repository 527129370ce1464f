"""Published results under a name, usable wherever an artifact is: `--cell nasnet-a`.

    publications.json   the papers, and of each what it provides here: where it stands, what was reported for it
    artifacts/          an artifact for each name whose value stands in no table, of the same form as what a search writes
    written             values that are written out in place of a name, such as formulas
    said                what a user would type for a value

Activation functions and update rules stand in the tables of their kinds (`plugins.kind.Kind.names`) and need no file. Adding
another reference is adding one artifact and naming it under its paper.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from automl_cli.core.errors import ArtifactError, UserError, unknown_name
from automl_cli.core.flags import Flag
from automl_cli.core.numbers import counted
from automl_cli.core.shell_commands import command_line
from automl_cli.plugins.kind import Kind
from automl_cli.plugins.listing import bodies, kind_named, kinds, kinds_of_role
from automl_cli.plugins.roles import filling_named, filling_of, names_of, names_of_kind, value_of
from automl_cli.references.written import written_value
from automl_cli.store import encoding
from automl_cli.store.artifact import Artifact, Body, artifact_of, decode_artifact, encode_artifact, read_bytes
from automl_cli.store.file_names import BEST_FILE, MODEL_FILE, NETWORK_FILE, STUDY_FILE, TRAINING_FILE
from automl_cli.store.run_layout import repeats_of
from automl_cli.values.child import ROLES, Filling

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
    """A paper and what it provides here. `key` is its BibTeX key; `url` says where it is if arXiv does not have it. `reports`
    are results that it prints of networks which are not provided, to be compared with."""

    key: str
    title: str
    authors: tuple[str, ...]
    venue: str
    year: int
    arxiv: str = ""
    url: str = ""
    reports: tuple[Result, ...] = ()
    provides: dict[str, Provided] = {}

    @property
    def where(self) -> str:
        """The number on arXiv, or the venue and the year."""
        return f"arXiv {self.arxiv}" if self.arxiv else f"{self.venue} {self.year}"

    @property
    def bibtex(self) -> str:
        """The paper as a BibTeX entry."""
        fields = {
            "title": f"{{{self.title}}}",
            "author": " and ".join(self.authors),
            "booktitle": self.venue,
            "year": str(self.year),
            **({"eprint": self.arxiv, "archiveprefix": "arXiv"} if self.arxiv else {}),
            **({"url": self.url} if self.url else {}),
        }
        lines = ",\n".join(f"  {name} = {{{text}}}" for name, text in fields.items())
        return f"@inproceedings{{{self.key},\n{lines}\n}}"


class Opened(Struct, Generic[B], frozen=True):
    """An artifact that the user named, the place where it was found, the digest of its bytes, and whether the name is that of
    a published value."""

    artifact: Artifact[B]
    place: str
    digest: str
    published: bool = False


@cache
def publications() -> tuple[Publication, ...]:
    """Return all papers, in the order of the file."""
    data = (files(__name__) / "publications.json").read_bytes()
    return encoding.decode(data, tuple[Publication, ...], "publications.json")


@cache
def names() -> tuple[str, ...]:
    """Return the names of all references, in the order of the file."""
    return tuple(name for publication in publications() for name in publication.provides)


@cache
def artifact_names() -> tuple[str, ...]:
    """Return the names of the references that have an artifact; the others stand in the tables of their kinds."""
    there = {path.name.removesuffix(".json") for path in (files(__name__) / "artifacts").iterdir()}
    return tuple(name for name in names() if name in there)


def open_any(name_or_file: str) -> Opened[Any]:
    """Open the artifact of this name, in this file, or in this directory: `best.json` of a search, `model.json` of a training
    or its settings while it lasts. Its kind may be any.

    What goes by a name alone, such as a network made by experts, and what is written out, such as a formula, is opened as the
    artifact that would hold it.
    """
    return open_written(name_or_file) or _open(name_or_file, None, by_name=ROLES)


def open_written(text: str) -> Opened[Any] | None:
    """Return what a text such as a formula writes out, as the artifact that would hold it; None for a name or a path.

    The kind is the one whose language reads the text. Raises UserError, with the column, for a formula that none reads.
    """
    if text in artifact_names() or any(filling_named(role, text) is not None for role in ROLES):
        return None
    written = written_value(text, [kind for kind in kinds().values() if kind.is_found])
    return None if written is None else _held(*written, text, published=False)


def open_artifact(name_or_file: str, *welcome: type[B], by_name: tuple[str, ...] = ()) -> Opened[B]:
    """Open an artifact as `open_any` does; it must have one of these bodies. Where a network is welcome, a run directory stands
    for its `network.json`. A value that fills one of the roles `by_name` by its name alone is welcome too."""
    return _open(name_or_file, {body.SCHEMA.name: body for body in welcome}, by_name=by_name)


def open_filling(role: str, text: str) -> Filling:
    """Return what a flag puts into a role: the value of this name, or that of an artifact (a file, a run, a reference).

    Its digest is that of the artifact; for a name alone, of the artifact that would hold it.

    Raises UserError for an unknown name, ArtifactError for an artifact whose values do not fill this role.
    """
    if (filling := filling_named(role, text)) is not None:
        alone = _named_alone(role, text)
        return filling if alone is None else replace(filling, digest=alone.digest)
    welcome = {kind.body.SCHEMA.name: kind for kind in kinds_of_role(role) if kind.is_found}
    if (written := written_value(text, kinds_of_role(role))) is not None:
        return filling_of(written[0].name, written[1])
    if not welcome:  # nothing of it is searched yet
        raise unknown_name(role, text, names_of(role))
    try:
        opened = _open(text, {name: kind.body for name, kind in welcome.items()})
    except UnknownReference:
        raise unknown_name(role, text, [*names_of(role), *_names_of(tuple(welcome))], hint=_OR_A_FILE) from None
    kind = welcome[opened.artifact.kind]
    name = text if opened.published else None
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
    known = f"{', '.join(names_of(role))}{', or one that a search found' if searched else ''}"
    about = "".join(f" {kind.about}" for kind in kinds_of_role(role) if kind.about)
    return Flag(
        name=flag, type=str, metavar="ARTIFACT|NAME" if searched else "NAME", help=f"The {role}: {known}.{about}", **more
    )


_OR_A_FILE = "Or give a .json file, or the directory of a run"


class UnknownReference(ArtifactError):
    """Raised for a name that no reference and no file has."""


class MissingInRun(ArtifactError):
    """Raised for a directory that lacks the file that is needed of it."""


def _open(name_or_file: str, welcome: Mapping[str, Any] | None, *, by_name: tuple[str, ...] = ()) -> Opened[Any]:
    for role in by_name:
        if (opened := _named_alone(role, name_or_file)) is not None:
            return opened
    published = name_or_file in artifact_names()
    if published:
        place = f"reference {name_or_file}"
        data = (files(__name__) / "artifacts" / f"{name_or_file}.json").read_bytes()
    else:
        more = tuple(name for role in by_name for kind in kinds_of_role(role) if kind.is_found for name in names_of_kind(kind))
        path = _path(name_or_file, welcome, more)
        place, data = str(path), read_bytes(path)
    artifact = decode_artifact(data, place, bodies() if welcome is None else welcome)
    return Opened(artifact, place, hashlib.sha256(data).hexdigest(), published)


def _named_alone(role: str, name: str) -> Opened[Any] | None:
    """Return what fills a role under a name, as the artifact that would hold it; None where nothing with artifacts does."""
    filling = filling_named(role, name)
    if filling is None or not (kind := kind_named(filling.kind)).is_found or kind.words is None:
        return None
    return _held(kind, value_of(filling), name, published=True)


def _held(kind: Kind, value: Any, place: str, *, published: bool) -> Opened[Any]:
    """Return a value of a kind with words as the artifact that would hold it."""
    assert kind.words is not None
    artifact = artifact_of(kind.body(value=value, words=kind.words(value)))
    return Opened(artifact, place, hashlib.sha256(encode_artifact(artifact)).hexdigest(), published)


def _path(text: str, welcome: Mapping[str, Any] | None, more: tuple[str, ...]) -> Path:
    """Return the file that holds the artifact. `more` are names that could have been meant beside those of references."""
    path, is_empty = Path(text), not text.strip()
    if path.is_dir() and not is_empty:
        return _file_in(path, welcome)
    if is_empty or (not path.exists() and not path.suffix and len(path.parts) == 1):
        raise UnknownReference(str(_unknown(text, None if welcome is None else tuple(welcome), more)))
    return path


def _unknown(text: str, wanted: tuple[str, ...] | None, more: tuple[str, ...]) -> UserError:
    """Return the error for a name of none of the references of these kinds; only kinds that have references are spoken of."""
    known = _names_of(wanted)
    spoken_of = dict.fromkeys(open_any(name).artifact.kind for name in known) or wanted or ()
    what = "artifact" if wanted is None else " or ".join(spoken_of)
    if not (known := (*known, *more)):
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
    known = artifact_names()
    return known if kinds is None else tuple(name for name in known if open_any(name).artifact.kind in kinds)
