"""Small whole values of the kinds of artifact, for the tests of the store."""

from collections.abc import Callable
from typing import Any

import msgspec

from automl_cli.core.rewards import Power
from automl_cli.core.spaces import SearchSpace, SpaceReference
from automl_cli.core.trials import Costs
from automl_cli.kinds.activation import ActivationBody
from automl_cli.kinds.architecture import ArchitectureBody
from automl_cli.kinds.augmentation_policy import AugmentationPolicyBody, joined
from automl_cli.kinds.cell import CellBody
from automl_cli.kinds.comparison import ComparisonSettings, Contestant
from automl_cli.kinds.edge_cell import EdgeCellBody
from automl_cli.kinds.model import ModelBody
from automl_cli.kinds.network import NetworkBody, stacked_network
from automl_cli.kinds.optimizer_rule import RuleBody
from automl_cli.kinds.training import TrainingSettings
from automl_cli.plugins.discovery import plugins
from automl_cli.plugins.roles import by_names, named, network_filling
from automl_cli.references import open_artifact
from automl_cli.store.artifact import Body
from automl_cli.store.reports import Report
from automl_cli.store.study import Found, JoinedTrial, StudySettings
from automl_cli.values.child import Child
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network
from automl_cli.values.skeleton import parse_stack
from tests.study import worlds

SPACE = SpaceReference(name="tiny", version=1, options={"layers": 2})
NETWORK = Network(
    (
        Block("a", ConvolutionUnit((3, 3), 24), (IMAGE,)),
        Block("b", ConvolutionUnit((1, 1), 36), ("a",)),
    ),
    ("b",),
)


def architecture() -> ArchitectureBody:
    """What a search of chains on digits found."""
    found = Found(
        space=SPACE,
        genotype=(1, 0),
        choices={"filters_1": 24, "filters_2": 36},
        costs=Costs(parameters=1450, multiply_adds=68552),
        trial=3,
        validation_scores=(0.5, 0.75),
        validation_score=0.75,
        reward=0.5625,
        reward_function=Power(2.0),
        child=worlds.digits_child(),
        epochs=2,
        strategy="random",
        seed=0,
    )
    return ArchitectureBody(value=NETWORK, words=("Number of Filters: 24", "Number of Filters: 36"), found=found)


def settings() -> StudySettings:
    """Those of a search of chains on digits by random search."""
    return worlds.settings(
        space=SPACE,
        child=worlds.digits_child(),
        strategy="random",
        seed=0,
        trials=4,
        epochs=2,
        in_flight=2,
        retrain_epochs=8,
        executor="serial",
        workers=1,
    )


def cell() -> CellBody:
    """The published NASNet-A."""
    body: CellBody = open_artifact("nasnet-a", CellBody).artifact.body
    return body


def edge_cell() -> EdgeCellBody:
    """What a search of NAS-Bench-201 found."""
    return found_body(EdgeCellBody, "nas-bench-201", None)


def activation() -> ActivationBody:
    """What a search of activation functions found."""
    return found_body(ActivationBody, "activation-units", _without("activation"))


def optimizer_rule() -> RuleBody:
    """What a search of update rules found, with the learning rate of its child."""
    body = found_body(RuleBody, "update-rules", _without("optimizer"))
    return msgspec.structs.replace(body, value=msgspec.structs.replace(body.value, learning_rate=0.01))


def found_body(body: Any, name: str, child: Child | None) -> Any:
    """The first random value of a space, as a search found it."""
    space = SearchSpace(plugins()[name])
    genotype = space.sample(0, 0)
    about = {
        "space": space.reference(),
        "genotype": genotype,
        "choices": space.decisions.choices_of(genotype),
        "costs": None,
        "child": child,
    }
    found = msgspec.structs.replace(architecture().found, **about)
    return body(value=space.decode(genotype), words=space.tokens(genotype), found=found)


def augmentation_policy() -> AugmentationPolicyBody:
    """What a search of augmentation policies found: the sub-policies of its three best trials, joined."""
    space = SearchSpace(plugins()["autoaugment"])
    body = found_body(AugmentationPolicyBody, "autoaugment", _without("augmentation"))
    rows = tuple(
        JoinedTrial(trial=trial, genotype=space.sample(0, number), validation_score=score)
        for number, (trial, score) in enumerate(((3, 0.75), (0, 0.5), (1, 0.25)))
    )
    values = [space.decode(row.genotype) for row in rows]
    words = tuple(word for row in rows for word in space.tokens(row.genotype))
    return msgspec.structs.replace(body, value=joined(values), words=words, joined=rows)


def _without(role: str) -> Child:
    """A child of a network made by experts, with this role open."""
    child = worlds.digits_child()
    roles = {**child.roles, **by_names({"network": "convnet-1x4"})}
    return msgspec.structs.replace(child, roles={name: filling for name, filling in roles.items() if name != role})


def network() -> NetworkBody:
    """NASNet-A stacked for CIFAR-10."""
    pair = cell().value
    stack = parse_stack("1@96", pair, (32, 32, 3))
    return stacked_network(pair, stack, target="cifar10", image_shape=(32, 32, 3), classes=10)


def training() -> TrainingSettings:
    """Of the network above on digits."""
    whole = worlds.digits_child().filled(network=network_filling(NETWORK))
    return TrainingSettings(
        child=whole, epochs=2, seed=0, with_validation=False, environment=settings().environment, engine="whole"
    )


def comparison() -> ComparisonSettings:
    """Of two update rules for the network above on digits."""
    whole = training().child
    rules = {name: filling for name, filling in named("optimizer").items() if name in ("sgd", "adam")}
    return ComparisonSettings(
        role="optimizer",
        values=tuple(Contestant(label=name, filling=filling, recipe=whole.recipe) for name, filling in rules.items()),
        child=msgspec.structs.replace(whole, roles={role: one for role, one in whole.roles.items() if role != "optimizer"}),
        space=SPACE,
        preset="quick",
        learning_rates=(0.01, 0.1),
        epochs=2,
        seeds=3,
        seed=0,
        engine="blocks",
        executor="serial",
        workers=1,
        environment=settings().environment,
    )


def model() -> ModelBody:
    """What came of that training; its weights are nowhere."""
    return ModelBody(
        weights_file="weights.safetensors",
        weights_digest="0" * 64,
        child=training().child,
        preparation={"mean": (77.0,), "std": (96.0,)},
        epochs=2,
        seed=0,
        parameters=1450,
        multiply_adds=68552,
        scores={"test_accuracy": 0.75, "validation_score": 0.5},
        engine="whole",
    )


BODIES: dict[str, Callable[[], Body]] = {
    "activation": activation,
    "architecture": architecture,
    "augmentation-policy": augmentation_policy,
    "cell": cell,
    "comparison": comparison,
    "edge-cell": edge_cell,
    "model": model,
    "network": network,
    "optimizer-rule": optimizer_rule,
    "report": lambda: Report(runs=()),
    "study": settings,
    "training": training,
}
"""One of every kind of artifact."""
