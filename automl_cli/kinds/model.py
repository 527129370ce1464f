"""A trained child: its weights, a safetensors file beside the artifact, and its scores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from automl_cli.core.errors import ArtifactError
from automl_cli.core.numbers import counted
from automl_cli.core.trials import Costs
from automl_cli.kinds.architecture import network_grid
from automl_cli.plugins.kind import Kind, Measurable, TrainingChoices
from automl_cli.plugins.roles import costs_of, typed_facts, value_of, words_of
from automl_cli.plugins.sheets import cost_facts
from automl_cli.store.artifact import Body, Schema
from automl_cli.store.consistency import must_equal
from automl_cli.store.files import file_digest
from automl_cli.store.study import Digest, Seed
from automl_cli.values.child import Child
from automl_cli.values.dataset import facts_of
from automl_cli.values.engine import EngineName
from automl_cli.values.network import Network
from automl_cli.values.sheet import Facts, Part

Positive = Annotated[int, Meta(ge=1)]


class ModelBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The trained child with all its roles, what its problem must know of the training data, and its weights with the SHA-256
    of their bytes.

    `preparation` is the problem's: for images `mean` and `std` of each channel; an input is (value - mean) / std, in the data's
    own units: 0 to 255 where pixels are bytes. With the standard augmentation the network is shown the centre crop of that,
    upsampled (`nn.augment.crops.centre_crop`); with Inception's, the image itself is the middle of a picture (`data.crops`).

    `scores` are by name: those of the test split, which was read once (`test_accuracy`, `test_top5_accuracy` with more than
    five classes, `test_balanced_accuracy`; `test_perplexity` of a language), and `validation_score`, that of the last epoch in
    the data set's metric, unless the validation examples were trained on. `engine` is what it was trained by. The child has no
    folder of the machine that trained.
    """

    SCHEMA: ClassVar[Schema] = Schema("model")

    weights_file: str
    weights_digest: Digest
    child: Child
    preparation: dict[str, tuple[float, ...]]
    epochs: Positive
    seed: Seed
    parameters: Positive
    multiply_adds: Annotated[int, Meta(ge=0)]
    scores: dict[str, float]
    engine: EngineName


def sheet(body: ModelBody, place: str) -> Iterator[Part]:
    """Yield the model's scores, how it was trained, and its network."""
    scores, facts = body.scores, facts_of(body.child)
    tested = [(name.replace("_", " "), f"{score:.4f}") for name, score in scores.items() if name.startswith("test_")]
    validation = scores.get("validation_score")
    image = None if facts is None else facts.image_shape
    yield Facts(
        (
            *tested,
            ("validation", "none: trained on all" if validation is None else f"{validation:.4f}"),
            ("trained", f"{counted(body.epochs, 'epoch')} on {body.child.problem.source}, seed {body.seed}"),
            *_role_facts(body.child),
            ("weights", f"{body.weights_file}, SHA-256 {body.weights_digest[:12]}…"),
            *cost_facts(Costs(parameters=body.parameters, multiply_adds=body.multiply_adds), image),
        )
    )
    network = value_of(body.child.roles["network"])
    if isinstance(network, Network):
        yield network_grid(network, image)


def _role_facts(child: Child) -> Iterator[tuple[str, str]]:
    for role, filling in child.roles.items():
        if role != "network":
            yield role, words_of(filling)


def check(body: ModelBody, place: str) -> str | None:
    """Check that the weights are there with the digest that the model names, and that the costs are the network's."""
    weights = Path(place).parent / body.weights_file
    if not weights.is_file():
        raise ArtifactError(f"{place}: body.weights_file: {weights} does not exist; keep it beside the model")
    must_equal(f"{place}: body.weights_digest", body.weights_digest, file_digest(weights))
    if (costs := _costs(body)) is not None:
        must_equal(f"{place}: body.parameters", body.parameters, costs.parameters)
        must_equal(f"{place}: body.multiply_adds", body.multiply_adds, costs.multiply_adds)
    return None


def _costs(body: ModelBody, facts: Any = None) -> Costs | None:
    return costs_of(body.child.roles, typed_facts(body.child.problem) if facts is None else facts)


def measurable(body: ModelBody, place: str) -> Measurable:
    """Return what is counted: the network that was trained."""

    def count(facts: Any, choices: TrainingChoices) -> tuple[Costs, dict[str, Any]]:
        costs = _costs(body, facts)
        if costs is None:
            raise ArtifactError(f"{place}: nothing is known of the costs of {body.child.roles['network'].kind!r}")
        return costs, {}

    return Measurable(facts=typed_facts(body.child.problem), count=count)


KIND = Kind(
    name="model",
    body=ModelBody,
    sheet=sheet,
    check=check,
    measurable=measurable,
    export="automl_cli.jobs.export:export_model",
    formats=("flax", "torch", "stablehlo"),
)
