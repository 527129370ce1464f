"""Laws that hold for every problem: its data are plain, come in the batches it says, and are scored by folds."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from automl_cli.plugins.roles import by_names, network_filling
from automl_cli.store.encoding import document, parse, plain
from automl_cli.values.child import ROLES, Child, Filling, ProblemReference
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network
from automl_cli.values.recipe import Recipe
from tests.tables import PROBLEM_DATASETS, PROBLEMS

BATCH_SIZE = 32
NETWORKS: dict[str, Filling] = {
    "images": network_filling(Network((Block("a", ConvolutionUnit((1, 1), 4), (IMAGE,)),), ("a",))),
}
"""A small network of every problem."""
OTHERS = {"activation": "relu", "optimizer": "nesterov", "augmentation": "standard"}

every_problem = pytest.mark.parametrize("name", PROBLEMS)


def dataset_of(name: str) -> Any:
    assert name in PROBLEM_DATASETS, f"tests/tables.py holds no small data set of problem {name!r}"
    return PROBLEMS[name].dataset({}, PROBLEMS[name].dataset_type(**PROBLEM_DATASETS[name]))


def child_of(name: str) -> Child:
    """A small child of the problem, whole."""
    dataset = dataset_of(name)
    reference = ProblemReference(name=name, dataset=plain(dataset), facts=plain(PROBLEMS[name].facts(dataset)))
    roles = {**by_names(OTHERS), "network": NETWORKS[name]}
    assert set(roles) == set(ROLES)
    return Child(problem=reference, recipe=Recipe(batch_size=BATCH_SIZE, learning_rate=0.1), roles=roles)


@every_problem
def test_it_is_found_by_its_own_name(name: str) -> None:
    assert PROBLEMS[name].name == name


@every_problem
def test_data_set_and_facts_survive_json(name: str) -> None:
    problem, dataset = PROBLEMS[name], dataset_of(name)
    facts = problem.facts(dataset)
    for value, of in ((dataset, problem.dataset_type), (facts, problem.facts_type)):
        assert msgspec.convert(parse(document(value), "value"), of) == value
    assert dataset.source == PROBLEM_DATASETS[name]["source"]


@every_problem
def test_facts_count_the_examples(name: str) -> None:
    facts = PROBLEMS[name].facts(dataset_of(name))
    assert facts.train_examples > 0
    assert facts.validation_examples > 0
    assert facts.test_examples > 0
    assert PROBLEMS[name].facts(dataset_of(name), needed=False) == facts


@every_problem
def test_facts_are_alike_to_themselves_and_a_small_child_is_sound(name: str) -> None:
    problem, facts = PROBLEMS[name], PROBLEMS[name].facts(dataset_of(name))
    problem.check_alike(PROBLEM_DATASETS[name]["source"], facts, facts)
    problem.check(child_of(name))
    for _ in range(2):
        problem.prepare(child_of(name), lambda done, total: None)


@every_problem
def test_training_batches_have_the_size_and_the_number_that_they_say(name: str) -> None:
    child = child_of(name)
    batches = PROBLEMS[name].open(child).batches(child)
    shown = list(batches.epoch(seed=1, epoch=0))
    assert len(shown) == batches.steps == child.recipe.steps(child.problem.facts["train_examples"])
    for inputs, targets in shown:
        assert len(inputs) == len(targets) == batches.size == BATCH_SIZE
    again = list(batches.epoch(seed=1, epoch=0))
    assert all(np.array_equal(one, other) for one, other in zip(_flat(shown), _flat(again), strict=True))


@every_problem
def test_validation_examples_are_added_to_the_training_examples_where_that_is_wanted(name: str) -> None:
    child = child_of(name)
    facts = child.problem.facts
    batches = PROBLEMS[name].open(child, with_validation=True).batches(child)
    assert batches.steps == child.recipe.steps(facts["train_examples"] + facts["validation_examples"])


@every_problem
@pytest.mark.parametrize("like_training", [False, True])
def test_validation_batches_hold_every_example_once_with_its_target(name: str, like_training: bool) -> None:
    child = child_of(name)
    shown = list(PROBLEMS[name].open(child).validation(child, like_training=like_training).batches())
    assert sum(batch.examples for batch in shown) == child.problem.facts["validation_examples"]
    for batch in shown:
        assert len(batch.targets) == batch.examples <= len(batch.inputs)


@every_problem
def test_the_metrics_are_folds(name: str) -> None:
    child = child_of(name)
    learning = PROBLEMS[name].open(child)
    testing = PROBLEMS[name].test(child, learning.preparation)
    outputs, targets = _seen(child, learning.validation(child, like_training=True))
    for metric in (learning.metric, *testing.metrics.values()):
        whole = metric.result(metric.add(metric.start(), outputs, targets))
        counted = metric.start()
        for piece in np.array_split(np.arange(len(targets)), 5):
            counted = metric.add(counted, outputs[piece], targets[piece])
        assert metric.result(counted) == pytest.approx(whole, rel=1e-6)
        assert metric.better in ("higher", "lower")


@every_problem
def test_the_scores_of_the_test_split_are_named_after_it(name: str) -> None:
    child = child_of(name)
    testing = PROBLEMS[name].test(child, PROBLEMS[name].open(child).preparation)
    assert testing.size == child.problem.facts["test_examples"]
    assert testing.metrics
    assert all(score.startswith("test_") for score in testing.metrics)
    shown = list(testing.examples(size=None, smaller=True).batches())
    assert sum(batch.examples for batch in shown) == testing.size


@every_problem
def test_what_is_prepared_is_plain_numbers(name: str) -> None:
    preparation = PROBLEMS[name].open(child_of(name)).preparation
    assert msgspec.convert(parse(document(preparation), "preparation"), dict[str, tuple[float, ...]]) == preparation


def _flat(batches: list[tuple[Any, Any]]) -> Iterator[Any]:
    for inputs, targets in batches:
        yield from (inputs, targets)


def _seen(child: Child, examples: Any) -> tuple[np.ndarray, np.ndarray]:
    """What a network that was never trained makes of the examples, and their targets."""
    from automl_cli.children.network import module_of

    model = module_of(child, seed=0)
    outputs, targets = [], []
    for batch in examples.batches():
        outputs.append(np.asarray(model(batch.inputs, train=False))[: batch.examples])
        targets.append(batch.targets)
    return np.concatenate(outputs), np.concatenate(targets)
