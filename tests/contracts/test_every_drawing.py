"""Laws that hold for the drawings of every kind, of every value that there is by a name, by a reference or as a sample."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from automl_cli.plugins.kind import Kind
from automl_cli.plugins.listing import held_by, kind_of
from automl_cli.references import artifact_names, open_any
from automl_cli.reporting.drawing_files import svg_file
from automl_cli.reporting.drawings import Drawn, drawings_of
from automl_cli.reporting.svg import LIGHT, colour
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.values.drawings import Arcs, Column, Combined, Drawing, Formula, Node, StepGraph
from automl_cli.values.sheet import Curves
from tests.reporting.drawn import SVG, Rect, boxes, lines, overlapping, parsed, size, texts
from tests.store import samples
from tests.tables import KINDS, SPACES

MOST_BYTES = 60_000

DEEP = ("resnet-8", "resnet-110", "wrn-28-10", "convnet-2x4")
"""Of every family of networks by name, also deep ones."""


def _values() -> Iterator[tuple[str, Kind, Any]]:
    """Named values, members of families, references, samples of bodies, and a proposal of every space with its presets."""
    for kind in KINDS.values():
        yield from ((f"{kind.name} {name}", kind, value) for name, value in kind.names.items())
    for name in (*DEEP, *artifact_names()):
        body = open_any(name).artifact.body
        yield name, kind_of(body), held_by(body)
    for name, make in samples.BODIES.items():
        yield f"sample {name}", KINDS[name], held_by(make())
    for name, space in SPACES.items():
        if "=" not in name or "variant" in name:
            yield f"space {name}", KINDS[space.plugin.produces], space.decode(space.sample(0, 0))


VALUES = {name: (kind, value) for name, kind, value in _values() if kind.drawing is not None}
every_value = pytest.mark.parametrize("name", VALUES)


@cache
def both(name: str) -> tuple[tuple[Drawing, Drawn], ...]:
    """The drawings of a value, as data and drawn."""
    kind, value = VALUES[name]
    assert kind.drawing is not None
    return tuple(zip(kind.drawing(value), drawings_of(kind, value), strict=True))


def nodes_of(drawing: Drawing) -> list[Node]:
    """All nodes of a column or a graph."""
    if isinstance(drawing, Column):
        return list(drawing.nodes)
    nodes = drawing.nodes if isinstance(drawing, StepGraph) else ()
    return [part for node in nodes for part in ((*node.parts, node.join) if isinstance(node, Combined) else (node,))]


def said(drawing: Drawing) -> list[str]:
    """Every text that a drawing must have."""
    match drawing:
        case Curves(series=series):
            return [name for name, _ in series]
        case Arcs(nodes=nodes, arcs=arcs):
            return [*nodes, *(arc.label for arc in arcs)]
        case Formula():
            return []
    nodes = nodes_of(drawing)
    labels = [f"{node.repeats} × {node.label}" if node.repeats > 1 else node.label for node in nodes]
    return [*labels, *(node.note for node in nodes if node.note)]


def test_everything_that_searches_find_is_drawn_or_shown_in_pictures() -> None:
    assert [kind.name for kind in KINDS.values() if kind.is_found and kind.drawing is None and kind.pictures is None] == []
    drawn = {KINDS[kind].name for kind in ("network", "model", "training") if KINDS[kind].drawing is not None}
    assert drawn == {"network", "model", "training"}


@every_value
def test_it_is_drawn_as_self_contained_xml(name: str) -> None:
    assert both(name) or name in ("optimizer-rule muon", "optimizer-rule schedule-free")
    for drawing, shown in both(name):
        root = parsed(shown.svg)
        assert len(shown.svg.encode()) <= MOST_BYTES, len(shown.svg)
        assert (shown.title, root.get("aria-label"), root.get("role")) == (drawing.title, drawing.title, "img")
        assert not [key for part in root.iter() for key in part.attrib if key in ("id", "class") or key.endswith("href")]
        assert "url(" not in shown.svg
        assert not {part.tag.rpartition("}")[2] for part in root.iter()} & {"script", "style", "image", "use", "foreignObject"}


@every_value
def test_its_colours_are_variables_with_defaults(name: str) -> None:
    allowed = {"none", None, *map(colour, LIGHT)}
    for _, shown in both(name):
        used = {part.get(key) for part in parsed(shown.svg).iter() for key in ("fill", "stroke")}
        assert used <= allowed
        assert len(used) > 1


@every_value
def test_it_says_every_operation_as_often_as_it_is_there(name: str) -> None:
    for drawing, shown in both(name):
        there = texts(shown.svg)
        for text in said(drawing):
            there.remove(text)


@every_value
def test_the_words_say_what_the_drawing_says(name: str) -> None:
    for drawing, shown in both(name):
        assert shown.words
        assert all(node.label in shown.words or node.label == "+" for node in nodes_of(drawing))
        if isinstance(drawing, Arcs):
            assert [line.rpartition(": ")[2] for line in shown.words.splitlines()] == [arc.label for arc in drawing.arcs]


@every_value
def test_every_connection_is_drawn_once(name: str) -> None:
    for drawing, shown in both(name):
        if isinstance(drawing, Column | StepGraph):
            inside = sum(len(node.parts) for node in drawing.nodes if isinstance(node, Combined))
            assert len(set(drawing.links)) == len(drawing.links)
            assert len(lines(shown.svg)) == len(drawing.links) + inside


@every_value
def test_no_box_lies_on_another_or_outside(name: str) -> None:
    for drawing, shown in both(name):
        width, height = size(shown.svg)
        found = boxes(shown.svg)
        assert len(found) == len(nodes_of(drawing))
        assert overlapping(shown.svg) == []
        assert all(box.x >= 0 and box.y >= 0 and box.x + box.width <= width and box.y + box.height <= height for box in found)


@every_value
def test_no_connection_runs_through_a_box(name: str) -> None:
    for _, shown in both(name):
        found = boxes(shown.svg)
        for line in lines(shown.svg):
            ends = [box for box in found if _touches(box, line[0]) or _touches(box, line[-1])]
            assert not [box for box in found if box not in ends and any(map(box.holds, line))]


def _touches(box: Rect, point: tuple[float, float]) -> bool:
    """Whether a point lies in a box or at its edge, behind which there may be others of the same step."""
    x, y = point
    return box.x - 8 <= x <= box.x + box.width + 8 and box.y - 8 <= y <= box.y + box.height + 8


@every_value
def test_it_is_drawn_alike_each_time(name: str) -> None:
    kind, value = VALUES[name]
    assert drawings_of(kind, value) == tuple(shown for _, shown in both(name))


@every_value
def test_it_is_never_shown_so_narrow_that_its_text_is_tiny(name: str) -> None:
    for _, shown in both(name):
        least = re.search(r"min-width:([0-9.]+)px", parsed(shown.svg).attrib["style"])
        assert least is not None
        share = float(least[1]) / size(shown.svg)[0]
        assert share <= 1
        assert all(share * float(text.get("font-size", 12)) >= 8 for text in parsed(shown.svg).iter(f"{SVG}text"))


@every_value
def test_it_is_written_as_a_file_that_stands_alone(name: str) -> None:
    if drawings := [drawing for drawing, _ in both(name)]:
        text = svg_file(drawings)
        titles = texts(text)
        assert "prefers-color-scheme:dark" in text
        assert all(drawing.title in titles or any(title.endswith("…") for title in titles) for drawing in drawings)


@pytest.mark.parametrize("name", samples.BODIES)
def test_show_writes_an_image_of_every_kind_that_is_drawn(name: str, automl: Callable, tmp_path: Path) -> None:
    kind, body = KINDS[name], samples.BODIES[name]()
    file, image = tmp_path / "artifact.json", tmp_path / "image.svg"
    write_artifact(file, artifact_of(body))
    done = automl("show", file, "--image", image)
    if kind.drawing is None:
        assert (done.code, image.exists()) == (2, False)
    else:
        assert (done.code, done.stdout, done.stderr) == (0, f"{image}\n", "")
        parsed(image.read_text())
