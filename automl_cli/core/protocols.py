"""What stands around a study: strategies, evaluators, executors. They know nothing of each other; the study joins them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from automl_cli.core.decisions import Genotype
from automl_cli.core.flags import Flag
from automl_cli.core.spaces import SearchSpace, SpaceReference
from automl_cli.core.trials import Costs, EvaluatorSpec, Measurement, Outcome, Proposal, Task

Report = Callable[[int, int], None]
"""Called with (how much is prepared, how much in all) while something is prepared for the first time."""


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
    """What a strategy's registered name stands for: the class itself, or a value that makes strategies.

    What a strategy can do is declared here, as plain attributes of the class, so that nothing else has to know it by name.
    """

    @property
    def summary(self) -> str:
        """What it does, in one line."""
        ...

    @property
    def settings(self) -> type[Struct]:
        """The type of its resolved constants. `core.settings.NoOptions` for a strategy without any."""
        ...

    @property
    def starts_from_genotypes(self) -> bool:
        """Whether it has a setting `start_from`, a list of genotypes to begin with, which `--start-from` fills."""
        ...

    @property
    def small_spaces_only(self) -> bool:
        """Whether it visits every genotype of a space, and refuses spaces with more genotypes than the study has trials."""
        ...

    @property
    def draws(self) -> bool:
        """Whether its proposals depend on the seed."""
        ...

    def resolve(self, trials: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """All constants of the strategy for a study of this many trials: the given ones checked (UserError with "did you
        mean"), the others by the strategy's documented rule. The study records the result, so a later change of rule or budget
        cannot change a recorded study.
        """
        ...

    def __call__(self, space: SearchSpace, *, seed: int, settings: Mapping[str, Any]) -> Strategy:
        """A fresh strategy with resolved settings."""
        ...


class EvaluatorSetup(Struct, frozen=True, forbid_unknown_fields=True):
    """All that a worker builds an evaluator from, as plain data: which one with its own settings, the space, and the child with
    one role open (a `values.child.Child`; None where nothing is trained)."""

    evaluator: EvaluatorSpec
    space: SpaceReference
    child: dict[str, Any] | None = None


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
        """What `evaluate` would give or raise, for each task."""
        ...


class EvaluationRequest(Struct, frozen=True, kw_only=True):
    """What is asked of an evaluator when a study is planned.

    `given` are the flags that were said, by name; `options` what was given with `--evaluator-option`. `child` is None unless
    the evaluator trains. Where only a plan is wanted, data need not be here.
    """

    space: SearchSpace
    child: Any
    data_needed: bool
    epochs: int
    executor: str
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
    """What an evaluator's registered name stands for: its planning half. Importing its module imports no JAX.

    The setup that its functions are given is that of a study with resolved settings.
    """

    summary: str
    """One line for people who look around."""

    trains: bool
    """Whether children are trained: then a study has a child, with flags for its problem and roles."""

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
        """All settings of its own, as plain data. UserError for whatever does not fit, before any child is measured."""
        ...

    @staticmethod
    def check(setup: EvaluatorSetup) -> None:
        """Raises DataError where what children are measured with is no longer what the study was started with."""
        ...

    @staticmethod
    def prepare(setup: EvaluatorSetup, report: Report) -> None:
        """Make, once a study, what all workers share. Called again on every resume; what is there is taken."""
        ...

    @staticmethod
    def together(settings: Mapping[str, Any]) -> int:
        """How many consecutive trials make one task of a worker. With more than 1 the evaluator is a `GroupEvaluator`."""
        ...

    @staticmethod
    def costs(setup: EvaluatorSetup, space: SearchSpace, genotype: Genotype) -> Costs | None:
        """What the child of this genotype costs, exactly, without building it; None where that means nothing."""
        ...

    @staticmethod
    def describe(setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype]) -> Iterator[tuple[str, str]]:
        """Rows of the plan, name and words, about what children are measured with; `genotypes` are samples of the search."""
        ...

    @staticmethod
    def seconds(
        setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype], *, trials: int, epochs: int
    ) -> SecondsEstimate | None:
        """Estimate what so many trials take; `genotypes` are samples of them. Return None where nothing is known."""
        ...

    def __call__(self, setup: EvaluatorSetup) -> Evaluator:
        """The evaluator, in a worker."""
        ...


class Problem(Protocol):
    """What children are trained on and how they are scored: one file of `problems/`, found by listing or from an installed
    package (entry-point group `automl_cli.problems`, value "module:attribute"). Importing it imports no JAX; `open` does.

    `dataset` is always one of its `dataset_type`, with a field `source`; facts are one of its `facts_type`, with the fields
    `train_examples`, `validation_examples` and `test_examples`. Both are plain data.
    """

    name: str
    dataset_type: Any
    facts_type: Any

    flags: tuple[Flag, ...]
    """Flags that say something of its data set; those of several problems with one name mean the same."""

    def dataset(self, given: Mapping[str, Any], start: Any) -> Any:
        """The data set that these flags ask for, over one to start from. UserError for what does not fit."""
        ...

    def facts(self, dataset: Any, *, needed: bool = True) -> Any:
        """What is known of a data set before anything is trained on it. DataError where it is missing or broken; unless it is
        needed, one that is well known need not be here."""
        ...

    def other(self, dataset: Any, facts: Any, source: str) -> Any:
        """Another source in place of the data set, with examples like those that these facts tell of."""
        ...

    def check_alike(self, source: str, facts: Any, trained: Any) -> None:
        """Raises DataError where a model that was trained on data with the latter facts cannot be tested on those."""
        ...

    def check(self, child: Any) -> None:
        """Raises UserError for roles that do not go with the data of this child, in time."""
        ...

    def prepare(self, child: Any, report: Report) -> None:
        """Have ready what all workers read."""
        ...

    def open(self, child: Any, *, with_validation: bool = False, report: Report | None = None) -> Any:
        """The data as children are trained on it: a `children.learning.Learning`. `with_validation` trains on the validation
        examples too."""
        ...

    def test(self, child: Any, preparation: Mapping[str, tuple[float, ...]]) -> Any:
        """The test split, a `children.learning.Testing`, looked at as in the training that had this preparation."""
        ...


class Executor(Protocol):
    """Decides where evaluators run. Takes plain tasks and gives back plain outcomes, in any order."""

    def submit(self, *tasks: Task) -> None:
        """Accept tasks that one worker is to do together; returns at once."""
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
