"""A small data set that a small network learns in a second, and the artifact of that network."""

from pathlib import Path

import jax
import msgspec
import numpy as np
import pytest

from automl_cli.children.learning import Testing
from automl_cli.data import image_facts
from automl_cli.kinds.architecture import ArchitectureBody
from automl_cli.kinds.model import ModelBody
from automl_cli.plugins.listing import problem_named
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.values.child import Child
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network
from automl_cli.values.recipe import Recipe
from tests.children.line_images import child_on
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
def child(images: Path) -> Child:
    """What a search on half of those images trained with, all roles but the network filled."""
    reference = DatasetReference(source=str(images), train_examples=60)
    recipe = Recipe(batch_size=16, learning_rate=0.1, schedule="cosine")
    filled = child_on(image_facts(reference), recipe, augmentation="none", source=str(images), train_examples=60)
    return msgspec.structs.replace(filled, roles={role: each for role, each in filled.roles.items() if role != "network"})


@pytest.fixture
def architecture(child: Child) -> ArchitectureBody:
    """What that search found."""
    return found_with(child)


def found_with(child: Child | None, network: Network = NETWORK, *, space: str = "tiny") -> ArchitectureBody:
    """What a search in this space found, of children like this one."""
    sample = samples.architecture()
    assert sample.found is not None
    reference = msgspec.structs.replace(sample.found.space, name=space)
    costs = NETWORK.costs((6, 6, 1), CLASSES)
    found = msgspec.structs.replace(sample.found, child=child, costs=costs, space=reference)
    return msgspec.structs.replace(sample, value=network, found=found)


@pytest.fixture
def found(architecture: ArchitectureBody, tmp_path: Path) -> Path:
    """Its file."""
    write_artifact(tmp_path / "best.json", artifact_of(architecture))
    return tmp_path / "best.json"


def looked_at_last(model: ModelBody) -> Testing:
    """The test split as a trained model is shown it."""
    return problem_named(model.child.problem.name).test(model.child, model.preparation)
