"""Score a genotype by a formula, without data, JAX or training: the test double, which fails in every way on request.

For the tests of studies and executors, and for trying strategies on functions whose optimum is known.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from automl_cli.core.decisions import DecisionList, Genotype
from automl_cli.core.flags import Flag
from automl_cli.core.protocols import Diverged, EvaluationRequest, EvaluatorSetup, Report, SecondsEstimate, canonical
from automl_cli.core.settings import settle
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Costs, Measurement, Task
from automl_cli.plugins.discovery import open_space

Fault = Literal["raise", "diverge", "memory", "xla-memory", "allocate", "kill", "crash", "exit", "hang", "print"]


class AnalyticSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the test double. `faults` names genotypes as `protocols.canonical` writes them."""

    function: Annotated[
        Literal["one-max", "leading-ones", "constant"], Meta(description="The formula; its highest value is 1.")
    ] = "one-max"
    noise: Annotated[float, Meta(ge=0, description="Standard deviation of a Gaussian added to every score.")] = 0.0
    seconds: Annotated[float, Meta(ge=0, description="Seconds that every evaluation sleeps.")] = 0.0
    group: Annotated[int, Meta(ge=1, description="Trials that make one task of a worker.")] = 1
    faults: Annotated[dict[str, Fault], Meta(description="By genotype, the fault that happens in its place.")] = {}


class AnalyticEvaluator:
    """Epoch e of n scores f(genotype) * (1 - 2^-e) + noise, cut to [0, 1]. The highest f is 1, reached by the last choices."""

    summary = "Scores a genotype by a formula: for trying strategies where the optimum is known."
    trains = False
    instant = True
    unused: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    options = AnalyticSettings
    settings = AnalyticSettings

    @staticmethod
    def resolve(request: EvaluationRequest) -> dict[str, Any]:
        """Return what `--evaluator-option` gives, over the defaults. Raises UserError for what does not fit."""
        settled = settle(AnalyticSettings, request.options, owner="evaluator analytic", sources={"given": {}})
        return dict(msgspec.to_builtins(settled))

    @staticmethod
    def check(setup: EvaluatorSetup) -> None:
        """Do nothing: a formula does not change."""

    @staticmethod
    def prepare(setup: EvaluatorSetup, report: Report) -> None:
        """Do nothing: a formula needs no data."""

    @staticmethod
    def together(settings: Mapping[str, Any]) -> int:
        """Return the number of trials that make one task, as the settings say."""
        return int(settings["group"])

    @staticmethod
    def noisy(settings: Mapping[str, Any]) -> bool:
        """Return whether noise was asked for."""
        return bool(settings["noise"])

    @staticmethod
    def costs(setup: EvaluatorSetup, space: SearchSpace, genotype: Genotype) -> Costs | None:
        """Return None: a formula has no parameters."""
        return None

    @staticmethod
    def sizes(setup: EvaluatorSetup, space: SearchSpace) -> Callable[[Genotype], float] | None:
        """Return None: a formula has no parameters."""
        return None

    @staticmethod
    def describe(setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype]) -> Iterator[tuple[str, str]]:
        """Yield the name of the formula."""
        yield "measured by", f"the formula {setup.evaluator.settings['function']}"

    @staticmethod
    def seconds(
        setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype], *, trials: int, epochs: int
    ) -> SecondsEstimate | None:
        """Return None: no child takes long enough to be worth an estimate."""
        return None

    def __init__(self, setup: EvaluatorSetup) -> None:
        self._settings = msgspec.convert(setup.evaluator.settings, AnalyticSettings)
        self._decisions = open_space(setup.space).decisions

    def evaluate(self, task: Task) -> Measurement:
        """Return the scores by the formula, or fail as the settings ask for."""
        if self._settings.seconds:
            time.sleep(self._settings.seconds)
        if fault := self._settings.faults.get(canonical(task.genotype)):
            _FAULTS[fault]()
        value = _FUNCTIONS[self._settings.function](self._decisions, task.genotype)
        random = Random(task.seed)
        scores = (value * (1 - 2.0**-epoch) + random.gauss(0.0, self._settings.noise) for epoch in range(1, task.epochs + 1))
        return Measurement(scores=tuple(min(1.0, max(0.0, score)) for score in scores))

    def evaluate_group(self, tasks: Sequence[Task]) -> Sequence[Measurement | Exception]:
        """Return the outcome of each task, as `evaluate` gives it."""
        return [self._outcome(task) for task in tasks]

    def _outcome(self, task: Task) -> Measurement | Exception:
        try:
            return self.evaluate(task)
        except Exception as error:  # noqa: BLE001  the fault of one of the group
            return error


def one_max(decisions: DecisionList, genotype: Genotype) -> float:
    """Return the mean over the live decisions of index / (choices - 1)."""
    pairs = zip(genotype, decisions.decisions, strict=False)
    return sum(index / max(1, len(decision.choices) - 1) for index, decision in pairs) / len(genotype)


def leading_ones(decisions: DecisionList, genotype: Genotype) -> float:
    """Return the share of the live decisions before the first one that is not at its last choice."""
    pairs = zip(genotype, decisions.decisions, strict=False)
    at_last = [index == len(decision.choices) - 1 for index, decision in pairs]
    return (at_last.index(False) if False in at_last else len(at_last)) / len(genotype)


def constant(decisions: DecisionList, genotype: Genotype) -> float:
    """Return 1 for every genotype, so that all trials tie."""
    return 1.0


_FUNCTIONS: dict[str, Callable[[DecisionList, Genotype], float]] = {
    "one-max": one_max,
    "leading-ones": leading_ones,
    "constant": constant,
}


def _raise(error: Exception) -> None:
    raise error


def _allocate() -> None:
    """Take memory, and use it, until somebody ends this process."""
    held: list[bytearray] = []
    while True:
        held.append(bytearray(b"x") * 2**23)
        time.sleep(0.002)


_FAULTS: dict[Fault, Callable[[], Any]] = {
    "raise": lambda: _raise(RuntimeError("the child broke")),
    "diverge": lambda: _raise(Diverged("loss is nan in epoch 1")),
    "memory": lambda: _raise(MemoryError()),
    "xla-memory": lambda: _raise(RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8589934592 bytes.")),
    "allocate": _allocate,
    "crash": lambda: signal.raise_signal(signal.SIGSEGV),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: (print("last words", flush=True), os._exit(3)),  # noqa: T201
    "hang": lambda: time.sleep(3600),
    "print": lambda: print("chatter of a library", flush=True),  # noqa: T201
}
