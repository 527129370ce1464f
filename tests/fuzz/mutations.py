"""Broken inputs, drawn by Hypothesis from sound ones: a failing one is shrunk to the fewest changes that still break it."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

TOKENS = (
    *(b"", b"\0", b"\n", b"\r\n", b"\x1a", b'"', b"'", b",", b";", b"\t", b"[]", b"{}", b"null", b"true", b"NaN", b"-Infinity"),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\xe2\x80\xae", "\u0663".encode(), b"\\ud800", b"\\u0000"),
    *(b"-1", b"-0.0", b"0", b"1e999", b"1e-999", b"0.1", b"18446744073709551616"),
    *(b"9" * 19, b"9" * 400, b"9" * 5000, b"1" + b"0" * 30),
    *(b"[" * 3000, b'{"a":' * 3000, b"(" * 3000, b"-" * 3000, b"a = " + b"[" * 3000, b"a" * 5000, b"a." * 3000),
    *(b"../../../etc/passwd", b"/dev/zero", b"/dev/stdin", b"CON", b"~root", b"${HOME}", b"%s%n", b"__class__"),
)
"""Texts that parsers of all sorts have stumbled over."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 255, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**400, 0.0, -0.0, 0.5, -1.5, 1e-320, 1e308),
    *("", "a", "0", "1", "\0", "../x", "/etc/passwd", "a" * 5000, "9" * 5000, "\u202e"),
    *("x * " * 300 + "x", "(" * 500, "relu", "nan"),
    *([], {}, [[]], [0], [None], [1, "a"], {"": 0}, {"a": {"a": {}}}, {"type": "x"}, {"record": "told"}),
)
"""Values to put in the place of others."""

KEYS = ("", "type", "record", "schema", "body", "value", "name", "kind", "trial", "__class__", "\0", "a" * 300)

SIZE = 6
"""Bytes that say one change: what, where (2), over which part, and with what (2)."""

DRAWN = 3 + 3 * SIZE
"""Bytes that say one input: the sound one, another one, how many changes, and these."""

BATCH = 20
"""Inputs that are drawn at once: Hypothesis takes longer to draw than most readers to read."""

Make = Callable[[Sequence[bytes], bytes], bytes]
"""A function of the sound inputs and of `DRAWN` bytes to a broken input."""


class Batch(NamedTuple):
    """Inputs that are made one by one of what was drawn. The one that fails is said by a note of its error."""

    make: Make
    seeds: Sequence[bytes]
    drawn: bytes

    def inputs(self) -> Iterator[bytes]:
        """Yield the inputs."""
        for at in range(0, len(self.drawn), DRAWN):
            yield self.make(self.seeds, self.drawn[at : at + DRAWN])

    def __repr__(self) -> str:
        return f"{self.make.__name__} of {self.drawn.hex()}"


def batches(make: Make, seeds: Sequence[bytes]) -> st.SearchStrategy[Batch]:
    """`BATCH` inputs made of the sound ones."""
    return st.builds(Batch, st.just(make), st.just(seeds), st.binary(min_size=BATCH * DRAWN, max_size=BATCH * DRAWN))


def changed_bytes(seeds: Sequence[bytes], drawn: bytes) -> bytes:
    """One of the inputs, with bits flipped, parts left out, repeated and exchanged, and odd texts put in."""
    first, second, number, *_ = drawn
    return _changed(seeds[first % len(seeds)], drawn[3 : 3 + SIZE * (1 + number % 3)], seeds[second % len(seeds)])


def changed_json(seeds: Sequence[bytes], drawn: bytes) -> bytes:
    """One of the JSON inputs (a line of it, where it has several) with values exchanged, or with its bytes changed."""
    if drawn[2] >= 170:
        return changed_bytes(seeds, drawn)
    places = range(3, 3 + SIZE * (1 + drawn[2] % 3), SIZE)
    edits = [(int.from_bytes(drawn[at : at + 3], "big"), drawn[at + 3], drawn[at + 4]) for at in places]
    return _edited(seeds[drawn[0] % len(seeds)], edits)


