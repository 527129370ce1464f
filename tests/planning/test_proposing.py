"""What proposes: the rule of `--strategy auto`, the first population by costs, replicates; recorded, and kept on resume."""

from pathlib import Path
from typing import Any

import pytest

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import UserError
from automl_cli.core.spaces import SearchSpace
from automl_cli.planning.as_flags import flags_for
from automl_cli.planning.population import DRAWS, first_trials
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.planning.resume import resume_search
from automl_cli.store.study import StudySettings
from automl_cli.strategies.starting import largest
from automl_cli.study.session import make_strategy, sizes_of, warm_start
from tests.strategies.worlds import flat, space_of
from tests.tables import ROOT

TINY = str(ROOT / "tests" / "tiny_space.py")


def planned(**given: Any) -> tuple[StudySettings, SearchSpace]:
    return plan_search("search-arch", SearchRequest(**{"space": TINY, "evaluator": "analytic", **given}), default_space="cnn")


def strategy_by_rule(trials: int, **given: Any) -> str:
    settings, _ = planned(strategy="auto", trials=trials, **given)
    assert settings.strategy_rule
    return settings.strategy


def test_auto_is_one_strategy_by_budget_space_and_noise() -> None:
    noise = {"evaluator_option": {"noise": "0.1"}}
    assert strategy_by_rule(47) == strategy_by_rule(47, **noise) == "evolution"
    assert strategy_by_rule(48) == "local-search"  # 8 neighbours of a genotype of the tiny space
    assert strategy_by_rule(48, **noise) == "surrogate"
    assert strategy_by_rule(48, space="cnn") == "surrogate"  # with 42 neighbours
    assert planned(strategy="evolution", trials=64)[0].strategy_rule == ""


def test_auto_is_settled_once_and_kept_when_a_resume_adds_trials() -> None:
    settings, _ = planned(strategy="auto", trials=40)
    for strategy in (None, "auto", "evolution"):
        again = SearchRequest(space=TINY, trials=300, **({} if strategy is None else {"strategy": strategy}))
        resumed, _ = resume_search("search-arch", settings, again)
        assert (resumed.trials, resumed.strategy, resumed.strategy_settings) == (300, "evolution", settings.strategy_settings)
    with pytest.raises(UserError, match="--strategy local-search is not what this run was started with"):
        resume_search("search-arch", settings, SearchRequest(space=TINY, strategy="local-search"))
    named, _ = planned(strategy="evolution", trials=40)
    with pytest.raises(UserError, match="--strategy auto is not what this run was started with"):
        resume_search("search-arch", named, SearchRequest(space=TINY, strategy="auto"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"strategy": "auto", "strategy_option": {"starts": "3"}},
            "--strategy-option is about one strategy, and `auto` chooses which",
        ),
        ({"replicates": 3}, "--replicates measures again what has noise, and here a score is always the same"),
        ({"replicates": 1}, "--replicates is 1; it must be at least 2"),
        (
            {"strategy": "random", "warm_start": "costs"},
            "--warm-start costs is for strategy evolution or local-search or surrogate",
        ),
        ({"strategy": "evolution", "warm_start": "costs"}, "--warm-start costs needs costs that are known without training"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refused:
        planned(**given)
    assert message in str(refused.value)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """All genotypes of three decisions of three edges; costs are the number that their indices spell."""
    lines = [f"{a}{b}{c},{a + b + c},{100 * a + 10 * b + c},7" for a in range(3) for b in range(3) for c in range(3)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["ops,score,cost,same", *lines]) + "\n")
    return path


def of_table(table: Path, **given: Any) -> tuple[StudySettings, SearchSpace]:
    space = str(ROOT / "examples" / "table" / "three_edges.py")
    looked_up = {"evaluator": "table", "table": str(table), "reward_column": "score", "cost_columns": "cost"}
    request = SearchRequest(**{"space": space, "strategy": "evolution", "trials": 12, **looked_up, **given})
    return plan_search("search-cell", request, default_space="nas-bench-201")


@pytest.mark.parametrize("strategy", ["evolution", "local-search", "surrogate"])
def test_the_first_population_is_the_costliest_of_many(strategy: str, table: Path) -> None:
    settings, space = of_table(table, strategy=strategy, warm_start="costs")
    assert settings.warm_start is not None
    assert (settings.warm_start.count, settings.warm_start.draws) == (first_trials(12), DRAWS)
    made = make_strategy(settings, space)
    assert [made.ask(trial).genotype for trial in range(4)] == [(2, 2, 2), (2, 2, 1), (2, 2, 0), (2, 1, 2)]
    assert "start_from" not in settings.strategy_settings or not settings.strategy_settings["start_from"]


def test_costs_that_are_all_the_same_are_refused(table: Path) -> None:
    with pytest.raises(UserError, match="--warm-start costs needs costs that differ"):
        of_table(table, warm_start="costs", cost_columns="same,cost")
    assert of_table(table, warm_start="none")[0].warm_start is None


def test_networks_over_a_limit_are_in_no_first_population() -> None:
    given = {"space": "cnn", "evaluator": "trained", "strategy": "local-search", "trials": 20, "warm_start": "costs"}
    settings, space = plan_search("search-arch", SearchRequest(**given), default_space="cnn")
    size = sizes_of(settings, space)
    assert size is not None
    free = [size(genotype) for genotype in warm_start(settings, space)]
    assert free == sorted(free, reverse=True)
    limit = int(sorted(free)[1])
    settings, space = plan_search("search-arch", SearchRequest(**given, max_multiply_adds=limit), default_space="cnn")
    limited = [size(genotype) for genotype in warm_start(settings, space)]
    assert len(limited) == len(free)
    assert max(limited) == limit


def test_the_largest_are_drawn_by_the_seed_and_each_meaning_once() -> None:
    def half(genotype: Genotype) -> Genotype:
        return tuple(index // 2 for index in genotype)

    space = space_of(flat(4, 4), canonical=half)
    found = largest(space, lambda genotype: float(sum(half(genotype))), draws=200, seed=3)
    assert len({half(genotype) for genotype in found}) == len(found) == 16
    assert found == largest(space, lambda genotype: float(sum(half(genotype))), draws=200, seed=3)
    assert found != largest(space, lambda genotype: float(sum(half(genotype))), draws=200, seed=4)


@pytest.mark.parametrize("trials", [12, 48])
def test_flags_of_a_search_whose_strategy_auto_meant_say_auto_again(trials: int) -> None:
    settings, _ = planned(strategy="auto", trials=trials)
    said = flags_for(settings, SearchRequest(space=TINY), default_space="cnn")
    assert (said.strategy, said.strategy_option) == ("auto", None)
    again, _ = plan_search("search-arch", said, default_space="cnn")
    assert (again.strategy_rule, again.strategy_settings) == (settings.strategy_rule, settings.strategy_settings)


def test_flags_name_the_strategy_where_auto_means_another_by_now() -> None:
    settings, _ = planned(strategy="auto", trials=40)
    resumed, _ = resume_search("search-arch", settings, SearchRequest(space=TINY, trials=64))
    said = flags_for(resumed, SearchRequest(space=TINY), default_space="cnn")
    assert (said.strategy, said.trials) == ("evolution", 64)
