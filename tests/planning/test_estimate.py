"""The plan: its cost model against arithmetic, its facts of data that are not here, its ranges over the curriculum."""

from typing import Any

import msgspec
import pytest

from automl_cli.children.cost import (
    BUILD_SECONDS,
    COMPILE_SECONDS,
    EFFICIENCY,
    PASS_SECONDS,
    START_SECONDS,
    blocks_of,
    child_seconds,
    compile_seconds,
    programs_of,
)
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import EvaluatorSpec
from automl_cli.data.published import published_facts
from automl_cli.evaluators import trained
from automl_cli.planning import estimate
from automl_cli.planning.estimate import CountRange, plan_of
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.store.encoding import plain
from automl_cli.store.study import StudySettings
from automl_cli.study.session import setup_of
from automl_cli.system.speed import matrix_speed
from automl_cli.values.dataset import DatasetReference, ImageFacts
from automl_cli.values.operations import ConvolutionUnit
from automl_cli.values.recipe import Recipe
from tests.study.worlds import digits_child, settings, space
from tests.tiny_space import SPACE

FACTS = ImageFacts(
    image_shape=(8, 8, 1), classes=("0", "1"), train_examples=100, validation_examples=50, test_examples=10, flip=False
)


def of_trained_children(**changed: Any) -> StudySettings:
    """Settings of a search whose children are trained on data with these facts."""
    return settings(child=digits_child(FACTS), evaluator=EvaluatorSpec("trained", {"engine": "whole"}), **changed)


def test_a_child_costs_three_passes_for_a_step_and_one_for_a_batch_that_validates() -> None:
    recipe = Recipe(batch_size=32, learning_rate=0.1)
    seconds = child_seconds(plain(FACTS), recipe, epochs=4, blocks=7, multiply_adds=1e6, speed=1e9)
    assert seconds.arithmetic == pytest.approx(4 * (3 * 100 + 50) * 2 * 1e6 / (EFFICIENCY * 1e9))
    assert seconds.passes == pytest.approx(PASS_SECONDS * 7 * 4 * (3 * 3 + 2)), "100 examples are 3 steps, 50 are 2 batches"
    assert seconds.building == pytest.approx(BUILD_SECONDS * 7)
    assert seconds.total == pytest.approx(seconds.arithmetic + seconds.passes + seconds.building)


def test_blocks_that_networks_share_are_compiled_once_and_whole_networks_each() -> None:
    small, large = (decoded.decode(decoded.sample(0, 0)) for decoded in (space(2), space(3)))
    programs = [programs_of(network, (8, 8, 1)) for network in (small, large, small)]
    together = {program for one in programs for program in one or ()}
    assert len(together) < blocks_of(small) + blocks_of(large), "some blocks are the same"
    assert compile_seconds("blocks", programs, blocks=2) == pytest.approx(COMPILE_SECONDS["blocks"] * len(together))
    assert compile_seconds("whole", programs, blocks=2) == pytest.approx(COMPILE_SECONDS["whole"] * 2 * 2), "two networks"


def test_numpy_compiles_nothing_for_small_maps_and_no_convolution_for_large_ones() -> None:
    decoded = space(3)
    network = decoded.decode(decoded.sample(0, 0))
    assert len(network.blocks) == 3
    assert programs_of(network, (8, 8, 1), batch=1) == {"update"}
    large = programs_of(network, (8, 8, 1), batch=2**20)
    assert large is not None
    assert {(operation, shape[:2]) for operation, shape in large - {"update"}} == {(ConvolutionUnit, (8, 8))}


