"""The problem `points`: y = x^3 - x + memory, with x met in order, so that the memory of a batch comes from those before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from automl_cli.core.errors import DataError

SIZES = {"train": 64, "validation": 32, "test": 32}


class PointSet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A curve by name; `train_examples` takes the first of them."""

    source: str
    data_dir: str | None = None
    train_examples: int | None = None


class PointFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many points there are."""

    train_examples: int
    validation_examples: int
    test_examples: int


@dataclass(frozen=True)
class SquaredError:
    """The loss: the mean of the squared differences."""

    def __call__(self, outputs: Any, targets: Any) -> Any:
        return ((outputs - targets) ** 2).mean()


class Points:
    """`core.problem.Problem`."""

    name = "points"
    dataset_type = PointSet
    facts_type = PointFacts
    flags = ()

    def dataset(self, given: Mapping[str, Any], start: PointSet) -> PointSet:
        changed = {"source": given.get("dataset"), "train_examples": given.get("train-examples")}
        return msgspec.structs.replace(start, **{name: value for name, value in changed.items() if value is not None})

    def other(self, dataset: PointSet, facts: PointFacts, source: str) -> PointSet:
        return PointSet(source=source)

    def facts(self, dataset: PointSet, *, needed: bool = True, whole: bool = False) -> PointFacts:
        if dataset.source != "cubic":
            raise DataError(f"unknown points {dataset.source!r}; there is: cubic")
        return PointFacts(
            train_examples=dataset.train_examples or SIZES["train"],
            validation_examples=SIZES["validation"],
            test_examples=SIZES["test"],
        )

    def check_alike(self, source: str, facts: PointFacts, trained: PointFacts) -> None: ...

    def check(self, child: Any) -> None: ...

    def account(self, dataset: PointSet) -> tuple[str, ...]:
        return (f"{dataset.source}: points of a curve",)

    def prepare(self, child: Any, report: Any) -> None:
        report(1, 1)

    def open(self, child: Any, *, with_validation: bool = False, report: Any = None) -> "Lesson":
        return Lesson(child)

    def doubts(self, dataset: Any, facts: Any) -> Iterator[str]:
        return iter(())

    def test(self, child: Any, preparation: Mapping[str, tuple[float, ...]], *, whole: bool = False) -> Any:
        from automl_cli.children.learning import Testing
        from automl_cli.nn.metrics import MeanSquaredError

        def examples(*, size: int | None, smaller: bool) -> Looked:
            return Looked(*points("test", SIZES["test"]), size or SIZES["test"])

        return Testing(size=SIZES["test"], examples=examples, metrics={"test_error": MeanSquaredError()})


class Lesson:
    """`children.learning.Learning`."""

    def __init__(self, child: Any) -> None:
        from automl_cli.nn.metrics import MeanSquaredError

        self.loss = SquaredError()
        self.metric = MeanSquaredError()
        self.preparation: dict[str, tuple[float, ...]] = {}
        self._examples = child.problem.facts["train_examples"]

    def batches(self, child: Any) -> "Shown":
        return Shown(*points("train", self._examples), child.recipe.batch_size)

    def validation(self, child: Any, *, like_training: bool) -> "Looked":
        return Looked(*points("validation", SIZES["validation"]), child.recipe.batch_size)

    def contents(self) -> None: ...


class Shown:
    """Batches in the order of the points, each epoch the same; the memory begins at 0."""

    carry = np.zeros((), np.float32)

    def __init__(self, x: np.ndarray, y: np.ndarray, size: int) -> None:
        self.size = size
        self.steps = len(x) // size
        self._pairs = [(x[at : at + size], y[at : at + size]) for at in range(0, self.steps * size, size)]

    def epoch(self, seed: int, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield from self._pairs


class Looked:
    """The same for scoring."""

    carry = np.zeros((), np.float32)

    def __init__(self, x: np.ndarray, y: np.ndarray, size: int) -> None:
        self._x, self._y, self._size = x, y, size

    def batches(self) -> Iterator[Any]:
        from automl_cli.nn.evaluation import EvaluationBatch

        for at in range(0, len(self._x), self._size):
            yield EvaluationBatch(self._x[at : at + self._size], self._size, self._y[at : at + self._size])


def points(part: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y, float32 (count,)."""
    x = np.random.default_rng(sorted(SIZES).index(part)).uniform(-1, 1, count).astype(np.float32)
    return x, (x**3 - x).astype(np.float32)


PROBLEM = Points()
