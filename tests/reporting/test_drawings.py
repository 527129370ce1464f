"""Drawings of networks, cells, formulas and curves: what stands where, labels of strangers, files."""

import math
import struct
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_cli.core.errors import UserError
from automl_cli.kinds.activation import curves as curves_of
from automl_cli.references import open_any
from automl_cli.reporting.drawing_files import DARK, png_of, svg_file, write_drawings
from automl_cli.reporting.drawings import drawn
from automl_cli.reporting.formula_drawn import set_equation
from automl_cli.reporting.layer_order import Item, Wire, ordered
from automl_cli.reporting.layered_layout import layered
from automl_cli.reporting.svg import LIGHT, fitted, plain, text_width
from automl_cli.values.activation import ACTIVATIONS, NAMED, ActivationFunction
from automl_cli.values.cell import Branch, Cell, Combination
from automl_cli.values.drawings import Arc, Arcs, Column, Combined, Equation, Formula, Link, Node, StepGraph
from automl_cli.values.drawn_cells import cell_drawings, cell_graph, stack_column
from automl_cli.values.drawn_formulas import activation_formula, rule_formula
from automl_cli.values.drawn_networks import MOST_SKIPS, network_drawings
from automl_cli.values.expert_networks import resnet, wide_resnet
from automl_cli.values.expressions.latex import latex
from automl_cli.values.expressions.tree import FUNCTIONS, call
from automl_cli.values.expressions.tree import Name as Operand
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network
from automl_cli.values.optimizer import NAMED as RULES
from automl_cli.values.optimizer import UpdateRule
from automl_cli.values.sheet import Curves
from automl_cli.values.skeleton import stack
from tests.conftest import ROOT
from tests.reporting.drawn import boxes, overlapping, parsed, texts
from tests.values.expression_samples import activations, rules

HOSTILE = "<script>alert('x')</script> & \"q\" \x00\x1b\u202e]]> {t}"
STEPS = (Node("a", HOSTILE, HOSTILE), Node("b", HOSTILE, form="state"), Node("c", HOSTILE * 20, HOSTILE * 20, "light", 3))
LINKS = (Link("a", "b"), Link("b", "c"), Link("a", "c"))
CELL = open_any("nasnet-a").artifact.body.value


def chain(length: int, *, skips: bool = False) -> Network:
    """A network whose layers read the one before, or all before them."""
    names = [f"layer{number}" for number in range(1, length + 1)]
    reads = [tuple(names[:place]) if skips else tuple(names[max(0, place - 1) : place]) for place in range(length)]
    unit = ConvolutionUnit((3, 3), 24)
    return Network(tuple(Block(name, unit, read or (IMAGE,)) for name, read in zip(names, reads, strict=True)), (names[-1],))


@pytest.mark.parametrize(
    "drawing",
    [
        Column(HOSTILE, STEPS, LINKS),
        StepGraph(HOSTILE, STEPS, LINKS),
        Arcs(HOSTILE, (HOSTILE, "1"), (Arc(0, 1, HOSTILE),)),
        Curves(HOSTILE, (0.0, 1.0), ((HOSTILE, (0.0, 1.0)),)),
    ],
    ids=lambda drawing: type(drawing).__name__,
)
def test_labels_of_strangers_are_shown_as_text(drawing: Column | StepGraph | Arcs | Curves) -> None:
    svg = drawn(drawing).svg
    assert {element.tag.rpartition("}")[2] for element in parsed(svg).iter()} <= {"svg", "g", "path", "rect", "circle", "text"}
    assert "\ufffd" in "".join(texts(svg))
    assert all(text.isprintable() for text in texts(svg))
    assert any(text == plain(HOSTILE) or text.removesuffix("…") in plain(HOSTILE) for text in texts(svg))
    assert overlapping(svg) == []
    parsed(svg_file([drawing]))


@given(st.text(max_size=30), st.floats(0, 200))
def test_a_text_is_cut_to_its_room(text: str, room: float) -> None:
    cut = fitted(text, room)
    assert cut == text or (cut.endswith("…") and (text_width(cut) <= room or cut == "…"))


