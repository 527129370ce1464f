"""Image classification: arrays prepared once, or pictures of any size decoded on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import by_times
from automl_cli.core.protocols import Report
from automl_cli.plugins.roles import built_by, typed_dataset, typed_facts, value_of
from automl_cli.problems.image_flags import FLAGS
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.child import Child
from automl_cli.values.dataset import FEW_TO_VALIDATE, IMAGES, DatasetReference, ImageFacts, reference_for

if TYPE_CHECKING:
    import numpy as np
    from jax import Array

    from automl_cli.children.augmentation import ImageAugmentation
    from automl_cli.children.learning import Testing
    from automl_cli.data import ImageData, ImageSplit, StreamedData, StreamedSplit
    from automl_cli.nn.augment.batches import Batches
    from automl_cli.nn.evaluation import EvaluationExamples
    from automl_cli.nn.fit import TrainingBatches
    from automl_cli.nn.losses import Loss
    from automl_cli.nn.metrics import Metric
    from automl_cli.nn.streaming import StreamedBatches

Preparation = Mapping[str, tuple[float, ...]]
"""`mean` and `std` of each channel of the training images."""

TOP_K = 5
"""k of the top-k accuracy on the test split, which is reported for data sets of more than k classes."""


class Images:
    """The problem of image classification (`core.protocols.Problem`). Its data sets are `values.dataset.DatasetReference`s."""

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
        return image_facts(dataset) if needed else target_of(dataset).facts

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
        """Check that the augmentation can read the data set. Raises DataError if it is too large for arrays, has no pictures to
        stream, or has pixels that a policy cannot change."""
        from automl_cli.data import check_bytes, check_source

        dataset, augmentation = typed_dataset(child.problem), _augmentation(child)
        check_source(dataset, streamed=is_streamed(child))
        if augmentation is not None and augmentation.policy is not None:
            check_bytes(dataset)

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
            return _examples(split, child, _moments(preparation), largest_batch=largest, smaller=smaller)

        return Testing(
            size=len(split),
            examples=examples,
            metrics=metrics,
            confusion=Confusion(classes),
            contents=lambda: _contents(split),
        )


def _tested(child: Child, *, whole: bool) -> ImageSplit | StreamedSplit:
    """Return the test split of a child's data set, or all of the set."""
    from automl_cli.data import load_all, load_streamed_all, load_streamed_test, load_test_split

    dataset = typed_dataset(child.problem)
    if is_streamed(child):
        return load_streamed_all(dataset) if whole else load_streamed_test(dataset)
    return load_all(dataset) if whole else load_test_split(dataset)


class ImageLearningTask:
    """Training and validation images, on the device or streamed to it (`children.learning.LearningTask`)."""

    def __init__(self, child: Child, data: ImageData | StreamedData) -> None:
        from automl_cli.nn import losses
        from automl_cli.nn.metrics import Accuracy, BalancedAccuracy

        dataset, recipe = typed_dataset(child.problem), child.recipe
        balanced = dataset.metric == "balanced-accuracy"
        counts = tuple(map(int, data.class_counts)) if balanced or dataset.class_weights == "balanced" else None
        cross_entropy = losses.CrossEntropy(counts, smoothing=recipe.label_smoothing)
        self.loss: Loss = losses.WithAuxiliary(cross_entropy, recipe.auxiliary_weight)
        self.metric: Metric = BalancedAccuracy(len(data.facts.classes)) if balanced else Accuracy()
        self.preparation = {"mean": tuple(map(float, data.mean)), "std": tuple(map(float, data.std))}
        self._data = data
        self._made: dict[object, tuple[object, Any]] = {}
        """By purpose, what was made last and for what."""

    def batches(self, child: Child) -> TrainingBatches:
        """Return the training batches, augmented by the child's augmentation. Children that differ in their policies share the
        arrays.

        Raises DataError if the data were not opened for this augmentation.
        """
        augmentation, size = augmentation_of(child), child.recipe.batch_size
        shared = self._made_once("batches", (augmentation.pipeline, size), lambda: self._batches(augmentation, size))
        batches: TrainingBatches = shared.with_policy(augmentation.policy(self._data.facts.image_shape))
        return batches

    def validation(self, child: Child, *, like_training: bool) -> EvaluationExamples:
        """Return the validation examples, in the evaluation view of the child's augmentation."""
        from automl_cli.children.prediction import largest_batch

        def make() -> EvaluationExamples:
            size = self.batches(child).size if like_training else largest_batch(self._data.facts.image_shape)
            moments = (self._data.mean, self._data.std)
            return _examples(self._data.validation, child, moments, largest_batch=size, smaller=not like_training)

        made_for = augmentation_of(child).view, child.recipe.batch_size
        examples: EvaluationExamples = self._made_once(("validation", like_training), made_for, make)
        return examples

    def contents(self) -> np.ndarray | None:
        """Return a digest of each training image, (examples,) uint64; None where pictures are streamed."""
        return _contents(self._data.train)

    def _batches(self, augmentation: ImageAugmentation, size: int) -> Batches | StreamedBatches:
        from automl_cli.data import StreamedData
        from automl_cli.nn.augment.batches import Batches
        from automl_cli.nn.streaming import StreamedBatches

        data, pipeline = self._data, augmentation.pipeline
        if isinstance(data, StreamedData) != augmentation.value.streamed:
            raise DataError(f"augmentation {augmentation.value.baseline!r} does not go with {type(data).__name__}")
        moments = data.mean, data.std
        if isinstance(data, StreamedData):
            return StreamedBatches(data.train, moments=moments, size=size, flip=data.facts.flip, pipeline=pipeline)
        return Batches(data.train.images, data.train.labels, moments=moments, size=size, pipeline=pipeline)

    def _made_once(self, purpose: object, made_for: object, make: Callable[[], Any]) -> Any:
        if self._made.get(purpose, (None, None))[0] != made_for:
            self._made[purpose] = made_for, make()
        return self._made[purpose][1]


