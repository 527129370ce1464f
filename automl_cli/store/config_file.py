"""Reads and writes files of flags: TOML with flags by name, such as `trials = 64` or `space-option = {layers = 4}`."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from automl_cli.core.errors import UserError, unknown_name
from automl_cli.core.flags import Flag
from automl_cli.store.artifact import read_bytes
from automl_cli.store.encoding import convert
from automl_cli.store.files import replace_file

TYPES: dict[Any, Any] = {list: list[str], dict: dict[str, Any], Path: str}
"""The types of values in a file, where they differ from the type of the flag."""

OF_ONE_RUN = ("out", "resume", "resume-or-start", "overwrite", "repeat", "config", "write-config", "dry-run", "json", "quiet")
"""Flags that say what becomes of one run. A file holds those that may be the same for many."""


def read_flags(path: Path, rows: Iterable[Flag]) -> dict[str, Any]:
    """Read the values that the file gives, by the attributes of these rows.

    Raises UserError for a flag that no row has and for a value of another type. The caller checks the bounds.
    """
    content = read_bytes(path)
    try:
        asked = tomllib.loads(content.decode("utf-8-sig"))  # Windows marks the order of bytes
    except (ValueError, RecursionError) as error:  # of the syntax, of UTF-8, of a number of thousands of digits
        problem = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise UserError(f"{path}: not TOML: {problem}") from error
    known = {row.name: row for row in rows}
    for name in asked:
        if name in OF_ONE_RUN and name not in known:
            raise UserError(f"{path}: --{name} is about one run and stands on the command line; leave it out of the file")
        if name not in known:
            raise unknown_name(f"flag in {path}:", name, known)
    return typed_values(asked, known.values(), str(path))


def typed_values(asked: Mapping[str, Any], rows: Iterable[Flag], place: str) -> dict[str, Any]:
    """Return values by the attributes of these rows, given by their names. Raises ArtifactError, naming the place, for a value
    of another type than that of its row."""
    known = {row.name: row for row in rows}
    fields = [(known[name].attribute, _type(known[name])) for name in asked]
    return msgspec.structs.asdict(convert(asked, msgspec.defstruct("Flags", fields, rename="kebab"), place))


def check_new_file(path: Path) -> None:
    """Raise UserError where no new file of flags can be written: it is never written over another file."""
    if path.exists() or path.is_symlink():
        raise UserError(f"--write-config {path} is there already, so it stays; name a new file")
    if not path.name or not path.absolute().parent.is_dir():
        raise UserError(f"--write-config {path} cannot be made, since its folder is not there; name a file in one that is")


def write_flags(path: Path, values: Mapping[str, Any], *, command: str) -> None:
    """Write these values, by the names of their flags, to a new file that `read_flags` reads. `command` takes the file."""
    import tomli_w

    check_new_file(path)
    text = f"# Flags of: {command}\n{tomli_w.dumps(_plain(values))}"
    replace_file(path, text.encode())


def _plain(value: Any) -> Any:
    """Return the value as TOML holds it: paths as texts, and nothing where there is no value."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _type(row: Flag) -> Any:
    return row.in_file or TYPES.get(row.type, row.type)
