"""Counts what a found network costs, without building it."""

from pathlib import Path

from msgspec import Struct

from automl_cli.core.datasets import DatasetReference
from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.networks import Network, Shape
from automl_cli.store.artifact import read_any
from automl_cli.store.bodies import Architecture, Model


class Measured(Struct, frozen=True, kw_only=True):
    """Trainable parameters, and multiply-adds for one image, of a network for such images and so many classes."""

    parameters: int
    multiply_adds: int
    image_shape: Shape
    classes: int


def measure(
    path: Path,
    *,
    image_size: int | None = None,
    classes: int | None = None,
    dataset: str | None = None,
    data_dir: str | None = None,
) -> Measured:
    """The exact costs of the network in an artifact.

    Images and classes are what the artifact was made with, or those of a data set; `image_size` and `classes` replace either.
    """
    network, shape, count = _network_in(path)
    if dataset is not None:
        from automl_cli.data import image_facts

        facts = image_facts(DatasetReference(source=dataset, data_dir=data_dir, image_size=image_size))
        shape, count = facts.image_shape, len(facts.classes)
    elif image_size is not None:
        shape = (image_size, image_size, shape[2] if shape else 3)
    if shape is None or (count := classes or count) is None:
        raise UserError(
            f"{path} does not say for which images and classes it was made; give --dataset, or --image-size and --classes"
        )
    costs = network.costs(shape, count)
    return Measured(parameters=costs.parameters, multiply_adds=costs.multiply_adds, image_shape=shape, classes=count)


def _network_in(path: Path) -> tuple[Network, Shape | None, int | None]:
    artifact = read_any(path)
    match artifact.body:
        case Architecture() as body:
            return body.network, body.image_shape, body.classes
        case Model() as body:
            return body.network, body.image_shape, len(body.class_names)
        case _:
            raise ArtifactError(f"{path}: {artifact.schema} holds no network; give an architecture or a model")