def _changed(data: bytes, changes: bytes, other: bytes) -> bytes:
    for at in range(0, len(changes) - SIZE + 1, SIZE):
        what, high, low, length, *number = changes[at : at + SIZE]
        start = len(data) * (high << 8 | low) >> 16
        stop = min(len(data), start + (length * length >> 10) + 1)
        data = _CHANGES[what % len(_CHANGES)](data, start, stop, number[0] << 8 | number[1], other)
    return data


def _flipped(data: bytes, start: int, stop: int, number: int, other: bytes) -> bytes:
    return data[:start] + bytes(byte ^ 1 << number % 8 for byte in data[start : start + 1]) + data[start + 1 :]


_CHANGES: tuple[Callable[[bytes, int, int, int, bytes], bytes], ...] = (
    _flipped,
    lambda data, start, stop, number, other: data[:start] + data[stop:],
    lambda data, start, stop, number, other: data[:stop] + data[start:stop] * (number % 50) + data[stop:],
    lambda data, start, stop, number, other: data[:start] + TOKENS[number % len(TOKENS)] + data[stop:],
    lambda data, start, stop, number, other: data[:start] + other[start:stop] + data[stop:],
    lambda data, start, stop, number, other: data[:start],
)
"""A bit is flipped; a part is left out, repeated, exchanged for an odd text or for one of another input; the end is cut off."""


def _edited(data: bytes, edits: list[tuple[int, int, int]]) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) > 1 and data.startswith(b'{"'):  # a journal
        at = edits[0][0] % len(lines)
        return b"".join([*lines[:at], _edited(lines[at], edits), *lines[at + 1 :]])
    document = json.loads(data)
    for where, what, number in edits:
        if not (places := list(_places(document, ()))):
            break
        place, other = places[where % len(places)], places[number * where % len(places)]
        if what % 6 in (4, 5):  # written at last, since reading it again would leave nothing of it
            return (_deep if what % 6 == 4 else _twice)(document, place, number)
        _edit(document, place, other, what % 6, number)
    return json.dumps(document).encode() + (b"\n" if data.endswith(b"\n") else b"")


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _places(item, (*path, key))


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


def _edit(document: Any, path: tuple[Any, ...], other: tuple[Any, ...], what: int, number: int) -> None:
    """Exchange a value for an odd one or for another of the document, leave it out or rename it."""
    holder, key = _at(document, path[:-1]), path[-1]
    if what == 0:
        holder[key] = VALUES[number % len(VALUES)]
    elif what == 1:
        del holder[key]
    elif what == 2 and isinstance(holder, dict):
        holder[KEYS[number % len(KEYS)]] = holder.pop(key)
    elif what == 3:
        holder[key] = json.loads(json.dumps(_at(document, other)))


MARK = json.dumps("to be exchanged")


def _deep(document: Any, path: tuple[Any, ...], number: int) -> bytes:
    """Put the value of this place into lists in lists."""
    holder, key = _at(document, path[:-1]), path[-1]
    deep = f"{'[' * number * 4}{json.dumps(holder[key])}{']' * number * 4}"
    holder[key] = json.loads(MARK)
    return json.dumps(document).replace(MARK, deep).encode()


def _twice(document: Any, path: tuple[Any, ...], number: int) -> bytes:
    """Write the key of this place twice, the first time with another value."""
    holder, key = _at(document, path[:-1]), path[-1]
    if not isinstance(holder, dict):
        return json.dumps(document).encode()
    changed = {json.loads(MARK) if name == key else name: value for name, value in holder.items()}
    holder.clear()
    holder.update(changed)
    first = f"{json.dumps(key)}: {json.dumps(VALUES[number % len(VALUES)])}, {json.dumps(key)}"
    return json.dumps(document).replace(MARK, first).encode()
