"""Encodes and decodes JSON, which no other module does: the same bytes for the same value.

Whole numbers beyond 2^53 are written as strings, since most readers of JSON hold numbers as doubles; a number that is not
finite is refused, since JSON has none and the encoder would write `null`.
"""

import json
import math
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar

import msgspec
import orjson

from automl_cli.core.errors import ArtifactError
from automl_cli.core.msgspec_errors import path_and_problem
from automl_cli.core.numbers import LARGEST
from automl_cli.store.checksums import with_checksum, without_checksum

T = TypeVar("T")


def document(value: Any) -> bytes:
    """Return indented JSON with a final newline, as files and `--json` show it. Raises ArtifactError where a number is not
    finite."""
    return orjson.dumps(plain(value), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def line(value: Any) -> bytes:
    """Return JSON on one line with a final newline: a message to a worker."""
    return orjson.dumps(plain(value), option=orjson.OPT_APPEND_NEWLINE)


def record_line(value: Any) -> bytes:
    """Return JSON on one line with a final newline, whose last key `crc` is a checksum of what stands before it: a record of a
    journal."""
    return with_checksum(line(value))


def plain(value: Any) -> Any:
    """Return the value as dicts, lists, strings and numbers that JSON can hold.

    >>> plain({"size": 2**60, "ok": True, "pair": (1, 2.5)})
    {'size': '1152921504606846976', 'ok': True, 'pair': [1, 2.5]}
    """
    builtins = msgspec.to_builtins(value, str_keys=True)
    try:
        return _storable(builtins)
    except ValueError as error:
        raise ArtifactError(f"{next(_not_finite(builtins))}; JSON holds finite numbers only") from error


def parse(data: bytes, place: str) -> Any:
    """Return the data in a JSON text. Raises ArtifactError naming place, line and column where it is not JSON."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        cut = "; it may have been truncated" if error.pos >= len(data.rstrip()) else ""
        problem = error.msg.partition(": line ")[0]
        raise ArtifactError(f"{place}: not JSON: {problem} at line {error.lineno}, column {error.colno}{cut}") from error


def check_keys(data: bytes, place: str) -> None:
    """Raise ArtifactError where an object has a key twice, since readers differ in which of the two they take. Slower than
    `parse`."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ArtifactError(f"{place}: key {twice!r} stands twice in one object; keep one")
        return found

    try:
        json.loads(data, object_pairs_hook=unique, parse_int=str)  # a number may have more digits than Python converts
    except RecursionError as error:
        raise ArtifactError(f"{place}: it is nested too deep; no artifact is") from error


def convert(value: Any, kind: type[T], place: str) -> T:
    """Return the parsed value as this type. Raises ArtifactError naming the place and the failing path inside it."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        path, problem = path_and_problem(str(error))
        raise ArtifactError(f"{place}: {path + ': ' if path else ''}{problem}") from error


def decode(data: bytes, kind: type[T], place: str) -> T:
    """Return the value of this type in a JSON text."""
    return convert(parse(data, place), kind, place)


def decode_record(data: bytes, kind: type[T], place: str) -> T:
    """Return the same value as `decode`, in one pass: journals have many lines. Raises ArtifactError also where the line has a
    checksum that does not fit."""
    data = without_checksum(data, place)
    try:
        return _decoder(kind).decode(data)  # type: ignore[no-any-return,arg-type]
    except (msgspec.DecodeError, UnicodeDecodeError):  # `decode` says what is wrong, and where
        return decode(data, kind, place)


@cache
def _decoder(kind: Any) -> Any:
    return msgspec.json.Decoder(kind)


def _storable(value: Any) -> Any:
    """Return the value with great whole numbers as strings. Raises ValueError for a number that is not finite."""
    kind = type(value)
    if kind is dict:
        return {key: _storable(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_storable(item) for item in value]
    if kind is int and not -LARGEST <= value <= LARGEST:
        return str(value)
    if kind is float and not math.isfinite(value):
        raise ValueError(value)
    return value


def _not_finite(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of all numbers that are not finite."""
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _not_finite(item, f"{path}.{key}" if isinstance(value, dict) else f"{path}[{key}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path.lstrip('.') or 'value'} is {value}"