def test_children_of_many_small_blocks_take_their_time_for_passes_and_programs() -> None:
    """The fault of a model by multiply-adds alone: it said a seventh of what a search of cells takes."""
    settled, cells = plan_search("search-cell", SearchRequest(executor="serial"), default_space="nasnet", data_needed=False)
    genotypes = [cells.sample(0, trial) for trial in range(6)]
    found = trained.TrainedEvaluator.seconds(setup_of(settled), cells, genotypes, trials=6, epochs=settled.epochs)
    assert found is not None
    networks = [cells.placed(genotype, FACTS) for genotype in genotypes]
    programs = {program for network in networks for program in programs_of(network, FACTS.image_shape) or ()}
    assert found.compiling == pytest.approx(COMPILE_SECONDS["blocks"] * len(programs))
    passes = 3 * (737 // 32) + 22
    blocks = sum(map(blocks_of, networks))
    least = blocks * (BUILD_SECONDS + PASS_SECONDS * settled.epochs * passes)
    assert least < found.training < 1.3 * least


def test_the_plan_multiplies_children_and_divides_by_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained, "matrix_speed", lambda: 1e9)
    monkeypatch.setattr(estimate, "default_workers", lambda of_each: 1 if of_each is None else 2)
    config = of_trained_children(trials=20, workers=2, retrain_top=3, memory_limit_bytes=2**28)
    plan = plan_of(config, space())
    assert plan.multiply_adds is not None
    assert plan.compute_seconds is not None
    assert plan.compile_seconds is not None
    assert plan.wall_seconds == plan.compute_seconds / 2
    assert plan.wall_seconds_compiled == pytest.approx((plan.compute_seconds - plan.compile_seconds) / 2)
    alone = plan_of(msgspec.structs.replace(config, in_flight=1), space())
    assert alone.wall_seconds == alone.compute_seconds, "one in flight keeps one worker busy"
    assert alone.compute_seconds == pytest.approx(plan.compute_seconds - START_SECONDS), "and only that one starts"
    without = plan_of(msgspec.structs.replace(config, retrain_top=0), space())
    assert without.compute_seconds is not None
    assert without.compute_seconds < plan.compute_seconds


def test_the_window_is_that_of_the_search_and_given_genotypes_are_counted() -> None:
    plan = plan_of(settings(in_flight=8, strategy_settings={"minibatch": 5}), space())
    assert (plan.in_flight, plan.start_from) == (10, 0)
    assert plan_of(settings(strategy_settings={"start_from": [[0, 0], [1, 1]]}), space()).start_from == 2


def test_of_children_that_are_not_trained_there_is_a_plan_without_an_estimate() -> None:
    plan = plan_of(settings(), space())
    assert (plan.compute_seconds, plan.wall_seconds, plan.multiply_adds) == (None, None, None)
    assert (plan.dataset, plan.decisions) == (None, CountRange(2, 2))


def test_what_children_are_measured_with_is_said_by_the_evaluator() -> None:
    plan = plan_of(of_trained_children(), space())
    assert plan.measured == (
        ("data set", "digits"),
        ("examples", "100 to train, 50 to validate"),
        ("activation", "relu: max(x, 0)"),
        ("optimizer", "nesterov: g + momentum * trace(g, momentum), momentum 0.9"),
        ("augmentation", "standard"),
        ("learning rate", "0.1, of the recipe"),
        ("recipe", "batches of 32, constant rate, weight decay 0.0001"),
        ("depth", "2 layers"),
    )
    assert plan_of(settings(), space()).measured == (("measured by", "the formula one-max"),)


def test_ranges_reach_from_the_first_to_the_last_trial() -> None:
    growing = SearchSpace(msgspec.structs.replace(SPACE, length=lambda options, trial: 1 + trial // 100))
    plan = plan_of(of_trained_children(trials=301), growing)
    assert plan.decisions == CountRange(1, 4)
    assert dict(plan.measured)["depth"] == "1 to 4 layers"


@pytest.mark.parametrize(
    ("name", "shape", "classes", "train", "validation"),
    [("cifar10", (32, 32, 3), 10, 45_000, 5_000), ("imagenet", (224, 224, 3), 1000, 1_153_051, 128_116)],
)
def test_well_known_data_can_be_planned_with_without_being_here(
    name: str, shape: tuple[int, int, int], classes: int, train: int, validation: int
) -> None:
    facts = published_facts(DatasetReference(source=name))
    assert facts is not None
    assert (facts.image_shape, len(facts.classes)) == (shape, classes)
    assert (facts.train_examples, facts.validation_examples) == (train, validation)
    resized = published_facts(DatasetReference(source=name, image_size=16, train_examples=2000))
    assert resized is not None
    assert (resized.image_shape, resized.train_examples + resized.validation_examples) == ((16, 16, 3), 2000)


def test_other_data_cannot() -> None:
    assert published_facts(DatasetReference(source="beans")) is None


def test_the_speed_of_this_machine_is_plausible() -> None:
    assert 1e8 < matrix_speed(0.02) < 1e14
