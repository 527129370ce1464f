"""Counts what a found or published network costs, without building it."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.data.target import target_of
from automl_cli.plugins.kind import Measurable, TrainingChoices
from automl_cli.plugins.listing import kind_of, standing_kind
from automl_cli.plugins.roles import typed_facts
from automl_cli.references import Opened, open_any
from automl_cli.store.study import FoundBody
from automl_cli.values.dataset import DatasetReference, ImageFacts


class Measured(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Exact costs for one example of data with these facts, and further facts of the kind, such as how a cell is stacked."""

    parameters: int
    multiply_adds: int
    facts: Any
    more: dict[str, Any] = {}

    @property
    def document(self) -> dict[str, Any]:
        """The document that `--json` prints."""
        facts = self.facts
        shape = {"image_shape": facts.image_shape, "classes": len(facts.classes)} if isinstance(facts, ImageFacts) else {}
        return {"parameters": self.parameters, "multiply_adds": self.multiply_adds, **shape, **self.more}


def measure(
    source: str | Path,
    *,
    image_size: int | None = None,
    classes: int | None = None,
    dataset: str | None = None,
    data_dir: str | None = None,
    stack: str | None = None,
    filters: int | None = None,
) -> Measured:
    """Return the exact costs of the network in an artifact, or of the cell in it, stacked as `N@P`.

    Images and classes are what the artifact was made with, or those of a data set, which may be a famous one that is not here;
    `image_size` and `classes` replace either.
    """
    opened = open_any(str(source))
    subject = _measurable(opened)
    if not subject.stackable and not (stack is None and filters is None):
        raise UserError(f"{opened.place} holds a whole network; --stack and --filters are for cells")
    facts = subject.facts
    if dataset is not None:
        facts = target_of(DatasetReference(source=dataset, data_dir=data_dir, image_size=image_size)).facts
        image_size = None
    if image_size is not None or classes is not None:
        facts = _replaced(facts, image_size, classes)
    if facts is None:
        raise UserError(
            f"{opened.place} does not say for which images and classes it was made; give --dataset, or --image-size and "
            "--classes"
        )
    costs, more = subject.count(facts, TrainingChoices(stack=stack, filters=filters))
    return Measured(parameters=costs.parameters, multiply_adds=costs.multiply_adds, facts=facts, more=dict(more))


def _measurable(opened: Opened[Any]) -> Measurable:
    body = opened.artifact.body
    kind = kind_of(body)
    if kind.measurable is not None:
        return kind.measurable(body, opened.place)
    costs = standing_kind(kind).costs
    if not isinstance(body, FoundBody) or costs is None:
        raise ArtifactError(
            f"{opened.place}: {opened.artifact.schema} holds no network; give an architecture, a cell or a model"
        )
    facts = None if body.found is None or body.found.child is None else typed_facts(body.found.child.problem)

    def count(facts: Any, choices: TrainingChoices) -> tuple[Any, dict[str, Any]]:
        return costs(body.value, facts), {}  # type: ignore[attr-defined]

    return Measurable(facts=facts, count=count)


def _replaced(facts: Any, image_size: int | None, classes: int | None) -> ImageFacts | None:
    """Return the facts for other images or another number of classes; None where one of them stays unknown."""
    if facts is not None and not isinstance(facts, ImageFacts):
        raise UserError("--image-size and --classes are about images, and this was made for other data; leave them out")
    if facts is None:
        if image_size is None or classes is None:
            return None
        facts = ImageFacts(
            image_shape=(image_size, image_size, 3),
            classes=(),
            train_examples=0,
            validation_examples=0,
            test_examples=0,
            flip=False,
        )
    shape = facts.image_shape if image_size is None else (image_size, image_size, facts.image_shape[2])
    names = facts.classes if classes is None else tuple(map(str, range(classes)))
    changed: ImageFacts = msgspec.structs.replace(facts, image_shape=shape, classes=names)
    return changed
