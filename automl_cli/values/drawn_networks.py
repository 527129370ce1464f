"""Drawings of networks as data: the whole one behind the other, and what recurs in it once for itself.

Blocks are put together by their names: `stage1.block2.conv1` and `stage1.block2` are one module, `stage1.block2`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any, NamedTuple

from msgspec.structs import replace

from automl_cli.core.numbers import by_times
from automl_cli.values.drawings import Column, Drawing, Form, Graph, Link, Node
from automl_cli.values.network import IMAGE, Block, Network
from automl_cli.values.operations import (
    ActivationOperation,
    AveragePool,
    ConvolutionUnit,
    FactorizedReduction,
    Identity,
    MaxPool,
    Normalisation,
    Operation,
    SeparableUnit,
    Subsampling,
)

CLASSIFIER = "classifier"

FILTERED = (ConvolutionUnit, SeparableUnit, FactorizedReduction, Subsampling)
"""Operations that say how many channels they give."""

ORDERS = {"act-conv-bn": "act first", "conv-bn": "no act", "conv": "no norm, no act"}
"""What is said of the order of a unit, where it is not convolution, batch norm, activation."""


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
    """Return the module of these blocks, by the words that their names have in common."""
    if len(blocks) == 1:
        return Module(blocks[0].name, blocks)
    words = [block.name.split(".") for block in blocks]
    common = [first for first, *others in zip(*words, strict=False) if all(other == first for other in others)]
    name = ".".join(common or words[0])
    used = {module.name for module in before}
    return Module(blocks[0].name if name in used else name, blocks)


def whole_column(network: Network, modules: Sequence[Module], forms: Mapping[str, str]) -> Column:
    """Return the network as a column; modules of one form that follow each other are one step."""
    steps = _steps(modules, forms)
    step_of = {IMAGE: IMAGE} | {block.name: step[0].name for step in steps for module in step for block in module.blocks}
    nodes = [Node(IMAGE, "image", form="state"), *(_step_node(step, forms) for step in steps)]
    nodes.append(Node(CLASSIFIER, "average pool, linear", form="state"))
    links = [Link(step_of[name], step[0].name) for step in steps for module in step for name in module.outside]
    links += [Link(step_of[name], CLASSIFIER) for name in network.outputs]
    names = {step[0].name: _step_name(step) for step in steps}
    kept = dict.fromkeys(link for link in links if link.source != link.target)
    renamed = tuple(Link(names.get(link.source, link.source), names.get(link.target, link.target)) for link in kept)
    return Column("network", tuple(nodes), renamed)


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


def _step_name(step: Sequence[Module]) -> str:
    """Return the name of a step, such as `stage1.block2–4`."""
    if len(step) == 1:
        return step[0].name
    first, last = step[0].name, step[-1].name
    number = re.search(r"[0-9]+$", last)
    return f"{first}–{number.group() if number and first != last else last}"


def _step_node(step: Sequence[Module], forms: Mapping[str, str]) -> Node:
    module, name = step[0], _step_name(step)
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


def _inside(modules: Sequence[Module], forms: Mapping[str, str]) -> Iterator[Graph]:
    """Yield the graph of each form, once; filters are told by F, the module's, where modules of the form differ in them."""
    for form in dict.fromkeys(forms.values()):
        alike = [module for module in modules if forms.get(module.name) == form]
        yield module_graph(form, alike[0], relative=len({module.width for module in alike}) > 1)


def module_graph(title: str, module: Module, *, relative: bool = False) -> Graph:
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
    return Graph(title, tuple(nodes), tuple(links))


def operation_node(name: str, operation: Operation, width: int | None = None) -> Node:
    """Return an operation as a node; with a width, its filters are told as a multiple or a part of that, which is called F.

    >>> operation_node("layer1", ConvolutionUnit((3, 5), 24, (2, 1)))[1:3]
    ('conv 3×5', '24 filters, stride 2×1')
    >>> operation_node("layer1", ConvolutionUnit((1, 1), 8), 32).note
    'F/4 filters'
    """
    weighted = (ConvolutionUnit, SeparableUnit, FactorizedReduction)
    form: Form = "operation" if isinstance(operation, weighted) else "light"
    return Node(name, _label(operation), ", ".join(_notes(operation, width)), form)


def _in_words(filters: int, width: int | None) -> str:
    if width is None or (filters % width and width % filters):
        return str(filters)
    if filters >= width:
        return "F" if filters == width else f"{filters // width}F"
    return f"F/{width // filters}"


def _label(operation: Operation) -> str:
    match operation:
        case ConvolutionUnit(kernel=kernel):
            return f"conv {by_times(kernel)}"
        case SeparableUnit(kernel=kernel):
            return f"sep {kernel}×{kernel}"
        case MaxPool(window=window):
            return f"max {by_times(window)}"
        case AveragePool(window=window):
            return f"avg {by_times(window)}"
        case FactorizedReduction():
            return "factorized reduction"
        case Normalisation(order=order):
            return "norm, act" if order == "bn-act" else "norm"
        case Subsampling():
            return "subsample"
        case ActivationOperation():
            return "act"
        case Identity():
            return "identity"


def _notes(operation: Operation, width: int | None) -> Iterator[str]:
    match operation:
        case ConvolutionUnit(filters=filters) | SeparableUnit(filters=filters) | FactorizedReduction(filters=filters):
            yield f"{_in_words(filters, width)} filters"
        case Subsampling(filters=filters):
            yield f"{_in_words(filters, width)} channels"
    match operation:
        case ConvolutionUnit(stride=stride) | MaxPool(stride=stride) | AveragePool(stride=stride):
            if stride != (1, 1):
                yield f"stride {stride[0] if stride[0] == stride[1] else by_times(stride)}"
        case SeparableUnit(stride=step) | Subsampling(stride=step):
            if step != 1:
                yield f"stride {step}"
    match operation:
        case ConvolutionUnit(dilation=dilation) | SeparableUnit(dilation=dilation) if dilation != 1:
            yield f"dilation {dilation}"
    match operation:
        case ConvolutionUnit(order=order) | FactorizedReduction(order=order) if order in ORDERS:
            yield ORDERS[order]
