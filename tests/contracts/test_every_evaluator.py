"""Laws that hold for every evaluator: complete settings, workers that are built from JSON, the same measurement every time."""

import subprocess
import sys
from typing import Any

import pytest

from automl_cli.core.errors import UserError
from automl_cli.core.protocols import EvaluatorFactory, EvaluatorSetup, GroupEvaluator
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Costs, Measurement, Task
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.plugins.discovery import plugin_named
from automl_cli.plugins.registry import EVALUATORS
from automl_cli.store.encoding import decode, document, line, parse
from automl_cli.store.study import StudySettings
from automl_cli.study.session import setup_of
from tests.tables import EVALUATOR_REQUESTS, ROOT

every_evaluator = pytest.mark.parametrize("name", EVALUATORS.names())


def planned(name: str, **more: object) -> tuple[StudySettings, SearchSpace]:
    """The settings and the space of a small search by this evaluator."""
    assert name in EVALUATOR_REQUESTS, f"tests/tables.py holds no small search by evaluator {name!r}"
    asked: dict[str, Any] = {"evaluator": name, **EVALUATOR_REQUESTS[name]}
    options = {**asked.pop("evaluator_option", {}), **more}
    request = SearchRequest(**asked, evaluator_option=options or None)
    return plan_search(plugin_named(asked["space"])[0].command, request, default_space="")


def factory_of(name: str) -> EvaluatorFactory:
    factory: EvaluatorFactory = EVALUATORS.load(name)
    return factory


def tasks_of(settings: StudySettings, space: SearchSpace, count: int) -> list[Task]:
    """So many children of the search."""
    return [Task(trial, space.sample(3, trial), seed=trial, epochs=settings.epochs) for trial in range(count)]


@every_evaluator
def test_it_says_what_it_is_in_one_line(name: str) -> None:
    summary = factory_of(name).summary
    assert summary
    assert len(summary) < 100
    assert "\n" not in summary


@every_evaluator
def test_settings_are_complete_and_survive_json(name: str) -> None:
    settings = planned(name)[0].evaluator.settings
    assert parse(document(settings), "settings") == settings
    assert planned(name)[0].evaluator.settings == settings
    if not factory_of(name).flags:
        assert planned(name, **settings)[0].evaluator.settings == settings


@every_evaluator
def test_an_option_that_it_does_not_have_is_refused_by_name(name: str) -> None:
    with pytest.raises(UserError, match="'no_such_option'"):
        planned(name, no_such_option="1")


@every_evaluator
def test_a_world_that_has_not_changed_passes_the_check_and_prepares_twice(name: str) -> None:
    settings, _ = planned(name)
    factory_of(name).check(setup_of(settings))
    for _ in range(2):
        factory_of(name).prepare(setup_of(settings), lambda done, total: None)


@every_evaluator
def test_a_worker_that_reads_its_setup_measures_the_same_and_again_the_same(name: str) -> None:
    settings, space = planned(name)
    setup = setup_of(settings)
    (task,) = tasks_of(settings, space, 1)
    here = factory_of(name)(setup)
    there = factory_of(name)(decode(line(setup), EvaluatorSetup, "setup"))
    measured = here.evaluate(task)
    assert isinstance(measured, Measurement)
    assert there.evaluate(task) == here.evaluate(task) == measured


@every_evaluator
def test_children_that_are_measured_together_measure_as_they_do_one_by_one(name: str) -> None:
    settings, space = planned(name)
    together = factory_of(name).together(settings.evaluator.settings)
    assert together >= 1
    if together == 1:
        return
    evaluator: GroupEvaluator = factory_of(name)(setup_of(settings))  # type: ignore[assignment]
    tasks = tasks_of(settings, space, together)
    assert list(evaluator.evaluate_group(tasks)) == [evaluator.evaluate(task) for task in tasks]


@every_evaluator
def test_costs_are_those_of_the_measurement(name: str) -> None:
    settings, space = planned(name)
    (task,) = tasks_of(settings, space, 1)
    costs = factory_of(name).costs(setup_of(settings), space, task.genotype)
    if costs is not None:
        measured = factory_of(name)(setup_of(settings)).evaluate(task)
        assert Costs(int(measured.metrics["parameters"]), int(measured.metrics["multiply_adds"])) == costs


@every_evaluator
def test_its_rows_of_the_plan_are_words(name: str) -> None:
    settings, space = planned(name)
    genotypes = [space.sample(0, trial) for trial in range(5)]
    rows = list(factory_of(name).describe(setup_of(settings), space, genotypes))
    assert rows
    for title, words in rows:
        assert title
        assert words
        assert "\n" not in title + words


@every_evaluator
def test_an_estimate_grows_with_the_epochs(name: str) -> None:
    settings, space = planned(name)
    factory, setup = factory_of(name), setup_of(settings)
    genotypes = [space.sample(0, trial) for trial in range(3)]
    short, long = (factory.seconds(setup, space, genotypes, trials=3, epochs=epochs) for epochs in (1, 10_000_000))
    assert (short is None) == (long is None)
    if short is not None and long is not None:
        assert 0 < short.training < long.training
        assert short.compiling == long.compiling > 0


@every_evaluator
def test_importing_it_imports_nothing_heavy(name: str) -> None:
    program = (
        "import sys\n"
        "from automl_cli.plugins.registry import EVALUATORS\n"
        f"EVALUATORS.load({name!r})\n"
        "heavy = {'jax', 'flax', 'optax', 'numpy', 'scipy', 'sklearn', 'tensorflow_datasets'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
