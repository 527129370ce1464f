"""The blocks of a trained network as nodes with names, brought into the form in which a person would write them down.

    chains    blocks `x.1`, `x.2`, … that read only each other are one node with several layers
    pools     the same pool of several outputs that are always read together is one pool of their concatenation
    bundles   outputs of a group that are always read together are concatenated once, where they are made
    inputs    several inputs that a group always reads together are concatenated once, before it

None of it changes a number: pools and activations work channel by channel, and the order of channels stays.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from automl_cli.values.network import IMAGE, Block, Join, Network, joined_shape
from automl_cli.values.operations import AveragePool, Identity, MaxPool, Operation, Shape


class PlannedLayer(Struct, frozen=True):
    """An operation that becomes a module: how many channels it reads, and the block whose weights it takes."""

    operation: Operation
    channels: int
    block: str


class JoinedLayers(Struct, frozen=True):
    """Layers one after the other on the join of the inputs, which may be nothing but the join itself.

    `padded` says that inputs of different height and width are concatenated.
    """

    name: str
    layers: tuple[PlannedLayer, ...]
    inputs: tuple[str, ...]
    join: Join
    padded: bool
    shape: Shape


class NodeGraph(Struct, frozen=True):
    """Nodes in an order in which each reads only what stands before it, and the outputs that go to the classifier."""

    nodes: tuple[JoinedLayers, ...]
    outputs: tuple[str, ...]
    image: Shape

    def shapes(self) -> dict[str, Shape]:
        """Return the output shapes of the image and of every node, by name."""
        return {IMAGE: self.image, **{node.name: node.shape for node in self.nodes}}

    def readers(self) -> dict[str, list[str]]:
        """Return who reads a node, by its name; the classifier has an empty name."""
        found: dict[str, list[str]] = {name: [] for name in self.shapes()}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found[name].append(node.name)
        for name in dict.fromkeys(self.outputs):
            found[name].append("")
        return found


def graph_of(network: Network, image: Shape) -> NodeGraph:
    """Return the nodes of a network for images of this shape, without its auxiliary head."""
    shapes = network.shapes(image)
    graph = NodeGraph(tuple(_node(block, shapes) for block in network.blocks), network.outputs, image)
    graph = _with_chains(graph)
    for run in reversed(runs_of_pools(graph)):
        graph = _fused(graph, run)
    for change in (_bundled, _joined_before):
        for name in [name for name, _ in groups_of(graph)]:
            group = next(nodes for other, nodes in groups_of(graph) if other == name)
            graph = change(graph, name, group)
    return graph


def groups_of(graph: NodeGraph) -> list[tuple[str, tuple[JoinedLayers, ...]]]:
    """Return the nodes in groups that stand behind each other and belong together by their names, each with its name.

    `normal1.h0`, `normal1.h2` are of the group `normal1`; `stage1.block1.conv1`, `stage1.block1` of `stage1.block1`.
    """
    found: list[tuple[str, tuple[JoinedLayers, ...]]] = []
    for first, run in groupby(graph.nodes, key=_first):
        nodes = tuple(run)
        second = [(name, tuple(inner)) for name, inner in groupby(nodes, key=lambda node: ".".join(node.name.split(".")[:2]))]
        nested = len(second) == len({name for name, _ in second}) and all(
            len(inner) > 1 and name != first for name, inner in second
        )
        found += second if nested else [(first, nodes)]
    return found


def _first(node: JoinedLayers) -> str:
    """The first part of a name; the whole name of what stands alone: a pool of an earlier group, joined inputs."""
    *others, last = node.name.split(".")
    alone = (not node.layers and last == JOINED) or (others and last.startswith("pool") and _is_pool(node))
    return node.name if alone else node.name.partition(".")[0]


JOINED, BUNDLE = "input", "output"
"""Last parts of the names of nodes that concatenate the inputs of a group, and its outputs."""


def _node(block: Block, shapes: Mapping[str, Shape]) -> JoinedLayers:
    read, operation = [shapes[name] for name in block.inputs], block.operation
    channels = joined_shape(read, block.join)[2]
    layers = () if isinstance(operation, Identity) else (PlannedLayer(operation, channels, block.name),)
    return JoinedLayers(
        block.name, layers, block.inputs, block.join, len({shape[:2] for shape in read}) > 1, shapes[block.name]
    )


def _with_chains(graph: NodeGraph) -> NodeGraph:
    """Join `x.1`, `x.2`, … to `x` where each reads only the one before and nothing else reads that."""
    chains = {chain[-1].name: chain for chain in _chains(graph)}
    inner = {node.name for chain in chains.values() for node in chain[:-1]}
    nodes, renamed = list[JoinedLayers](), dict[str, str]()
    for node in graph.nodes:
        if (chain := chains.get(node.name)) is not None:
            name = node.name.rpartition(".")[0]
            renamed[node.name] = name
            layers = tuple(layer for part in chain for layer in part.layers)
            nodes.append(replace(chain[0], name=name, layers=layers, shape=node.shape))
        elif node.name not in inner:
            nodes.append(node)
    return _renamed(NodeGraph(tuple(nodes), graph.outputs, graph.image), renamed)


def _chains(graph: NodeGraph) -> Iterator[tuple[JoinedLayers, ...]]:
    by_name, readers = {node.name: node for node in graph.nodes}, graph.readers()
    for node in graph.nodes:
        base, _, number = node.name.rpartition(".")
        if number != "1" or base in readers or not node.layers:
            continue
        chain = [node]
        while (after := by_name.get(f"{base}.{len(chain) + 1}")) is not None:
            if after.inputs != (chain[-1].name,) or readers[chain[-1].name] != [after.name] or not after.layers:
                break
            chain.append(after)
        if len(chain) > 1 and f"{base}.{len(chain) + 1}" not in by_name:
            yield tuple(chain)


def _renamed(graph: NodeGraph, names: Mapping[str, str]) -> NodeGraph:
    def new(inputs: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in inputs)

    nodes = tuple(replace(node, inputs=new(node.inputs)) for node in graph.nodes)
    return NodeGraph(nodes, new(graph.outputs), graph.image)


def _is_pool(node: JoinedLayers) -> bool:
    return len(node.layers) == 1 and isinstance(node.layers[0].operation, MaxPool | AveragePool)


def runs_of_pools(graph: NodeGraph) -> list[tuple[JoinedLayers, ...]]:
    """Return what could be one pool: pools behind each other, of one group and kind, of one input each."""
    found = list[tuple[JoinedLayers, ...]]()
    for (alike, _), run in groupby(graph.nodes, key=_alike):
        nodes = tuple(run)
        if alike and len(nodes) > 1:
            found.append(nodes)
    return found


def _alike(node: JoinedLayers) -> tuple[str, Operation | None]:
    """Return what pools of one run have in common: first and last part of their names, and the operation."""
    parts = node.name.split(".")
    if not _is_pool(node) or len(node.inputs) != 1 or len(parts) < 3:
        return "", None
    return f"{parts[0]}.{parts[-1]}", node.layers[0].operation


def _fused(graph: NodeGraph, run: Sequence[JoinedLayers]) -> NodeGraph:
    """Make one pool of a run, where all of its outputs are read together and nothing has the name."""
    names, inputs = tuple(node.name for node in run), tuple(node.inputs[0] for node in run)
    shapes, (name, operation) = graph.shapes(), _alike(run[0])
    if name in shapes or len(set(inputs)) < len(inputs) or not _read_together(graph, names, inside=()):
        return graph
    if len({shapes[name][:2] for name in inputs}) > 1 or operation is None:
        return graph
    channels = sum(node.shape[2] for node in run)
    layer = PlannedLayer(operation, channels, run[0].name)
    fused = JoinedLayers(name, (layer,), inputs, "concatenate", padded=False, shape=(*run[0].shape[:2], channels))
    nodes = [fused if node == run[0] else node for node in graph.nodes if node not in run[1:]]
    return _replaced(NodeGraph(tuple(nodes), graph.outputs, graph.image), names, name)


def _bundled(graph: NodeGraph, prefix: str, nodes: tuple[JoinedLayers, ...]) -> NodeGraph:
    """Concatenate the outputs of a group where they are made, if all who read one read all of them, in order."""
    inside, name = {node.name for node in nodes}, f"{prefix}.{BUNDLE}"
    readers = graph.readers()
    read = [node for node in nodes if set(readers[node.name]) - inside]
    names = tuple(node.name for node in read)
    if len(read) < 2 or name in readers or len({node.shape[:2] for node in read}) > 1:
        return graph
    if not _read_together(graph, names, inside=tuple(inside)):
        return graph
    bundle = JoinedLayers(
        name, (), names, "concatenate", padded=False, shape=(*read[0].shape[:2], sum(n.shape[2] for n in read))
    )
    at = graph.nodes.index(nodes[-1]) + 1
    before, after = NodeGraph(graph.nodes[:at], (), graph.image), NodeGraph(graph.nodes[at:], graph.outputs, graph.image)
    after = _replaced(after, names, name)
    return NodeGraph((*before.nodes, bundle, *after.nodes), after.outputs, graph.image)


def _joined_before(graph: NodeGraph, prefix: str, nodes: tuple[JoinedLayers, ...]) -> NodeGraph:
    """Concatenate the inputs of a group before it, if whatever in it reads one reads all of them, in order and first."""
    inside, name, shapes = {node.name for node in nodes}, f"{prefix}.{JOINED}", graph.shapes()
    outside = [tuple(name for name in node.inputs if name not in inside) for node in nodes]
    wanted = max(outside, key=len)
    if len(nodes) < 2 or len(wanted) < 2 or name in shapes or len(set(wanted)) < len(wanted):
        return graph
    shape = joined_shape(shapes[name] for name in wanted)
    for node, read in zip(nodes, outside, strict=True):
        larger = any(shapes[name][axis] > shape[axis] for name in node.inputs for axis in (0, 1))
        if read and (read != wanted or node.inputs[: len(read)] != read or node.join != "concatenate" or larger):
            return graph
    padded = len({shapes[name][:2] for name in wanted}) > 1
    joined = JoinedLayers(name, (), wanted, "concatenate", padded=padded, shape=shape)
    at, end = graph.nodes.index(nodes[0]), graph.nodes.index(nodes[-1]) + 1
    changed = _replaced(NodeGraph(nodes, (), graph.image), wanted, name)
    sizes = {**shapes, name: shape}
    inner = (replace(node, padded=len({sizes[name][:2] for name in node.inputs}) > 1) for node in changed.nodes)
    return NodeGraph((*graph.nodes[:at], joined, *inner, *graph.nodes[end:]), graph.outputs, graph.image)


def _read_together(graph: NodeGraph, names: tuple[str, ...], *, inside: tuple[str, ...]) -> bool:
    """Return whether all who are not inside and read one of the names concatenate all of them, in order."""
    readers = [(node.inputs, node.join) for node in graph.nodes if node.name not in inside]
    for inputs, join in (*readers, (graph.outputs, "concatenate")):
        if set(inputs) & set(names) and (join != "concatenate" or _place(inputs, names) is None):
            return False
    return True


def _place(inputs: tuple[str, ...], names: tuple[str, ...]) -> int | None:
    """Return where the names stand in the inputs, in order and without anything between; None where they do not so once."""
    places = [at for at in range(len(inputs)) if inputs[at : at + len(names)] == names]
    return places[0] if len(places) == 1 and sum(name in names for name in inputs) == len(names) else None


def _replaced(graph: NodeGraph, names: tuple[str, ...], name: str) -> NodeGraph:
    def new(inputs: tuple[str, ...]) -> tuple[str, ...]:
        at = _place(inputs, names)
        return inputs if at is None else (*inputs[:at], name, *inputs[at + len(names) :])

    nodes = tuple(replace(node, inputs=new(node.inputs)) for node in graph.nodes)
    return NodeGraph(nodes, new(graph.outputs), graph.image)
