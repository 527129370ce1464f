"""Describe strategies and evaluators with their options, for `automl strategies` and `automl evaluators`.

A strategy's constants may follow from the budget. What its rule gives is asked of it, for two budgets, and what its paper has
by `constants=paper`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from automl_cli.core.errors import UserError
from automl_cli.core.option_rows import OptionRow, option_rows
from automl_cli.core.protocols import EvaluatorFactory, StrategyFactory
from automl_cli.core.settings import CONSTANTS
from automl_cli.plugins.registry import EVALUATORS, STRATEGIES, Table

BUDGETS = (100, 1000)
"""Trials of the searches for which the rule of a strategy is shown."""


class DescribedOption(Struct, frozen=True, kw_only=True):
    """One option. `default` is None where a rule chooses; `budgets` has what the rule gives, by trials, where that differs.

    `paper` is what `constants=paper` gives; None where the paper says nothing.
    """

    name: str
    type: str
    default: Any = None
    budgets: dict[str, Any] | None = None
    paper: Any = None
    bounds: str = ""
    choices: tuple[str, ...] = ()
    help: str = ""


class DescribedPlugin(Struct, frozen=True, kw_only=True):
    """A strategy or an evaluator. `flags` are its own, as they are typed. `problem` says why it cannot be loaded, if so."""

    name: str
    summary: str = ""
    options: tuple[DescribedOption, ...] = ()
    flags: dict[str, str] = {}
    problem: str | None = None


def described_strategies() -> Iterator[DescribedPlugin]:
    """Yield every strategy, those of installed packages last."""
    return _described(STRATEGIES, described_strategy)


def described_evaluators() -> Iterator[DescribedPlugin]:
    """Yield every evaluator, those of installed packages last."""
    return _described(EVALUATORS, described_evaluator)


def _described(table: Table, describe: Callable[[str], DescribedPlugin]) -> Iterator[DescribedPlugin]:
    for name in table.names():
        try:
            yield describe(name)
        except UserError as error:
            yield DescribedPlugin(name=name, problem=str(error))


def described_strategy(name: str) -> DescribedPlugin:
    """Describe a strategy with its constants by the rule and by its paper. Raises UserError where it cannot be loaded."""
    factory: StrategyFactory = STRATEGIES.load(name)
    by_trials = {str(trials): factory.resolve(trials, {}) for trials in BUDGETS}
    paper = _of_paper(factory)
    options = tuple(_constant(row, by_trials, paper) for row in option_rows(factory.settings))
    return DescribedPlugin(name=name, summary=factory.summary, options=options + _source_of_constants(paper))


def _constant(row: OptionRow, by_trials: Mapping[str, Mapping[str, Any]], paper: Mapping[str, Any] | None) -> DescribedOption:
    """Describe a constant of a strategy, given what its rule chooses for each budget and what its paper has."""
    values = {trials: resolved.get(row.name, row.default) for trials, resolved in by_trials.items()}
    first, *others = values.values()
    same = all(other == first for other in others)
    return DescribedOption(
        name=row.name,
        type=row.type,
        default=first if same else None,
        budgets=None if same else values,
        paper=None if paper is None else paper.get(row.name),
        bounds=row.bounds,
        choices=row.choices,
        help=row.help,
    )


def _of_paper(factory: StrategyFactory) -> Mapping[str, Any] | None:
    """Return the constants of the strategy's paper, or None where it has none."""
    try:
        return factory.resolve(max(BUDGETS), {CONSTANTS: "paper"})
    except UserError:
        return None


def _source_of_constants(paper: Mapping[str, Any] | None) -> tuple[DescribedOption, ...]:
    if paper is None:
        return ()
    text = "Where the constants come from that are not given."
    row = DescribedOption(name=CONSTANTS, type="word", default="budget", paper="paper", choices=("budget", "paper"), help=text)
    return (row,)


def described_evaluator(name: str) -> DescribedPlugin:
    """Describe an evaluator with its options and flags. Raises UserError where it cannot be loaded."""
    factory: EvaluatorFactory = EVALUATORS.load(name)
    options = tuple(
        DescribedOption(
            name=row.name, type=row.type, default=row.default, bounds=row.bounds, choices=row.choices, help=row.help
        )
        for row in option_rows(factory.options)
    )
    return DescribedPlugin(
        name=name, summary=factory.summary, options=options, flags={f"--{row.name}": row.help for row in factory.flags}
    )
