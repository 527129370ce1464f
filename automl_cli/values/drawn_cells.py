"""Drawings of cells and of how they are stacked, as data."""

from itertools import pairwise

from automl_cli.values.cell import INPUT_STATES, Branch, Cell, CellPair, Combination
from automl_cli.values.drawings import Arc, Arcs, Column, Combined, Drawing, Form, Link, Node, StepGraph
from automl_cli.values.edge_cell import EdgeCell
from automl_cli.values.skeleton import Stack

INPUT_NOTES = ("cell i − 1", "cell i − 2")
"""What h0 and h1 are in the i-th cell."""

OUTPUT = "output"
DEAD = ("none", "zeroize")
"""Operations of an edge that let nothing through."""


def cell_drawings(cells: CellPair) -> tuple[Drawing, ...]:
    """Return the normal and the reduction cell, as the figures of arXiv 1707.07012 show them."""
    return cell_graph("normal cell", cells.normal), cell_graph("reduction cell", cells.reduction)


def cell_graph(title: str, cell: Cell) -> StepGraph:
    """Return a cell from its inputs upward to the concatenation of its output states."""
    read = [state for state in range(INPUT_STATES) if state in cell.needed]
    inputs = [Node(f"h{state}", f"h{state}", INPUT_NOTES[state], "state") for state in read]
    combined = [_combined(f"h{state}", combination) for state, combination in enumerate(cell.combinations, start=INPUT_STATES)]
    links = [
        Link(f"h{branch.state}", part.name)
        for combination, node in zip(cell.combinations, combined, strict=True)
        for branch, part in zip((combination.left, combination.right), node.parts, strict=True)
    ]
    links += [Link(f"h{state}", OUTPUT) for state in cell.outputs]
    output = Node(OUTPUT, "concat", "output", "state")
    return StepGraph(title, (*inputs, *combined, output), tuple(links), upward=True)


def _combined(state: str, combination: Combination) -> Combined:
    parts = (_branch(f"{state}.left", combination.left), _branch(f"{state}.right", combination.right))
    return Combined(parts, Node(state, "+" if combination.join == "add" else "concat", state, "join"))


def _branch(name: str, branch: Branch) -> Node:
    label, note = words_and_sizes(branch.operation)
    form: Form = "light" if label in ("identity", "max", "avg") else "operation"
    return Node(name, label, note, form)


def words_and_sizes(operation: str) -> tuple[str, str]:
    """Return the words of an operation's name, and its windows.

    >>> words_and_sizes("conv-1x7-7x1"), words_and_sizes("dilated-sep-3x3"), words_and_sizes("identity")
    (('conv', '1×7 7×1'), ('dilated sep', '3×3'), ('identity', ''))
    """
    parts = operation.split("-")
    sizes = [part for part in parts if part[:1].isdigit()]
    return " ".join(part for part in parts if part not in sizes), " ".join(sizes).replace("x", "×")


def stack_column(stack: Stack) -> Column:
    """Return how cells are stacked, from the image upward, as the figure of arXiv 1707.07012 shows it."""
    filters = stack.filters
    nodes = [Node("image", "image", form="state"), Node("stem", "conv 3×3", f"{stack.stem_filters} filters")]
    if stack.skeleton == "imagenet":
        nodes[1] = nodes[1]._replace(note=f"{stack.stem_filters} filters, stride 2")
        nodes += [
            Node(f"stem reduction {number}", "reduction cell", f"{filters // share} filters, stride 2")
            for number, share in enumerate((4, 2), start=1)
        ]
    for stage in range(3):
        if stage:
            nodes.append(Node(f"reduction {stage}", "reduction cell", f"{filters * 2**stage} filters, stride 2"))
        nodes.append(Node(f"stage {stage + 1}", "normal cell", f"{filters * 2**stage} filters", repeats=stack.repeats))
    nodes.append(Node("classifier", "average pool, linear", form="state"))
    links = (Link(source.name, target.name) for source, target in pairwise(nodes))
    return Column("stack of cells", tuple(nodes), tuple(links), upward=True)


def edge_cell_drawings(cell: EdgeCell) -> tuple[Drawing, ...]:
    """Return the nodes in a row, the operations on the ways between them."""
    count = 1 + max((edge.target for edge in cell.edges), default=0)
    labels = ("in", *map(str, range(1, count - 1)), *(("out",) if count > 1 else ()))
    arcs = (Arc(edge.source, edge.target, edge.operation, dead=edge.operation in DEAD) for edge in cell.edges)
    return (Arcs("cell", labels, tuple(arcs)),)