def test_labels_lie_within_their_boxes() -> None:
    for drawing in (Column("", STEPS, LINKS), cell_graph("", CELL.normal), *network_drawings(resnet(20))):
        for box, node in zip(boxes(drawn(drawing).svg), _nodes(drawing), strict=True):
            label = next(text for text in (fitted(plain(node.label), 221.0), node.label) if text)
            assert text_width(label, 12.0 if node.form != "join" or len(label) > 1 else 10.5) <= box.width


def _nodes(drawing: Column | StepGraph) -> list[Node]:
    return [part for node in drawing.nodes for part in ((*node.parts, node.join) if isinstance(node, Combined) else (node,))]


def test_a_residual_network_is_drawn_by_stages_and_each_of_its_blocks_once() -> None:
    whole, plain_block, halving = network_drawings(resnet(110))
    assert [(node.label, node.note, node.repeats) for node in whole.nodes] == [
        ("image", "", 1),
        ("conv 3×3", "16 filters", 1),
        ("block A", "16 filters", 18),
        ("block B", "32 filters", 1),
        ("block A", "32 filters", 17),
        ("block B", "64 filters", 1),
        ("block A", "64 filters", 17),
        ("average pool, linear", "", 1),
    ]
    assert whole.links == tuple(Link(one.name, other.name) for one, other in pairwise(whole.nodes))
    assert [node.label for node in plain_block.nodes] == ["in", "conv 3×3", "conv 3×3", "+", "act"]
    assert [node.note for node in halving.nodes[1:4]] == ["F filters, stride 2", "F filters, no act", "F channels, stride 2"]
    assert Link("stem", "stage1.block1, sum") in plain_block.links


@pytest.mark.parametrize("network", [resnet(20), resnet(56), wide_resnet(28, 10), wide_resnet(16, 4)])
def test_no_layer_is_lost_or_drawn_twice(network: Network) -> None:
    """Convolutions of the whole are those of its own steps, and those of each form as often as the form stands there."""
    whole, *forms = network_drawings(network)
    inside = {form.title: sum(node.label.startswith("conv") for node in form.nodes) for form in forms}
    count = sum(node.repeats * inside.get(node.label, int(node.label.startswith("conv"))) for node in whole.nodes)
    assert count == sum(isinstance(block.operation, ConvolutionUnit) for block in network.blocks)


def test_skip_connections_of_a_network_are_those_of_its_layers() -> None:
    (whole,) = network_drawings(chain(6, skips=True))
    assert set(whole.links) == {
        Link("image", "layer1"),
        Link("layer6", "classifier"),
        *(Link(f"layer{one}", f"layer{other}") for other in range(2, 7) for one in range(1, other)),
    }


def test_connections_that_are_too_many_to_draw_are_counted() -> None:
    (whole,) = network_drawings(chain(40, skips=True))
    assert whole.title == "network; 741 connections that skip layers are too many to draw"
    assert len(whole.links) == 41
    (drawable,) = network_drawings(chain(36, skips=True))
    assert len(drawable.links) == 37 + 595 <= 37 + MOST_SKIPS


def test_a_block_may_be_called_as_a_step_is() -> None:
    unit = ConvolutionUnit((1, 1), 1)
    names = ("classifier", "image'", "a.1", "a.2", "b", "a.3", "a.4")
    blocks = tuple(Block(name, unit, (before,)) for before, name in pairwise((IMAGE, *names)))
    (whole,) = network_drawings(Network(blocks, ("a.4",)))
    assert len({node.name for node in whole.nodes}) == len(whole.nodes) == 7
    parsed(drawn(whole).svg)


def test_a_cell_is_drawn_from_its_inputs_upward_to_its_output() -> None:
    graph = cell_graph("cell", CELL.normal)
    assert [node.name for node in graph.nodes] == ["h0", "h1", "h2", "h3", "h4", "h5", "h6", "output"]
    heights = {node.name: box.y for node, box in zip(_nodes(graph), boxes(drawn(graph).svg), strict=True)}
    assert heights["h0"] == heights["h1"] > heights["h2.left"] > heights["h2"] > heights["output"]
    assert {link.source for link in graph.links if link.target == "output"} == {f"h{state}" for state in CELL.normal.outputs}


