"""Images as children learn from them: training batches, validation examples, whitening, and the augmentation of a child."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from automl_cli.core.errors import DataError
from automl_cli.plugins.roles import built_by, typed_dataset, typed_facts, value_of
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.child import Child

if TYPE_CHECKING:
    import numpy as np
    from jax import Array

    from automl_cli.children.augmentation import ImageAugmentation
    from automl_cli.data import ImageData, ImageSplit, StreamedData, StreamedSplit
    from automl_cli.nn.augment.batches import Batches
    from automl_cli.nn.evaluation import EvaluationExamples
    from automl_cli.nn.fit import TrainingBatches
    from automl_cli.nn.losses import Loss
    from automl_cli.nn.metrics import Metric
    from automl_cli.nn.streaming import StreamedBatches

Preparation = Mapping[str, tuple[float, ...]]
"""`mean` and `std` of each channel of the training images."""


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
            return examples_of(self._data.validation, child, moments, largest_batch=size, smaller=not like_training)

        made_for = augmentation_of(child).view, child.recipe.batch_size
        examples: EvaluationExamples = self._made_once(("validation", like_training), made_for, make)
        return examples

    def contents(self) -> np.ndarray | None:
        """Return a digest of each training image, (examples,) uint64; None where pictures are streamed."""
        return contents_of_split(self._data.train)

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

    mean, std = (jnp.asarray(moment) for moment in moments_of(preparation))
    view = augmentation_of(child).view or (lambda images: images)
    return lambda images: view(whiten(images, mean, std))


def moments_of(preparation: Preparation) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the training images, (channels,) float32 each."""
    import numpy as np

    return np.array(preparation["mean"], np.float32), np.array(preparation["std"], np.float32)


def examples_of(
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


def contents_of_split(split: ImageSplit | StreamedSplit) -> np.ndarray | None:
    """Return a digest of each image of a split, (examples,) uint64.

    None where pictures are streamed, since reading all of them would take as long as training on them.
    """
    from automl_cli.data import StreamedSplit
    from automl_cli.data.contents import contents_of

    return None if isinstance(split, StreamedSplit) else contents_of(split.images)
