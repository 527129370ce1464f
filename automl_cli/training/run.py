"""Train one network to the end and test it once. A killed training continues to the same bits as an uninterrupted one.

The directory holds `training.json` (what decides the weights), `journal.jsonl` (loss and score of every epoch), while it runs
`checkpoint.safetensors`, and at the end `weights.safetensors` and `model.json`. The machinery is that of the search: same data,
same recipe, same loop.
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
from automl_cli.core.random_streams import stream_seed
from automl_cli.kinds.model import ModelBody
from automl_cli.kinds.training import TrainingSettings
from automl_cli.plugins.listing import problem_named
from automl_cli.store.artifact import Artifact, artifact_of, read_artifact, write_artifact
from automl_cli.store.file_names import CHECKPOINT_FILE, MODEL_FILE, TRAINING_FILE, WEIGHTS_FILE
from automl_cli.store.timings_in_force import settled, use_timings
from automl_cli.store.weights import read_arrays, write_arrays
from automl_cli.training.checkpoint import SECONDS_BETWEEN_CHECKPOINTS, Checkpoint
from automl_cli.training.contents import write_contents
from automl_cli.training.plan import costs_of_child
from automl_cli.training.recording import TrainingRecorder, recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from automl_cli.children.learning import LearningTask
    from automl_cli.children.trainer import Trainer
    from automl_cli.nn.fit import OnEpoch, TrainingProgress


@dataclass(frozen=True)
class TrainingObserver:
    """Progress callbacks: `prepared` takes images (prepared, in all), `epoch` the losses and scores of all epochs so far."""

    prepared: Callable[[int, int], None] = lambda done, total: None
    epoch: Callable[[tuple[float, ...], tuple[float, ...]], None] = lambda losses, scores: None

    def with_epochs(self, also: Callable[[tuple[float, ...], tuple[float, ...]], None]) -> TrainingObserver:
        """Return an observer that tells the losses and scores to another function as well."""

        def epoch(losses: tuple[float, ...], scores: tuple[float, ...]) -> None:
            also(losses, scores)
            self.epoch(losses, scores)

        return TrainingObserver(self.prepared, epoch)


def train(
    directory: Path, *, watch: TrainingObserver | None = None, checkpoint_seconds: float = SECONDS_BETWEEN_CHECKPOINTS
) -> Artifact[ModelBody]:
    """Finish the training in this directory, which the caller holds, and return its model. A finished one is only read.

    Raises RunFailed when the loss is no longer finite, when the memory is not enough or when the disk is full.
    """
    settings = read_artifact(directory / TRAINING_FILE, TrainingSettings)
    if (directory / MODEL_FILE).exists():
        return _ended(directory)
    watch = watch or TrainingObserver()
    use_timings(settled(settings.body.timings))
    trainer = _trainer(settings.body, watch)
    checkpoint = Checkpoint(directory / CHECKPOINT_FILE, directory / TRAINING_FILE, every_seconds=checkpoint_seconds)
    start = checkpoint.read()
    with _failures_said(), recording(directory, start) as recorder:
        on_epoch = _on_epoch(settings.body, checkpoint, recorder, watch)
        progress = _fit(settings.body, trainer, start, on_epoch)
        model = _tested(directory, settings, trainer.learning, progress)
        write_artifact(directory / MODEL_FILE, model)
        checkpoint.remove()
    return model


def _ended(directory: Path) -> Artifact[ModelBody]:
    """Read the model of a training that has ended. Raises ArtifactError where its weights are missing."""
    model = read_artifact(directory / MODEL_FILE, ModelBody)
    try:
        read_arrays(directory / model.body.weights_file, digest=model.body.weights_digest)
    except ArtifactError as error:
        raise ArtifactError(f"{error}. To train them again, remove {directory / MODEL_FILE} and resume") from error
    return model


def _trainer(training: TrainingSettings, watch: TrainingObserver) -> Trainer:
    from automl_cli.children.trainer import Trainer

    return Trainer(training.child, engine=training.engine, with_validation=training.with_validation, report=watch.prepared)


def _on_epoch(
    training: TrainingSettings, checkpoint: Checkpoint, recorder: TrainingRecorder, watch: TrainingObserver
) -> OnEpoch:
    """Return the function that keeps and tells how far the training is."""

    def on_epoch(losses: tuple[float, ...], scores: tuple[float, ...], arrays: Callable[[], Mapping[str, np.ndarray]]) -> None:
        checkpoint.after_epoch(losses, scores, arrays, last=len(losses) == training.epochs)
        recorder.epoch(losses, scores)
        watch.epoch(losses, scores)

    return on_epoch


def _fit(training: TrainingSettings, trainer: Trainer, start: TrainingProgress | None, on_epoch: OnEpoch) -> TrainingProgress:
    seed = stream_seed(training.seed, "train") % LARGEST
    return trainer.train(training.child, epochs=training.epochs, seed=seed, start=start, on_epoch=on_epoch)


def _tested(
    directory: Path, settings: Artifact[TrainingSettings], learning: LearningTask, progress: TrainingProgress
) -> Artifact[ModelBody]:
    """Write the weights, read the test split, and return the model with its scores."""
    from automl_cli.children.prediction import weights_of
    from automl_cli.training.evaluate import predictor

    training = settings.body
    weights = weights_of(progress.arrays)
    costs = costs_of_child(training.child)
    model = ModelBody(
        weights_file=WEIGHTS_FILE,
        weights_digest=write_arrays(directory / WEIGHTS_FILE, weights),
        child=training.child.portable,
        preparation=learning.preparation,
        epochs=training.epochs,
        seed=training.seed,
        engine=training.engine,
        parameters=costs.parameters,
        multiply_adds=costs.multiply_adds,
        scores={} if training.with_validation else {"validation_score": progress.scores[-1]},
    )
    testing = problem_named(training.child.problem.name).test(training.child, learning.preparation)
    scores = predictor(model, weights).scores(testing)
    contents = {"trained": learning.contents(), "tested": testing.contents()}
    write_contents(directory, weights_digest=model.weights_digest, **contents)
    return artifact_of(msgspec.structs.replace(model, scores={**scores, **model.scores}), settings.inputs)


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