def test_an_input_that_a_cell_does_not_use_is_not_drawn_and_a_concatenation_is_named() -> None:
    cell = Cell((Combination(Branch(0, "sep-3x3"), Branch(0, "identity"), join="concatenate"),), (2,))
    graph = cell_graph("cell", cell)
    assert [node.name for node in graph.nodes] == ["h0", "h2", "output"]
    assert texts(drawn(graph).svg).count("concat") == 2


def test_a_stack_has_as_many_cells_as_its_network() -> None:
    for made in (stack("cifar", repeats=6, filters=32), stack("imagenet", repeats=4, filters=44)):
        cells = [node.repeats for node in stack_column(made).nodes if node.label.endswith("cell")]
        assert sum(cells) == made.cells


@st.composite
def dags(draw: st.DrawFn) -> tuple[list[Item], list[Wire]]:
    """Items of any width that read some of the ones before."""
    sides = draw(st.lists(st.floats(10, 120), min_size=2, max_size=14))
    items = [Item(str(number), side, 20.0, {"in": side / 2}) for number, side in enumerate(sides)]
    wires = [
        Wire(str(source), str(target), "in")
        for target in range(1, len(items))
        for source in sorted(draw(st.sets(st.integers(0, target - 1), max_size=3)))
    ]
    return items, wires


@settings(max_examples=40)
@given(dags())
def test_items_of_a_layout_lie_apart_and_behind_what_they_read(dag: tuple[list[Item], list[Wire]]) -> None:
    items, wires = dag
    layout = layered(items, wires, gap=10.0)
    size = {item.name: (item.width, item.height) for item in items}
    for one in items:
        (x, y), width = layout.corners[one.name], one.width
        assert x >= -1e-6
        assert x + width <= layout.size[0] + 1e-6
        for other in items:
            to_x, to_y = layout.corners[other.name]
            if other is not one and y == to_y:
                assert x + width + 10 <= to_x + 1e-6 or to_x + size[other.name][0] + 10 <= x + 1e-6
    for wire, route in zip(wires, layout.routes, strict=True):
        assert layout.corners[wire.source][1] + size[wire.source][1] == route[0][1]
        assert layout.corners[wire.target][1] == route[-1][1]
        assert all(y <= to_y + 1e-6 for (_, y), (_, to_y) in pairwise(route))


def test_layers_are_ordered_without_a_crossing_where_there_is_such_an_order() -> None:
    items = [Item(name, 20.0, 20.0, {"in": 10.0}) for name in "abcxyz"]
    layers = ordered(items, [Wire("a", "z", "in"), Wire("b", "y", "in"), Wire("c", "x", "in"), Wire("a", "y", "in")])
    above, below = ([spot.name for spot in row] for row in layers.rows)
    assert [{"a": "z", "b": "y", "c": "x"}[name] for name in above] == below


def test_every_function_of_the_language_can_be_set() -> None:
    for name, function in FUNCTIONS.items():
        outlines = set_equation(latex(call(name, *map(Operand, "xy"[: function.arity]))))
        assert min(outlines.width, outlines.height) > 50


@settings(max_examples=25)
@given(activations())
def test_every_activation_function_has_a_formula(function: object) -> None:
    formula = activation_formula(function)
    assert formula.equations[0].text.startswith("f(x) = ")
    assert len(drawn(formula).svg) > 500


@settings(max_examples=25)
@given(rules())
def test_every_rule_has_a_formula_with_the_names_that_stand_in_it(rule: UpdateRule) -> None:
    formula = rule_formula(rule)
    assert [equation.text.partition(" ")[0] for equation in formula.equations[:2]] == ["w", "u"]
    assert len(drawn(formula).svg) > 500


def test_a_formula_defines_the_names_of_its_rule() -> None:
    assert drawn(rule_formula(RULES["powersign-ld"])).words.splitlines() == [
        "w <- w - learning rate * u",
        "u = g * exp(ld * sign(g) * sign(m))",
        "m = ema(g, 0.9)",
        "ld = 1 - min(t, T) / T",
        "ema(x, d): a <- d a + (1 - d) x, from 0",
    ]
    assert drawn(rule_formula(RULES["adamw"])).words.startswith("w <- w - learning rate * (u + weight decay * w)\nu = ema(g")


