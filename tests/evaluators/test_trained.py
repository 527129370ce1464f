"""Searches of augmentations: data are read as their baseline reads them, and one set of programs trains all children."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from automl_cli.core.errors import DataError
from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Task
from automl_cli.evaluators.trained import TrainedEvaluator
from automl_cli.nn.compilation import Program
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.study.session import setup_of


def planned(**asked: Any) -> tuple[EvaluatorSetup, SearchSpace]:
    request = SearchRequest(**{"space": "autoaugment", "network": "wrn-10-1", "epochs": 1, **asked})
    settings, space = plan_search("search-augment", request, default_space="")
    return setup_of(settings), space


def tasks(space: SearchSpace, count: int) -> list[Task]:
    return [Task(trial, space.sample(0, trial), seed=1, epochs=1) for trial in range(count)]


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pictures of two sizes, dark and light, and an empty cache."""
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(tmp_path / "cache"))
    random = np.random.default_rng(3)
    for name, level in (("dark", 60), ("light", 180)):
        (tmp_path / "photographs" / name).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(level - 50, level + 50, (*random.integers(14, 40, 2), 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photographs" / name / f"{number:02}.png")
    return tmp_path / "photographs"


def test_policies_behind_inception_are_searched_on_pictures_that_are_decoded_on_demand(photographs, tmp_path):
    setup, space = planned(dataset=str(photographs), image_size=12, space_option={"baseline": "inception"})
    TrainedEvaluator.prepare(setup, lambda done, total: None)
    evaluator = TrainedEvaluator(setup)
    losses = [evaluator.evaluate(task).metrics["loss"] for task in tasks(space, 2)]
    assert losses[0] != losses[1]
    kept = {path.name for path in (tmp_path / "cache").rglob("*.npy")}
    assert "labels.npy" in kept
    assert not {name for name in kept if "images" in name}


def test_arrays_are_refused_where_the_policies_stand_behind_inception():
    with pytest.raises(DataError, match="digits holds arrays of pixels"):
        planned(space_option={"baseline": "inception"})


@pytest.mark.parametrize("engine", ["blocks", "whole"])
def test_children_that_differ_in_their_policies_compile_nothing_after_the_first(monkeypatch, engine):
    setup, space = planned(train_examples=200, evaluator_option={"engine": engine})
    evaluator = TrainedEvaluator(setup)
    compiled: list[Program] = []
    real = Program._compile
    monkeypatch.setattr(Program, "_compile", lambda self, given: compiled.append(self) or real(self, given))
    after_each = []
    for task in tasks(space, 4):
        evaluator.evaluate(task)
        after_each.append(len(compiled))
    assert after_each == [after_each[0]] * 4
