"""Tables that name pictures and their classes: a CSV manifest, the `metadata.csv` or `metadata.jsonl` of an image folder."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from automl_cli.core.errors import DataError
from automl_cli.store.encoding import convert, parse

FILE_COLUMNS = ("path", "file_name", "filename", "file", "image")
LABEL_COLUMNS = ("label", "class", "category")
SPLIT_COLUMN, GROUP_COLUMN = "split", "group"
"""Names of columns, in small letters; the first of several that is there counts."""

METADATA = ("metadata.csv", "metadata.jsonl")


class ManifestRow(NamedTuple):
    """A line of a table: the file as it is written there, its class, and its split and group, "" for none."""

    line: int
    file: str
    label: str
    split: str
    group: str


def read_manifest(path: Path) -> list[ManifestRow]:
    """Read a table with columns path and label, and split and group if it has them. Raises DataError naming the line."""
    rows = list(_rows(path, _csv_records(path)))
    if not rows:
        raise DataError(f"{path} names no picture; it needs a line for each, under a first line path,label")
    return rows


def metadata_of(folder: Path) -> list[ManifestRow] | None:
    """Return what the metadata of an image folder say; None where it has none, or none with labels. Raises DataError for a
    broken table."""
    for name in METADATA:
        if (path := folder / name).is_file():
            records = list(_csv_records(path) if path.suffix == ".csv" else _json_records(path))
            if records and _column(records[0][1], LABEL_COLUMNS) is not None:
                return list(_rows(path, iter(records)))
    return None


def _rows(path: Path, records: Iterator[tuple[int, Mapping[str, str]]]) -> Iterator[ManifestRow]:
    for line, record in records:
        file, label = _column(record, FILE_COLUMNS), _column(record, LABEL_COLUMNS)
        if file is None or label is None:
            raise DataError(
                f"{path} has the columns {', '.join(record) or 'none'}; it needs path (or file_name) and label, and may have "
                "split and group, separated by commas"
            )
        if not record[file] or not record[label]:
            raise DataError(f"{path}, line {line}: {file if not record[file] else label} is empty; every picture needs one")
        if "\0" in record[file]:
            raise DataError(
                f"{path}, line {line}: the name of the picture holds a zero byte, which no file name does; correct it"
            )
        yield ManifestRow(line, record[file], record[label], record.get(SPLIT_COLUMN, ""), record.get(GROUP_COLUMN, ""))


def _column(record: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in record), None)


def _csv_records(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield line number and values by column, whose names are in small letters."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            for record in reader:
                values = {key.strip().lower(): (value or "").strip() for key, value in record.items() if isinstance(key, str)}
                yield reader.line_num, values
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table of comma-separated values in UTF-8 ({error})") from error


def _json_records(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        lines = path.read_bytes().splitlines()
        for number, line in enumerate(lines, 1):
            if line.strip():
                record = convert(parse(line, f"{path}, line {number}"), dict[str, Any], f"{path}, line {number}")
                yield number, {key.lower(): str(value) for key, value in record.items() if value is not None}
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error})") from error
