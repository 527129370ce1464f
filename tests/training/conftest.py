"""A small data set that a small network learns in a second, and the artifact of that network."""

from pathlib import Path

import jax
import msgspec
import numpy as np
import pytest

from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.store.bodies import Architecture
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network
from automl_cli.values.recipe import Recipe
from tests.store import samples

NETWORK = Network((Block("a", ConvolutionUnit((3, 3), 4), (IMAGE,)),), ("a",))
CLASSES = 3


@pytest.fixture(autouse=True, scope="session")
def compiled_programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A cache of compiled programs for these tests, since all of them train the same network; also as the environment of a
    process."""
    folder = str(tmp_path_factory.mktemp("programs"))
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    return {"JAX_COMPILATION_CACHE_DIR": folder, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """120 to train and validate, 30 to test: noise with a bright row, with a bright column, or with neither."""
    random = np.random.default_rng(0)
    labels = np.arange(150) % CLASSES
    images = random.integers(0, 90, (150, 6, 6, 1)).astype(np.uint8)
    for image, label, place in zip(images, labels, random.integers(1, 5, 150), strict=True):
        if label < 2:
            image[(place, slice(None)) if label else (slice(None), place)] += 150
    path = tmp_path / "rows.npz"
    np.savez(path, x_train=images[:120], y_train=labels[:120], x_test=images[120:], y_test=labels[120:])
    return path


@pytest.fixture
def architecture(images: Path) -> Architecture:
    """What a search on those images found."""
    return msgspec.structs.replace(
        samples.architecture(),
        network=NETWORK,
        image_shape=(6, 6, 1),
        classes=CLASSES,
        costs=NETWORK.costs((6, 6, 1), CLASSES),
        dataset=DatasetReference(source=str(images), train_examples=60),
        recipe=Recipe(batch_size=16, learning_rate=0.1, schedule="cosine", augmentation="none"),
    )


@pytest.fixture
def found(architecture: Architecture, tmp_path: Path) -> Path:
    """Its file."""
    write_artifact(tmp_path / "best.json", artifact_of(architecture))
    return tmp_path / "best.json"
