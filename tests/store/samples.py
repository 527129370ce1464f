"""Small whole values of the kinds of artifact, for the tests of the store."""

from automl_cli.core.plugins import SpaceReference
from automl_cli.core.trials import Costs, EvaluatorSpec, Limits
from automl_cli.store.bodies import Architecture, StudySettings
from automl_cli.system.machine import Environment
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network
from automl_cli.values.recipe import Recipe

SPACE = SpaceReference(name="tiny", version=1, options={"layers": 2})
NETWORK = Network(
    (
        Block("a", ConvolutionUnit((3, 3), 24), (IMAGE,)),
        Block("b", ConvolutionUnit((1, 1), 36), ("a",)),
    ),
    ("b",),
)


def architecture() -> Architecture:
    return Architecture(
        space=SPACE,
        genotype=(1, 0),
        choices={"filters_1": 24, "filters_2": 36},
        tokens=("Number of Filters: 24", "Number of Filters: 36"),
        network=NETWORK,
        image_shape=(8, 8, 1),
        classes=10,
        costs=Costs(parameters=1450, multiply_adds=68552),
        trial=3,
        validation_scores=(0.5, 0.75),
        validation_score=0.75,
        reward=0.5625,
        reward_exponent=2.0,
        dataset=DatasetReference(source="digits"),
        epochs=2,
        recipe=Recipe(batch_size=32, learning_rate=0.1),
        strategy="random",
        seed=0,
    )


def settings() -> StudySettings:
    return StudySettings(
        command="search-arch",
        preset="quick",
        space=SPACE,
        dataset=DatasetReference(source="digits"),
        facts=None,
        recipe=Recipe(batch_size=32, learning_rate=0.1),
        evaluator=EvaluatorSpec("analytic"),
        strategy="random",
        strategy_settings={},
        seed=0,
        trials=4,
        epochs=2,
        in_flight=2,
        reward_exponent=2.0,
        reuse=True,
        limits=Limits(),
        retrain_top=0,
        retrain_epochs=8,
        max_failures=5,
        trial_timeout_seconds=None,
        time_budget_seconds=None,
        executor="serial",
        workers=1,
        published_cost="",
        environment=Environment(python="3.11.0", system="Linux x86_64", cpu="a CPU", packages={}, git=None),
    )
