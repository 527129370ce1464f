"""Interfaces of the parts that a study joins: strategies, evaluators and executors. None of them knows another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from msgspec import Struct

from automl_cli.core.decisions import Genotype
from automl_cli.core.flags import Flag
from automl_cli.core.spaces import SearchSpace, SpaceReference
from automl_cli.core.trials import Costs, EvaluatorSpec, Measurement, Outcome, Proposal, Task

Report = Callable[[int, int], None]
"""Called with (how much is prepared, how much in all) while something is prepared for the first time."""


class EarlierTrial(NamedTuple):
    """A trial of an earlier search that was measured as those of this one are; no reward where it has none."""

    genotype: Genotype
    reward: float | None


class Strategy(Protocol):
    """Proposes genotypes and learns from rewards.

    The law: only `tell` changes state. `ask(trial)` draws from `stream(seed, purpose, trial)` and is a pure function of what
    has been told, so the same sequence of asks and tells gives the same proposals, live or replayed from a journal.
    """

    batch: int
    """How many proposals are drawn from one state: the minibatch of a policy, else 1. The study rounds its in-flight window up
    to a multiple of it."""

    def ask(self, trial: int) -> Proposal:
        """Return the proposal of this trial. The study has told the outcomes of trials 0 … trial - in_flight before, in
        order."""
        ...

    def tell(self, trial: int, proposal: Proposal, reward: float | None) -> None:
        """Take the reward of a proposal, or None when its trial has none (failed, diverged, over a limit). Called in trial
        order."""
        ...

    def take_over(self, earlier: Sequence[EarlierTrial]) -> None:
        """Take what an earlier search measured: called once, before the first `ask`, where the factory's `earlier` says what
        becomes of it."""
        ...


@runtime_checkable
class LegibleStrategy(Strategy, Protocol):
    """A strategy that shows what it has learned, for reports. Reading changes nothing."""

    reading: str
    """Words for what `read` returns, such as "the population"."""

    def read(self, trial: int) -> Sequence[Proposal]:
        """Return proposals that stand for what it knows once it was told this trial and all before: draws from a policy, which
        have a log-probability, or the members of a population."""
        ...


@runtime_checkable
class FixedStrategy(Strategy, Protocol):
    """A strategy whose proposals are a function of seed and trial alone. The study waits for no outcome before it asks for the
    next one: only that no more than `in_flight` trials are open."""

    learns_nothing: Literal[True]


class StrategyFactory(Protocol):
    """A strategy by its registered name: the class itself, or a value that makes strategies.

    What a strategy can do is declared here, as plain attributes of the class, so that nothing else has to know it by name.
    """

    @property
    def summary(self) -> str:
        """One line that describes the part to a user."""
        ...

    @property
    def settings(self) -> type[Struct]:
        """The type of its resolved constants. `core.settings.NoOptions` for a strategy without any."""
        ...

    @property
    def starts_from_genotypes(self) -> bool:
        """Return whether it has a setting `start_from`, a list of genotypes to begin with, which `--start-from` fills."""
        ...

    @property
    def earlier(self) -> str:
        """Return in words, to be read behind "it", what it does with trials that an earlier search measured (`--start-from
        RUN`); an empty text for a strategy that takes none."""
        ...

    @property
    def small_spaces_only(self) -> bool:
        """Return whether it visits every genotype of a space, and refuses spaces with more genotypes than the study has
        trials."""
        ...

    @property
    def draws(self) -> bool:
        """Return whether its proposals depend on the seed."""
        ...

    def resolve(self, trials: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all constants of the strategy for a study of this many trials: the given ones checked (UserError with "did you
        mean"), the others by the strategy's documented rule. The study records the result, so a later change of rule or budget
        cannot change a recorded study.
        """
        ...

    def __call__(self, space: SearchSpace, *, seed: int, settings: Mapping[str, Any]) -> Strategy:
        """Make a fresh strategy with resolved settings."""
        ...


class EvaluatorSetup(Struct, frozen=True, forbid_unknown_fields=True):
    """Plain data from which a worker builds an evaluator: the evaluator's name and settings, the space, the child with one
    role open (a `values.child.Child`; None where nothing is trained), and what stands there in the stage `baseline` (a
    `values.child.Filling`; None where there is none).

    `timings` is the `values.timings.TimingTable` that the process of the evaluator chooses forms of convolution by; None leaves
    it that of its machine."""

    evaluator: EvaluatorSpec
    space: SpaceReference
    child: dict[str, Any] | None = None
    baseline: dict[str, Any] | None = None
    timings: dict[str, Any] | None = None


class Evaluator(Protocol):
    """Measures children. Lives in a worker process; built once from an `EvaluatorSetup`."""

    def evaluate(self, task: Task) -> Measurement:
        """Train and score the child of this task.

        Raises `Diverged` when loss or score stop being finite; any other exception makes the trial `failed`.
        """
        ...


