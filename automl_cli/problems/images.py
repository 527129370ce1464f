"""Image classification: arrays prepared once, or pictures of any size decoded on demand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import by_times
from automl_cli.core.protocols import Report
from automl_cli.plugins.roles import typed_dataset, typed_facts
from automl_cli.problems.image_flags import FLAGS
from automl_cli.problems.image_learning import (
    ImageLearningTask,
    Preparation,
    contents_of_split,
    examples_of,
    is_streamed,
    moments_of,
)
from automl_cli.values.child import Child
from automl_cli.values.dataset import FEW_TO_VALIDATE, IMAGES, DatasetReference, ImageFacts, reference_for

if TYPE_CHECKING:
    from automl_cli.children.learning import Testing
    from automl_cli.data import ImageSplit, StreamedSplit
    from automl_cli.nn.evaluation import EvaluationExamples
    from automl_cli.nn.metrics import Metric

TOP_K = 5
"""k of the top-k accuracy on the test split, which is reported for data sets of more than k classes."""


class Images:
    """The problem of image classification (`core.problem.Problem`). Its data sets are `values.dataset.DatasetReference`s."""

    name = IMAGES
    dataset_type = DatasetReference
    facts_type = ImageFacts
    flags = FLAGS

    def dataset(self, given: Mapping[str, Any], start: DatasetReference) -> DatasetReference:
        """Return the data set that the flags choose. Another source starts from its own defaults, except for the metric."""
        source = given.get("dataset", start.source)
        before = start if source == start.source else DatasetReference(source=source, metric=start.metric)
        changed = {
            field: value for field in ("data_dir", "train_examples", "folds") if (value := given.get(field.replace("_", "-")))
        }
        changed |= {row.attribute: row.as_recorded(given[row.name]) for row in FLAGS if given.get(row.name) is not None}
        return msgspec.convert({**msgspec.to_builtins(before), **changed}, DatasetReference)

    def other(self, dataset: DatasetReference, facts: ImageFacts, source: str) -> DatasetReference:
        """Return another source, with images of the shape in the facts, and read as those of `dataset` are."""
        from automl_cli.data.opening import holds_arrays

        read: dict[str, Any] = {"resize": dataset.resize, "background": dataset.background, "skip_broken": dataset.skip_broken}
        if holds_arrays(source):
            read |= {"layout": dataset.layout, "pixel_range": dataset.pixel_range}
        return msgspec.structs.replace(reference_for(source, facts.image_shape), **read)

    def facts(self, dataset: DatasetReference, *, needed: bool = True, whole: bool = False) -> ImageFacts:
        """Return the facts of a data set without decoding an image.

        Unless `needed`, published facts stand in for an absent data set. With `whole` all examples are to be tested on, so
        that even a set too small to be split has facts. Raises DataError if there are no facts.
        """
        from automl_cli.data import image_facts, whole_facts
        from automl_cli.data.target import target_of

        if whole:
            return whole_facts(dataset)
        return image_facts(dataset, identified=True) if needed else target_of(dataset).facts

    def account(self, dataset: DatasetReference) -> tuple[str, ...]:
        """Return what was read of the images, and what was done to them; nothing where they are not here."""
        from automl_cli.data.account import account_if_here

        return account_if_here(dataset)

    def check_alike(self, source: str, facts: ImageFacts, trained: ImageFacts) -> None:
        """Check that image shape and classes are those the model was trained on. Raises DataError if not."""
        if facts.image_shape != trained.image_shape:
            sizes = (by_times(shape) for shape in (facts.image_shape, trained.image_shape))
            raise DataError("the images of {} are {}, the model takes {}".format(source, *sizes))
        if facts.classes != trained.classes:
            raise DataError(
                f"the classes of {source} ({_abbreviated(facts.classes)}) are not those of the model "
                f"({_abbreviated(trained.classes)})"
            )

    def check(self, child: Child) -> None:
        """Check that the augmentation can read the data set. Raises DataError if it is too large for arrays, or has no
        pictures to stream."""
        from automl_cli.data import check_source

        dataset = typed_dataset(child.problem)
        check_source(dataset, streamed=is_streamed(child))

    def doubts(self, dataset: DatasetReference, facts: ImageFacts) -> Iterator[str]:
        """Yield the advice to cross-validate where few examples validate."""
        if dataset.folds == 1 and facts.validation_examples < FEW_TO_VALIDATE:
            error = 0.5 / facts.validation_examples**0.5
            yield (
                f"{facts.validation_examples:,} examples validate, so that a score has a standard error of up to {error:.0%}; "
                "--folds 5 has all training examples validate in turn, and takes five times as long"
            )

    def prepare(self, child: Child, report: Report) -> None:
        """Write the arrays to the cache, for all workers to map; streamed pictures need no preparation.

        All pictures that cannot be read are named first, on a resumed search too, whose files may have changed.
        """
        from automl_cli.data import load_images

        self.check(child)
        dataset = typed_dataset(child.problem)
        for fold in range(0 if is_streamed(child) else dataset.folds):
            load_images(dataset, report, fold=fold)

    def open(
        self, child: Child, *, with_validation: bool = False, report: Report | None = None, fold: int = 0
    ) -> ImageLearningTask:
        """Open the training and validation examples, of several folds those where `fold` validates; `with_validation` adds the
        validation examples to the training ones."""
        from automl_cli.data import load_images, load_streamed

        data = (load_streamed if is_streamed(child) else load_images)(typed_dataset(child.problem), report, fold=fold)
        return ImageLearningTask(child, data.merged() if with_validation else data)

    def test(self, child: Child, preparation: Preparation, *, whole: bool = False) -> Testing:
        """Open the test split, prepared like the training data; with `whole` all examples of the set, of every part. For the
        final command only."""
        from automl_cli.children.learning import Testing
        from automl_cli.children.prediction import largest_batch
        from automl_cli.nn.metrics import Accuracy, BalancedAccuracy, Confusion, TopAccuracy

        facts = typed_facts(child.problem)
        split, classes = _tested(child, whole=whole), len(facts.classes)
        metrics: dict[str, Metric] = {"test_accuracy": Accuracy()}
        if classes > TOP_K:
            metrics[f"test_top{TOP_K}_accuracy"] = TopAccuracy(TOP_K)
        metrics["test_balanced_accuracy"] = BalancedAccuracy(classes)

        def examples(*, size: int | None, smaller: bool) -> EvaluationExamples:
            largest = largest_batch(facts.image_shape) if size is None else size
            return examples_of(split, child, moments_of(preparation), largest_batch=largest, smaller=smaller)

        return Testing(
            size=len(split),
            examples=examples,
            metrics=metrics,
            confusion=Confusion(classes),
            contents=lambda: contents_of_split(split),
        )


def _tested(child: Child, *, whole: bool) -> ImageSplit | StreamedSplit:
    """Return the test split of a child's data set, or all of the set."""
    from automl_cli.data import load_all, load_streamed_all, load_streamed_test, load_test_split

    dataset = typed_dataset(child.problem)
    if is_streamed(child):
        return load_streamed_all(dataset) if whole else load_streamed_test(dataset)
    return load_all(dataset) if whole else load_test_split(dataset)


def _abbreviated(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (f", … {len(names)} in all" if len(names) > 4 else "")


PROBLEM = Images()
