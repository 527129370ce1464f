"""The network itself: its modules in order, and how they are called.

Where each module reads only the output before it, or that and the one before the last, as cells do, the network is a few loops
over lists; any other graph is called line by line, with a variable for each output.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from msgspec import Struct

from automl_cli.jobs.network_source.classes import ClassPlan, Group, MadeGroup, MakeOf, classes_of
from automl_cli.jobs.network_source.graph import JoinedLayers, NodeGraph, groups_of
from automl_cli.jobs.network_source.names import attribute_name, unique
from automl_cli.jobs.network_source.units import Made, made_of, rules
from automl_cli.values.network import IMAGE, Shape

Maker = tuple[Made, ...] | MadeGroup
"""The modules of one node, or the object of a class."""

Step = tuple[str, int] | str
"""A part of the path of a module: an attribute, or a place in a list or a sequence."""

ROLES = ("x", "previous")
"""The outputs that are kept in a loop: the last one, and the one before it."""


class OrderedPart(Struct, frozen=True):
    """One node, or a group of nodes, in the order of the network: its name, the node that is its result, and what it reads."""

    name: str
    nodes: tuple[JoinedLayers, ...]
    reads: tuple[str, ...]

    @property
    def result(self) -> str:
        """The name of the node whose output others read."""
        return self.nodes[-1].name

    @property
    def is_group(self) -> bool:
        """Return whether it becomes a class."""
        return len(self.nodes) > 1


class Stored(Struct, frozen=True):
    """An attribute of the network: one module, or a `sequence` of modules that run behind each other, or a `list` of them."""

    attribute: str
    kind: str
    makers: tuple[Maker, ...]


class Line(Struct, frozen=True):
    """One call: of the attribute, with these variables; several variables of one node are joined first. An attribute of None
    is the join itself. `keeps` says that the last output becomes the previous one; `loop` that the attribute is a list."""

    target: str
    attribute: str | None
    arguments: tuple[str, ...]
    node: JoinedLayers | None = None
    keeps: bool = False
    loop: bool = False


class Plan(Struct, frozen=True):
    """A network as its source is written: classes, attributes, calls, the variables that go to the classifier with their
    channels, and where each block's weights belong: `paths` are those of the modules of blocks."""

    classes: tuple[ClassPlan, ...]
    stored: tuple[Stored, ...]
    lines: tuple[Line, ...]
    outputs: tuple[str, ...]
    padded: bool
    features: int
    paths: Mapping[str, tuple[Step, ...]]


def plan_of(graph: NodeGraph) -> Plan:
    """Return the plan of a network."""
    rule = rules(layer.operation for node in graph.nodes for layer in node.layers)

    def make(node: JoinedLayers) -> tuple[Made, ...]:
        return tuple(made_of(layer.operation, layer.channels, rule) for layer in node.layers)

    items = _items(graph)
    flow = _flow(items, graph.outputs)
    roles = [dict[str, str]() for _ in items] if flow is None else [row.roles for row in flow]
    shapes = graph.shapes()
    two = flow is not None and any("previous" in row.roles.values() for row in flow)
    groups = [_group(item, given, shapes, two=two) for item, given in zip(items, roles, strict=True) if item.is_group]
    classes, made = classes_of(groups, make, {"Network"})
    writer = _Layout(items, make, made)
    writer.stream(flow) if flow is not None else writer.graph()
    sizes = {shapes[name][:2] for name in graph.outputs}
    return Plan(
        tuple(classes),
        tuple(writer.stored),
        tuple(writer.lines),
        tuple(writer.variables[name] for name in graph.outputs),
        len(sizes) > 1,
        sum(shapes[name][2] for name in graph.outputs),
        writer.paths,
    )


def _items(graph: NodeGraph) -> list[OrderedPart]:
    """Return the groups that others read one output of, and all other nodes one by one."""
    readers, outer = graph.readers(), list[OrderedPart]()
    names = [name for name, _ in groups_of(graph)]
    for name, nodes in groups_of(graph):
        inside = {node.name for node in nodes}
        read = [node for node in nodes if set(readers[node.name]) - inside]
        reads = tuple(dict.fromkeys(name for node in nodes for name in node.inputs if name not in inside))
        inner = {node.name.removeprefix(f"{name}.") for node in nodes}
        clear = names.count(name) == 1 and not inner & {*ROLES, *(f"x{at}" for at in range(2, len(reads) + 1))}
        if len(nodes) > 1 and read == [nodes[-1]] and clear:
            outer.append(OrderedPart(name, nodes, reads))
        else:
            outer += [OrderedPart(node.name, (node,), tuple(dict.fromkeys(node.inputs))) for node in nodes]
    return outer


class _Flow(Struct, frozen=True):
    """Place of an item in a stream: the names of what it reads, and whether the last output is kept as the previous one."""

    roles: dict[str, str]
    keeps: bool


