"""A strategy as a library: ask for a proposal, tell its reward. No run directory, no processes; the program keeps the loop."""

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import UserError
from automl_cli.core.plugin_calls import type_in_words
from automl_cli.core.trials import Proposal
from automl_cli.system.jax_settings import usual_jax

if TYPE_CHECKING:
    from automl_cli.core.protocols import Strategy
    from automl_cli.core.spaces import SearchSpace


class AskedTrial(Struct, frozen=True):
    """A proposal with its number, and the value that its genotype decodes to."""

    number: int
    proposal: Proposal
    value: Any

    @property
    def genotype(self) -> Genotype:
        """The genotype that was proposed."""
        return self.proposal.genotype


class AskTell:
    """A strategy on a space, asked and told one trial after the other.

        searcher = automl_cli.AskTell("surrogate", space="cnn", trials=50)
        for _ in range(50):
            asked = searcher.ask()
            searcher.tell(asked, score(asked.value))
        print(searcher.best)

    Constants of the strategy that are not given follow from `trials`, as in a search. The same seed proposes the same, as long
    as it is told the same in the order of asking.
    """

    @usual_jax()
    def __init__(
        self,
        strategy: str,
        *,
        space: "str | SearchSpace",
        trials: int,
        seed: int = 0,
        space_option: Mapping[str, Any] | None = None,
        strategy_option: Mapping[str, Any] | None = None,
    ) -> None:
        from automl_cli.core.spaces import SearchSpace
        from automl_cli.planning.strategy_rule import AUTO
        from automl_cli.plugins.discovery import plugin_named
        from automl_cli.plugins.registry import STRATEGIES
        from automl_cli.plugins.space_checks import check_space

        self.space = space if isinstance(space, SearchSpace) else SearchSpace(plugin_named(space)[0], dict(space_option or {}))
        check_space(self.space)
        if strategy == AUTO:
            raise UserError(
                f"AskTell takes no strategy {AUTO!r}: a search chooses by what it knows of its evaluator, and here the program "
                f"keeps that; name one of {', '.join(STRATEGIES.names())}"
            )
        factory = STRATEGIES.load(STRATEGIES.check(strategy))
        self.strategy: Strategy = factory(self.space, seed=seed, settings=factory.resolve(trials, dict(strategy_option or {})))
        self.best: tuple[float, AskedTrial] | None = None
        """The highest reward told so far, and its trial."""
        self._asked = self._told = 0

    @usual_jax()
    def ask(self) -> AskedTrial:
        """Return the next proposal."""
        from automl_cli.plugins.space_checks import decoded

        proposal = self.strategy.ask(self._asked)
        self._asked += 1
        return AskedTrial(self._asked - 1, proposal, decoded(self.space, proposal.genotype))

    @usual_jax()
    def tell(self, asked: AskedTrial, reward: float | None) -> None:
        """Take the reward of a proposal, None where it has none.

        Raises ValueError out of the order of asking and for a number that is not finite, TypeError for what is no number; the
        strategy has learned nothing then, and the reward can be told again.
        """
        if asked.number != self._told:
            raise ValueError(f"trial {asked.number} was told where trial {self._told} comes next; tell in the order of asking")
        number = None if reward is None else _checked(reward)
        self._told += 1
        self.strategy.tell(asked.number, asked.proposal, number)
        if number is not None and (self.best is None or number > self.best[0]):
            self.best = number, asked


def _checked(reward: Any) -> float:
    """Return a reward as a float; arrays of one number are numbers. Raises TypeError and ValueError."""
    if not hasattr(reward, "__float__"):
        raise TypeError(f"a reward is a number, or None where the trial has none; it is {type_in_words(reward)}")
    if not isfinite(number := float(reward)):
        raise ValueError(f"a reward is a finite number, or None where the trial has none; it is {number}")
    return number
