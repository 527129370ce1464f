"""The record in a folder of augmented copies: it lists the files that were written there, the only ones that are replaced."""

from pathlib import Path

from automl_cli.core.errors import UserError
from automl_cli.store.artifact import read_bytes
from automl_cli.store.encoding import parse

RECORD = "augmentation.json"
"""The name of the record."""


def written_before(out: Path, folder: Path, *, overwrite: bool) -> frozenset[str]:
    """Return the names of the files that an earlier run wrote into `out`. UserError where it is not to be written to.

    Nothing is written where pictures of `folder` would lie, into a folder of somebody else, or without `overwrite` twice.
    """
    place, source = out.resolve(), folder.resolve()
    if place == source or source in place.parents or place in source.parents:
        raise UserError(f"--out {out} and the folder of pictures lie in one another; choose another --out")
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return frozenset()
    files = _listed_in(out / RECORD)
    if files is None:
        raise UserError(f"{out} was not written by automl augment, so it stays; choose another --out")
    if not overwrite:
        raise UserError(f"{out} exists already: replace it with --overwrite, or choose another --out")
    return files


def _listed_in(record: Path) -> frozenset[str] | None:
    """Return the names of the files that a record lists; None where it is no record, or lists a file outside its folder."""
    written = parse(read_bytes(record), str(record)) if record.is_file() else None
    files = written.get("files") if isinstance(written, dict) else None
    if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
        return None
    outside = any(Path(name).is_absolute() or ".." in Path(name).parts for name in files)
    return None if outside else frozenset(files)
