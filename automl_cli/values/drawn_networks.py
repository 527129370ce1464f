"""Drawings of networks as data: the whole one behind the other, and what recurs in it once for itself.

Blocks are put together by their names: `stage1.block2.conv1` and `stage1.block2` are one module, `stage1.block2`.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any, NamedTuple

from msgspec.structs import replace

from automl_cli.values.drawings import Column, Drawing, Link, Node, StepGraph
from automl_cli.values.drawn_operations import FILTERED, operation_node
from automl_cli.values.network import IMAGE, Block, Network
from automl_cli.values.operations import Identity, Operation

CLASSIFIER = "classifier"

MOST_SKIPS = 600
"""Connections that skip layers: almost as many as 36 layers have that read all before them."""


class Module(NamedTuple):
    """Blocks that belong together, with a name for all."""

    name: str
    blocks: tuple[Block, ...]

    @property
    def outside(self) -> tuple[str, ...]:
        """The names that it reads of others."""
        own = {block.name for block in self.blocks}
        return tuple(dict.fromkeys(name for block in self.blocks for name in block.inputs if name not in own))

    @property
    def width(self) -> int | None:
        """The filters of the last operation that has any, None where none has."""
        filters = [count for block in self.blocks if (count := _filters(block.operation)) is not None]
        return filters[-1] if filters else None


def network_drawings(network: Network) -> tuple[Drawing, ...]:
    """Return the whole network, then the modules of several operations, each form of them once."""
    modules = modules_of(network.blocks)
    forms = _forms(modules)
    return (whole_column(network, modules, forms), *_inside(modules, forms))


def modules_of(blocks: Sequence[Block]) -> tuple[Module, ...]:
    """Return the modules of the blocks, in order: by the first word of their names, or by the first two where these are a chain
    of modules."""
    found: list[Module] = []
    for _, run in groupby(blocks, key=lambda block: _prefix(block, 1)):
        together = tuple(run)
        parts = [tuple(part) for _, part in groupby(together, key=lambda block: _prefix(block, 2))]
        found += [_module(part, found) for part in (parts if _is_chain(parts) else [together])]
    return tuple(found)


def _prefix(block: Block, words: int) -> tuple[str, ...]:
    return tuple(block.name.split(".")[:words])


def _is_chain(parts: Sequence[Sequence[Block]]) -> bool:
    """Return whether there are several modules, each of which reads the last block of the one before it alone."""
    modules = [Module("", tuple(part)) for part in parts]
    pairs = pairwise(modules)
    return (
        len(modules) > 1
        and all(len(module.blocks) > 1 for module in modules)
        and all(later.outside == (earlier.blocks[-1].name,) for earlier, later in pairs)
    )


def _module(blocks: tuple[Block, ...], before: Sequence[Module]) -> Module:
    """Return the module of these blocks, by the words that their names have in common, such as `layer1.pool1`."""
    used = {module.name for module in before}
    if len(blocks) == 1:
        return Module(_unused(blocks[0].name, used), blocks)
    words = zip(*(block.name.split(".") for block in blocks), strict=False)
    name = ".".join(same[0] for same in words if len(set(same)) == 1)
    return Module(_unused(blocks[0].name if name in used else name, used), blocks)


def whole_column(network: Network, modules: Sequence[Module], forms: Mapping[str, str]) -> Column:
    """Return the network as a column; modules of one form that follow each other are one step."""
    steps = _steps(modules, forms)
    names = _names(steps)
    step_of = {IMAGE: IMAGE}
    for step, name in zip(steps, names, strict=True):
        step_of |= {block.name: name for module in step for block in module.blocks}
    classifier = _unused(CLASSIFIER, names)
    nodes = [Node(IMAGE, "image", form="state")]
    nodes += [_step_node(step, name, forms) for step, name in zip(steps, names, strict=True)]
    nodes.append(Node(classifier, "average pool, linear", form="state"))
    links = [
        Link(step_of[read], name)
        for step, name in zip(steps, names, strict=True)
        for module in step
        for read in module.outside
        if step_of[read] != name
    ]
    links += [Link(step_of[read], classifier) for read in network.outputs]
    return _drawable(Column("network", tuple(nodes), tuple(dict.fromkeys(links))))


def _names(steps: Sequence[Sequence[Module]]) -> list[str]:
    """Return a name for each step, such as `stage1.block2–4`."""
    names: list[str] = []
    for step in steps:
        number = re.search(r"[0-9]+$", step[-1].name)
        last = number.group() if number else step[-1].name
        names.append(_unused(step[0].name if len(step) == 1 else f"{step[0].name}–{last}", [IMAGE, *names]))
    return names


def _unused(name: str, used: Collection[str]) -> str:
    """Return the name, with strokes behind it where it is taken."""
    return _unused(f"{name}'", used) if name in used else name


def _drawable(column: Column) -> Column:
    """Return the column, without the links that skip steps where there are too many of them to be told apart."""
    following = set(pairwise(node.name for node in column.nodes))
    straight = tuple(link for link in column.links if link in following)
    if (skipping := len(column.links) - len(straight)) <= MOST_SKIPS:
        return column
    return Column(f"network; {skipping:,} connections that skip layers are too many to draw", column.nodes, straight)


def _steps(modules: Sequence[Module], forms: Mapping[str, str]) -> list[tuple[Module, ...]]:
    """Return modules in a row that are alike, and of which each reads the one before."""
    steps: list[list[Module]] = []
    for module in modules:
        before = steps[-1][-1] if steps else None
        if before is not None and _alike(before, module, forms) and before.blocks[-1].name in module.outside:
            steps[-1].append(module)
        else:
            steps.append([module])
    return [tuple(step) for step in steps]


def _alike(one: Module, other: Module, forms: Mapping[str, str]) -> bool:
    return (
        one.name in forms
        and forms.get(one.name) == forms.get(other.name)
        and [block.operation for block in one.blocks] == [block.operation for block in other.blocks]
    )


def _step_node(step: Sequence[Module], name: str, forms: Mapping[str, str]) -> Node:
    module = step[0]
    first = operation_node(name, module.blocks[0].operation)
    if module.name not in forms:
        return first if len(module.blocks) == 1 else first._replace(label=f"{len(module.blocks)} × {first.label}")
    return Node(name, forms[module.name], "" if module.width is None else f"{module.width} filters", repeats=len(step))


def _forms(modules: Sequence[Module]) -> dict[str, str]:
    """Return what each module of unlike operations is called: those that differ in filters alone, alike."""
    alike: dict[tuple[Any, ...], str] = {}
    for module in modules:
        if len(module.blocks) > 1 and len({block.operation for block in module.blocks}) > 1:
            alike.setdefault(_structure(module), module.name)
    words: dict[str, list[tuple[Any, ...]]] = {}
    for structure, name in alike.items():
        words.setdefault(_word(name), []).append(structure)
    titles = {
        structure: word if len(structures) == 1 else f"{word} {chr(ord('A') + number)}"
        for word, structures in words.items()
        for number, structure in enumerate(structures)
    }
    return {module.name: titles[_structure(module)] for module in modules if _structure(module) in titles}


def _word(name: str) -> str:
    return name.split(".")[-1].rstrip("0123456789-") or name


def _structure(module: Module) -> tuple[Any, ...]:
    """Return what modules of one form have in common: operations, their filters as shares of the module's, what reads what."""
    places = {block.name: place for place, block in enumerate(module.blocks)}
    outside = {name: -1 - place for place, name in enumerate(module.outside)}
    return tuple(
        (
            _without_filters(block.operation),
            None if (filters := _filters(block.operation)) is None else Fraction(filters, module.width or 1),
            block.join,
            tuple(places.get(name, outside.get(name)) for name in block.inputs),
        )
        for block in module.blocks
    )