def test_a_very_long_formula_is_written_in_lines_of_text() -> None:
    function = ActivationFunction(" + ".join(f"sin({number} * x)" for number in range(45)))
    shown = drawn(activation_formula(function))
    assert "".join("".join(texts(shown.svg)).split()) == f"f(x) = {function.expression}".replace(" ", "")
    assert len(shown.svg) < 60_000


def test_numbers_that_have_a_name_are_called_by_it() -> None:
    assert r"\frac{x}{\sqrt{2}}" in activation_formula(NAMED["gelu"]).equations[0].latex
    assert "1.41421" in activation_formula(NAMED["gelu"]).equations[0].text
    assert ACTIVATIONS.operand_latex["beta"] == r"\beta"


def test_curves_of_unlike_size_have_panels_of_their_own() -> None:
    x = tuple(at / 10 for at in range(-50, 51))
    small, large = tuple(map(math.sin, x)), tuple(100 * at for at in x)
    heights = [
        float(parsed(drawn(Curves("", x, series)).svg).attrib["height"])
        for series in ((("a", small), ("b", small)), (("a", small), ("b", large)))
    ]
    assert heights[1] == 2 * heights[0]


@given(st.lists(st.floats() | st.sampled_from([1e308, -1e308, 5e-324]), min_size=2, max_size=30))
def test_any_numbers_are_drawn_as_curves(values: list[float]) -> None:
    shown = drawn(Curves("f", tuple(map(float, range(len(values)))), (("f", tuple(values)),)))
    parsed(shown.svg)
    assert "nan" not in shown.svg
    assert "inf" not in shown.svg


def test_a_file_is_light_or_dark_as_its_viewer_prefers(tmp_path: Path) -> None:
    write_drawings([curves_of(NAMED["swish"])], tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert set(DARK) == set(LIGHT)
    assert all(f"--{name}:{value};" in text for name, value in DARK.items())
    assert text.startswith("<svg")
    assert {"f(x)", "f'(x)", "x * sigmoid(beta * x), beta = 1"} <= set(texts(text))


def test_a_png_file_has_the_same_picture_in_light_colours() -> None:
    pytest.importorskip("resvg_py", reason="resvg-py, which draws PNG files, is not installed")
    text = svg_file(network_drawings(resnet(20)))
    data = png_of(text)
    width, height = struct.unpack(">II", data[16:24])
    root = parsed(text)
    assert (width, height) == tuple(2 * int(root.attrib[side]) for side in ("width", "height"))
    assert data == png_of(text)


def test_what_is_missing_for_a_png_file_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(UserError, match=r"PNG files need resvg-py: pip install 'resvg-py.*; or name a file that ends in \.svg"):
        write_drawings([curves_of(NAMED["relu"])], tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.gif", "a", "a.jpeg"])
def test_another_ending_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must end in \.svg or \.png"):
        write_drawings([curves_of(NAMED["relu"])], tmp_path / name)


def test_a_file_that_is_no_image_stays(tmp_path: Path) -> None:
    kept = tmp_path / "notes.svg"
    kept.write_text("my notes")
    with pytest.raises(UserError, match="is no SVG image, so it stays; name another file"):
        write_drawings([curves_of(NAMED["relu"])], kept)
    assert kept.read_text() == "my notes"
    with pytest.raises(UserError, match="there is no directory"):
        write_drawings([curves_of(NAMED["relu"])], tmp_path / "none" / "a.svg")


def test_equations_stand_below_each_other() -> None:
    one, two = (drawn(Formula("", (Equation("x^{2}", "x^2"),) * count)) for count in (1, 2))
    assert float(parsed(two.svg).attrib["height"]) > 1.5 * float(parsed(one.svg).attrib["height"])


def test_the_drawing_of_the_manual_is_that_of_the_command() -> None:
    """Written by `automl show nasnet-a --image docs/images/nasnet-a.svg`."""
    assert (ROOT / "docs" / "images" / "nasnet-a.svg").read_text() == svg_file(cell_drawings(CELL))