class GroupEvaluator(Evaluator, Protocol):
    """An evaluator that measures several children at once, because one program serves them all."""

    def evaluate_group(self, tasks: Sequence[Task]) -> Sequence[Measurement | Exception]:
        """Return, for each task, the measurement that `evaluate` would return or the exception that it would raise."""
        ...


class EvaluationRequest(Struct, frozen=True, kw_only=True):
    """The question that an evaluator answers when a study is planned.

    `given` are the flags that the user gave, by name; `options` are those of `--evaluator-option`. `child` is None unless the
    evaluator trains. `data_needed` is False where only a plan is wanted.
    """

    space: SearchSpace
    child: Any
    data_needed: bool
    epochs: int
    accelerated: bool
    given: Mapping[str, Any]
    options: Mapping[str, Any]


class SecondsEstimate(Struct, frozen=True, kw_only=True):
    """Estimated seconds of one core for the children of a study.

    `start` is what each worker takes before its first child, `training` what all children take whose programs are compiled,
    `compiling` what compiling for them takes with an empty cache.
    """

    start: float
    training: float
    compiling: float


class EvaluatorFactory(Protocol):
    """The planning half of an evaluator, found by its registered name. Importing its module imports no JAX.

    Its functions take the setup of a study whose settings are resolved.
    """

    summary: str
    """One line for people who look around."""

    trains: bool
    """Whether children are trained: then a study has a child, with flags for its problem and roles."""

    trains_baseline: bool
    """Whether it measures what stands in `EvaluatorSetup.baseline`, in tasks of the stage of that name."""

    instant: bool
    """Whether it answers faster than a worker process could be asked."""

    unused: tuple[str, ...]
    """Flags of all searches that mean nothing to it."""

    flags: tuple[Flag, ...]
    """Flags of its own."""

    options: type[Struct]
    """The type of what `--evaluator-option` gives: planning refuses what is no field of it, or does not fit one.
    `core.settings.NoOptions` for an evaluator without any."""

    settings: type[Struct]
    """The type of its resolved settings, which a study records: a resumed study is refused where they no longer fit."""

    @staticmethod
    def resolve(request: EvaluationRequest) -> dict[str, Any]:
        """Return all of the evaluator's own settings as plain data. Raises UserError for whatever does not fit."""
        ...

    @staticmethod
    def check(setup: EvaluatorSetup) -> None:
        """Raise DataError where data or table are no longer those that the study was started with."""
        ...

    @staticmethod
    def prepare(setup: EvaluatorSetup, report: Report) -> None:
        """Make what all workers share, once for a study. A resumed study calls this again and takes what is already there."""
        ...

    @staticmethod
    def together(settings: Mapping[str, Any]) -> int:
        """Return how many consecutive trials make one task of a worker. With more than 1 the evaluator is a
        `GroupEvaluator`."""
        ...

    @staticmethod
    def noisy(settings: Mapping[str, Any]) -> bool:
        """Return whether a genotype that is measured again, on another seed, has another score."""
        ...

    @staticmethod
    def costs(setup: EvaluatorSetup, space: SearchSpace, genotype: Genotype) -> Costs | None:
        """Return the exact costs of the genotype's child without building it, or None where costs mean nothing."""
        ...

    @staticmethod
    def sizes(setup: EvaluatorSetup, space: SearchSpace) -> Callable[[Genotype], float] | None:
        """Return a function that tells the size of a genotype's child without measuring it, in any unit, such as multiply-adds;
        None where none is known. `--warm-start costs` begins with the largest."""
        ...

    @staticmethod
    def describe(setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype]) -> Iterator[tuple[str, str]]:
        """Yield rows of the plan, each a name and words, about how children are measured; `genotypes` are samples of the
        search."""
        ...

    @staticmethod
    def seconds(
        setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype], *, trials: int, epochs: int
    ) -> SecondsEstimate | None:
        """Estimate what so many trials take; `genotypes` are samples of them. Return None where nothing is known."""
        ...

    def __call__(self, setup: EvaluatorSetup) -> Evaluator:
        """Make the evaluator, in a worker."""
        ...


class Executor(Protocol):
    """Decides where evaluators run. It takes plain tasks and gives back plain outcomes, in any order."""

    def submit(self, *tasks: Task) -> None:
        """Accept tasks that one worker does together, and return at once."""
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
    """Raised for a child whose loss or score is no longer finite: a property of the proposal, reported as status `diverged`."""


class NoResult(Diverged):
    """Says that an evaluator has no result for a genotype, such as one that a table lacks.

    The trial has the status `diverged`, so that the search goes on, and is counted under `reason`: a few words such as "not in
    the table". The message is the same for all such genotypes and names the next step.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def canonical(genotype: Genotype) -> str:
    """Return the genotype as text, which is a key for child seeds and for finished evaluations.

    >>> canonical((0, 3, 1))
    '0.3.1'
    """
    return ".".join(map(str, genotype))
