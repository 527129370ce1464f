"""Plan a training before it is started or resumed: `automl train --dry-run`.

The data of a new one need not be here, if they are famous.
"""

from pathlib import Path
from typing import Any

from msgspec import Struct

from automl_cli.children.cost import START_SECONDS, ChildSeconds, blocks_of, child_seconds, compile_seconds, programs_of
from automl_cli.core.errors import DataError, UserError
from automl_cli.core.trials import Costs
from automl_cli.kinds.training import TrainingSettings
from automl_cli.plugins.listing import problem_named
from automl_cli.plugins.roles import costs_of, numpy_batch, typed_dataset, typed_facts, value_of
from automl_cli.store.run_directory import check_is_run
from automl_cli.store.run_layout import TRAINING
from automl_cli.system.linear_algebra import has_one_thread
from automl_cli.system.machine import available_cores
from automl_cli.system.speed import matrix_speed
from automl_cli.training.anew import RecordedTraining, train_anew
from automl_cli.training.directory import settings_of
from automl_cli.training.request import TrainingRequest
from automl_cli.training.settings import engine_of, has_paths, new_training, resumed
from automl_cli.training.trainable import NamedTrainable
from automl_cli.values.child import Child
from automl_cli.values.engine import EngineName
from automl_cli.values.network import Network

IN_WORDS: dict[EngineName, str] = {"whole": "as one program", "blocks": "block by block"}


class TrainingPlan(Struct, frozen=True, kw_only=True):
    """The plan of a training. `problem` says why the data cannot be read here, if they cannot.

    `auxiliary_head` says whether an auxiliary head is trained: the recipe weighs its loss and the network has one. So does
    `drops_paths` of the paths that ScheduledDropPath drops.
    `compute_seconds` is one core's, `compile_seconds` the part of it that a full cache of compiled programs saves;
    `wall_seconds` is what all cores that this process may use would take: they share the arithmetic, and nothing else.
    """

    trained: str
    parameters: int
    multiply_adds: int
    child: Child
    problem: str | None
    auxiliary_head: bool
    drops_paths: bool
    epochs: int
    steps_per_epoch: int
    steps: int
    engine: EngineName
    engine_reason: str
    seed: int
    with_validation: bool
    cores: int
    compute_seconds: float
    compile_seconds: float
    wall_seconds: float


def plan_training(named: NamedTrainable, request: TrainingRequest) -> TrainingPlan:
    """Plan a new training. Raises UserError for what does not fit, DataError where nothing is known of the data."""
    opened = named.open()
    training = new_training(opened.artifact.body, opened.place, request, data_needed=False)
    return _plan(training, opened.place, engine_of(training).reason)


def plan_resumed(directory: Path, named: NamedTrainable | None, request: TrainingRequest) -> TrainingPlan:
    """Plan the whole training on record in a directory. Raises UserError for what resuming it would refuse."""
    check_is_run(directory, TRAINING)
    training = settings_of(directory)
    resumed(training, request, named)
    return _plan(training, str(directory), f"{IN_WORDS[training.engine]}, as it was started")


def plan_anew(recorded: RecordedTraining, named: NamedTrainable | None, request: TrainingRequest) -> TrainingPlan:
    """Plan a recorded training that is done anew. Raises UserError for what doing it would refuse."""
    training = train_anew(recorded, request, named)
    return _plan(training, str(recorded.place), f"{IN_WORDS[training.engine]}, as on record")


def costs_of_child(child: Child) -> Costs:
    """Return exact costs of the network of a child. Raises UserError where its kind knows none."""
    found = costs_of(child.roles, typed_facts(child.problem))
    if found is None:
        raise UserError(f"nothing is known of the costs of kind {child.roles['network'].kind!r}")
    return found


def _as_trained(training: TrainingSettings) -> dict[str, Any]:
    """Return the facts of the data, with validation examples that are trained on counted as training examples, too."""
    facts = training.child.problem.facts
    more = facts["validation_examples"] if training.with_validation else 0
    return {**facts, "train_examples": facts["train_examples"] + more}


def _unreadable(child: Child) -> str | None:
    """Return why the data cannot be read here, or None where they can."""
    try:
        problem_named(child.problem.name).facts(typed_dataset(child.problem))
    except DataError as error:
        return str(error)
    return None


def _plan(training: TrainingSettings, trained: str, engine_reason: str) -> TrainingPlan:
    child, costs, steps = training.child, costs_of_child(training.child), training.steps_per_epoch
    cores, network = available_cores(), value_of(child.roles["network"])
    seconds, compiling = _seconds(training, network, costs)
    return TrainingPlan(
        trained=trained,
        parameters=costs.parameters,
        multiply_adds=costs.multiply_adds,
        child=child,
        problem=_unreadable(child),
        auxiliary_head=child.recipe.auxiliary_weight > 0 and isinstance(network, Network) and bool(network.auxiliary),
        drops_paths=child.recipe.drop_path_keep < 1 and has_paths(network),
        epochs=training.epochs,
        steps_per_epoch=steps,
        steps=training.epochs * steps,
        engine=training.engine,
        engine_reason=engine_reason,
        seed=training.seed,
        with_validation=training.with_validation,
        cores=cores,
        compute_seconds=START_SECONDS + seconds.total + compiling,
        compile_seconds=compiling,
        wall_seconds=START_SECONDS + seconds.building + seconds.passes + seconds.arithmetic / cores + compiling,
    )


def _seconds(training: TrainingSettings, network: Any, costs: Costs) -> tuple[ChildSeconds, float]:
    """Estimate the training of the network on one core of this machine, and its compilation with an empty cache."""
    blocks, image = blocks_of(network), training.child.problem.facts.get("image_shape")
    seconds = child_seconds(
        _as_trained(training),
        training.child.recipe,
        epochs=training.epochs,
        blocks=blocks,
        multiply_adds=costs.multiply_adds,
        speed=matrix_speed(),
    )
    child = training.child
    batch = numpy_batch(child.roles, child.recipe, network, training.engine) if has_one_thread() else None
    programs = programs_of(network, image, batch=batch)
    return seconds, compile_seconds(training.engine, [programs], blocks=blocks)
