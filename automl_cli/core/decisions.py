"""Decisions, the ordered decisions of a space, and genotypes.

A genotype is one index per decision. It may be shorter than the space: where a curriculum limits the depth, only a prefix of
the decisions is live.
"""

import math
from bisect import bisect_left
from functools import cached_property
from random import Random

from msgspec import Struct

from automl_cli.core.errors import SpaceError

Choice = str | int | float | bool
Genotype = tuple[int, ...]


class Membership(Struct, frozen=True):
    """Marks a binary decision as "does the set chosen at `anchor` contain `item`?". Both are anchor numbers.

    A skip connection from layer 2 to layer 5 is the membership of anchor 2 in the set of anchor 5. A controller may use the
    hidden states at the two anchors (NAS, arXiv 1611.01578, section 3.3) or treat the decision like any other.
    """

    anchor: int
    item: int


class Decision(Struct, frozen=True):
    """One typed choice. `choices` are what the indices 0, 1, … of a genotype stand for."""

    name: str
    choices: tuple[Choice, ...]
    membership: Membership | None = None

    def __post_init__(self) -> None:
        if not self.choices:
            raise SpaceError(f"decision {self.name!r} has no choices; it needs at least one")
        if self.membership is not None and self.choices != (False, True):
            raise SpaceError(f"decision {self.name!r} is a membership, so its choices are (False, True), not {self.choices!r}")


class DecisionList(Struct, frozen=True, dict=True):
    """The ordered decisions of a space.

    `anchors[k]` is the position of anchor k: the number of decisions that precede it. The memberships of an anchor stand
    together, directly behind it, in the order of their items, and refer to earlier anchors only.

    Raises SpaceError at construction when names repeat or an anchor or a membership is out of place.
    """

    decisions: tuple[Decision, ...]
    anchors: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        names = [decision.name for decision in self.decisions]
        if not names:
            raise SpaceError("a search space needs at least one decision")
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise SpaceError(f"two decisions are named {twice!r}; names must differ")
        if list(self.anchors) != sorted(self.anchors) or any(not 0 <= at <= len(names) for at in self.anchors):
            raise SpaceError(f"anchors {self.anchors!r} must rise and lie between 0 and {len(names)}")
        self._check_memberships()

    def _check_memberships(self) -> None:
        following: dict[int, int] = {}
        for position, decision in enumerate(self.decisions):
            if (member := decision.membership) is None:
                continue
            if not 0 <= member.item < member.anchor < len(self.anchors):
                raise SpaceError(
                    f"decision {decision.name!r}: {member} must name an earlier anchor and one of {len(self.anchors)}"
                )
            expected = self.anchors[member.anchor] + following.get(member.anchor, 0)
            if position != expected:
                raise SpaceError(
                    f"decision {decision.name!r} stands at {position}; directly behind its anchor that is {expected}"
                )
            following[member.anchor] = following.get(member.anchor, 0) + 1

    def __len__(self) -> int:
        return len(self.decisions)

    @property
    def size(self) -> int:
        """The exact number of genotypes of full length."""
        return math.prod(len(decision.choices) for decision in self.decisions)

    def check(self, genotype: Genotype) -> Genotype:
        """Return the genotype itself. Raises SpaceError naming the first decision that it does not fit."""
        if not 0 < len(genotype) <= len(self):
            raise SpaceError(f"a genotype of this space has 1 to {len(self)} indices, not {len(genotype)}")
        for index, decision in zip(genotype, self.decisions, strict=False):
            if not 0 <= index < len(decision.choices):
                raise SpaceError(f"decision {decision.name!r} has indices 0 to {len(decision.choices) - 1}, not {index}")
        return genotype

    def choices_of(self, genotype: Genotype) -> dict[str, Choice]:
        """Return the chosen values by the names of their decisions, in order."""
        pairs = zip(self.check(genotype), self.decisions, strict=False)
        return {decision.name: decision.choices[index] for index, decision in pairs}

    def genotype_of(self, choices: dict[str, Choice]) -> Genotype:
        """Return the genotype that has these choices: the inverse of `choices_of`."""
        live = self.decisions[: len(choices)]
        try:
            return tuple(decision.choices.index(choices[decision.name]) for decision in live)
        except (KeyError, ValueError) as error:
            raise SpaceError(f"these choices are not of this space: {error}") from error

    def sample(self, random: Random, length: int | None = None) -> Genotype:
        """Draw a genotype with every live decision uniform and independent of the others."""
        return tuple(map(random.randrange, self._counts[: len(self) if length is None else length]))

    def mutate(self, genotype: Genotype, random: Random) -> Genotype:
        """Return a copy with one decision changed: drawn uniformly among those with more than one choice, as is its new
        index."""
        movable = self._movable[: bisect_left(self._movable, len(genotype))]
        if not movable:
            return genotype
        at = random.choice(movable)
        other = random.randrange(self._counts[at] - 1)
        return (*genotype[:at], other + (other >= genotype[at]), *genotype[at + 1 :])

    @cached_property
    def _counts(self) -> tuple[int, ...]:
        """How many choices each decision has."""
        return tuple(len(decision.choices) for decision in self.decisions)

    @cached_property
    def _movable(self) -> tuple[int, ...]:
        """The positions of decisions with more than one choice."""
        return tuple(at for at, count in enumerate(self._counts) if count > 1)
