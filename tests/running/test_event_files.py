"""`--tensorboard`: event files that TensorBoard's own reader reads, written without TensorFlow."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_cli.store.file_names import EVENTS
from tests.conftest import CommandResult
from tests.tables import ROOT

TINY = f"{ROOT}/tests/tiny_space.py"
SEARCH = ("search-arch", "--space", TINY, "--evaluator", "analytic", "--quiet", "--out", "run")
Command = Callable[..., CommandResult]
pytestmark = pytest.mark.usefixtures("environment_of_its_own")


def curves(run: str) -> dict[str, list[tuple[int, float]]]:
    """The curves as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(Path(run) / EVENTS))
    read.Reload()
    return {name: [(event.step, event.value) for event in read.Scalars(name)] for name in read.Tags()["scalars"]}


@pytest.fixture
def tensorboard() -> None:
    if importlib.util.find_spec("tensorboard") is None:
        pytest.skip("needs tensorboard, which is not here")


@pytest.mark.usefixtures("tensorboard")
def test_a_search_and_its_resumption_are_one_curve(automl: Command) -> None:
    assert automl(*SEARCH, "--trials", 5, "--tensorboard").code == 0
    assert automl(*SEARCH, "--trials", 8, "--resume", "--tensorboard").code == 0
    found = curves("run")
    rows = automl_rows("run")
    assert sorted(found["trial/score"]) == [(row.trial, pytest.approx(row.score)) for row in rows]
    best = [value for _, value in sorted(found["search/best"])]
    assert best == sorted(best)
    assert best[-1] == pytest.approx(max(row.score for row in rows))
    assert len(list((Path("run") / EVENTS).iterdir())) == 2


def automl_rows(run: str) -> Any:
    from automl_cli.reporting.runs import read_history
    from automl_cli.reporting.trial_table import trial_rows

    return trial_rows(read_history(Path(run)))


@pytest.mark.usefixtures("tensorboard")
def test_overwriting_a_run_removes_its_events_but_nothing_else(automl: Command) -> None:
    assert automl(*SEARCH, "--trials", 2, "--tensorboard").code == 0
    assert automl(*SEARCH, "--trials", 2, "--overwrite").code == 0
    assert not (Path("run") / EVENTS).exists()
    (Path("run") / EVENTS).mkdir()
    (Path("run") / EVENTS / "mine.txt").write_text("mine")
    assert automl(*SEARCH, "--trials", 2, "--overwrite").code == 0
    assert (Path("run") / EVENTS / "mine.txt").read_text() == "mine"


@pytest.mark.usefixtures("tensorboard")
def test_a_training_writes_loss_and_score_of_every_epoch(automl: Command) -> None:
    train = ("train", "--network", "convnet-1x8", "--dataset", "digits", "--train-examples", 200, "--epochs", 2, "--quiet")
    assert automl(*train, "--out", "run", "--tensorboard").code == 0
    assert {name: [step for step, _ in points] for name, points in curves("run").items()} == {"loss": [1, 2], "score": [1, 2]}


@pytest.mark.usefixtures("tensorboard")
def test_no_tensorflow_is_imported() -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom automl_cli.running.event_files import event_file\n"
        "with event_file(Path()) as add: add(1, {'a': 0.5})\n"
        "assert not {'tensorflow', 'jax', 'numpy.f2py'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [SEARCH, ("train", "--network", "resnet-8", "--dataset", "digits", "--out", "run")])
def test_without_the_extra_it_is_said_before_anything_is_made(
    automl: Command, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automl_cli.running.event_files.find_spec", lambda name: None)
    done = automl(*command, "--tensorboard")
    words = "error: --tensorboard needs another package: pip install 'automl-cli[tensorboard]'\n"
    assert (done.code, done.stderr) == (2, words)
    assert not Path("run").exists()
