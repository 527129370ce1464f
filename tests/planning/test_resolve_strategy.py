"""The strategy of a search that names none."""

import pytest

from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search


@pytest.mark.parametrize(("trials", "strategy"), [(6250, "exhaustive"), (6249, "evolution"), (None, "evolution")])
def test_as_many_trials_as_genotypes_visit_each_once(trials, strategy):
    settings, space = plan_search("search-activation", SearchRequest(trials=trials), default_space="activation-units")
    assert (settings.strategy, space.size) == (strategy, 6250)


def test_a_strategy_that_is_named_is_taken():
    request = SearchRequest(trials=6250, strategy="random")
    settings, _ = plan_search("search-activation", request, default_space="activation-units")
    assert settings.strategy == "random"
