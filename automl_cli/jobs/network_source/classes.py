"""Groups of nodes as classes of Python: groups that are wired alike are one class, and what differs are its arguments.

The filters of a class are one argument, and other numbers of channels follow from it where they do (`2 * filters`); numbers
that are the same in all groups stand in the class. Where one or two nodes of groups are of different operations, as the entries
of a cell, modules are handed to the class for them.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct

from automl_cli.jobs.network_source.graph import JoinedLayers
from automl_cli.jobs.network_source.names import attribute_name, class_name_of, unique
from automl_cli.jobs.network_source.units import Argument, Made, UnitKey
from automl_cli.values.network import Join

MOST_HANDED = 2
"""Nodes for which modules are handed to a class at most."""
LEAST_NODES = 5
"""Nodes of a class that modules are handed to at least."""

MakeOf = Callable[[JoinedLayers], tuple[Made, ...]]


class Group(Struct, frozen=True):
    """Nodes that become one module. `reads` are the nodes outside that it reads, with the names that they have in it, and
    `channels` how many channels has what it reads under such a name. `takes` is what it is called with."""

    name: str
    nodes: tuple[JoinedLayers, ...]
    reads: dict[str, str]
    channels: dict[str, int]
    takes: tuple[str, ...]

    def wiring(self) -> tuple[tuple[str, tuple[str, ...], Join, bool], ...]:
        """Return for each node its name in the group, what it reads by such names, the join, and whether it has layers."""
        return tuple(
            (self.inner(node.name), tuple(map(self.inner, node.inputs)), node.join, bool(node.layers)) for node in self.nodes
        )

    def inner(self, name: str) -> str:
        """Return the name of a node in the group, without that of the group."""
        if name in self.reads:
            return self.reads[name]
        return "output" if name == self.name else name.removeprefix(f"{self.name}.")


class ClassNode(Struct, frozen=True):
    """A node of a class: its attribute, what it is made of (None: it is handed over), what it reads, and how that is joined."""

    attribute: str
    made: tuple[Made, ...] | None
    inputs: tuple[str, ...]
    join: Join
    padded: bool


class ClassPlan(Struct, frozen=True):
    """A class: name and number of its objects, parameters with `int`, `tuple` or `module` for a type, what it is called with,
    and its nodes, of which the last is its result."""

    name: str
    count: int
    parameters: dict[str, str]
    takes: tuple[str, ...]
    nodes: tuple[ClassNode, ...]


class MadeGroup(Struct, frozen=True):
    """An object of such a class as it is made: the name of the class and the arguments by name; a tuple is a sequence of
    modules."""

    name: str
    arguments: "dict[str, Argument | tuple[Made, ...]]"


def classes_of(groups: Sequence[Group], make: MakeOf, taken: set[str]) -> tuple[list[ClassPlan], dict[str, MadeGroup]]:
    """Return the classes, and by the name of each group how it is made. `taken` are names that classes cannot have."""
    clusters = sorted(_clusters(groups, make), key=lambda cluster: (-len(cluster[0]), len(cluster[0][0].nodes)))
    plans, made, mains = list[ClassPlan](), dict[str, MadeGroup](), dict[str, Group]()
    for members, handed in clusters:
        common = Counter(class_name_of(group.name, adds=group.nodes[-1].join == "add") for group in members).most_common(1)
        name = _variant_name(common[0][0], members, mains.get(common[0][0]), groups)
        mains.setdefault(common[0][0], members[0])
        name = unique(name, taken)
        taken.add(name)
        writer = _ClassWriter(members, make, handed)
        plans.append(writer.plan(name))
        made |= {group.name: MadeGroup(name, writer.arguments(at)) for at, group in enumerate(members)}
    order = {group.name: at for at, group in enumerate(groups)}
    first = {plan.name: min(order[name] for name, of in made.items() if of.name == plan.name) for plan in plans}
    return sorted(plans, key=lambda plan: first[plan.name]), made


def _variant_name(base: str, members: Sequence[Group], main: Group | None, groups: Sequence[Group]) -> str:
    """Tell a class from the larger one of the same name: by the one node that it has more, or as the first."""
    if main is None:
        return base
    more = {row[0] for row in members[0].wiring()} - {row[0] for row in main.wiring()}
    if len(more) == 1:
        return f"{base}With{''.join(part.title() for part in attribute_name(more.pop()).split('_'))}"
    alike = [group for group in groups if class_name_of(group.name, adds=group.nodes[-1].join == "add") == base]
    return f"First{base}" if len(members) == 1 and members[0] is alike[0] else base


def _clusters(groups: Sequence[Group], make: MakeOf) -> list[tuple[list[Group], frozenset[str]]]:
    """Return the groups of each class, with the nodes for which modules are handed over."""
    wired: dict[object, dict[object, list[Group]]] = {}
    for group in groups:
        wired.setdefault((group.takes, group.wiring()), {}).setdefault(_families(group, make), []).append(group)
    found = list[tuple[list[Group], frozenset[str]]]()
    for by_family in wired.values():
        (main, members), *others = sorted(by_family.items(), key=lambda item: -len(item[1]))
        handed: set[str] = set()
        for families, more in others:
            different = {a[0] for a, b in zip(main, families, strict=True) if a != b}  # type: ignore[call-overload]
            if len(handed | different) <= MOST_HANDED and len(more[0].nodes) >= LEAST_NODES:
                handed |= different
                members = [*members, *more]
            else:
                found.append((more, frozenset()))
        found.append((sorted(members, key=groups.index), frozenset(handed)))
    return found


def _families(group: Group, make: MakeOf) -> tuple[tuple[str, tuple[UnitKey, ...]], ...]:
    return tuple((group.inner(node.name), tuple(made.key for made in make(node))) for node in group.nodes)


class _ClassWriter:
    """Finds the parameters of a class from the groups that it stands for."""

    def __init__(self, groups: Sequence[Group], make: MakeOf, handed: frozenset[str]) -> None:
        self._groups, self._handed = groups, handed
        self._made = [[make(node) for node in group.nodes] for group in groups]
        self._values: dict[str, tuple[Argument | tuple[Made, ...], ...]] = {}
        self._types: dict[str, str] = {}
        self._channels: dict[str, dict[str, int]] = {}
        """By node, how many channels it has: how often each term is added."""
        self._filters = self._most_common_filters()

    def plan(self, name: str) -> ClassPlan:
        """Return the class under this name."""
        first = self._groups[0]
        nodes = tuple(self._node(at) for at in range(len(first.nodes)))
        rank = {"int": 0, "tuple": 1, "module": 2}
        usual = ("channels", "previous_channels", "filters")
        order = sorted(self._types, key=lambda name: (rank[self._types[name]], (*usual, name).index(name)))
        self._types = {name: self._types[name] for name in order}
        return ClassPlan(name, len(self._groups), self._types, first.takes, nodes)

    def arguments(self, at: int) -> dict[str, Argument | tuple[Made, ...]]:
        """Return the arguments of one of the groups, by name; `plan` comes first."""
        return {name: self._values[name][at] for name in self._types}

    def _node(self, at: int) -> ClassNode:
        nodes = [group.nodes[at] for group in self._groups]
        name, inputs, join, _ = self._groups[0].wiring()[at]
        attribute = attribute_name(name)
        channels = self._joined(inputs, join)
        made: tuple[Made, ...] | None = None
        if name in self._handed:
            self._parameter(attribute, tuple(made[at] for made in self._made), "module")
            channels = self._expression(tuple(node.shape[2] for node in nodes), f"{attribute}_filters")
        else:
            parts = list[Made]()
            for layer in range(len(self._made[0][at])):
                part, channels = self._layer(tuple(made[at][layer] for made in self._made), channels, attribute)
                parts.append(part)
            made = tuple(parts)
        self._channels[name] = channels
        roles = self._groups[0].channels
        reads = tuple(name if name in roles else attribute_name(name) for name in inputs)
        return ClassNode(attribute, made, reads, join, any(node.padded for node in nodes))

    def _layer(self, made: tuple[Made, ...], channels: dict[str, int], attribute: str) -> tuple[Made, dict[str, int]]:
        """Return a layer with expressions for arguments, and the channels behind it."""
        arguments: dict[str, Argument] = {}
        for name in made[0].arguments:
            values = tuple(one.arguments[name] for one in made)
            if name == "channels":
                arguments[name] = self._text(channels)
            elif name == "filters":
                channels = self._expression(values, f"{attribute}_filters")
                arguments[name] = self._text(channels)
            elif len(set(values)) == 1:
                arguments[name] = values[0]
            else:
                arguments[name] = self._shared(name, attribute, values)
        return Made(made[0].key, arguments), channels

    def _joined(self, inputs: tuple[str, ...], join: Join) -> dict[str, int]:
        """Return the channels of joined inputs."""
        total: Counter[str] = Counter()
        for name in inputs[:1] if join == "add" else inputs:
            total.update(self._channels.get(name) or {self._taken(name): 1})
        return dict(total)

    def _taken(self, role: str) -> str:
        """Return the term for the channels of what the class is called with."""
        return "channels" if role == "x" else f"{role}_channels"

    def _text(self, channels: dict[str, int]) -> str:
        """Return an expression for channels, whose parameters are needed from now on."""
        for term in channels:
            if term == "channels" or term.endswith("_channels"):
                role = "x" if term == "channels" else term.removesuffix("_channels")
                self._parameter(term, tuple(group.channels[role] for group in self._groups), "int")
        written = {term: f"({term})" if "/" in term else term for term in channels}
        return " + ".join(term if times == 1 else f"{times} * {written[term]}" for term, times in channels.items())

    def _expression(self, values: tuple[Argument, ...], name: str) -> dict[str, int]:
        """Return numbers of filters as a term: `filters`, or what follows from it, or a parameter of their own."""
        if self._filters:
            self._parameter("filters", self._filters, "int")
        for text, function in _FOLLOWING.items():
            if values == tuple(function(one) for one in self._filters):
                return {text: 1}
        return {self._parameter(name, values, "int"): 1}

    def _shared(self, name: str, attribute: str, values: tuple[Argument, ...]) -> str:
        """Return the parameter for an argument: one for all layers that have the same values."""
        known = self._values.get(name)
        kind = "tuple" if isinstance(values[0], tuple) else "int"
        return self._parameter(name if known in (None, values) else f"{attribute}_{name}", values, kind)

    def _parameter(self, name: str, values: "tuple[Argument | tuple[Made, ...], ...]", kind: str) -> str:
        while name in self._values and self._values[name] != values:
            name += "_"
        self._values[name], self._types[name] = values, kind
        return name

    def _most_common_filters(self) -> tuple[int, ...]:
        rows = [
            tuple(made[at][layer].arguments.get("filters") for made in self._made)
            for at, node in enumerate(self._made[0])
            for layer in range(len(node))
            if self._groups[0].wiring()[at][0] not in self._handed
        ]
        counted = Counter(row for row in rows if None not in row)
        return counted.most_common(1)[0][0] if counted else ()  # type: ignore[return-value]


_FOLLOWING: dict[str, Callable[[int], int]] = {
    "filters": lambda filters: filters,
    "2 * filters": lambda filters: 2 * filters,
    "4 * filters": lambda filters: 4 * filters,
    "filters // 2": lambda filters: filters // 2,
    "filters // 4": lambda filters: filters // 4,
    "filters * 3 // 8": lambda filters: filters * 3 // 8,
}