def is_streamed(child: Child) -> bool:
    """Return whether the child's augmentation streams pictures; an open augmentation role does not."""
    augmentation = _augmentation(child)
    return augmentation is not None and augmentation.streamed


def _augmentation(child: Child) -> Augmentation | None:
    """Return what stands in the role of the augmentation; None where it is open, or of a kind of its own."""
    filling = child.roles.get("augmentation")
    value = None if filling is None else value_of(filling)
    return value if isinstance(value, Augmentation) else None


def augmentation_of(child: Child) -> ImageAugmentation:
    """Return the pipeline and the evaluation view of the child's augmentation."""
    filling, facts = child.roles["augmentation"], typed_facts(child.problem)
    augmentation: ImageAugmentation = built_by(filling)(value_of(filling), flip=facts.flip)
    return augmentation


def as_inputs(child: Child, preparation: Preparation) -> Callable[[Array], Array]:
    """Return a traceable function from images in the data's own units, (examples, height, width, channels), to inputs of the
    network."""
    import jax.numpy as jnp

    from automl_cli.nn.augment.pipeline import whiten

    mean, std = (jnp.asarray(moment) for moment in _moments(preparation))
    view = augmentation_of(child).view or (lambda images: images)
    return lambda images: view(whiten(images, mean, std))


def _moments(preparation: Preparation) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    return np.array(preparation["mean"], np.float32), np.array(preparation["std"], np.float32)


def _examples(
    split: ImageSplit | StreamedSplit,
    child: Child,
    moments: tuple[np.ndarray, np.ndarray],
    *,
    largest_batch: int,
    smaller: bool,
) -> EvaluationExamples:
    """Return the examples of a split in the evaluation view of the child's augmentation; `smaller` is as in
    `augment.batches.Examples`."""
    from automl_cli.data import StreamedSplit
    from automl_cli.nn.augment.batches import Examples
    from automl_cli.nn.streaming import StreamedExamples

    if isinstance(split, StreamedSplit):
        return StreamedExamples(split, moments=moments, largest_batch=largest_batch, smaller=smaller)
    return Examples(
        split.images,
        split.labels,
        moments=moments,
        largest_batch=largest_batch,
        smaller=smaller,
        view=augmentation_of(child).view,
    )


def _contents(split: ImageSplit | StreamedSplit) -> np.ndarray | None:
    """Return a digest of each image of a split, (examples,) uint64.

    None where pictures are streamed, since reading all of them would take as long as training on them.
    """
    from automl_cli.data import StreamedSplit
    from automl_cli.data.contents import contents_of

    return None if isinstance(split, StreamedSplit) else contents_of(split.images)


def _abbreviated(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (f", … {len(names)} in all" if len(names) > 4 else "")


PROBLEM = Images()
