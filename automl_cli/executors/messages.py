"""Messages between parent and worker: one line of JSON each, the same structures on both sides."""

from msgspec import Struct

from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import Outcome


class Setup(Struct, frozen=True):
    """First line that a worker reads: its name, the process id of its parent, and the setup of its evaluator."""

    name: str
    parent: int
    evaluator: EvaluatorSetup


class Ready(Struct, frozen=True, tag="ready"):
    """Report of a worker that its evaluator is built and tasks may come."""


class Unusable(Struct, frozen=True, tag="unusable"):
    """Last words of a worker whose evaluator could not be built."""

    message: str


class Done(Struct, frozen=True, tag="done"):
    """Outcomes of the tasks that were given together, in their order, and the memory that the worker holds."""

    outcomes: tuple[Outcome, ...]
    resident_bytes: int


Message = Ready | Unusable | Done
