"""Messages between strategy, study, executor and evaluator: plain frozen data that JSON can hold."""

import math
from enum import StrEnum
from typing import Any

from msgspec import Struct

from automl_cli.core.decisions import Genotype


class Status(StrEnum):
    """End of a trial. All but `ok` tell the strategy no reward.

    `diverged` and `over-limit` are properties of the proposal and never count towards `--max-failures`.
    """

    OK = "ok"
    DIVERGED = "diverged"
    OVER_LIMIT = "over-limit"
    FAILED = "failed"
    OUT_OF_MEMORY = "out-of-memory"
    TIMEOUT = "timeout"
    KILLED = "killed"


class Stage(StrEnum):
    """`search`: the trials a strategy proposes. `retrain`: the best of them, trained longer on new seeds (`--retrain-top`).
    `baseline`: what people would have made by hand, trained as those are; the genotype of such a task is empty."""

    SEARCH = "search"
    RETRAIN = "retrain"
    BASELINE = "baseline"


class Proposal(Struct, frozen=True):
    """A genotype that a strategy asks to have measured.

    `log_probability` is that of the genotype under the policy it was drawn from, where the strategy has one. It stands in the
    `asked` record, so an importance ratio never depends on recomputing an old policy. A `replicate` above 0 measures a genotype
    again, on its seed of that number.
    """

    genotype: Genotype
    log_probability: float | None = None
    replicate: int = 0


class Task(Struct, frozen=True, forbid_unknown_fields=True):
    """One child to be measured. `seed` fixes its initial weights and the order of its data."""

    trial: int
    genotype: Genotype
    seed: int
    epochs: int
    stage: Stage = Stage.SEARCH


class EvaluatorSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """The evaluator that measures children: its registered name, and its own settings as plain data."""

    name: str
    settings: dict[str, Any] = {}


class Measurement(Struct, frozen=True, forbid_unknown_fields=True):
    """The result of an evaluator: one validation score per epoch (or one in all), and named counts and metrics.

    Raises ValueError for a score or metric that is not finite: such a trial is `diverged`, and JSON has no NaN.
    """

    scores: tuple[float, ...]
    metrics: dict[str, int | float] = {}

    def __post_init__(self) -> None:
        if not self.scores:
            raise ValueError("a measurement needs at least one score")
        for name, value in [*(("score", score) for score in self.scores), *self.metrics.items()]:
            if not math.isfinite(value):
                raise ValueError(f"{name} is {value}; a measurement holds finite numbers only")


class Outcome(Struct, frozen=True, forbid_unknown_fields=True):
    """End of a task. `measurement` is there exactly when the status is ok; `message` says what went wrong otherwise.

    `seconds` is wall-clock time: it goes into the journal and never into an artifact. `reason` are words that trials are
    counted under where the status says too little, such as "not in the table".
    """

    status: Status
    measurement: Measurement | None = None
    message: str = ""
    seconds: float = 0.0
    worker: str = ""
    reason: str = ""

    @property
    def ending(self) -> str:
        """Return the end of the task in the words that trials are counted under."""
        return self.reason or self.status.value

    def __post_init__(self) -> None:
        if (self.status is Status.OK) != (self.measurement is not None):
            raise ValueError(f"a trial has a measurement exactly when it is ok; this one is {self.status}")


class Trial(Struct, frozen=True):
    """One genotype with its outcome. `reused` is the earlier trial whose outcome this one took, if any. In a ranking,
    `replicates` are the other trials of the genotype that have a score, on seeds of their own (`--replicates`)."""

    task: Task
    proposal: Proposal
    outcome: Outcome
    reused: int | None = None
    replicates: tuple["Trial", ...] = ()

    @property
    def number(self) -> int:
        """Return the number of the trial."""
        return self.task.trial


class Costs(Struct, frozen=True, forbid_unknown_fields=True):
    """Exact size of something trained: its trainable parameters, and its multiply-adds for one example."""

    parameters: int
    multiply_adds: int


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """Upper bounds that are checked before a child is trained; None means no bound."""

    max_parameters: int | None = None
    max_multiply_adds: int | None = None

    def excess(self, costs: Costs) -> str:
        """Return in words which bound the costs exceed, or an empty text when they exceed none.

        >>> Limits(max_parameters=1000).excess(Costs(parameters=1200, multiply_adds=5))
        '1,200 parameters, and at most 1,000 are allowed'
        """
        for name, cost, bound in (
            ("parameters", costs.parameters, self.max_parameters),
            ("multiply-adds", costs.multiply_adds, self.max_multiply_adds),
        ):
            if bound is not None and cost > bound:
                return f"{cost:,} {name}, and at most {bound:,} are allowed"
        return ""


class Cluster(Struct, frozen=True, forbid_unknown_fields=True):
    """Address of the cluster that `--executor ray` computes on, and the cores and GPUs that Ray sets aside for each worker.

    `address` is None for the cluster that the environment names (RAY_ADDRESS) or, without one, a cluster of this machine alone
    that is started for the search and ends with it. A share of a GPU is given as a fraction. None of it changes a result.
    """

    address: str | None = None
    child_cpus: int = 1
    child_gpus: float = 0.0

    def room(self, cpus: float, gpus: float) -> int:
        """Return how many workers fit into so many cores and GPUs of one machine.

        >>> Cluster(child_cpus=2).room(9, 0), Cluster(child_cpus=4, child_gpus=0.5).room(32, 2)
        (4, 4)
        """
        room = int(cpus // self.child_cpus)
        return min(room, int(gpus / self.child_gpus + 1e-9)) if self.child_gpus else room
