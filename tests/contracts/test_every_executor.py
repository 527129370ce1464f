"""Every executor gives the outcomes of the serial one."""

from collections.abc import Mapping

import pytest

from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import EvaluatorSpec, Measurement, Status, Task
from automl_cli.plugins.discovery import plugin_named
from automl_cli.plugins.registry import EXECUTORS
from tests.tables import ROOT

PLUGIN, FILE = plugin_named(str(ROOT / "tests" / "tiny_space.py"))
SPACE = SearchSpace(PLUGIN)
TASKS = [Task(trial, SPACE.sample(0, trial), seed=trial, epochs=3) for trial in range(8)]
FAULTS = {".".join(map(str, TASKS[2].genotype)): "diverge", ".".join(map(str, TASKS[5].genotype)): "raise"}
SETUP = EvaluatorSetup(EvaluatorSpec("analytic", {"noise": 0.1, "faults": FAULTS}), SPACE.reference(FILE))


def outcomes(name: str, *, together: int = 1) -> Mapping[int, tuple[Status, Measurement | None, str]]:
    """How the tasks ended, given to a worker so many at a time."""
    executor = EXECUTORS.load(name)(SETUP, workers=1 if name == "serial" else 2)
    try:
        for start in range(0, len(TASKS), together):
            executor.submit(*TASKS[start : start + together])
        ended = [executor.wait() for _ in TASKS]
    finally:
        executor.close()
    return {task.trial: (outcome.status, outcome.measurement, outcome.message) for task, outcome in ended}


@pytest.fixture(params=EXECUTORS.names())
def name(request: pytest.FixtureRequest) -> str:
    """The name of an executor, with what it runs on."""
    if request.param == "ray":
        request.getfixturevalue("ray_here")
    return str(request.param)


def test_outcomes_are_those_of_the_serial_executor(name: str) -> None:
    found = outcomes(name)
    assert found == outcomes("serial")
    assert [found[trial][0] for trial in (0, 2, 5)] == [Status.OK, Status.DIVERGED, Status.FAILED]


@pytest.mark.parametrize("together", [3, 8])
def test_tasks_that_were_given_together_end_as_they_do_one_by_one(name: str, together: int) -> None:
    assert _without_places(outcomes(name, together=together)) == _without_places(outcomes("serial"))


def _without_places(found: Mapping[int, tuple[Status, Measurement | None, str]]) -> object:
    """A fault of one of a group is raised elsewhere in the code."""
    return {trial: (status, measurement, message.partition(" (")[0]) for trial, (status, measurement, message) in found.items()}
