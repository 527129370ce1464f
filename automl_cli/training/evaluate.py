"""Score a trained model on the test split of its data set, or of another with the same classes and images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from automl_cli.core.errors import ArtifactError
from automl_cli.kinds.model import ModelBody
from automl_cli.plugins.listing import problem_named
from automl_cli.plugins.roles import typed_dataset, typed_facts
from automl_cli.store.artifact import read_artifact
from automl_cli.store.encoding import plain
from automl_cli.store.weights import read_arrays
from automl_cli.values.child import ProblemReference

if TYPE_CHECKING:
    import numpy as np

    from automl_cli.children.prediction import Predictor


class Scores(Struct, frozen=True, kw_only=True):
    """Scores of a model on the test split of a data set, by name."""

    scores: dict[str, float]
    test_examples: int
    classes: int | None
    dataset: str

    @property
    def document(self) -> dict[str, Any]:
        """The scores as `--json` writes them."""
        return {**self.scores, "test_examples": self.test_examples, "classes": self.classes, "dataset": self.dataset}


def evaluate(path: Path, *, source: str | None = None, data_dir: str | None = None) -> Scores:
    """Score the model in this file on the test split of its own data set, or of another.

    Raises ArtifactError where model and weights do not belong together, DataError where model and data do not.
    """
    model = read_artifact(path, ModelBody).body
    problem = _asked_for(model.child.problem, source, data_dir)
    scores = score_on_test(model, weights_beside(path, model), problem)
    facts = problem.facts
    return Scores(
        scores=scores,
        test_examples=facts["test_examples"],
        classes=len(facts["classes"]) if "classes" in facts else None,
        dataset=problem.source,
    )


def _asked_for(before: ProblemReference, source: str | None, data_dir: str | None) -> ProblemReference:
    """Return the problem with the model's own data, or with those of a source whose examples have the same shape."""
    problem = problem_named(before.name)
    dataset, trained = typed_dataset(before), typed_facts(before)
    if source is not None:
        dataset = problem.other(dataset, trained, source)
    dataset = problem.dataset({} if data_dir is None else {"data-dir": data_dir}, dataset)
    facts = problem.facts(dataset)
    problem.check_alike(dataset.source, facts, trained)
    return msgspec.structs.replace(before, dataset=plain(dataset), facts=plain(facts))


def weights_beside(path: Path, model: ModelBody) -> dict[str, np.ndarray]:
    """Read the weights that a model file names, which stand beside it. Raises ArtifactError for another digest."""
    if Path(model.weights_file).name != model.weights_file:
        raise ArtifactError(f"{path}: body.weights_file: {model.weights_file!r} is not the name of a file beside the model")
    return read_arrays(path.parent / model.weights_file, digest=model.weights_digest)


def score_on_test(model: ModelBody, weights: Mapping[str, np.ndarray], problem: ProblemReference) -> dict[str, float]:
    """Read the test split once and return the scores of a model with these weights, by name."""
    child = msgspec.structs.replace(model.child, problem=problem)
    testing = problem_named(problem.name).test(child, model.preparation)
    return predictor(model, weights).scores(testing)


def predictor(model: ModelBody, weights: Mapping[str, np.ndarray]) -> Predictor:
    """Return the model with its weights, ready to predict. Raises ArtifactError for weights of another network."""
    from automl_cli.children.prediction import Predictor

    try:
        return Predictor(model.child, weights, trained=model.engine)
    except ValueError as error:
        raise ArtifactError(f"{model.weights_file}: {error}") from error
