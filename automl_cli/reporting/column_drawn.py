"""Draws steps one behind the other as SVG, with the connections that skip some in lanes beside them."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from automl_cli.reporting.nodes_drawn import HEAD, SMALL, STACKED, Rectangle, drawn_node, heads, node_size
from automl_cli.reporting.svg import Picture, colour, element, fitted, group, path, route, text_width, words
from automl_cli.values.drawings import Column, Link, Node

MARGIN, GAP = 8.0, 20.0
"""Pixels around the column, and between its steps."""
NAME_GAP, MOST_NAME = 8.0, 110.0
"""Pixels between a step and its name to the left of it, and the most that a name takes."""
FIRST_LANE, LANE = 18.0, 8.0
"""Pixels from the steps to the first lane, and from lane to lane."""
BEND = 5.0
LEAVING, ENTERING = 0.72, 0.28
"""Where on the side of a step connections leave and come in, as shares of its height."""
COLOURS = ("accent", "accent-2", "accent-3")
SCALE = 0.82
LEAST_HEIGHT = 30.0


class _Places(NamedTuple):
    """Where the steps lie, in order, and the lanes of those that are read across others."""

    spots: tuple[Rectangle, ...]
    lanes: Mapping[str, int]
    place: Mapping[str, int]
    right: float


def drawn_column(column: Column) -> Picture:
    """Return the column: steps as wide as the widest, names to the left, skipping connections to the right."""
    straight, skipping = _sorted_links(column)
    names = max((min(text_width(node.name, SMALL), MOST_NAME) for node in column.nodes if _named(node)), default=-NAME_GAP)
    places = _places(column, skipping, MARGIN + names + NAME_GAP)
    width = places.right + FIRST_LANE * bool(places.lanes) + LANE * max(0, len({*places.lanes.values()}) - 1) + MARGIN
    width += 2 * STACKED if not places.lanes else 0
    last = max(places.spots, key=lambda spot: spot.y)
    body = "".join((*_skips(column, skipping, places), *_steps(column, straight, places), *_nodes(column, places)))
    return Picture(width, last.y + last.height + MARGIN, body, SCALE * width)


def column_in_words(column: Column) -> str:
    """Return one line for each step: what it does and what it reads."""
    return "\n".join(_said(node, column) for node in column.nodes)


def _said(node: Node, column: Column) -> str:
    reads = ", ".join(link.source for link in column.links if link.target == node.name)
    said = ", ".join(dict.fromkeys(filter(None, (node.label, node.note))))
    times = f"{node.repeats} times " if node.repeats > 1 else ""
    said = "" if said == node.name and not times else f": {times}{said}"
    return f"{node.name}{said}{f'; reads {reads}' if reads else ''}"


def _named(node: Node) -> bool:
    return node.name != node.label


def _sorted_links(column: Column) -> tuple[list[Link], list[Link]]:
    """Return the links from each step to the next one, and the others."""
    place = {node.name: number for number, node in enumerate(column.nodes)}
    straight = [link for link in column.links if place[link.target] == place[link.source] + 1]
    return straight, [link for link in column.links if place[link.target] != place[link.source] + 1]


def _places(column: Column, skipping: list[Link], left: float) -> _Places:
    sizes = [node_size(node) for node in column.nodes]
    width = max(width for width, _ in sizes)
    spots, y = [], MARGIN
    for node, (_, height) in zip(column.nodes, sizes, strict=True):
        y += 2 * STACKED if node.repeats > 1 and not column.upward else 0
        spots.append(Rectangle(left, y, width, max(height, LEAST_HEIGHT)))
        y += max(height, LEAST_HEIGHT) + GAP
    if column.upward:
        whole = y - GAP + MARGIN
        raised = 2 * STACKED if column.nodes[-1].repeats > 1 else 0
        spots = [spot._replace(y=raised + whole - spot.y - spot.height) for spot in spots]
    place = {node.name: number for number, node in enumerate(column.nodes)}
    return _Places(tuple(spots), _lanes(skipping, place), place, left + width)


def _lanes(skipping: list[Link], place: Mapping[str, int]) -> dict[str, int]:
    """Return the lane of each step that is read across others, the inner ones for short ways; none holds two at one height."""
    ends: dict[str, int] = {}
    for link in skipping:
        ends[link.source] = max(ends.get(link.source, 0), place[link.target])
    lanes: dict[str, int] = {}
    taken: list[list[tuple[int, int]]] = []
    for source in sorted(ends, key=lambda name: (ends[name] - place[name], place[name])):
        start, end = place[source], ends[source]
        free = (n for n, ways in enumerate(taken) if all(end <= first or last <= start for first, last in ways))
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((start, end))
        lanes[source] = lane
    return lanes


def _skips(column: Column, skipping: list[Link], places: _Places) -> Iterator[str]:
    """Yield the connections in lanes, in the colours of their sources, those of outer lanes first."""
    read_across = [node.name for node in column.nodes if node.name in places.lanes]
    for source in sorted(read_across, key=lambda name: -places.lanes[name]):
        line = colour(COLOURS[read_across.index(source) % len(COLOURS)])
        targets = sorted(places.place[link.target] for link in skipping if link.source == source)
        tips = [_tip(column.nodes[place], places.spots[place], column.upward) for place in targets]
        ways = [element("path", d=way) for way in _ways(source, tips, places, column.upward)]
        yield group(ways, fill="none", stroke=line, stroke_width=1.4)
        yield heads(tips, "left", fill=line)


def _tip(node: Node, spot: Rectangle, upward: bool) -> tuple[float, float]:
    """Return where connections from lanes come in: at the box, or at those that it shows behind it."""
    return spot.x + spot.width + (2 * STACKED if node.repeats > 1 else 0.0), _at(spot, ENTERING, upward)


def _ways(source: str, tips: list[tuple[float, float]], places: _Places, upward: bool) -> Iterator[str]:
    """Yield a path to each reader of a step: the farthest one's is whole, the others begin where they leave its lane."""
    lane, bend = places.right + FIRST_LANE + LANE * places.lanes[source], -BEND if upward else BEND
    start = _at(places.spots[places.place[source]], LEAVING, upward)
    for x, end in tips:
        last = ("Q", lane, end, lane - BEND, end, "H", x + HEAD - 1)
        if (x, end) == tips[-1]:
            first = ("M", places.right, start, "H", lane - BEND, "Q", lane, start, lane, start + bend)
            yield route(*first, "V", end - bend, *last)
        else:
            yield route("M", lane, end - bend, *last)


