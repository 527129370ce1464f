"""Draws graphs in layers as SVG."""

from collections.abc import Iterator, Mapping

from automl_cli.reporting.layer_order import Item, Wire
from automl_cli.reporting.layered_layout import Layout, layered
from automl_cli.reporting.nodes_drawn import HEAD, SMALL, Rectangle, drawn_node, heads, node_size
from automl_cli.reporting.svg import Picture, colour, group, path, words
from automl_cli.values.drawings import Combined, Node, StepGraph

MARGIN, GAP = 6.0, 12.0
"""Pixels around the graph, and between nodes of a layer."""
PART_GAP, JOIN_GAP = 5.0, 18.0
"""Pixels between the parts of a combination, and between them and their join."""
OF_INPUTS, OF_OTHERS = ("accent", "accent-2"), "accent-3"
"""Colours of connections, by their sources."""
SCALE = 0.8
"""A graph that is shown this much smaller can still be read."""


def drawn_graph(graph: StepGraph) -> Picture:
    """Return the graph, its nodes where they have short connections and no connection runs through one."""
    layout = _layout(graph)
    width, height = layout.size[0] + 2 * MARGIN, layout.size[1] + 2 * MARGIN
    spots = {name: spot for node in graph.nodes for name, spot in _spots(node, layout, graph.upward)}
    body = "".join((*_wires(graph, layout), *_joins(graph, spots), *_nodes(graph, spots)))
    return Picture(width, height, body, SCALE * width)


def graph_in_words(graph: StepGraph) -> str:
    """Return one line for each node: what it does to what it reads."""
    return "\n".join(line for node in graph.nodes for line in _said(node, graph))


def _said(node: Node | Combined, graph: StepGraph) -> Iterator[str]:
    parts = node.parts if isinstance(node, Combined) else ()
    join = node.join if isinstance(node, Combined) else node
    for part in parts:
        yield f"{part.name}: {_words(part)} of {_reads(part, graph)}"
    reads = ", ".join(part.name for part in parts) or _reads(join, graph)
    said = _words(join)
    yield f"{join.name}: {said} of {reads}" if reads else f"{join.name}: {said}"


def _words(node: Node) -> str:
    return ", ".join(dict.fromkeys(filter(None, ({"+": "sum"}.get(node.label, node.label), node.note))))


def _reads(node: Node, graph: StepGraph) -> str:
    return ", ".join(link.source for link in graph.links if link.target == node.name)


def _layout(graph: StepGraph) -> Layout:
    owner = {part.name: node.name for node in graph.nodes for part in _entries(node)}
    wires = [Wire(link.source, owner[link.target], link.target) for link in graph.links]
    return layered([_item(node) for node in graph.nodes], wires, gap=GAP)


def _entries(node: Node | Combined) -> tuple[Node, ...]:
    return node.parts if isinstance(node, Combined) else (node,)


def _item(node: Node | Combined) -> Item:
    sizes = [node_size(part) for part in _entries(node)]
    ports, x = {}, 0.0
    for part, (width, _) in zip(_entries(node), sizes, strict=True):
        ports[part.name] = x + width / 2
        x += width + PART_GAP
    height = _tallest(node)
    if isinstance(node, Combined):
        height += JOIN_GAP + node_size(node.join)[1]
    return Item(node.name, x - PART_GAP, height, ports, may_be_mirrored=isinstance(node, Combined))


def _tallest(node: Node | Combined) -> float:
    return max(node_size(part)[1] for part in _entries(node))


def _spots(node: Node | Combined, layout: Layout, upward: bool) -> Iterator[tuple[str, Rectangle]]:
    """Yield where each node lies."""
    left, top = layout.corners[node.name]
    item = _item(node)
    height = _tallest(node)
    for part in _entries(node):
        width, _ = node_size(part)
        port = item.ports[part.name]
        middle = left + (item.width - port if node.name in layout.mirrored else port)
        yield part.name, _spot(layout, middle, top, width, height, upward)
    if isinstance(node, Combined):
        below = top + height + JOIN_GAP
        yield node.join.name, _spot(layout, left + item.width / 2, below, *node_size(node.join), upward)


def _spot(layout: Layout, middle: float, top: float, width: float, height: float, upward: bool) -> Rectangle:
    y = layout.size[1] - top - height if upward else top
    return Rectangle(MARGIN + middle - width / 2, MARGIN + y, width, height)


def _wires(graph: StepGraph, layout: Layout) -> Iterator[str]:
    """Yield the connections in the colours of their sources, with arrow heads."""
    height, sign = layout.size[1], -1 if graph.upward else 1
    colours = _colours(graph)
    lines: dict[str, list[str]] = {name: [] for name in colours.values()}
    tips: dict[str, list[tuple[float, float]]] = {name: [] for name in colours.values()}
    for link, points in zip(graph.links, layout.routes, strict=True):
        placed = [(MARGIN + x, MARGIN + (height - y if graph.upward else y)) for x, y in points]
        (x, y), end = placed[-1], placed[-1][1] - sign * (HEAD - 1)
        lines[colours[link.source]].append(path(*_steps([*placed[:-1], (x, end)])))
        tips[colours[link.source]].append((x, y))
    for name in lines:
        yield group(lines[name], fill="none", stroke=colour(name), stroke_width=1.4)
        yield heads(tips[name], "up" if graph.upward else "down", fill=colour(name))


def _colours(graph: StepGraph) -> dict[str, str]:
    """Return the colours of what each source gives: those of inputs differ from those of what is computed."""
    reading = {link.target for link in graph.links}
    inputs = [node.name for node in graph.nodes if not {part.name for part in _entries(node)} & reading]
    of_inputs = {name: OF_INPUTS[number % len(OF_INPUTS)] for number, name in enumerate(inputs)}
    return {node.name: of_inputs.get(node.name, OF_OTHERS) for node in graph.nodes}


def _steps(points: list[tuple[float, float]]) -> Iterator[str | float]:
    """Yield a smooth path that is upright at every point."""
    x, y = points[0]
    yield from ("M", x, y)
    for to_x, to_y in points[1:]:
        if (to_x, to_y) == (x, y):
            continue
        if abs(to_x - x) < 0.5:
            yield from ("L", to_x, to_y)
        else:
            middle = (y + to_y) / 2
            yield from ("C", x, middle, to_x, middle, to_x, to_y)
        x, y = to_x, to_y


def _joins(graph: StepGraph, spots: Mapping[str, Rectangle]) -> Iterator[str]:
    """Yield the short ways from the parts of each combination to their join."""
    lines = []
    for node in graph.nodes:
        if isinstance(node, Combined):
            end = spots[node.join.name]
            to_x, to_y = end.x + end.width / 2, end.y + end.height / 2
            for start in (spots[part.name] for part in node.parts):
                x, y = start.x + start.width / 2, start.y + (0.0 if graph.upward else start.height)
                lines.append(path("M", x, y, "C", x, to_y, x, to_y, to_x, to_y))
    if lines:
        yield group(lines, fill="none", stroke=colour("muted"), stroke_width=1.4)


def _nodes(graph: StepGraph, spots: Mapping[str, Rectangle]) -> Iterator[str]:
    for node in graph.nodes:
        for part in _entries(node):
            yield from drawn_node(part, spots[part.name])
        if isinstance(node, Combined):
            at = spots[node.join.name]
            yield from drawn_node(node.join, at)
            y = at.y + at.height + 11 if graph.upward else at.y - 4
            yield words(node.join.note, at.x + at.width / 2, y, anchor="middle", fill=colour("muted"), font_size=SMALL)
