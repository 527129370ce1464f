"""The steps of a controller over the decisions of a space, as NumPy arrays.

A softmax decision is one step. An anchor is one step, too; all memberships of the anchor are decided in it, each by a sigmoid
of its own (NAS, arXiv 1611.01578, section 3.3).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from automl_cli.core.decisions import DecisionList

Integers = NDArray[np.int32]

EMPTY_SLOT = np.iinfo(np.int32).max
"""Position of a slot that decides nothing: it lies behind every live prefix."""


@dataclass(frozen=True)
class Step:
    """One step: the positions of the decisions made in it, by slot, and its anchor, if it is one.

    A softmax step has its decision in slot 0. An anchor step has the membership of item j in slot j.
    """

    slots: tuple[int, ...]
    anchor: int | None = None


@dataclass(frozen=True)
class StepLayout:
    """All steps in order, with the arrays that a compiled program scans over.

    Shapes: T steps; E slots (1, or the number of anchors); K choices of the widest softmax; R rows, one for each choice of each
    softmax decision in order. Head and embedding of a choice are one row each, so decisions share no parameters.
    """

    decisions: DecisionList

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Steps in order. An anchor stands before the decision at its position; its memberships are decided with it."""
        anchors = self.decisions.anchors
        members: list[list[int]] = [[EMPTY_SLOT] * len(anchors) for _ in anchors]
        softmax = []
        for position, decision in enumerate(self.decisions.decisions):
            if (member := decision.membership) is None:
                softmax.append((position, 1, Step((position,))))
            else:
                members[member.anchor][member.item] = position
        anchor_steps = [(at, 0, Step(tuple(members[k]), anchor=k)) for k, at in enumerate(anchors)]
        return tuple(step for *_, step in sorted(anchor_steps + softmax, key=lambda entry: entry[:2]))

    @cached_property
    def counts(self) -> Integers:
        """Number of choices of each softmax decision, 0 for a membership: (decisions,)."""
        every = self.decisions.decisions
        return np.array([0 if one.membership else len(one.choices) for one in every], np.int32)

    @property
    def rows(self) -> int:
        """Number of choices of all softmax decisions together, R."""
        return int(self.counts.sum())

    @property
    def has_softmax(self) -> bool:
        """Return whether the space has a softmax decision."""
        return bool(self.rows)

    @property
    def has_anchors(self) -> bool:
        """Return whether the space has anchors."""
        return bool(self.decisions.anchors)

    @cached_property
    def slots(self) -> Integers:
        """Positions decided at each step, `EMPTY_SLOT` for an empty slot: (T, E)."""
        width = max(1, len(self.decisions.anchors))
        table = np.full((len(self.steps), width), EMPTY_SLOT, np.int32)
        for at, step in enumerate(self.steps):
            table[at, : len(step.slots)] = step.slots
        return table

    @cached_property
    def anchor_numbers(self) -> Integers:
        """Number of the anchor of each step, -1 for a softmax step: (T,)."""
        return np.array([-1 if step.anchor is None else step.anchor for step in self.steps], np.int32)

    @cached_property
    def choice_rows(self) -> Integers:
        """Rows of the choices of each step; a step with fewer than K choices repeats its first row: (T, K)."""
        first = np.cumsum(self.counts) - self.counts
        table = np.zeros((len(self.steps), max(1, int(self.counts.max()))), np.int32)
        for at, step in enumerate(self.steps):
            if step.anchor is None:
                position = step.slots[0]
                width = int(self.counts[position])
                table[at] = first[position]
                table[at, :width] += np.arange(width, dtype=np.int32)
        return table

    @cached_property
    def widths(self) -> Integers:
        """Number of choices of each step's softmax, 0 for an anchor: (T,)."""
        return np.array([0 if step.anchor is not None else self.counts[step.slots[0]] for step in self.steps], np.int32)

    @cached_property
    def step_and_slot(self) -> tuple[Integers, Integers]:
        """Step and slot that decide each position: two arrays (decisions,)."""
        step, slot = np.nonzero(self.slots != EMPTY_SLOT)
        order = np.argsort(self.slots[step, slot])
        return step[order].astype(np.int32), slot[order].astype(np.int32)