def _at(spot: Rectangle, share: float, upward: bool) -> float:
    return spot.y + spot.height * (1 - share if upward else share)


def _steps(column: Column, straight: list[Link], places: _Places) -> Iterator[str]:
    """Yield the connections from each step to the next."""
    ways, tips = [], []
    for link in straight:
        source, target = (places.spots[places.place[name]] for name in (link.source, link.target))
        behind = 2 * STACKED if column.nodes[places.place[link.source if column.upward else link.target]].repeats > 1 else 0.0
        x = source.x + source.width / 2
        if column.upward:
            start, end = source.y - behind, target.y + target.height
            ways.append(path("M", x, start, "V", end + HEAD - 1))
        else:
            start, end = source.y + source.height, target.y - behind
            ways.append(path("M", x, start, "V", end - HEAD + 1))
        tips.append((x, end))
    yield group(ways, fill="none", stroke=colour("muted"), stroke_width=1.4)
    yield heads(tips, "up" if column.upward else "down", fill=colour("muted"))


def _nodes(column: Column, places: _Places) -> Iterator[str]:
    for node, spot in zip(column.nodes, places.spots, strict=True):
        yield from drawn_node(node, spot)
    names = [
        words(fitted(node.name, MOST_NAME, SMALL), spot.x - NAME_GAP, spot.y + spot.height / 2 + 4, anchor="end")
        for node, spot in zip(column.nodes, places.spots, strict=True)
        if _named(node)
    ]
    yield group(names, fill=colour("muted"), font_size=SMALL)
