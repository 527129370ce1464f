"""The three roles around a study. Implementations know nothing of each other; the study joins them."""

from collections.abc import Mapping
from typing import Any, Protocol

from automl_cli.core.decisions import Genotype
from automl_cli.core.plugins import SearchSpace
from automl_cli.core.trials import Measurement, Outcome, Proposal, Task


class Strategy(Protocol):
    """Proposes genotypes and learns from rewards.

    The law: only `tell` changes state. `ask(trial)` draws from `stream(seed, purpose, trial)` and is a pure function of what
    has been told, so the same sequence of asks and tells gives the same proposals, live or replayed from a journal.
    """

    batch: int
    """How many proposals are drawn from one state: the minibatch of a policy, else 1. The study rounds its in-flight window up
    to a multiple of it."""

    def ask(self, trial: int) -> Proposal:
        """The proposal of this trial. The study has told the outcomes of trials 0 … trial - in_flight, in order, before."""
        ...

    def tell(self, trial: int, proposal: Proposal, reward: float | None) -> None:
        """The reward of a proposal, or None when its trial has none (failed, diverged, over a limit). Called in trial order."""
        ...


class StrategyFactory(Protocol):
    """What a strategy's registered name stands for: the class itself."""

    @staticmethod
    def resolve(trials: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """All constants of the strategy for a study of this many trials: the given ones checked (UserError with "did you
        mean"), the others by the strategy's documented rule. The study records the result, so a later change of rule or budget
        cannot change a recorded study.
        """
        ...

    def __call__(self, space: SearchSpace, *, seed: int, settings: Mapping[str, Any]) -> Strategy:
        """A fresh strategy with resolved settings."""
        ...


class Evaluator(Protocol):
    """Measures one child. Lives in a worker process; built once from an `EvaluatorSpec`."""

    def evaluate(self, task: Task) -> Measurement:
        """Train and score the child of this task.

        Raises `Diverged` when loss or score stop being finite; any other exception makes the trial `failed`.
        """
        ...


class Executor(Protocol):
    """Decides where evaluators run. Takes plain tasks and gives back plain outcomes, in any order."""

    def submit(self, task: Task) -> None:
        """Accept a task; returns at once."""
        ...

    def wait(self, timeout_seconds: float | None = None) -> tuple[Task, Outcome] | None:
        """Block until some submitted task has ended; None when that takes longer than the time-out.

        A dead worker is an outcome, never an exception. The serial executor evaluates here, and cannot be hurried.
        """
        ...

    def close(self) -> None:
        """End all workers at once; tasks under way are dropped. New ones may be submitted: they get new workers."""
        ...


class Diverged(Exception):
    """A child whose loss or score is no longer finite: a property of the proposal, reported as status `diverged`."""


def canonical(genotype: Genotype) -> str:
    """The genotype as text, for keys: child seeds and the table of finished evaluations.

    >>> canonical((0, 3, 1))
    '0.3.1'
    """
    return ".".join(map(str, genotype))
