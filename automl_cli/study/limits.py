"""Counts the proposals over a limit: `--trials` counts children, so the search draws again for each of them, but not for ever.

    drawn again   while fewer than `--trials` proposals are within the limits
    to the end    of 1,000 over a limit in a row, or of 100 in all for each of `--trials`: then the search ends with what it has

A proposal is over a limit or not as soon as it is made, before anything else is asked. So where a search ends is a function of
its proposals, like everything else.
"""

from collections.abc import Callable

from automl_cli.core.decisions import Genotype
from automl_cli.core.numbers import counted
from automl_cli.core.trials import Costs, Limits

MOST_IN_A_ROW = 1_000
"""A search ends after so many proposals over a limit with none within the limits between them."""

MOST_PER_TRIAL = 100
"""A search ends after so many proposals over a limit, in all, for each trial that was asked for."""


class OverLimit:
    """Counts the proposals over a limit, added in the order in which they were made."""

    def __init__(self) -> None:
        self.count = 0
        self._row_begins = 0
        self._row_ends = 0  # the number behind the last one

    def add(self, trial: int) -> None:
        """Count this trial, which is over a limit."""
        if trial != self._row_ends:
            self._row_begins = trial
        self._row_ends = trial + 1
        self.count += 1

    def in_a_row(self, asked: int) -> int:
        """Return how many of the last ones of trials 0 … asked - 1 are over a limit, with none between them that is not."""
        return self._row_ends - self._row_begins if self._row_ends == asked else 0

    def is_spent(self, asked: int, wanted: int) -> bool:
        """Return whether trials 0 … asked - 1 have too many over a limit to draw again, where so many trials are wanted."""
        return self.in_a_row(asked) >= MOST_IN_A_ROW or self.count >= MOST_PER_TRIAL * wanted

    def is_enough(self, asked: int, wanted: int) -> bool:
        """Return whether nothing is asked behind trials 0 … asked - 1, where so many trials are wanted."""
        return asked >= wanted + self.count or self.is_spent(asked, wanted)

    def in_all(self, asked: int, wanted: int) -> int:
        """Return how many trials there will be, as far as it is known, those over a limit among them."""
        return asked if self.is_enough(asked, wanted) else wanted + self.count


class LimitCheck:
    """Says which proposals are over a limit. Costs are computed only when there is a limit."""

    def __init__(self, limits: Limits, price: Callable[[Genotype], Costs | None]) -> None:
        self._limits = limits
        self._price = price
        self._smallest: Costs | None = None  # of those over a limit

    def excess(self, genotype: Genotype) -> str:
        """Return in words which limit the child is over, or nothing."""
        costs = None if self._limits == Limits() else self._price(genotype)
        excess = "" if costs is None else self._limits.excess(costs)
        if costs is not None and excess and (self._smallest is None or costs.parameters < self._smallest.parameters):
            self._smallest = costs
        return excess

    def why_nothing_fits(self, proposals: int) -> str:
        """Return why a search ends without a child, where all of so many proposals are over a limit, and the next step."""
        text = f"nothing fits: all of {counted(proposals, 'proposal')} are over a limit ({limits_in_words(self._limits)})"
        if self._smallest is not None:
            smallest = self._smallest
            sizes = counted(smallest.parameters, "parameter"), counted(smallest.multiply_adds, "multiply-add")
            text += f"; the smallest has {' and '.join(sizes)}"
        return f"{text}. {next_step(self._limits)}"


def limits_in_words(limits: Limits) -> str:
    """Return the limits as flags.

    >>> limits_in_words(Limits(max_parameters=10_000))
    '--max-parameters 10000'
    """
    return " ".join(f"{flag} {bound}" for flag, bound in _given(limits).items())


def next_step(limits: Limits) -> str:
    """Return what a user can do where hardly anything fits."""
    return f"Start a new run with a higher {' or '.join(_given(limits))}, or search a space of smaller networks"


def _given(limits: Limits) -> dict[str, int]:
    flags = {"--max-parameters": limits.max_parameters, "--max-multiply-adds": limits.max_multiply_adds}
    return {flag: bound for flag, bound in flags.items() if bound is not None}
