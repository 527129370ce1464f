"""Draws nodes in a row as SVG, with operations on the ways between them: straight to the next node, in arcs to others."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from automl_cli.reporting.nodes_drawn import HEAD, SMALL, heads
from automl_cli.reporting.svg import Picture, colour, element, group, path, text_width, words
from automl_cli.values.drawings import Arc, Arcs

MARGIN, RADIUS = 8.0, 17.0
LEAST_WAY, AROUND_LABEL = 60.0, 18.0
"""Pixels between neighbours, at least; and beside a label on the way, with the arrow head."""
RISE, APART, LINE = 30.0, 7.0, 15.0
"""Pixels by which an arc rises for each node that it passes, between arcs that end at one node, and from label to label."""
COLOURS = ("accent", "accent-2", "accent-3", "ink")
SCALE = 0.8


class _Way(NamedTuple):
    """An arc with its begin and end, and how far it rises: below 0 for a way under the nodes, 0 for a straight one."""

    arc: Arc
    start: float
    end: float
    rise: float
    label_line: int


def drawn_arcs(arcs: Arcs) -> Picture:
    """Return the row of nodes and the ways between them."""
    way = max((text_width(arc.label, SMALL) for arc in arcs.arcs), default=0.0) + AROUND_LABEL
    step = 2 * RADIUS + max(LEAST_WAY, way)
    ways = _ways(arcs, step)
    above = max((way.rise for way in ways), default=0.0)
    below = -min((way.rise for way in ways), default=0.0)
    middle = MARGIN + RADIUS + max(0.0, above + SMALL)
    width = 2 * (MARGIN + RADIUS) + step * (len(arcs.nodes) - 1)
    height = middle + RADIUS + max(0.0, below + SMALL + 4) + MARGIN
    body = "".join((*_drawn_ways(ways, middle), *_nodes(arcs, step, middle)))
    return Picture(width, height, body, SCALE * width)


def arcs_in_words(arcs: Arcs) -> str:
    """Return one line for each way."""
    return "\n".join(f"{arcs.nodes[arc.source]} to {arcs.nodes[arc.target]}: {arc.label}" for arc in arcs.arcs)


def _ways(arcs: Arcs, step: float) -> list[_Way]:
    """Return where the arcs go: those that leave even nodes above the row, the others below."""
    inside = MARGIN + RADIUS
    leaving, arriving = (_side_by_side(arcs, at_source=at_source) for at_source in (True, False))
    found, lines = [], dict[tuple[int, int], int]()
    for number, arc in enumerate(arcs.arcs):
        line = lines[arc.source, arc.target] = lines.get((arc.source, arc.target), -1) + 1
        start, end = inside + step * arc.source, inside + step * arc.target
        if arc.target == arc.source + 1:
            found.append(_Way(arc, start + RADIUS, end - RADIUS, 0.0, line))
            continue
        rise = (RISE * (arc.target - arc.source - 1) + LINE * line) * (1 if arc.source % 2 == 0 else -1)
        found.append(_Way(arc, start + leaving[number], end + arriving[number], rise, line))
    return found


def _side_by_side(arcs: Arcs, *, at_source: bool) -> Mapping[int, float]:
    """Return how far beside the middle of its node each arc leaves or arrives; longer ones to the outside of shorter ones."""
    together: dict[tuple[int, int], list[int]] = {}
    for number, arc in enumerate(arcs.arcs):
        if arc.target > arc.source + 1:
            together.setdefault((arc.source if at_source else arc.target, arc.source % 2), []).append(number)
    found = {}
    for numbers in together.values():
        ordered = sorted(numbers, key=lambda number: arcs.arcs[number].source - arcs.arcs[number].target, reverse=not at_source)
        for place, number in enumerate(ordered):
            found[number] = APART * (place - (len(ordered) - 1) / 2) + (APART if at_source else -APART) / 2
    return found


def _drawn_ways(ways: list[_Way], middle: float) -> Iterator[str]:
    labels = list(dict.fromkeys(way.arc.label for way in ways if not way.arc.dead))
    for way in ways:
        name = "muted" if way.arc.dead else COLOURS[labels.index(way.arc.label) % len(COLOURS)]
        line = colour(name)
        dashes = "3 3" if way.arc.dead else None
        yield path(*_steps(way, middle), fill="none", stroke=line, stroke_width=1.5, stroke_dasharray=dashes)
        toward, tip = _tip(way, middle)
        yield heads([tip], toward, fill=line)
    for way in ways:
        x, y = (way.start + way.end) / 2, middle - way.rise - (RADIUS if way.rise > 0 else -RADIUS if way.rise < 0 else 0.0)
        y += -5.0 - LINE * way.label_line if way.rise == 0 else 3.5
        halo = {"stroke": colour("paper"), "stroke_width": 5, "paint_order": "stroke", "stroke_linejoin": "round"}
        x -= HEAD / 2 if way.rise == 0 else 0.0
        fill = colour("muted" if way.arc.dead else "ink")
        yield words(way.arc.label, x, y, anchor="middle", font_size=SMALL, fill=fill, **halo)


def _steps(way: _Way, middle: float) -> Iterator[str | float]:
    if way.rise == 0:
        yield from ("M", way.start, middle, "H", way.end - HEAD + 1)
        return
    sign = 1 if way.rise > 0 else -1
    edge = middle - sign * (RADIUS - 1)
    far = edge - way.rise / 0.75
    yield from ("M", way.start, edge, "C", way.start, far, way.end, far, way.end, edge - sign * HEAD)


def _tip(way: _Way, middle: float) -> tuple[str, tuple[float, float]]:
    if way.rise == 0:
        return "right", (way.end, middle)
    return ("down", (way.end, middle - RADIUS + 0.5)) if way.rise > 0 else ("up", (way.end, middle + RADIUS - 0.5))


def _nodes(arcs: Arcs, step: float, middle: float) -> Iterator[str]:
    places = [(MARGIN + RADIUS + step * number, label) for number, label in enumerate(arcs.nodes)]
    circles = (element("circle", cx=x, cy=middle, r=RADIUS) for x, _ in places)
    yield group(circles, fill=colour("paper"), stroke=colour("ink"))
    yield group(words(label, x, middle + 4.2, anchor="middle") for x, label in places)
