"""What a search trains after its trials unless told otherwise: how many of the best, and what is made by hand."""

from pathlib import Path

import numpy as np
import pytest

from automl_cli.cli.plans import plan_text
from automl_cli.core.errors import UserError
from automl_cli.core.trials import Limits
from automl_cli.planning.as_flags import flags_for
from automl_cli.planning.estimate import plan_of
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.plugins.discovery import plugins
from automl_cli.plugins.listing import kind_named, kinds, standing_kind
from automl_cli.plugins.roles import costs_of, filling_named, typed_facts, value_of
from automl_cli.study.session import costs_of as costs_of_genotype
from automl_cli.study.session import make_strategy

BY_HAND = {"cnn": "convnet-3x64", "activation-units": "relu", "update-rules": "adam", "autoaugment": "standard"}


def planned(name: str, **asked: object):
    return plan_search(plugins()[name].command, SearchRequest(space=name, **asked), default_space=name, data_needed=False)


@pytest.mark.parametrize("name", [*BY_HAND, "nasnet"])
def test_a_quick_search_has_something_made_by_hand_that_fills_its_role(name: str) -> None:
    settings, space = planned(name)
    assert settings.baseline is not None
    assert settings.baseline.name == BY_HAND.get(name, settings.baseline.name)
    role = standing_kind(kind_named(space.plugin.produces)).role
    roles = {**settings.child.roles, role: settings.baseline}
    assert costs_of(roles, typed_facts(settings.child.problem)).parameters > 0
    assert plan_of(settings, space).baseline == settings.baseline.name
    assert f"  the {role} {settings.baseline.name} and the winner for " in plan_text(plan_of(settings, space))
    assert planned(name, preset="paper")[0].baseline is None
    assert planned(name, baseline=False)[0].baseline is None


def test_every_baseline_of_a_kind_has_a_value() -> None:
    for kind in kinds().values():
        if kind.baseline is not None:
            assert kind.baseline.value is not None or filling_named(kind.role, kind.baseline.name) is not None


def test_what_a_cell_is_made_of_by_hand_is_stacked_as_the_searched_ones() -> None:
    settings, space = planned("nasnet", space_option={"filters": 4})
    by_hand, found = value_of(settings.baseline), space.placed(space.sample(0, 0), typed_facts(settings.child.problem))
    shape, classes = (8, 8, 1), 10
    assert set(by_hand.shapes(shape).values()) & set(found.shapes(shape).values())
    assert by_hand.costs(shape, classes).parameters < 10 * found.costs(shape, classes).parameters


@pytest.mark.parametrize(("trials", "top", "seeds"), [(64, 6, 2), (128, 6, 2), (32, 3, 2), (20, 2, 1), (8, 0, 1), (1, 0, 1)])
def test_fewer_trials_mean_fewer_candidates(trials: int, top: int, seeds: int) -> None:
    settings, _ = planned("cnn", trials=trials)
    assert (settings.retrain_top, settings.retrain_seeds) == (top, seeds)
    assert settings.retrain_epochs == 3 * settings.epochs
    assert settings.trainings_after == seeds * (top + 2)


def test_what_a_user_says_of_the_retraining_is_taken_as_it_is() -> None:
    settings, _ = planned("cnn", trials=8, retrain_top=3, retrain_seeds=4, retrain_epochs=5)
    assert (settings.retrain_top, settings.retrain_seeds, settings.retrain_epochs) == (3, 4, 5)
    with pytest.raises(UserError, match="--retrain-seeds is about the best, which are trained again"):
        planned("cnn", baseline=False, retrain_top=0, retrain_seeds=2)


def test_what_is_not_trained_has_nothing_made_by_hand() -> None:
    settings, _ = planned("cnn", evaluator="analytic")
    assert (settings.baseline, settings.retrain_top, settings.retrain_seeds) == (None, 0, 1)
    with pytest.raises(UserError, match="--baseline is about networks that are trained"):
        planned("cnn", evaluator="analytic", baseline=True)


def images(path: Path, side: int) -> str:
    np.savez(path, images=np.zeros((240, side, side, 1), np.uint8), labels=np.arange(240) % 4)
    return str(path)


@pytest.mark.parametrize(("side", "variant"), [(8, "plain"), (15, "plain"), (16, "pooled"), (32, "pooled")])
def test_networks_pool_where_images_are_large(side: int, variant: str, tmp_path: Path) -> None:
    file = images(tmp_path / "images.npz", side)
    assert planned("cnn", dataset=file)[1].options["variant"] == variant
    assert planned("cnn", dataset=file, space_option={"variant": "strides"})[1].options["variant"] == "strides"


def test_on_large_images_the_search_begins_with_the_largest_networks_it_can_afford(tmp_path: Path) -> None:
    file = images(tmp_path / "images.npz", 32)
    settings, space = planned("cnn", dataset=file)
    limit = settings.limits.max_multiply_adds
    assert limit == 20_000 * 32 * 32
    strategy = make_strategy(settings, space)
    for trial in range(settings.warm_start.count):
        cost = costs_of_genotype(settings, space, strategy.ask(trial).genotype).multiply_adds
        assert 0.75 * limit < cost <= limit


SAID = [{}, {"warm_start": "none"}, {"strategy": "random"}, {"max_multiply_adds": 5_000_000}, {"space_option": {"layers": 2}}]


@pytest.mark.parametrize("said", SAID)
def test_a_search_on_large_images_can_be_said_by_flags(said: dict[str, object], tmp_path: Path) -> None:
    request = SearchRequest(dataset=images(tmp_path / "images.npz", 32), **said)
    settings, _ = plan_search("search-arch", request, default_space="cnn")
    found, _ = plan_search("search-arch", flags_for(settings, SearchRequest(), default_space="cnn"), default_space="cnn")
    assert found == settings


def test_what_a_user_says_of_large_images_comes_before_the_preset(tmp_path: Path) -> None:
    file = images(tmp_path / "images.npz", 32)
    assert planned("cnn", dataset=file, max_multiply_adds=5_000_000)[0].limits.max_multiply_adds == 5_000_000
    assert planned("cnn", dataset=file, warm_start="none")[0].warm_start is None
    for said in ({"strategy": "random"}, {"space_option": {"layers": 2}}):
        settings, _ = planned("cnn", dataset=file, **said)
        assert (settings.warm_start, settings.limits) == (None, Limits())
