"""Scores a trained model on the test split of its data set, or of another with the same classes and images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from automl_cli.core.errors import ArtifactError, DataError
from automl_cli.core.numbers import by_times
from automl_cli.data.opening import reference_for
from automl_cli.store.artifact import read_artifact
from automl_cli.store.bodies import Model
from automl_cli.store.weights import read_arrays
from automl_cli.values.dataset import DatasetReference

if TYPE_CHECKING:
    import numpy as np

    from automl_cli.children.prediction import Predictor


class Scores(Struct, frozen=True, kw_only=True):
    """Share of the test examples that are classified right; of those whose class is among the five likeliest, None with five
    classes or fewer; and the mean over the classes of the first share within the class."""

    test_accuracy: float
    test_top5_accuracy: float | None
    test_balanced_accuracy: float
    test_examples: int
    classes: int
    dataset: str


def evaluate(path: Path, *, source: str | None = None, data_dir: str | None = None) -> Scores:
    """The scores of the model in this file, from its weights, on the test split of its own data set or of another.

    Raises ArtifactError where model and weights do not belong together, DataError where model and data do not.
    """
    model = read_artifact(path, Model).body
    dataset = model.dataset if source is None else reference_for(source, model.image_shape)
    weights = weights_beside(path, model)
    return score_on_test(model, weights, msgspec.structs.replace(dataset, data_dir=data_dir))


def weights_beside(path: Path, model: Model) -> dict[str, np.ndarray]:
    """The weights that a model file names. They must stand beside it and have the digest that it names."""
    if Path(model.weights_file).name != model.weights_file:
        raise ArtifactError(f"{path}: body.weights_file: {model.weights_file!r} is not the name of a file beside the model")
    return read_arrays(path.parent / model.weights_file, digest=model.weights_digest)


def score_on_test(model: Model, weights: Mapping[str, np.ndarray], dataset: DatasetReference) -> Scores:
    """The scores of a model with these weights on the test split of the data set. Reads the test split."""
    from automl_cli.children.scores import accuracy, balanced_accuracy, top

    _check_fits(model, dataset)
    logits, labels = _tested(predictor(model, weights), dataset, streamed=model.recipe.streamed)
    return Scores(
        test_accuracy=accuracy(labels)(logits),
        test_top5_accuracy=top(5, labels)(logits) if len(model.class_names) > 5 else None,
        test_balanced_accuracy=balanced_accuracy(labels)(logits),
        test_examples=len(labels),
        classes=len(model.class_names),
        dataset=dataset.source,
    )


def _tested(predictor: Predictor, dataset: DatasetReference, *, streamed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels of the test split, looked at as in the training."""
    from automl_cli.data import load_streamed_test, load_test_split

    if streamed:
        stream = load_streamed_test(dataset)
        return predictor.streamed_logits(stream), stream.labels
    test = load_test_split(dataset)
    return predictor.logits(test.images), test.labels


def predictor(model: Model, weights: Mapping[str, np.ndarray]) -> Predictor:
    """The model at work."""
    import numpy as np

    from automl_cli.children import recipes
    from automl_cli.children.prediction import Predictor

    moments = (np.array(model.mean, np.float32), np.array(model.std, np.float32))
    try:
        return Predictor(
            model.network,
            weights,
            image=model.image_shape,
            classes=len(model.class_names),
            moments=moments,
            view=recipes.view(model.recipe),
            trained=model.engine,
            batch_size=model.recipe.batch_size,
        )
    except ValueError as error:
        raise ArtifactError(f"{model.weights_file}: {error}") from error


def _check_fits(model: Model, dataset: DatasetReference) -> None:
    from automl_cli.data import image_facts

    facts = image_facts(dataset)
    if facts.image_shape != model.image_shape:
        sizes = (by_times(shape) for shape in (facts.image_shape, model.image_shape))
        raise DataError("the images of {} are {}, the model takes {}".format(dataset.source, *sizes))
    if facts.classes != model.class_names:
        raise DataError(
            f"the classes of {dataset.source} ({_some(facts.classes)}) are not those of the model ({_some(model.class_names)})"
        )


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (f", … {len(names)} in all" if len(names) > 4 else "")
