"""Exports what an artifact holds as files that run without this tool, as the row of its kind says.

Here: what can be exported, and a trained model in one of its formats; each format has a module of its own.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from automl_cli.core.errors import ArtifactError, UserError, unknown_name
from automl_cli.jobs.export_onnx import write_onnx
from automl_cli.jobs.export_stablehlo import promise_of, write_stablehlo
from automl_cli.jobs.exported_model import ProgramFiles, image_facts_of
from automl_cli.jobs.network_source import write_network_source
from automl_cli.kinds.model import ModelBody
from automl_cli.plugins.listing import kind_of, kinds
from automl_cli.plugins.registry import attribute
from automl_cli.references import Opened, open_any, open_written
from automl_cli.references.written import is_there
from automl_cli.store.encoding import parse
from automl_cli.store.places import check_directory
from automl_cli.training.model_file import model_file
from automl_cli.training.trainable import train_command

PROGRAMS = {"onnx": write_onnx, "stablehlo": write_stablehlo}
"""Formats of models that are programs with the weights inside, and what writes them. The others are source."""


class Exported(Struct, frozen=True, kw_only=True):
    """One exported file: the kind of what it holds, and its format."""

    kind: str
    format: str
    file: Path

    @property
    def _beside(self) -> ProgramFiles | None:
        """Return the files of a program; None for what has none beside it."""
        files = ProgramFiles(self.file.parent, self.file.name, self.format)
        return files if self.format in PROGRAMS else None

    @property
    def document(self) -> dict[str, Any]:
        """The file as `--json` writes it, with the files beside a program."""
        beside = {} if (files := self._beside) is None else {"readme": str(files.readme), "facts": str(files.facts)}
        place = {"file": str(self.file), **beside, "bytes": self.file.stat().st_size}
        return {"kind": self.kind, "format": self.format, **place}

    @property
    def note(self) -> str | None:
        """Return what its user should know, if there is anything: how long a program can be read."""
        if self.format != "stablehlo" or (files := self._beside) is None:
            return None
        return promise_of(parse(files.facts.read_bytes(), str(files.facts)))


def to_export(named: str) -> Opened[Any]:
    """Open what a name stands for: a file, the directory of a search or a training, a published name, or a formula.

    Raises ArtifactError, with the next step, for what nothing is exported of.
    """
    if (written := open_written(named)) is not None:
        return written
    path = Path(named)
    if named.strip() and (path.exists() or path.suffix):
        with suppress(UserError, ArtifactError):
            if kind_of((opened := open_any(named)).artifact.body).export is not None:
                return opened
    elif kind_of((opened := open_any(named)).artifact.body).export is not None:
        return opened
    opened = open_any(str(model_file(path)))
    if kind_of(opened.artifact.body).export is None:
        able = ", ".join(row.name for row in kinds().values() if row.export is not None)
        command = train_command(opened.artifact.body, opened.place)
        first = f"; train it first: {command}" if command else ""
        raise ArtifactError(f"{named}: nothing is exported of {opened.artifact.kind!r}, but of: {able}{first}")
    return opened


def place_beside(opened: Opened[Any]) -> Path:
    """Return the directory that an export goes into unless told otherwise: beside the artifact, or here."""
    return (Path(opened.place).parent if is_there(opened.place) else Path()) / "export"


def export(opened: Opened[Any], out: Path, *, format: str | None = None, overwrite: bool = False) -> Exported:  # noqa: A002
    """Write what `to_export` opened into a directory, in the default format of its kind or another one of those.

    Raises UserError, before any work, for a format that the kind does not have, a place that is no directory, and a file that
    exists already.
    """
    kind = kind_of(opened.artifact.body)
    assert kind.export is not None
    chosen = format or kind.formats[0]
    if chosen not in kind.formats:
        raise unknown_name(f"format of {kind.name} artifacts:", chosen, kind.formats)
    check_directory(out)
    return Exported(kind=kind.name, format=chosen, file=attribute(kind.export)(opened, out, chosen, overwrite=overwrite))


def export_model(opened: Opened[ModelBody], out: Path, format: str, *, overwrite: bool) -> Path:  # noqa: A002
    """Write a trained model in a format into a directory, and return the file that is used first.

    Raises ArtifactError for a model of anything but images.
    """
    image_facts_of(opened)
    if (write := PROGRAMS.get(format)) is not None:
        return write(opened, out, overwrite=overwrite)
    return write_network_source(opened, out, format=format, overwrite=overwrite)
