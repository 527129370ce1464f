"""Epochs and trials of quick searches by the data: as they are on their own, longer on few examples, cut on large ones."""

from pathlib import Path

import numpy as np
import pytest

from automl_cli.planning.estimate import plan_of
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.plugins.discovery import plugins

SEARCHES = ("cnn", "nasnet", "activation-units", "update-rules")
COMMANDS = {name: plugins()[name].command for name in SEARCHES}


def planned(name: str, **asked: object):
    return plan_search(COMMANDS[name], SearchRequest(**asked), default_space=name, data_needed=False)


def archive(path: Path, count: int, side: int = 8) -> str:
    np.savez(path, images=np.zeros((count, side, side, 1), np.uint8), labels=np.arange(count) % 4)
    return str(path)


@pytest.mark.parametrize("name", SEARCHES)
def test_on_its_own_data_a_search_is_as_the_preset_says(name: str) -> None:
    settings, space = planned(name)
    preset = space.plugin.presets["quick"]
    assert (settings.trials, settings.epochs) == (preset.trials, preset.epochs)
    assert preset.least_steps <= settings.epochs * settings.child.recipe.steps(settings.child.problem.facts["train_examples"])
    assert plan_of(settings, space).fitted is None


@pytest.mark.parametrize("count", [24, 60, 240, 1_000])
@pytest.mark.parametrize("name", SEARCHES)
def test_a_child_takes_the_least_steps_however_few_the_examples(name: str, count: int, tmp_path: Path) -> None:
    settings, space = planned(name, dataset=archive(tmp_path / "few.npz", count))
    preset, plan = space.plugin.presets["quick"], plan_of(settings, space)
    assert plan.steps >= preset.least_steps
    assert settings.trials >= preset.trials / 8
    assert settings.epochs == preset.epochs or f"{settings.epochs} epochs" in plan.fitted


def test_larger_pictures_mean_fewer_trials_and_many_of_them_fewer_epochs(tmp_path: Path) -> None:
    large, _ = planned("cnn", dataset=archive(tmp_path / "large.npz", 240, side=32))
    assert (large.epochs, large.trials) == (45, 20)
    many, space = planned("cnn", dataset="cifar10")
    assert (many.epochs, many.trials) == (1, 6)
    assert plan_of(many, space).fitted == "1 of 2 epochs and 6 of 20 trials, so that the search stays short"


def test_what_a_user_gives_is_taken_as_it_is_and_papers_are_not_cut(tmp_path: Path) -> None:
    source = archive(tmp_path / "few.npz", 240, side=32)
    given, _ = planned("cnn", dataset=source, epochs=2)
    assert (given.epochs, given.trials) == (2, 20)
    trials, _ = planned("cnn", dataset=source, trials=50)
    assert (trials.epochs, trials.trials) == (45, 50)
    paper, _ = planned("cnn", dataset=source, preset="paper")
    assert (paper.epochs, paper.trials) == (50, 12_800)
