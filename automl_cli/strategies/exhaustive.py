"""Propose every genotype of a small space once, in order: the last decision changes fastest.

Where the space says which genotypes mean the same, the first of each meaning come first, so that as many trials visit all
meanings; the others follow.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from automl_cli.core.decisions import DecisionList, Genotype
from automl_cli.core.errors import UserError
from automl_cli.core.protocols import EarlierTrial
from automl_cli.core.settings import read, settle
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Proposal

OWNER = "strategy exhaustive"
"""Whose settings an error is about."""


class ExhaustiveSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of exhaustive search."""

    trials: Annotated[int, Meta(ge=1, description="Trials of the study, which have to cover the space.")]
    seen: Annotated[int, Meta(ge=0, description="Genotypes measured by an earlier search; --start-from fills it in.")] = 0


class Exhaustive:
    """Proposes genotypes of full length, each once, and begins again after the last one."""

    summary = "Visits every genotype of a small space once, in order, of those that mean the same the first."
    settings = ExhaustiveSettings
    starts_from_genotypes = False
    earlier = "visits only the others"
    small_spaces_only = True
    draws = False
    batch = 1
    learns_nothing: Literal[True] = True

    @staticmethod
    def resolve(trials: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the budget, the only setting."""
        settled = settle(ExhaustiveSettings, given, owner=OWNER, sources={"budget": {"trials": trials}})
        return dict(msgspec.to_builtins(settled))

    def __init__(self, space: SearchSpace, *, seed: int, settings: Mapping[str, Any]) -> None:
        """Raise UserError where the trials cannot cover the space, and for genotypes that grow during the search."""
        resolved = read(ExhaustiveSettings, settings, owner=OWNER)
        trials = resolved.trials + resolved.seen
        needed = space.size if space.size <= trials else space.count_distinct() or space.size
        if needed <= resolved.seen:
            raise UserError(
                f"strategy 'exhaustive' has nothing to visit: the search that --start-from names measured all {needed:,} "
                f"genotypes of space {space.plugin.name!r}; leave --start-from out, or search with another strategy"
            )
        if needed > trials:
            distinct = f" that are distinct, of {space.size:,}" * (needed < space.size)
            more = needed - resolved.seen
            raise UserError(
                f"strategy 'exhaustive' cannot visit all of space {space.plugin.name!r}: it has {needed:,} genotypes"
                f"{distinct}, and the study {resolved.trials:,} trials. Give --trials {more}, or search with another strategy"
            )
        if space.length(0) < len(space.decisions):
            raise UserError(
                f"strategy 'exhaustive' proposes whole genotypes, and those of space {space.plugin.name!r} grow during the "
                "search with these options; search with another strategy"
            )
        self._space = space
        self._left: tuple[Genotype, ...] = ()
        """What an earlier search did not measure, where there was one."""

    def take_over(self, earlier: Sequence[EarlierTrial]) -> None:
        """Leave out what need not be measured again."""
        known = {self._space.canonical(trial.genotype) for trial in earlier}
        in_order = (self._at(number) for number in range(self._space.size))
        self._left = tuple(genotype for genotype in in_order if self._space.canonical(genotype) not in known)

    def ask(self, trial: int) -> Proposal:
        """Return the next genotype that means something of its own; behind the last of those the next of the others."""
        if self._left:
            return Proposal(self._left[trial % len(self._left)])
        return Proposal(self._at(trial % self._space.size))

    def _at(self, at: int) -> Genotype:
        first = self._space.distinct_genotypes
        if first is None:
            return numbered(self._space.decisions, at)
        return first[at] if at < len(first) else self._others[at - len(first)]

    @cached_property
    def _others(self) -> tuple[Genotype, ...]:
        """The genotypes that mean the same as another one before."""
        first = frozenset(self._space.distinct_genotypes or ())
        every = (numbered(self._space.decisions, number) for number in range(self._space.size))
        return tuple(genotype for genotype in every if genotype not in first)

    def tell(self, trial: int, proposal: Proposal, reward: float | None) -> None:
        """Do nothing: there is nothing to learn."""


def numbered(decisions: DecisionList, number: int) -> Genotype:
    """Return the genotype of this number, from 0 to size - 1, in mixed radix.

    >>> from automl_cli.core.decisions import Decision
    >>> space = DecisionList((Decision("a", (1, 2)), Decision("b", (1, 2, 3))))
    >>> numbered(space, 0), numbered(space, 4)
    ((0, 0), (1, 1))
    """
    digits = []
    for decision in reversed(decisions.decisions):
        number, digit = divmod(number, len(decision.choices))
        digits.append(digit)
    return tuple(reversed(digits))
