"""Parquet files of encoded pictures and labels, as Hugging Face keeps data sets: which files, which columns, which classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.data.listing import PART_NAMES
from automl_cli.data.source import Part
from automl_cli.store.encoding import parse

IMAGE_COLUMNS = ("image", "img", "picture", "photo", "jpg", "png", "bytes")
LABEL_COLUMNS = ("label", "labels", "fine_label", "class", "category", "target", "y")
"""Names of columns; the first that is there counts."""


class ParquetFiles:
    """The files of a set by part, each a list of rows. Raises DataError for files that hold no pictures with labels."""

    def __init__(self, place: Path) -> None:
        if find_spec("pyarrow") is None:
            raise DataError(
                "reading Parquet files needs the package 'pyarrow', which is not installed here; "
                "pip install 'automl-cli[parquet]'"
            )
        self.place = place
        self.files = _files_by_part(place)
        tables = {path: _opened(path) for paths in self.files.values() for path in paths}
        self._rows = {path: table.metadata.num_rows for path, table in tables.items()}
        first = next(iter(tables.values())).schema_arrow
        self._image, self._is_struct = _image_column(first, place)
        self._label = _label_column(first, place)
        self.class_names = _class_names(first, self._label)
        for path, table in tables.items():
            if missing := {self._image, self._label} - set(table.schema_arrow.names):
                raise DataError(f"{path} has no column {missing.pop()!r}, which the other files have")

    def count(self, part: Part) -> int:
        """Return the number of rows of a part."""
        return sum(self._rows[path] for path in self.files[part])

    def labels(self, part: Part) -> np.ndarray:
        """Return the labels of a part, whole numbers or text (examples,). Raises DataError for rows without one."""
        import pyarrow as pa

        column = pa.chunked_array([chunk for path in self.files[part] for chunk in self._column(path, self._label).chunks])
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        values = column.to_numpy()
        numbered = self.class_names is not None and not column.null_count
        if unlabelled := column.null_count or (int((values < 0).sum()) if numbered else 0):
            raise DataError(f"{self.place}: {unlabelled:,} rows of the {part} part have no {self._label}; they cannot serve")
        labels: np.ndarray = values.astype(str) if values.dtype.kind == "O" else values
        return labels

    def pictures(self, part: Part, indices: np.ndarray) -> Iterator[bytes]:
        """Yield the stored pictures at these increasing indices, b"" for one that is missing; a group of rows at a time."""
        start = 0
        for path in self.files[part]:
            table = _opened(path)
            for group in range(table.num_row_groups):
                count = table.metadata.row_group(group).num_rows
                first, last = np.searchsorted(indices, (start, start + count))
                if last > first:
                    column = self._read(path, lambda table=table, group=group: table.read_row_group(group, [self._image]))
                    for row in (indices[first:last] - start).tolist():
                        yield self._picture(column[self._image][row])
                start += count

    def any_picture(self, part: Part) -> Callable[[int], bytes]:
        """Return a function from an index to the stored picture. The files of the part are held in memory for it."""
        import pyarrow as pa

        column = pa.chunked_array([chunk for path in self.files[part] for chunk in self._column(path, self._image).chunks])
        return lambda index: self._picture(column[index])

    def _column(self, path: Path, name: str) -> Any:
        return self._read(path, lambda: _opened(path).read([name]))[name]

    def _read(self, path: Path, fetch: Any) -> Any:
        try:
            return fetch()
        except (OSError, ValueError) as error:
            raise DataError(f"{path} is damaged ({_first_line(error)}); write or fetch the file again") from error

    def _picture(self, cell: Any) -> bytes:
        value = cell.as_py()
        data = value.get("bytes") if self._is_struct and value is not None else value
        return data or b""


def _files_by_part(place: Path) -> dict[Part, list[Path]]:
    """Return the files by the part that begins their names; a single file holds all examples."""
    if place.is_file():
        return {"train": [place]}
    if not place.is_dir():
        raise DataError(f"no file at {place}; give an existing .parquet file, or a folder of such files")
    paths = sorted(place.glob("*.parquet")) or sorted((place / "data").glob("*.parquet"))
    found: dict[Part, list[Path]] = {}
    for path in paths:
        word = re.split(r"[^a-z]+", path.stem.lower())[0]
        found.setdefault(PART_NAMES.get(word, "train") if len(paths) > 1 else "train", []).append(path)
    if "train" not in found:
        raise DataError(f"{place} holds {', '.join(path.name for path in paths)}; it needs files train….parquet to learn from")
    return found


def _opened(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, memory_map=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path} is no readable Parquet file ({_first_line(error)})") from error


def _image_column(schema: Any, place: Path) -> tuple[str, bool]:
    """Return the name of the column of pictures, and whether its cells have a field `bytes`."""
    import pyarrow as pa

    def is_bytes(kind: Any) -> bool:
        return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

    for name in (name for name in IMAGE_COLUMNS if name in schema.names):
        kind = schema.field(name).type
        if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0 and is_bytes(kind.field("bytes").type):
            return name, True
        if is_bytes(kind):
            return name, False
    raise DataError(
        f"{place} has the columns {_columns(schema)}; it needs one of encoded pictures (bytes, or a struct with a field bytes) "
        f"called {', '.join(IMAGE_COLUMNS)}"
    )


def _label_column(schema: Any, place: Path) -> str:
    import pyarrow as pa

    for name in (name for name in LABEL_COLUMNS if name in schema.names):
        kind = schema.field(name).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind):
            return name
    raise DataError(
        f"{place} has the columns {_columns(schema)}; it needs one of whole numbers or text called {', '.join(LABEL_COLUMNS)}"
    )


def _columns(schema: Any) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)


def _class_names(schema: Any, label: str) -> list[str] | None:
    """Return the names of classes that Hugging Face keeps beside the schema; None where there are none, or labels are text."""
    import pyarrow as pa

    if not pa.types.is_integer(schema.field(label).type):
        return None
    stored = (schema.metadata or {}).get(b"huggingface")
    found = parse(stored, "the features of a Parquet file") if stored else {}
    for key in ("info", "features", label, "names"):
        found = found.get(key) if isinstance(found, dict) else None
    return [str(name) for name in found] if isinstance(found, list) else None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
