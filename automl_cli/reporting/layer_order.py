"""Puts items into layers, each behind those that it reads, and orders every layer so that few connections cross.

A connection that passes a layer has a place of its own there; those of one source share it.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

ROUNDS = 12
"""How often all layers are sorted, by the layers before and by those behind."""
MOST_SEGMENTS = 150
"""Pieces of connections up to which exchanging neighbours is tried; it takes a tenth of a second there."""
SPREAD = 0.9
"""The width of an item, as a share of that of its place, where its connections come in."""


class Item(NamedTuple):
    """A box by its name, with the places, from its left edge on, where connections come in, by the name of each.

    One that may be mirrored has them from the right edge on where that avoids crossings.
    """

    name: str
    width: float
    height: float
    ports: Mapping[str, float]
    may_be_mirrored: bool = False


class Wire(NamedTuple):
    """A connection from an item to a port of a later one."""

    source: str
    target: str
    port: str


class Spot(NamedTuple):
    """An item in its layer, or the passage of what the item gives through a later layer."""

    name: str
    layer: int


class Segment(NamedTuple):
    """A piece of one or several wires, from one layer to the next; `port` is None where it ends in a passage."""

    source: Spot
    target: Spot
    port: str | None


class Layers(NamedTuple):
    """The spots of every layer in order, the layer of each item, the segments, and the items that are mirrored."""

    rows: tuple[tuple[Spot, ...], ...]
    layer_of: Mapping[str, int]
    segments: tuple[Segment, ...]
    mirrored: frozenset[str]


def ordered(items: Sequence[Item], wires: Sequence[Wire]) -> Layers:
    """Return the layers of the items; each item reads only earlier ones."""
    layer_of = _layers(items, wires)
    segments = tuple(dict.fromkeys(segment for wire in wires for segment in segments_of(wire, layer_of)))
    ordering = _Ordering(items, layer_of, segments)
    ordering.sort()
    ordering.exchange()
    return Layers(tuple(map(tuple, ordering.rows)), layer_of, segments, frozenset(ordering.mirrored))


def segments_of(wire: Wire, layer_of: Mapping[str, int]) -> list[Segment]:
    """Return the pieces of a wire."""
    last = layer_of[wire.target]
    spots = [Spot(wire.source, layer) for layer in range(layer_of[wire.source], last)]
    passing = [Segment(one, following, None) for one, following in pairwise(spots)]
    return [*passing, Segment(spots[-1], Spot(wire.target, last), wire.port)]


def _layers(items: Iterable[Item], wires: Sequence[Wire]) -> dict[str, int]:
    """Return the layer of every item: one behind the last of those that it reads."""
    found: dict[str, int] = {}
    for item in items:
        found[item.name] = max((found[wire.source] + 1 for wire in wires if wire.target == item.name), default=0)
    return found


class _Ordering:
    """The order of every layer, as it becomes better."""

    def __init__(self, items: Sequence[Item], layer_of: Mapping[str, int], segments: Sequence[Segment]) -> None:
        self.mirrored: set[str] = set()
        self._items = {item.name: item for item in items}
        self._segments = segments
        spots = dict.fromkeys(Spot(name, layer) for name, layer in layer_of.items())
        spots |= dict.fromkeys(segment.target for segment in segments)
        self.rows = [[spot for spot in spots if spot.layer == layer] for layer in range(1 + max(layer_of.values()))]

    def sort(self) -> None:
        """Sort each layer by the middle of what its spots are connected with, back and forth, and keep the best."""
        best, fewest = [list(row) for row in self.rows], self._crossings()
        for turn in range(2 * ROUNDS):
            backward = turn % 2 == 1
            for layer in reversed(range(len(self.rows) - 1)) if backward else range(1, len(self.rows)):
                self._sort_layer(layer, backward=backward)
            if (count := self._crossings()) < fewest:
                best, fewest = [list(row) for row in self.rows], count
        self.rows = best

    def exchange(self) -> None:
        """Exchange neighbours and mirror items, as long as that avoids crossings, in graphs that are not huge."""
        changes = [partial(_swap, row, place) for row in self.rows for place in range(len(row) - 1)]
        changes += [partial(self._mirror, item.name) for item in self._items.values() if item.may_be_mirrored]
        fewest, before = self._crossings(), -1
        while fewest != before and len(self._segments) <= MOST_SEGMENTS:
            before = fewest
            for change in changes:
                change()
                if (count := self._crossings()) < fewest:
                    fewest = count
                else:
                    change()  # made twice, it is undone

    def _mirror(self, name: str) -> None:
        self.mirrored ^= {name}

    def _sort_layer(self, layer: int, *, backward: bool) -> None:
        middles = {spot: [float(place)] for place, spot in enumerate(self.rows[layer])}
        connected: dict[Spot, list[float]] = {}
        for segment, (start, end) in zip(self._segments, self._ends(), strict=True):
            spot, other = (segment.source, end) if backward else (segment.target, start)
            if spot.layer == layer:
                connected.setdefault(spot, []).append(other)
        middles |= connected
        self.rows[layer].sort(key=lambda spot: sum(middles[spot]) / len(middles[spot]))

    def _ends(self) -> list[tuple[float, float]]:
        """Return where each segment begins and ends, in places of its layers."""
        place = {spot: float(at) for row in self.rows for at, spot in enumerate(row)}
        return [(place[segment.source], place[segment.target] + self._beside(segment)) for segment in self._segments]

    def _beside(self, segment: Segment) -> float:
        """Return how far to the right of the middle a segment comes in, in places."""
        if segment.port is None:
            return 0.0
        item = self._items[segment.target.name]
        share = SPREAD * (item.ports[segment.port] / item.width - 0.5)
        return -share if item.name in self.mirrored else share

    def _crossings(self) -> int:
        by_layer: dict[int, list[tuple[float, float]]] = {}
        for segment, ends in zip(self._segments, self._ends(), strict=True):
            by_layer.setdefault(segment.target.layer, []).append(ends)
        return sum(
            (one[0] - other[0]) * (one[1] - other[1]) < 0
            for pairs in by_layer.values()
            for number, one in enumerate(pairs)
            for other in pairs[:number]
        )


def _swap(row: list[Spot], place: int) -> None:
    row[place], row[place + 1] = row[place + 1], row[place]