def _without_filters(operation: Operation) -> Operation:
    return replace(operation, filters=1) if isinstance(operation, FILTERED) else operation


def _filters(operation: Operation) -> int | None:
    return operation.filters if isinstance(operation, FILTERED) else None


def _inside(modules: Sequence[Module], forms: Mapping[str, str]) -> Iterator[StepGraph]:
    """Yield the graph of each form, once; filters are told by F, the module's, where modules of the form differ in them."""
    for form in dict.fromkeys(forms.values()):
        alike = [module for module in modules if forms.get(module.name) == form]
        yield module_graph(form, alike[0], relative=len({module.width for module in alike}) > 1)


def module_graph(title: str, module: Module, *, relative: bool = False) -> StepGraph:
    """Return the blocks of a module as a graph."""
    several = len(module.outside) > 1
    nodes = [Node(name, f"in {place}" if several else "in", form="state") for place, name in enumerate(module.outside, start=1)]
    links: list[Link] = []
    for block in module.blocks:
        operation = operation_node(block.name, block.operation, module.width if relative else None)
        joins, is_all = len(block.inputs) > 1, isinstance(block.operation, Identity)
        target = block.name
        if joins and block.join == "add":
            target = block.name if is_all else f"{block.name}, sum"
            nodes.append(Node(target, "+", form="join"))
        elif joins and is_all:
            operation = operation._replace(label="concat")
        if target != block.name:
            links.append(Link(target, block.name))
        if target != block.name or nodes[-1].name != target:
            nodes.append(operation)
        links += [Link(name, target) for name in dict.fromkeys(block.inputs)]
    return StepGraph(title, tuple(nodes), tuple(links))
