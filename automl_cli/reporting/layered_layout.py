"""Places items in layers, with few crossings and short connections, none of which runs through an item.

The method is that of Sugiyama, Tagawa and Toda (IEEE Transactions on Systems, Man, and Cybernetics 11, 1981).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from automl_cli.reporting.layer_order import Item, Layers, Segment, Spot, Wire, ordered, segments_of

PASSAGE = 10.0
"""Pixels that a connection has in a layer that it passes."""
ROUNDS, ALIGNED = 24, 3
"""How often all layers are settled, and at last made straight."""
LEAST_GAP, MOST_GAP, SLOPE = 30.0, 84.0, 0.16
"""Pixels between layers: the more, the farther to the side connections go."""
STRAIGHT, EXACTLY = 10.0, 1e6
"""How much more the straightness of a connection weighs that is the only one at both of its ends; and in the end."""
NEAREST, MOST_SHARE = 9.0, 0.6
"""Pixels between connections that begin or end at one place, and the most of the width that they take together."""

Point = tuple[float, float]


class Layout(NamedTuple):
    """Left and top edge of every item, the items that are mirrored, and for every wire its points: the end of its source, twice
    for each layer that it passes, and its port."""

    size: tuple[float, float]
    corners: Mapping[str, Point]
    mirrored: frozenset[str]
    routes: tuple[tuple[Point, ...], ...]


def layered(items: Sequence[Item], wires: Sequence[Wire], *, gap: float) -> Layout:
    """Return where items lie that have `gap` pixels beside each other. Each item reads only earlier ones."""
    across = _Across(items, ordered(items, wires), gap)
    across.settle()
    return _Down(items, across).layout(wires)


class _Across:
    """Where every spot lies from left to right."""

    def __init__(self, items: Sequence[Item], layers: Layers, gap: float) -> None:
        self.layers = layers
        self._items = {item.name: item for item in items}
        self._gap = gap
        leaving = Counter(segment.source for segment in layers.segments)
        arriving = Counter(segment.target for segment in layers.segments)
        self._touching: dict[Spot, list[Segment]] = {spot: [] for row in layers.rows for spot in row}
        for segment in layers.segments:
            self._touching[segment.source].append(segment)
            self._touching[segment.target].append(segment)
        self._straight = {s for s in layers.segments if leaving[s.source] == 1 and arriving[s.target] == 1}
        self.left: dict[Spot, float] = {}
        for row in layers.rows:
            x = -(sum(map(self.width, row)) + gap * (len(row) - 1)) / 2
            for spot in row:
                self.left[spot] = x
                x += self.width(spot) + gap

    def settle(self) -> None:
        """Move the spots to where their connections are short, the order and the gaps kept; then begin at 0."""
        for turn in range(ROUNDS):
            for row in self.layers.rows if turn % 2 == 0 else reversed(self.layers.rows):
                self._settle_row(row, self._pulls)
        for _ in range(ALIGNED):
            for row in self.layers.rows:
                self._settle_row(row, self._below_source)
            for row in reversed(self.layers.rows):
                self._settle_row(row, self._above_target)
        least = min(self.left.values())
        self.left = {spot: left - least for spot, left in self.left.items()}

    def is_item(self, spot: Spot) -> bool:
        """Return whether a spot is an item, not a passage."""
        return self.layers.layer_of[spot.name] == spot.layer

    def width(self, spot: Spot) -> float:
        """Return the width of a spot."""
        return self._items[spot.name].width if self.is_item(spot) else PASSAGE

    def middle(self, spot: Spot) -> float:
        """Return where the middle of a spot lies."""
        return self.left[spot] + self.width(spot) / 2

    def end(self, segment: Segment) -> float:
        """Return where a segment comes in."""
        if segment.port is None:
            return self.middle(segment.target)
        item = self._items[segment.target.name]
        port = item.ports[segment.port]
        return self.left[segment.target] + (item.width - port if item.name in self.layers.mirrored else port)

    def starts(self) -> dict[Segment, float]:
        """Return where each segment begins: those of one spot side by side, in the order of their ends."""
        return self._side_by_side(lambda segment: segment.source, lambda segment: self.middle(segment.source), self.end)

    def ends(self) -> dict[Segment, float]:
        """Return where each segment ends: those of one port side by side, in the order of their starts."""
        return self._side_by_side(
            lambda segment: (segment.target, segment.port), self.end, lambda segment: self.middle(segment.source)
        )

    def _side_by_side(
        self, place: Callable[[Segment], object], at: Callable[[Segment], float], order: Callable[[Segment], float]
    ) -> dict[Segment, float]:
        together: dict[object, list[Segment]] = {}
        for segment in self.layers.segments:
            together.setdefault(place(segment), []).append(segment)
        found = {}
        for segments in together.values():
            spot = segments[0].source if place(segments[0]) == segments[0].source else segments[0].target
            room = MOST_SHARE * self.width(spot) / max(1, len(segments) - 1) if self.is_item(spot) else 0.0
            for number, segment in enumerate(sorted(segments, key=order)):
                found[segment] = at(segment) + min(NEAREST, room) * (number - (len(segments) - 1) / 2)
        return found

    def _settle_row(self, row: Sequence[Spot], pulls_of: Callable[[Spot], Iterator[tuple[float, float]]]) -> None:
        """Put the spots of a layer as near as they can be to the mean of where they are pulled, each pull with its weight."""
        wanted, weights, offsets, offset = [], [], [], 0.0
        for spot in row:
            pulls = list(pulls_of(spot))
            weight = sum(weight for _, weight in pulls)
            mean = sum(at * weight for at, weight in pulls) / weight if weight else self.left[spot]
            wanted.append(mean - offset)
            weights.append(weight or 0.01)
            offsets.append(offset)
            offset += self.width(spot) + self._gap
        for spot, at, before in zip(row, rising(wanted, weights), offsets, strict=True):
            self.left[spot] = at + before

    def _pulls(self, spot: Spot) -> Iterator[tuple[float, float]]:
        """Yield where each segment would have the left edge of a spot, with its weight."""
        for segment in self._touching[spot]:
            weight = STRAIGHT if segment in self._straight else 1.0
            if segment.source == spot:
                yield self.end(segment) - self.width(spot) / 2, weight
            else:
                yield self.middle(segment.source) - (self.end(segment) - self.left[spot]), weight

    def _below_source(self, spot: Spot) -> Iterator[tuple[float, float]]:
        """Yield where a straight segment that ends here would have the spot, or else where the spot is."""
        straight = [segment for segment in self._touching[spot] if segment.target == spot and segment in self._straight]
        for segment in straight:
            yield self.middle(segment.source) - (self.end(segment) - self.left[spot]), EXACTLY
        if not straight:
            yield self.left[spot], 1.0

    def _above_target(self, spot: Spot) -> Iterator[tuple[float, float]]:
        """Yield where a straight segment that begins here would have the spot, or else where the spot is."""
        straight = [segment for segment in self._touching[spot] if segment.source == spot and segment in self._straight]
        for segment in straight:
            yield self.end(segment) - self.width(spot) / 2, EXACTLY
        if not straight:
            yield self.left[spot], 1.0


class _Down:
    """Where every layer lies from top to bottom, and the ways of the wires."""

    def __init__(self, items: Sequence[Item], across: _Across) -> None:
        self._items = items
        self._height = {item.name: item.height for item in items}
        self._across = across
        self._starts, self._ends = across.starts(), across.ends()
        self._tops, self._bottoms = [0.0], [0.0]
        for layer, row in enumerate(across.layers.rows):
            top = 0.0 if layer == 0 else self._bottoms[-1] + self._room(layer)
            height = max(self._height[spot.name] for spot in row if across.is_item(spot))
            self._tops[layer:] = [top]
            self._bottoms[layer:] = [top + height]

    def layout(self, wires: Sequence[Wire]) -> Layout:
        """Return the finished layout."""
        left, layer_of = self._across.left, self._across.layers.layer_of
        corners = {name: (left[Spot(name, layer)], self._top(name)) for name, layer in layer_of.items()}
        width = max(at + self._across.width(spot) for spot, at in left.items())
        routes = tuple(tuple(self._route(wire)) for wire in wires)
        return Layout((width, self._bottoms[-1]), corners, self._across.layers.mirrored, routes)

    def _room(self, layer: int) -> float:
        """Return the pixels between a layer and the one before."""
        arriving = (segment for segment in self._across.layers.segments if segment.target.layer == layer)
        reach = max((abs(self._ends[segment] - self._starts[segment]) for segment in arriving), default=0.0)
        return min(MOST_GAP, max(LEAST_GAP, SLOPE * reach + 14.0))

    def _top(self, name: str) -> float:
        layer = self._across.layers.layer_of[name]
        return (self._tops[layer] + self._bottoms[layer] - self._height[name]) / 2

    def _route(self, wire: Wire) -> Iterator[Point]:
        """Yield the points of a wire, which is upright within each layer."""
        first, *passing = pieces = segments_of(wire, self._across.layers.layer_of)
        x = self._starts[first]
        yield x, self._top(wire.source) + self._height[wire.source]
        yield x, self._bottoms[first.source.layer]
        for segment in passing:
            x = self._starts[segment]
            yield x, self._tops[segment.source.layer]
            yield x, self._bottoms[segment.source.layer]
        x = self._ends[pieces[-1]]
        yield x, self._tops[pieces[-1].target.layer]
        yield x, self._top(wire.target)


def rising(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the rising numbers that are nearest to the wanted ones, by the weighted sum of squares.

    >>> rising([1.0, 3.0, 2.0, 4.0], [1.0, 1.0, 1.0, 1.0])
    [1.0, 2.5, 2.5, 4.0]
    """
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(wanted, weights, strict=True):
        mean, total, count = value, weight, 1
        while blocks and blocks[-1][0] > mean:
            before, others, more = blocks.pop()
            mean = (before * others + mean * total) / (others + total)
            total, count = others + total, count + more
        blocks.append((mean, total, count))
    return [mean for mean, _, count in blocks for _ in range(count)]
