"""Options of strategies, evaluators and spaces are refused when a search is planned, and by path when a record was edited."""

import re
from typing import Any

import msgspec
import pytest

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.option_rows import option_rows
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import EvaluatorSpec
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.planning.resume import resume_search
from automl_cli.plugins.discovery import plugins
from automl_cli.plugins.registry import EVALUATORS, STRATEGIES
from automl_cli.store.study import StudySettings
from tests.study.worlds import settings


def planned(**asked: Any) -> StudySettings:
    request = SearchRequest(**{"evaluator": "analytic", "strategy": "random", **asked})
    return plan_search("search-arch", request, default_space="cnn", data_needed=False)[0]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (
            {"evaluator": "trained", "evaluator_option": {"engin": "blocks"}},
            "unknown option 'engin' of evaluator trained. Did you mean 'engine'? It takes: as_data, engine",
        ),
        (
            {"evaluator": "trained", "evaluator_option": {"engine": "3"}},
            "unknown value of option engine of evaluator trained: '3'. Known: blocks, whole",
        ),
        (
            {"evaluator": "table", "table": "a.csv", "reward_column": "b", "evaluator_option": {"foo": "3"}},
            "unknown option 'foo' of evaluator table. It takes no options",
        ),
        (
            {"evaluator_option": {"seconds": "-1"}},
            "option seconds of evaluator analytic is -1; expected a number of at least 0",
        ),
        (
            {"evaluator_option": {"noise": "-0.5"}},
            "option noise of evaluator analytic is -0.5; expected a number of at least 0",
        ),
        ({"evaluator_option": {"noise": "nan"}}, "option noise of evaluator analytic is nan; give a finite number"),
        ({"evaluator_option": {"group": "2.5"}}, "option group of evaluator analytic is 2.5; expected a whole number"),
        ({"strategy_option": {"foo": "3"}}, "unknown option 'foo' of strategy random. It takes no options"),
        ({"strategy_option": {"constants": "paper"}}, "unknown option 'constants' of strategy random. It takes no options"),
        (
            {"strategy": "evolution", "strategy_option": {"agin": "true"}},
            "unknown option 'agin' of strategy evolution. Did you mean 'aging'? It takes: aging, avoid_repeats, constants, ",
        ),
        (
            {"strategy": "evolution", "strategy_option": {"population_size": "0"}},
            "option population_size of strategy evolution is 0; expected a whole number of at least 1",
        ),
        (
            {"strategy": "ppo", "strategy_option": {"advantage": "rang"}},
            "unknown value of option advantage of strategy ppo: 'rang'. Did you mean 'rank'? Known: baseline, rank",
        ),
        ({"space_option": {"layrs": "3"}}, "unknown option 'layrs' of space cnn. Did you mean 'layers'? It takes: "),
        ({"space_option": {"layers": "many"}}, "space option layers='many': expected a whole number"),
    ],
)
def test_an_option_that_does_not_fit_is_refused_before_the_search(asked: dict[str, Any], text: str) -> None:
    with pytest.raises(UserError, match=re.escape(text)):
        planned(**asked)


def edited(field: str, value: Any) -> StudySettings:
    """The record of a small search, with one field changed by hand."""
    recorded = settings(
        space=SearchSpace(plugins()["cnn"]).reference(), strategy="random", evaluator=EvaluatorSpec("analytic", {})
    )
    return msgspec.structs.replace(recorded, **{field: value})


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("evaluator", EvaluatorSpec("analytic", {"foo": 3}), "study.json: body.evaluator.settings: foo: unknown field"),
        (
            "evaluator",
            EvaluatorSpec("analytic", {"noise": "much"}),
            "study.json: body.evaluator.settings: noise: expected a number, got text",
        ),
        ("evaluator", EvaluatorSpec("trained", {}), "study.json: body.evaluator.settings: engine: is missing"),
        ("strategy_settings", {"foo": 3}, "study.json: body.strategy_settings: foo: unknown field"),
        (
            "space",
            msgspec.structs.replace(SearchSpace(plugins()["cnn"]).reference(), options={"layrs": 3}),
            "study.json: body.space: unknown option 'layrs' of space cnn. Did you mean 'layers'?",
        ),
    ],
)
def test_a_record_that_was_edited_by_hand_is_refused_by_path_before_a_trial_starts(field: str, value: Any, text: str) -> None:
    with pytest.raises(ArtifactError, match=re.escape(text)):
        resume_search("search-arch", edited(field, value), SearchRequest())


@pytest.mark.parametrize(
    ("flag", "given", "was"),
    [
        ("strategy_option", {"minibatch": "3"}, "minibatch=5"),
        ("strategy_option", {"minibatch": "5", "units": "7"}, "minibatch=5 units=32"),
        ("strategy_option", {"constants": "paper"}, "other constants"),
        ("strategy_option", {"foo": "3"}, "without it"),
        ("evaluator_option", {"noise": "0.5"}, "noise=0.0"),
        ("evaluator_option", {"foo": "3"}, "without it"),
        ("space_option", {"layers": "3"}, "layers=4"),
    ],
)
def test_a_resumed_search_says_of_other_options_only_what_was_asked(flag: str, given: dict[str, str], was: str) -> None:
    recorded = planned(strategy="reinforce", trials=6)
    with pytest.raises(UserError, match=rf"is not what this run was started with \({re.escape(was)}\)\. On resume only"):
        resume_search("search-arch", recorded, SearchRequest(**{flag: given}))


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_every_option_of_a_strategy_says_what_it_is_and_is_taken(name: str) -> None:
    factory = STRATEGIES.load(name)
    resolved = factory.resolve(40, {})
    assert [row.name for row in option_rows(factory.settings)] == list(resolved)
    for row in option_rows(factory.settings):
        assert row.help.endswith(".")
        assert factory.resolve(40, {row.name: resolved[row.name]}) == resolved


@pytest.mark.parametrize("name", EVALUATORS.names())
def test_every_option_of_an_evaluator_says_what_it_is_and_is_recorded(name: str) -> None:
    factory = EVALUATORS.load(name)
    recorded = {row.name for row in option_rows(factory.settings)}
    for row in option_rows(factory.options):
        assert row.help.endswith(".")
        assert row.name in recorded
