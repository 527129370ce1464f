"""Score a trained model on the test split of its data set, or on another with the same classes and images.

Whether a set is that of the training is told by its content: the examples of its test split (`training.contents`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from automl_cli.core.errors import ArtifactError, DataError
from automl_cli.kinds.model import ModelBody
from automl_cli.plugins.listing import problem_named
from automl_cli.plugins.roles import typed_dataset, typed_facts
from automl_cli.store.artifact import read_artifact
from automl_cli.store.encoding import plain
from automl_cli.store.weights import read_arrays
from automl_cli.training.contents import read_contents
from automl_cli.values.child import ProblemReference
from automl_cli.values.class_scores import ConfusionMatrix, class_scores

if TYPE_CHECKING:
    import numpy as np

    from automl_cli.children.learning import Testing
    from automl_cli.children.prediction import Predictor
    from automl_cli.data.contents import Contents


Split = Literal["test", "all"]
"""The examples that a model is scored on: the test split of a data set, or all of it."""


class Scores(Struct, frozen=True, kw_only=True):
    """Scores of a model on a data set, by name.

    `names` are those of the classes, and `confusion` the examples of each by the class that they are taken for; None where
    there are no classes. `trained_on` counts the scored examples that the model was trained on. `same_test` says whether the
    test split is that of the training: False where the set has changed since. Both are None where it is not known.
    """

    scores: dict[str, float]
    test_examples: int
    classes: int | None
    dataset: str
    split: Split
    own: bool
    names: tuple[str, ...] | None
    confusion: ConfusionMatrix | None
    trained_on: int | None
    same_test: bool | None

    @property
    def document(self) -> dict[str, Any]:
        """The scores as `--json` writes them."""
        about = ("test_examples", "classes", "dataset", "split", "trained_on", "same_test", "confusion")
        by_class = None if self.names is None or self.confusion is None else class_scores(self.names, self.confusion)
        return {**self.scores, **{name: getattr(self, name) for name in about}, "by_class": by_class}


class _Asked(NamedTuple):
    """What a model is scored on: the problem, whether its set is that of the training, and which of its examples."""

    problem: ProblemReference
    own: bool
    split: Split


def evaluate(
    path: Path,
    *,
    source: str | None = None,
    data_dir: str | None = None,
    split: Split | None = None,
    skip_broken: bool = False,
) -> Scores:
    """Score the model in this file on the test split of its own data set, or on all of another.

    `split` says which examples are taken instead, and `skip_broken` leaves out what cannot be read. Raises ArtifactError where
    model and weights do not belong together, DataError where model and data do not.
    """
    model = read_artifact(path, ModelBody).body
    weights, contents = weights_beside(path, model), read_contents(path, model.weights_digest)
    reading = ({} if data_dir is None else {"data-dir": data_dir}) | ({"skip-broken": True} if skip_broken else {})
    asked = _asked_for(model, contents, reading, source=source, split=split)
    child = msgspec.structs.replace(model.child, problem=asked.problem)
    testing = problem_named(asked.problem.name).test(child, model.preparation, whole=asked.split == "all")
    scores, confusion = predictor(model, weights).scores_and_confusion(testing)
    names = asked.problem.facts.get("classes")
    return Scores(
        scores=scores,
        test_examples=testing.size,
        classes=None if names is None else len(names),
        dataset=asked.problem.source,
        split=asked.split,
        own=asked.own,
        names=None if names is None else tuple(names),
        confusion=None if confusion is None else tuple(tuple(map(int, row)) for row in confusion),
        **_known_of(testing, asked, contents),
    )


def _known_of(testing: Testing, asked: _Asked, contents: Contents | None) -> dict[str, Any]:
    """Return, by name, how many of the scored examples were trained on, and whether the test split is that of the training."""
    from automl_cli.data.contents import common, same

    if contents is None or (scored := testing.contents()) is None:
        return {"trained_on": None, "same_test": None}
    is_test = asked.own and asked.split == "test"
    return {
        "trained_on": common(scored, contents["trained"]),
        "same_test": same(scored, contents["tested"]) if is_test else None,
    }


def _asked_for(
    model: ModelBody, contents: Contents | None, reading: Mapping[str, Any], *, source: str | None, split: Split | None
) -> _Asked:
    """Return the problem with the model's own data, or with those of a source whose examples have the same shape; `reading` are
    flags of the data, by name."""
    before = model.child.problem
    problem = problem_named(before.name)
    dataset, trained = typed_dataset(before), typed_facts(before)
    own = source is None or source == dataset.source
    if source is not None and not own:
        moved = problem.dataset(reading, msgspec.structs.replace(dataset, source=source))
        own = _is_own(model, problem, moved, contents)
        dataset = moved if own else problem.other(dataset, trained, source)
    dataset = problem.dataset(reading, dataset)
    chosen: Split = split or ("test" if own else "all")
    facts = problem.facts(dataset, whole=chosen == "all")
    problem.check_alike(dataset.source, facts, trained)
    return _Asked(msgspec.structs.replace(before, dataset=plain(dataset), facts=plain(facts)), own, chosen)


def _is_own(model: ModelBody, problem: Any, dataset: Any, contents: Contents | None) -> bool:
    """Return whether a data set of another name, read and split as that of the training, is that one: whether its test split
    holds the same examples."""
    from automl_cli.data.contents import same

    if contents is None:
        return False
    with suppress(DataError):
        reference = msgspec.structs.replace(model.child.problem, dataset=plain(dataset), facts=plain(problem.facts(dataset)))
        testing = problem.test(msgspec.structs.replace(model.child, problem=reference), model.preparation)
        return (found := testing.contents()) is not None and same(found, contents["tested"])
    return False


def weights_beside(path: Path, model: ModelBody) -> dict[str, np.ndarray]:
    """Read the weights that a model file names, which stand beside it. Raises ArtifactError for another digest."""
    if Path(model.weights_file).name != model.weights_file:
        raise ArtifactError(f"{path}: body.weights_file: {model.weights_file!r} is not the name of a file beside the model")
    return read_arrays(path.parent / model.weights_file, digest=model.weights_digest)


def predictor(model: ModelBody, weights: Mapping[str, np.ndarray]) -> Predictor:
    """Return the model with its weights, ready to predict. Raises ArtifactError for weights of another network."""
    from automl_cli.children.prediction import Predictor

    try:
        return Predictor(model.child, weights, trained=model.engine)
    except ValueError as error:
        raise ArtifactError(f"{model.weights_file}: {error}") from error