def _flow(items: Sequence[OrderedPart], outputs: tuple[str, ...]) -> list[_Flow] | None:
    """Return the stream of a network in which no more than two outputs are needed at any time; None for any other."""
    if not items or outputs != (items[-1].result,):
        return None
    found, previous, last = list[_Flow](), "", IMAGE
    for at, item in enumerate(items):
        roles = {name: "x" if name == last else "previous" for name in item.reads}
        if not set(item.reads) <= {last, previous} or (not item.is_group and item.reads != (last,)):
            return None
        needed = {name for later in items[at + 1 :] for name in later.reads}
        if {last, previous} <= needed:
            return None
        keeps = previous not in needed if item.is_group else last in needed
        found.append(_Flow(roles, keeps))
        previous, last = (last if keeps else previous), item.result
    return found


def _group(item: OrderedPart, roles: Mapping[str, str], shapes: Mapping[str, Shape], *, two: bool) -> Group:
    given = roles or {name: "x" if at == 1 else f"x{at}" for at, name in enumerate(item.reads, start=1)}
    channels = {role: shapes[name][2] for name, role in given.items()}
    return Group(item.name, item.nodes, dict(given), channels, ROLES if two else tuple(given.values()))


class _Layout:
    """Collects attributes, calls and paths."""

    def __init__(self, items: Sequence[OrderedPart], make: MakeOf, made: Mapping[str, MadeGroup]) -> None:
        self.stored: list[Stored] = []
        self.lines: list[Line] = []
        self.paths: dict[str, tuple[Step, ...]] = {}
        self.variables: dict[str, str] = {}
        self._items, self._make, self._made = items, make, made
        self._names: set[str] = set()

    def stream(self, flow: Sequence[_Flow]) -> None:
        """Write the network as a stream."""
        two = any("previous" in row.roles.values() for row in flow)
        rows = list(zip(self._items, flow, strict=True))
        for (kind, name, keeps), part in groupby(rows, key=lambda row: _segment(*row, two=two)):
            items = [item for item, _ in part]
            arguments = ROLES if kind == "list" else ("x",)
            if len(items) > 2 or (len(items) == 2 and items[0].is_group):
                self._store(name, kind, items)
                self.lines.append(Line("x", self.stored[-1].attribute, arguments, keeps=keeps, loop=kind == "list"))
                continue
            for item in items:
                self._store(item.name, "module", [item])
                self.lines.append(Line("x", self.stored[-1].attribute, arguments, keeps=keeps))
        self.variables[self._items[-1].result] = "x"

    def graph(self) -> None:
        """Write the network line by line."""
        self.variables[IMAGE] = "x"
        for item in self._items:
            node = item.nodes[0]
            if not item.is_group and not node.layers and len(node.inputs) == 1:
                self.variables[item.result] = self.variables[node.inputs[0]]
                continue
            variable = unique(attribute_name(item.name), {*self.variables.values(), *ROLES})
            attribute = None
            if item.is_group or node.layers:
                self._store(item.name, "module", [item])
                attribute = variable = self.stored[-1].attribute
            arguments = tuple(self.variables[name] for name in (item.reads if item.is_group else node.inputs))
            self.lines.append(Line(variable, attribute, arguments, None if item.is_group else node))
            self.variables[item.result] = variable

    def _store(self, name: str, kind: str, items: Sequence[OrderedPart]) -> None:
        attribute = unique(attribute_name(name), {*self._names, *self.variables.values()})
        self._names.add(attribute)
        self.stored.append(Stored(attribute, kind, tuple(map(self._maker, items))))
        for at, item in enumerate(items):
            place: tuple[Step, ...] = (attribute,) if kind == "module" else (attribute, (kind, at))
            self._find_paths(item, place)

    def _maker(self, item: OrderedPart) -> Maker:
        return self._made[item.name] if item.is_group else self._make(item.nodes[0])

    def _find_paths(self, item: OrderedPart, place: tuple[Step, ...]) -> None:
        for node in item.nodes:
            inner = attribute_name("output" if node.name == item.name else node.name.removeprefix(f"{item.name}."))
            path = (*place, inner) if item.is_group else place
            for at, layer in enumerate(node.layers):
                self.paths[layer.block] = path if len(node.layers) == 1 else (*path, ("sequence", at))


def _segment(item: OrderedPart, flow: _Flow, *, two: bool) -> tuple[str, str, bool]:
    """Return what items of one segment have in common: whether they are a sequence or a list for a loop, its name, and whether
    the last output is kept as the previous one."""
    keeps = two and flow.keeps
    if not item.is_group:
        return "sequence", "layers", keeps
    return ("list", "cells", keeps) if two else ("sequence", item.name.rpartition(".")[0] or "blocks", False)


def made_in(maker: Maker) -> tuple[Made, ...]:
    """Return the units that are made where a module of the network is."""
    if isinstance(maker, MadeGroup):
        return tuple(
            made for value in maker.arguments.values() if isinstance(value, tuple) for made in value if isinstance(made, Made)
        )
    return maker
