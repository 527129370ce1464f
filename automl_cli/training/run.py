"""Trains one network to the end and tests it once. Continues after a kill with the bits of a training never interrupted.

The directory holds `training.json` (what decides the weights), while it runs `checkpoint.safetensors`, and at the end
`weights.safetensors` and `model.json`. The machinery is that of the search: same data, same recipe, same loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from automl_cli.core.errors import ArtifactError, RunFailed
from automl_cli.core.numbers import LARGEST
from automl_cli.core.protocols import Diverged
from automl_cli.core.streams import stream_seed
from automl_cli.store.artifact import Artifact, artifact_of, read_artifact, write_artifact
from automl_cli.store.bodies import Model, Training
from automl_cli.store.weights import read_arrays, write_arrays
from automl_cli.training.checkpoint import SECONDS_BETWEEN_CHECKPOINTS, Checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from automl_cli.children.inputs import Data
    from automl_cli.nn.fit import Progress

SETTINGS, CHECKPOINT, WEIGHTS, MODEL = "training.json", "checkpoint.safetensors", "weights.safetensors", "model.json"


@dataclass(frozen=True)
class Watch:
    """Told how far the work is: images (prepared, in all); and losses and scores of all epochs so far."""

    prepared: Callable[[int, int], None] = lambda done, total: None
    epoch: Callable[[tuple[float, ...], tuple[float, ...]], None] = lambda losses, scores: None


def train(
    directory: Path, *, watch: Watch | None = None, checkpoint_seconds: float = SECONDS_BETWEEN_CHECKPOINTS
) -> Artifact[Model]:
    """Bring the training in this directory, held by the caller, to its end. One that has ended already gives its model again.

    Raises RunFailed when the loss is no longer finite, when the memory is not enough or when the disk is full.
    """
    settings = read_artifact(directory / SETTINGS, Training)
    if (directory / MODEL).exists():
        return _ended(directory)
    watch = watch or Watch()
    data = _data(settings.body, watch)
    checkpoint = Checkpoint(directory / CHECKPOINT, directory / SETTINGS, every_seconds=checkpoint_seconds)
    with _failures_said():
        progress = _fit(settings.body, data, checkpoint, watch)
        model = _tested(directory, settings, data, progress)
    write_artifact(directory / MODEL, model)
    checkpoint.remove()
    return model


def _ended(directory: Path) -> Artifact[Model]:
    """The model of a training that has ended, whose weights must be there."""
    model = read_artifact(directory / MODEL, Model)
    try:
        read_arrays(directory / model.body.weights_file, digest=model.body.weights_digest)
    except ArtifactError as error:
        raise ArtifactError(f"{error}. To train them again, remove {directory / MODEL} and resume") from error
    return model


def _data(training: Training, watch: Watch) -> Data:
    from automl_cli.data import load_images, load_streamed

    load = load_streamed if training.recipe.streamed else load_images
    data: Data = load(training.dataset, watch.prepared)
    return data.merged() if training.with_validation else data


def _fit(training: Training, data: Data, checkpoint: Checkpoint, watch: Watch) -> Progress:
    from automl_cli.children.images import ImageTrainer
    from automl_cli.nn.networks import build_network

    def on_epoch(losses: tuple[float, ...], scores: tuple[float, ...], arrays: Callable[[], Mapping[str, np.ndarray]]) -> None:
        checkpoint.after_epoch(losses, scores, arrays, last=len(losses) == training.epochs)
        watch.epoch(losses, scores)

    seed = stream_seed(training.seed, "train") % LARGEST
    shape, classes = training.facts.image_shape, len(training.facts.classes)
    model = build_network(training.network, shape, classes, seed=seed, auxiliary=training.recipe.auxiliary_weight > 0)
    trainer = ImageTrainer(data, training.recipe, metric=training.dataset.metric, engine=training.engine)
    return trainer.train(model, epochs=training.epochs, seed=seed, start=checkpoint.read(), on_epoch=on_epoch)


def _tested(directory: Path, settings: Artifact[Training], data: Data, progress: Progress) -> Artifact[Model]:
    """The weights written, the test split read, and the model that names both."""
    from automl_cli.children.prediction import weights_of
    from automl_cli.training.evaluate import score_on_test

    training = settings.body
    weights = weights_of(progress.arrays)
    costs = training.network.costs(training.facts.image_shape, len(training.facts.classes))
    model = Model(
        weights_file=WEIGHTS,
        weights_digest=write_arrays(directory / WEIGHTS, weights),
        network=training.network,
        dataset=msgspec.structs.replace(training.dataset, data_dir=None),
        image_shape=training.facts.image_shape,
        class_names=training.facts.classes,
        mean=tuple(map(float, data.mean)),
        std=tuple(map(float, data.std)),
        recipe=training.recipe,
        epochs=training.epochs,
        seed=training.seed,
        engine=training.engine,
        parameters=costs.parameters,
        multiply_adds=costs.multiply_adds,
        validation_accuracy=None if training.with_validation else progress.scores[-1],
        test_accuracy=0.0,
        test_balanced_accuracy=0.0,
    )
    scores = score_on_test(model, weights, training.dataset)
    tested = msgspec.structs.replace(
        model,
        test_accuracy=scores.test_accuracy,
        test_balanced_accuracy=scores.test_balanced_accuracy,
        test_top5_accuracy=scores.test_top5_accuracy,
    )
    return artifact_of(tested, settings.inputs)


@contextmanager
def _failures_said() -> Iterator[None]:
    import jax

    try:
        yield
    except Diverged as error:
        raise RunFailed(
            f"the training diverged: {error}. Start it again with --overwrite and a lower --learning-rate"
        ) from error
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise RunFailed(
            "the memory is not enough for this training; start it again with --overwrite and a smaller --batch-size"
        ) from error
