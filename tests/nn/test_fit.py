"""The training loop: learning, determinism across processes, continuing, divergence."""

import hashlib
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from automl_cli.core.protocols import Diverged
from automl_cli.nn.augment.batches import Batches, Examples
from automl_cli.nn.augment.crops import crop_and_flip
from automl_cli.nn.augment.pipeline import Pipeline
from automl_cli.nn.engines import WholeEngine
from automl_cli.nn.fit import FitSettings, TrainingProgress, fit
from automl_cli.nn.metrics import Accuracy
from automl_cli.nn.networks import build_network
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network

NETWORK = Network(
    blocks=(
        Block("a", ConvolutionUnit(kernel=(3, 3), filters=4), (IMAGE,)),
        Block("b", ConvolutionUnit(kernel=(1, 3), filters=4), (IMAGE, "a")),
    ),
    outputs=("b",),
)
MOMENTS = (np.zeros(1, np.float32), np.ones(1, np.float32))


def task(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images with a bright horizontal or vertical line: two classes that a convolution separates."""
    random = np.random.default_rng(seed)
    images, labels = 0.3 * random.normal(size=(count, 6, 6, 1)), random.integers(0, 2, count)
    for image, label, place in zip(images, labels, random.integers(0, 6, count), strict=True):
        image[place if label else slice(None), slice(None) if label else place] += 1
    return images.astype(np.float32), labels.astype(np.int32)


def run(
    epochs: int = 4, rate: float = 0.1, start: TrainingProgress | None = None, on_epoch=None, served=lambda batches: batches
) -> TrainingProgress:
    engine = WholeEngine(
        build_network(NETWORK, (6, 6, 1), 2, seed=5),
        loss=lambda logits, labels: optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(),
        update_rule=optax.chain(optax.add_decayed_weights(1e-4), optax.trace(0.9, nesterov=True)),
    )
    train_images, train_labels = task(96, 0)
    images, labels = task(50, 1)
    plan = FitSettings(epochs=epochs, rate=lambda share: rate * (1 - share), seed=3)
    batches = Batches(train_images, train_labels, moments=MOMENTS, size=16, pipeline=Pipeline(crop_and_flip(flip=False)))
    validation = Examples(images, labels, moments=MOMENTS, largest_batch=32)
    return fit(
        engine,
        served(batches),
        validation,
        plan=plan,
        metric=Accuracy(),
        start=start,
        on_epoch=on_epoch,
    )


def digest(progress: TrainingProgress) -> str:
    hashed = hashlib.sha256(repr((progress.losses, progress.scores)).encode())
    for name in sorted(progress.arrays):
        hashed.update(name.encode() + progress.arrays[name].tobytes())
    return hashed.hexdigest()


def test_a_child_learns():
    progress = run(epochs=16)
    assert progress.epochs == 16
    assert progress.losses[-1] < 0.5 * progress.losses[0]
    assert max(progress.scores) > 0.9


def test_the_same_seed_gives_the_same_bits_in_another_process():
    code = "from tests.nn.test_fit import digest, run; print(digest(run(epochs=2)))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest(run(epochs=2))


def test_a_training_continued_after_any_epoch_equals_the_uninterrupted_one():
    kept: list[TrainingProgress] = []
    whole = run(on_epoch=lambda losses, scores, arrays: kept.append(TrainingProgress(losses, scores, arrays())))
    assert [progress.epochs for progress in kept] == [1, 2, 3, 4]
    for progress in kept:
        assert digest(run(start=progress)) == digest(whole)


def test_the_state_as_arrays_names_every_part():
    names = set(run(epochs=1).arrays)
    assert {"parameters.blocks.a.kernel", "statistics.blocks.b.norm.mean", "parameters.classifier.bias"} <= names
    assert any(name.startswith("optimizer.") and name.endswith("blocks.a.kernel") for name in names)


def test_an_absurd_learning_rate_is_reported_as_diverged():
    with pytest.raises(Diverged, match="not finite in epoch"):
        run(rate=1e30)


def test_a_step_moves_parameters_against_the_gradient_at_the_given_rate():
    engine = WholeEngine(
        build_network(NETWORK, (6, 6, 1), 2, seed=5),
        loss=lambda logits, labels: logits[:, 0].mean(),
        update_rule=optax.identity(),
    )
    images, labels = map(jnp.asarray, task(16, 0))
    before = engine.arrays(engine.initial())["parameters.classifier.bias"]
    state, _ = engine.step(engine.initial(), images, labels, 0.25)
    np.testing.assert_allclose(engine.arrays(state)["parameters.classifier.bias"] - before, [-0.25, 0], atol=1e-6)


def test_an_epoch_that_diverges_closes_its_batches_at_once():
    """Decoding threads must end even while the traceback is still referenced."""
    closed = []

    class Watched:
        def __init__(self, batches: Batches) -> None:
            self.steps, self.size, self.carry = 2 * batches.steps, batches.size, batches.carry
            self._batches = batches

        def epoch(self, seed: int, epoch: int):
            try:
                for number in (0, 1):
                    yield from self._batches.epoch(seed, number)
            finally:
                closed.append(epoch)

    with pytest.raises(Diverged) as caught:
        run(rate=1e30, served=Watched)
    assert closed == [0]
    assert caught.value.__traceback__ is not None
