"""What parent and worker say to each other: one line of JSON each, the same structures on both sides."""

from msgspec import Struct

from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import Outcome


class Setup(Struct, frozen=True):
    """The first line a worker reads: who it is, whose child and what evaluator it builds."""

    name: str
    parent: int
    evaluator: EvaluatorSetup


class Ready(Struct, frozen=True, tag="ready"):
    """The evaluator is built; tasks may come."""


class Unusable(Struct, frozen=True, tag="unusable"):
    """The evaluator could not be built; the worker ends."""

    message: str


class Done(Struct, frozen=True, tag="done"):
    """How the tasks ended that were given together, in their order, and how much memory the worker holds since."""

    outcomes: tuple[Outcome, ...]
    resident_bytes: int


Message = Ready | Unusable | Done
