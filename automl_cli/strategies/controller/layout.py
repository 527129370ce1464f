"""The steps of a controller over the decisions of a space.

A softmax decision is one step. An anchor is one step, too; all memberships of the anchor are decided in it, each by a sigmoid
of its own (NAS, arXiv 1611.01578, section 3.3).
"""

from dataclasses import dataclass
from functools import cached_property

from automl_cli.core.decisions import DecisionList


@dataclass(frozen=True)
class Step:
    """One step: the positions of the decisions made in it, and its anchor, if it is one.

    A softmax step makes one decision, whose choices have the `rows` of head and embedding from `rows.start` on. An anchor step
    decides at each position whether it selects the earlier anchor at the same place of `items`.
    """

    positions: tuple[int, ...]
    rows: range = range(0)
    anchor: int | None = None
    items: tuple[int, ...] = ()


@dataclass(frozen=True)
class StepLayout:
    """All steps in order. Head and embedding of a choice are one row each, so decisions share no parameters."""

    decisions: DecisionList

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Steps in order. An anchor stands before the decision at its position; its memberships are decided with it."""
        anchors = self.decisions.anchors
        members: list[list[tuple[int, int]]] = [[] for _ in anchors]
        softmax, row = [], 0
        for position, decision in enumerate(self.decisions.decisions):
            if (member := decision.membership) is None:
                softmax.append((position, 1, Step((position,), rows=range(row, row + len(decision.choices)))))
                row += len(decision.choices)
            else:
                members[member.anchor].append((position, member.item))
        anchor_steps = [
            (at, 0, Step(tuple(position for position, _ in of), anchor=number, items=tuple(item for _, item in of)))
            for number, (at, of) in enumerate(zip(anchors, members, strict=True))
        ]
        return tuple(step for *_, step in sorted(anchor_steps + softmax, key=lambda entry: entry[:2]))

    @cached_property
    def rows(self) -> int:
        """Number of choices of all softmax decisions together."""
        return sum(len(step.rows) for step in self.steps)

    @property
    def anchors(self) -> int:
        """Number of anchors."""
        return len(self.decisions.anchors)
