"""The strategy of a search that names none."""

from automl_cli.core.spaces import SearchSpace
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.plugins.registry import STRATEGIES
from search_spaces.activation_units import SPACE as ACTIVATION_UNITS


def test_as_many_trials_as_functions_are_distinct_visit_each_once():
    space = SearchSpace(ACTIVATION_UNITS)
    distinct = space.count_distinct()
    for trials, strategy in (
        (6250, "exhaustive"),
        (distinct, "exhaustive"),
        (distinct - 1, "evolution"),
        (6251, "evolution"),
        (None, "evolution"),
    ):
        settings, _ = plan_search("search-activation", SearchRequest(trials=trials), default_space="activation-units")
        assert (trials, settings.strategy) == (trials, strategy)
    made = STRATEGIES.load("exhaustive")(space, seed=0, settings={"trials": distinct})
    meanings = {space.canonical(made.ask(trial).genotype) for trial in range(distinct)}
    assert len(meanings) == distinct < space.size


def test_more_units_than_can_be_visited_are_not():
    request = SearchRequest(trials=6250, space_option={"units": "2"})
    settings, _ = plan_search("search-activation", request, default_space="activation-units")
    assert settings.strategy == "evolution"


def test_a_strategy_that_is_named_is_taken():
    request = SearchRequest(trials=6250, strategy="random")
    settings, _ = plan_search("search-activation", request, default_space="activation-units")
    assert settings.strategy == "random"
