"""Tabular benchmarks: a CSV or `.npz` file with one row per genotype, read and checked whole before a search starts."""

import csv
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from automl_cli.core.decisions import DecisionList, Genotype
from automl_cli.core.errors import DataError, SpaceError, unknown_name

Row = tuple[str, ...]
"""The cells of the wanted columns of one row, as text: the encoding first."""


@dataclass(frozen=True, slots=True)
class BenchmarkTable:
    """`values[rows[genotype]]` are the numbers of `columns` for that genotype, shape (rows, columns), float64."""

    path: str
    columns: tuple[str, ...]
    rows: dict[Genotype, int]
    values: np.ndarray


def read_table(path: str, decisions: DecisionList, *, encoding_column: str, columns: Sequence[str]) -> BenchmarkTable:
    """Read the encoding column and the named number columns of a table.

    An encoding is the list of the genotype's indices: one digit per decision (`421211`), or numbers with anything between them
    (`4-2-1-2-1-1`). Raises DataError naming file, line (row of an `.npz`) and column for a missing column, an encoding that is
    not of the space or stands twice, and a cell that is not a finite number.
    """
    file = Path(path)
    wanted = (encoding_column, *dict.fromkeys(columns))
    reader = _npz_rows if file.suffix == ".npz" else _csv_rows
    rows: dict[Genotype, int] = {}
    values: list[list[float]] = []
    for place, row in reader(file, wanted):
        genotype = _genotype(row[0], decisions, f"{place}, column {encoding_column!r}")
        if genotype in rows:
            raise DataError(f"{place}, column {encoding_column!r}: encoding {row[0]!r} stands twice; each genotype has one row")
        rows[genotype] = len(values)
        values.append([_number(text, f"{place}, column {name!r}") for text, name in zip(row[1:], wanted[1:], strict=True)])
    if not rows:
        raise DataError(f"{path} has a header and no rows; a table needs at least one genotype")
    return BenchmarkTable(path=path, columns=wanted[1:], rows=rows, values=np.array(values))


def table_digest(path: str) -> str:
    """SHA-256 of the file. DataError where there is none."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"no table at {path}: {error.strerror}; --table takes a .csv or .npz file") from error


def _csv_rows(file: Path, wanted: Row) -> Iterator[tuple[str, Row]]:
    with file.open(newline="", encoding="utf-8") as stream:
        reader = csv.reader(stream)
        header = next(reader, [])
        positions = [_position(name, header, f"{file}:1") for name in wanted]
        for row in reader:
            place = f"{file}:{reader.line_num}"
            if len(row) != len(header):
                raise DataError(f"{place}: {len(row)} cells where the header has {len(header)}")
            yield place, tuple(row[at] for at in positions)


def _npz_rows(file: Path, wanted: Row) -> Iterator[tuple[str, Row]]:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            columns = [arrays[arrays.files[_position(name, arrays.files, str(file))]] for name in wanted]
    except (OSError, ValueError) as error:
        raise DataError(f"{file} is not a readable .npz of plain arrays: {error}") from error
    for name, column in zip(wanted, columns, strict=True):
        if column.shape[:1] != columns[0].shape[:1]:
            raise DataError(f"{file}, column {name!r}: shape {column.shape} where column {wanted[0]!r} has {columns[0].shape}")
    for number, row in enumerate(zip(*columns, strict=True)):
        yield f"{file}, row {number}", tuple(" ".join(map(str, np.atleast_1d(cell))) for cell in row)


def _position(name: str, header: Sequence[str], place: str) -> int:
    if name not in header:
        raise DataError(f"{place}: {unknown_name('column', name, header)}")
    return list(header).index(name)


def _genotype(text: str, decisions: DecisionList, place: str) -> Genotype:
    single = len(text) == len(decisions) and text.isdecimal()
    indices = tuple(map(int, text if single else re.findall(r"\d+", text)))
    try:
        if len(indices) != len(decisions):
            raise SpaceError(f"{len(indices)} indices where the space has {len(decisions)} decisions")
        return decisions.check(indices)
    except SpaceError as error:
        raise DataError(f"{place}: encoding {text!r} is not of this space: {error}") from error


def _number(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"{place}: {text!r} is not a number") from None
    if not np.isfinite(value):
        raise DataError(f"{place}: {text!r} is not a finite number; leave out rows without a result")
    return value
