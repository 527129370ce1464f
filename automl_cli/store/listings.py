"""The document of `automl report DIRECTORY --json`, where the directory is no run but holds runs."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from automl_cli.core.rewards import Direction
from automl_cli.store.reports import RunState

Count = Annotated[int, Meta(ge=0)]
What = Literal["search", "training", "comparison"]


class ListedRun(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run of a list; the `repeats` of a search are one.

    `subject` is the space of a search, the network of a training, the role of a comparison. `kind` is that of what is found,
    None for a space that is not known here. `done` of `planned` are trials, epochs of a training, or trainings of a comparison,
    of all repeats together. `score` is the best validation score of a search (the mean over its repeats), or the last one of a
    training; `better` says which of two is. `test_score` is that of the model named `test_name`: the training's own, or of a
    search that of the model trained from its winner last, in `trained_as`. `written_at` is in seconds since 1970.

    `problem` says why a run cannot be read; then no figure is known of it.
    """

    name: str
    path: str
    what: What
    command: str = ""
    subject: str = ""
    kind: str | None = None
    strategy: str | None = None
    dataset: str | None = None
    metric: str = ""
    seed: int | None = None
    repeats: Count = 1
    done: Count = 0
    planned: Count = 0
    score: float | None = None
    better: Direction = "higher"
    test_score: float | None = None
    test_name: str | None = None
    trained_as: str | None = None
    state: RunState | Literal["unreadable"]
    written_at: float
    age_seconds: float
    problem: str | None = None


class RunList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The runs below some directories, those on one data set together, the best first."""

    directories: tuple[str, ...]
    runs: tuple[ListedRun, ...]
