"""The classes of groups and the network itself as text."""

from collections import Counter
from collections.abc import Iterable, Sequence

from automl_cli.jobs.network_source.classes import ClassNode, ClassPlan, MadeGroup
from automl_cli.jobs.network_source.layout import Line, Maker, Plan, Stored
from automl_cli.jobs.network_source.printing import Called, Code, Keyword, Repeated, Sum, one_line, printed_lines
from automl_cli.jobs.network_source.unit_source import PAIR, UnitWriter
from automl_cli.jobs.network_source.units import Made

LONGEST_INLINE = 60
"""Characters of an expression that stands in another one."""
LONGEST_PERIOD = 4
"""Modules that are repeated together at most."""


class NetworkWriter:
    """Writes the classes of a plan."""

    def __init__(self, plan: Plan, units: UnitWriter, classes: int) -> None:
        self._plan, self._units, self._dialect, self._classes = plan, units, units.dialect, classes
        self._functions = {
            stored.attribute for stored in plan.stored if stored.kind == "module" and self._is_relu(stored.makers[0])
        }

    def class_text(self, plan: ClassPlan) -> str:
        """Return the text of one class."""
        types = {"int": "int", "tuple": PAIR, "module": self._dialect.base}
        parameters = [f"{name}: {types[kind]}" for name, kind in plan.parameters.items()]
        lines = [f"class {plan.name}({self._dialect.base}):", f'    """{_about(plan)}"""', ""]
        lines += self._init(parameters)
        for node in plan.nodes:
            if (node.made is None or node.made) and not self._is_relu(node.made):
                code = node.attribute if node.made is None else self._units.chain(node.made)
                lines += printed_lines(f"self.{node.attribute} = ", code, indent=8)
        lines += ["", *self._call(plan.takes)]
        return "\n".join((*lines, *self._statements(plan.nodes)))

    def network_text(self) -> str:
        """Return the text of the network."""
        lines = [f"class Network({self._dialect.base}):", '    """The network: logits of what `preprocess` returns."""', ""]
        lines += self._init([])
        for stored in self._plan.stored:
            if stored.attribute in self._functions:
                continue
            lines += printed_lines(f"self.{stored.attribute} = ", self._stored(stored), indent=8)
        linear = self._dialect.linear(self._plan.features, self._classes)
        lines += printed_lines("self.classifier = ", linear, indent=8)
        lines += ["", *self._call(("x",)), *self._lines()]
        return "\n".join(lines)

    def _init(self, parameters: Sequence[str]) -> list[str]:
        stream = ("*", "rngs: nnx.Rngs") if self._dialect.rngs else ()
        lines = printed_lines("def ", Called("__init__", ("self", *parameters, *stream)), " -> None:", indent=4)
        return lines if self._dialect.rngs else [*lines, "        super().__init__()"]

    def _call(self, takes: Sequence[str]) -> list[str]:
        array = self._dialect.array
        head = Called(self._dialect.method, ("self", *(f"{name}: {array}" for name in takes)))
        return printed_lines("def ", head, f" -> {array}:", indent=4)

    def _joined(self, terms: Sequence[Code], join: str, *, padded: bool) -> Code:
        if len(terms) == 1:
            return terms[0]
        return Sum(tuple(terms)) if join == "add" else self._dialect.concatenated(terms, padded=padded)

    def _statements(self, nodes: Sequence[ClassNode]) -> Iterable[str]:
        """Yield the statements of a class; what is read once stands where it is read."""
        read = Counter(name for node in nodes for name in node.inputs)
        ready: dict[str, Code] = {}
        for node in nodes:
            code = self._joined([ready.get(name, name) for name in node.inputs], node.join, padded=node.padded)
            if node.made is None or node.made:
                code = self._applied(node, code)
            if node is nodes[-1]:
                yield from printed_lines("return ", code, indent=8)
            elif read[node.attribute] == 1 and len(one_line(code)) <= LONGEST_INLINE:
                ready[node.attribute] = code
            else:
                yield from printed_lines(f"{node.attribute} = ", code, indent=8)

    def _applied(self, node: ClassNode, code: Code) -> Code:
        """Return the call of a node's modules."""
        return Called(self._dialect.relu if self._is_relu(node.made) else f"self.{node.attribute}", (code,))

    def _is_relu(self, made: object) -> bool:
        """Return whether all that is made is a ReLU, which is a function and no attribute."""
        return self._units.is_relu and isinstance(made, tuple) and [one.key.family for one in made] == ["act"]

    def _maker(self, maker: Maker) -> Code:
        if not isinstance(maker, MadeGroup):
            return self._units.chain(maker)
        arguments: list[Code] = []
        for name, value in maker.arguments.items():
            if isinstance(value, tuple) and all(isinstance(one, Made) for one in value):
                arguments.append(Keyword(name, self._units.chain([one for one in value if isinstance(one, Made)])))
            else:
                arguments.append(Keyword(name, str(value)))
        stream = (Keyword("rngs", "rngs"),) if self._dialect.rngs else ()
        return Called(maker.name, (*arguments, *stream))

    def _stored(self, stored: Stored) -> Code:
        parts = [self._maker(maker) for maker in stored.makers]
        if stored.kind == "module":
            return parts[0]
        rows = tuple(repetitions(parts))
        if stored.kind == "list":
            return Called(self._dialect.listing, (Called("[", rows),))
        return Called(self._dialect.sequence, rows)

    def _lines(self) -> list[str]:
        """Return the statements of the network."""
        written = list[str]()
        joins = {line.target: line for line in self._plan.lines if line.attribute is None}
        read = Counter(name for line in self._plan.lines for name in line.arguments)
        inline: dict[str, Code] = {}
        for line in self._plan.lines:
            code = self._line(line, inline)
            if line.target in joins and read[line.target] == 1 and line.target not in self._plan.outputs:
                inline[line.target] = code
                continue
            if line.arguments == ("x", "previous") and not any("previous" in text for text in written):
                written.append("        previous = x")
            written += self._assigned(line, code)
        features = self._joined(self._plan.outputs, "concatenate", padded=self._plan.padded)
        name = features if isinstance(features, str) else "x"
        if not isinstance(features, str):
            written += printed_lines("x = ", features, indent=8)
        return [*written, f"        return self.classifier({self._dialect.features(name)})"]

    def _line(self, line: Line, inline: dict[str, Code]) -> Code:
        terms = [inline.get(name, name) for name in line.arguments]
        if line.node is None and line.attribute not in self._functions:
            called = "cell" if line.loop else f"self.{line.attribute}"
            return Called(called, tuple(terms))
        joined = terms[0] if line.node is None else self._joined(terms, line.node.join, padded=line.node.padded)
        if line.attribute is None:
            return joined
        return Called(self._dialect.relu if line.attribute in self._functions else f"self.{line.attribute}", (joined,))

    def _assigned(self, line: Line, code: Code) -> list[str]:
        target = line.target
        if line.keeps and (line.loop or self._needs_previous()):
            target, code = "previous, x", f"x, {one_line(code)}"
        if not line.loop:
            return printed_lines(f"{target} = ", code, indent=8)
        return [f"        for cell in self.{line.attribute}:", *printed_lines(f"{target} = ", code, indent=12)]

    def _needs_previous(self) -> bool:
        return any("previous" in line.arguments for line in self._plan.lines)


def repetitions(parts: Sequence[Code]) -> list[Code]:
    """Return the parts with those that are repeated three times or more written once.

    >>> [one_line(part) for part in repetitions(["a", "b", "b", "b", "c"])]
    ['a', '*(b for _ in range(3))', 'c']
    """
    found: list[Code] = []
    at = 0
    while at < len(parts):
        best, period = 1, 1
        for length in range(1, LONGEST_PERIOD + 1):
            times = 1
            while parts[at + times * length : at + (times + 1) * length] == parts[at : at + length]:
                times += 1
            if times >= 3 and times * length > best * period:
                best, period = times, length
        if best == 1:
            found.append(parts[at])
            at += 1
            continue
        found.append(Repeated(tuple(parts[at : at + period]), best))
        at += best * period
    return found


def _about(plan: ClassPlan) -> str:
    name = plan.name
    words = name[0] + "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in name[1:])
    if "previous" in plan.takes:
        return "A cell: x is the last output, previous the one before it."
    return f"{words}."
