"""Optimizers of optax.contrib in trainings and searches: which engine they get, and which recipes they refuse."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli.children.trainer import Trainer
from automl_cli.nn.engines import BlocksEngine, WholeEngine
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.plugins.roles import by_names, needs_whole
from automl_cli.training.request import TrainingRequest
from automl_cli.training.settings import new_training
from automl_cli.training.trainable import NamedTrainable
from automl_cli.values.engine import engine_for_training

pytestmark = pytest.mark.usefixtures("environment_of_its_own")
CONVNET = ("--network", "convnet-2x32", "--dataset", "digits")


def test_only_what_works_on_whole_arrays_needs_the_engine_whole() -> None:
    assert needs_whole(by_names({"optimizer": "muon", "activation": "relu"})) == "muon"
    assert needs_whole(by_names({"optimizer": "adam", "activation": "relu"})) is None
    assert engine_for_training(10, accelerated=False, needs_whole="muon").engine == "whole"
    assert engine_for_training(10, accelerated=False).engine == "blocks"


def test_a_training_with_muon_is_planned_whole(automl: Callable) -> None:
    plans = {
        name: json.loads(automl("train", *CONVNET, "--optimizer", name, "--epochs", "1", "--dry-run", "--json").stdout)
        for name in ("muon", "adam")
    }
    assert (plans["muon"]["engine"], plans["adam"]["engine"]) == ("whole", "blocks")
    assert plans["muon"]["engine_reason"] == "as one program: muon works on whole arrays"
    assert plans["muon"]["child"]["recipe"]["learning_rate"] == 0.02


@pytest.mark.parametrize(
    ("flags", "field"),
    [
        (("--schedule", "cosine"), "schedule cosine"),
        (("--warmup-epochs", "1"), "warmup_epochs 1.0"),
        (("--average-decay", "0.9"), "average_decay 0.9"),
    ],
)
def test_schedule_free_refuses_a_recipe_that_averages_or_changes_the_rate(
    automl: Callable, flags: tuple[str, ...], field: str
) -> None:
    done = automl("train", *CONVNET, "--optimizer", "schedule-free", *flags)
    assert (done.code, done.stdout) == (2, "")
    assert f"the recipe has {field}; it needs a constant rate" in done.stderr
    assert not Path("runs").exists()


def test_a_search_trains_with_them_whole_and_refuses_blocks() -> None:
    asked = SearchRequest(optimizer="schedule-free", trials=2, epochs=1, train_examples=200)
    settings, _ = plan_search("search-arch", asked, default_space="cnn")
    assert settings.evaluator.settings["engine"] == "whole"
    assert settings.child is not None
    assert settings.child.recipe.schedule == "constant"
    with pytest.raises(ValueError, match="engine=blocks does not go with schedule-free, which works on whole arrays"):
        plan_search("search-arch", asked.replaced(evaluator_option={"engine": "blocks"}), default_space="cnn")


@pytest.mark.parametrize("name", ["muon", "schedule-free"])
def test_a_trainer_of_blocks_trains_them_whole_and_tests_what_it_scores(name: str) -> None:
    opened = NamedTrainable("network", "convnet-2x32").open()
    request = TrainingRequest(optimizer=name, train_examples=300, batch_size=50, epochs=2, learning_rate=0.05)
    child = new_training(opened.artifact.body, opened.place, request).child
    trainer = Trainer(child, engine="blocks")
    engines = [
        type(trainer.engine(one, trainer.module(one, seed=0)))
        for one in (child, child.filled(**by_names({"optimizer": "sgd"})))
    ]
    assert engines == [WholeEngine, BlocksEngine]
    trained = trainer.train(child, epochs=2, seed=0)
    scores = trainer.test(child, trained)
    assert trained.losses[1] < trained.losses[0]
    assert 0 <= scores["test_accuracy"] <= 1
    assert any(array.startswith("average.") for array in trained.arrays) == (name == "schedule-free")
