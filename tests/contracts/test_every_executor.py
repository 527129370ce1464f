"""Every executor gives the outcomes of the serial one."""

from collections.abc import Mapping

import pytest

from automl_cli.core.plugins import SearchSpace
from automl_cli.core.trials import EvaluatorSpec, Measurement, Status, Task
from automl_cli.plugins.discovery import plugin_named
from automl_cli.plugins.registry import EVALUATORS, EXECUTORS, load
from automl_cli.store.encoding import plain
from tests.tables import ROOT

PLUGIN, FILE = plugin_named(str(ROOT / "tests" / "tiny_space.py"))
SPACE = SearchSpace(PLUGIN)
TASKS = [Task(trial, SPACE.sample(0, trial), seed=trial, epochs=3) for trial in range(8)]
FAULTS = {".".join(map(str, TASKS[2].genotype)): "diverge", ".".join(map(str, TASKS[5].genotype)): "raise"}
SPEC = EvaluatorSpec("analytic", {"space": plain(SPACE.reference(FILE)), "noise": 0.1, "faults": FAULTS})


def outcomes(name: str) -> Mapping[int, tuple[Status, Measurement | None, str]]:
    executor = load("executor", EXECUTORS, name)(SPEC, workers=1 if name == "serial" else 2)
    try:
        for task in TASKS:
            executor.submit(task)
        ended = [executor.wait() for _ in TASKS]
    finally:
        executor.close()
    return {task.trial: (outcome.status, outcome.measurement, outcome.message) for task, outcome in ended}


@pytest.mark.parametrize("name", EXECUTORS)
def test_outcomes_are_those_of_the_serial_executor(name: str) -> None:
    found = outcomes(name)
    assert found == outcomes("serial")
    assert [found[trial][0] for trial in (0, 2, 5)] == [Status.OK, Status.DIVERGED, Status.FAILED]


@pytest.mark.parametrize("name", EVALUATORS)
def test_evaluator_is_where_the_registry_says(name: str) -> None:
    assert callable(load("evaluator", EVALUATORS, name).evaluate)
