"""Drawings of values as plain data. The row of a kind gives them, `report.drawings` renders them.

Curves     functions of one number (`values.sheet`)
Column     steps one behind the other, with the connections that skip some
StepGraph  steps in layers, each behind those that it reads
Arcs       a few nodes in a row, with operations on the ways between them
Formula    equations in mathematical notation
"""

from typing import Literal, NamedTuple

from automl_cli.values.sheet import Curves

Form = Literal["operation", "light", "state", "join"]
"""What a node is: an operation with weights; one without any, such as a pool; something that is read or put out; a join of what
it reads."""


class Node(NamedTuple):
    """A step by its name: what it does, more about it, and how many times it stands there one behind the other."""

    name: str
    label: str
    note: str = ""
    form: Form = "operation"
    repeats: int = 1


class Combined(NamedTuple):
    """Steps side by side, and the step that joins what they give."""

    parts: tuple[Node, ...]
    join: Node

    @property
    def name(self) -> str:
        """The name by which the joined result is read."""
        return self.join.name


class Link(NamedTuple):
    """A connection from one node to another, by their names."""

    source: str
    target: str


class Column(NamedTuple):
    """Steps one behind the other, in an order in which each reads only what stands before it; `upward` from the bottom up."""

    title: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    upward: bool = False


class StepGraph(NamedTuple):
    """Steps, in an order in which each reads only what stands before it, to be drawn in layers; `upward` from the bottom up."""

    title: str
    nodes: tuple[Node | Combined, ...]
    links: tuple[Link, ...]
    upward: bool = False


class Arc(NamedTuple):
    """A way from one node to another, by their numbers, with an operation on it; a `dead` one lets nothing through."""

    source: int
    target: int
    label: str
    dead: bool = False


class Arcs(NamedTuple):
    """Nodes in a row, by their labels, and the ways between them, from left to right."""

    title: str
    nodes: tuple[str, ...]
    arcs: tuple[Arc, ...]


class Equation(NamedTuple):
    """An equation as LaTeX, and as plain text that says the same."""

    latex: str
    text: str


class Formula(NamedTuple):
    """Equations, one below the other."""

    title: str
    equations: tuple[Equation, ...]


Drawing = Curves | Column | StepGraph | Arcs | Formula
