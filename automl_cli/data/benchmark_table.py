"""Reads tabular benchmarks: a CSV or `.npz` file with one row per genotype, checked whole before a search starts."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from automl_cli.core.decisions import DecisionList, Genotype
from automl_cli.core.errors import DataError, SpaceError, unknown_name
from automl_cli.core.numbers import LARGEST, counted
from automl_cli.data.array_files import BROKEN
from automl_cli.store.files import file_digest

MOST_DIGITS = 18
"""Digits of an index: far more than any decision has choices."""

Row = tuple[str, ...]
"""The cells of the wanted columns of one row, as text; the encoding first."""


class UnknownColumn(DataError):
    """Raised for a wanted column that a table does not have."""

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True)
class BenchmarkTable:
    """A table in memory: `values[rows[genotype]]` are the numbers of `columns`, shape (rows, columns), float64."""

    path: str
    columns: tuple[str, ...]
    rows: dict[Genotype, int]
    values: np.ndarray

    def numbers(self, row: int) -> dict[str, int | float]:
        """Return the numbers of a row by column, as int if the column holds only whole numbers."""
        pairs = zip(self.columns, self.values[row].tolist(), self.whole, strict=True)
        return {name: int(value) if whole else value for name, value, whole in pairs}

    @cached_property
    def whole(self) -> tuple[bool, ...]:
        """Whether each column holds only whole numbers."""
        return tuple(((self.values == np.trunc(self.values)) & (np.abs(self.values) <= LARGEST)).all(axis=0).tolist())


def read_table(path: str, decisions: DecisionList, *, encoding_column: str, columns: Sequence[str]) -> BenchmarkTable:
    """Read the encoding column and the named number columns of a table.

    An encoding is the list of the genotype's indices: one digit per decision (`421211`), or numbers with anything between them
    (`4-2-1-2-1-1`). Raises DataError naming file, line (row of an `.npz`) and column if a column is missing, an encoding is not
    of the space or occurs twice, or a cell is not a finite number.
    """
    file = Path(path)
    wanted = (encoding_column, *dict.fromkeys(columns))
    reader = _npz_rows if file.suffix == ".npz" else _csv_rows
    rows: dict[Genotype, int] = {}
    values: list[list[float]] = []
    for location, row in reader(file, wanted):
        genotype = _genotype(row[0], decisions, f"{location}, column {encoding_column!r}")
        if genotype in rows:
            raise DataError(
                f"{location}, column {encoding_column!r}: encoding {row[0]!r} stands twice; each genotype has one row"
            )
        rows[genotype] = len(values)
        values.append([_number(text, f"{location}, column {name!r}") for text, name in zip(row[1:], wanted[1:], strict=True)])
    if not rows:
        raise DataError(f"{path} has a header and no rows; a table needs at least one genotype")
    return BenchmarkTable(path=path, columns=wanted[1:], rows=rows, values=np.array(values))


def table_digest(path: str) -> str:
    """Return the SHA-256 of the file. Raises DataError if it cannot be read."""
    try:
        return file_digest(Path(path))
    except OSError as error:
        raise DataError(f"no table at {path}: {error.strerror}; --table takes a .csv or .npz file") from error


def _csv_rows(file: Path, wanted: Row) -> Iterator[tuple[str, Row]]:
    """Yield each row with its location, without spaces around cells and without empty lines."""
    with file.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.reader(stream, skipinitialspace=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            _check_header(header, file)
            positions = [_position(name, header, f"{file}:1") for name in wanted]
            for row in filter(None, reader):
                location = f"{file}:{reader.line_num}"
                if len(row) != len(header):
                    raise DataError(f"{location}: {counted(len(row), 'cell')} where the header has {len(header)}")
                yield location, tuple(row[at].strip() for at in positions)
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{file} is no text in UTF-8 ({error}); --table takes a .csv or .npz file") from error


def _check_header(header: Sequence[str], file: Path) -> None:
    if not header:
        raise DataError(f"{file} is empty; a table has a header and a row for every genotype")
    for character, name in {"\t": "tabs", ";": "semicolons"}.items():
        if len(header) == 1 and character in header[0]:
            raise DataError(f"{file}:1: {name} separate the columns; write the table with commas")
    if twice := [name for name in header if name and header.count(name) > 1]:
        raise DataError(f"{file}:1: two columns are named {twice[0]!r}; names must differ")


def _npz_rows(file: Path, wanted: Row) -> Iterator[tuple[str, Row]]:
    try:
        with file.open("rb") as stream, np.errstate(all="raise"), np.load(stream, allow_pickle=False) as arrays:
            columns = [arrays[arrays.files[_position(name, arrays.files, str(file))]] for name in wanted]
    except DataError:
        raise
    except BROKEN as error:
        raise DataError(f"{file} is not a readable .npz of plain arrays: {error}") from error
    for name, column in zip(wanted, columns, strict=True):
        if column.shape[:1] != columns[0].shape[:1]:
            raise DataError(f"{file}, column {name!r}: shape {column.shape} where column {wanted[0]!r} has {columns[0].shape}")
    for number, row in enumerate(zip(*columns, strict=True)):
        yield f"{file}, row {number}", tuple(" ".join(map(str, np.atleast_1d(cell))) for cell in row)


def _position(name: str, header: Sequence[str], location: str) -> int:
    if name not in header:
        raise UnknownColumn(f"{location}: {unknown_name('column', name, header)}", name)
    return list(header).index(name)


def _genotype(text: str, decisions: DecisionList, location: str) -> Genotype:
    digits = len(decisions) > 1 and text.isdecimal()
    numbers = text if digits else re.findall(r"\d+", text)
    try:
        if any(len(number) > MOST_DIGITS for number in numbers):
            raise SpaceError(f"an index has more than {MOST_DIGITS} digits")
        indices = tuple(map(int, numbers))
        if len(indices) != len(decisions):
            found, wanted = counted(len(indices), "index/indices"), counted(len(decisions), "decision")
            raise SpaceError(f"{found} where the space has {wanted}")
        return decisions.check(indices)
    except SpaceError as error:
        raise DataError(f"{location}: encoding {text!r} is not of this space: {error}") from error


def _number(text: str, location: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"{location}: {text!r} is not a number") from None
    if not np.isfinite(value):
        raise DataError(f"{location}: {text!r} is not a finite number; leave out rows without a result")
    return value
