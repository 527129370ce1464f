"""`automl strategies` and `automl evaluators`: everything that is found, with the options it takes and what they are."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from automl_cli.core.option_rows import option_rows
from automl_cli.plugins.registry import EVALUATORS, STRATEGIES

Automl = Callable[..., Any]


@pytest.mark.parametrize(("command", "table"), [("strategies", STRATEGIES), ("evaluators", EVALUATORS)])
def test_all_are_listed_with_their_options(command: str, table: Any, automl: Automl) -> None:
    shown, listed = automl(command).stdout, json.loads(automl(command, "--json").stdout)[command]
    assert [row["name"] for row in listed] == list(table.names())
    for row in listed:
        factory = table.load(row["name"])
        options = factory.settings if command == "strategies" else factory.options
        names = [option["name"] for option in row["options"] if option["name"] != "constants"]
        assert names == [option.name for option in option_rows(options)]
        assert row["summary"] == factory.summary
        assert row["problem"] is None
        assert all(text in shown for text in (row["name"], *names))
        assert json.loads(automl(command, row["name"], "--json").stdout) == row


def options_of(automl: Automl, *command: str) -> dict[str, Any]:
    return {row["name"]: row for row in json.loads(automl(*command, "--json").stdout)["options"]}


def test_a_constant_that_follows_from_the_budget_is_shown_for_two_of_them_and_by_the_paper(automl: Automl) -> None:
    shown = options_of(automl, "strategies", "evolution")
    assert shown["population_size"]["budgets"] == {"100": 13, "1000": 41}
    assert "1,000 (1,000 trials)" in automl("strategies", "exhaustive").stdout
    assert (shown["population_size"]["paper"], shown["population_size"]["default"]) == (100, None)
    assert (shown["aging"]["default"], shown["aging"]["budgets"]) == (True, None)
    assert shown["constants"]["choices"] == ["budget", "paper"]
    for name, row in shown.items():
        if row["budgets"] is not None:
            assert STRATEGIES.load("evolution").resolve(1000, {})[name] == row["budgets"]["1000"]
    assert options_of(automl, "strategies", "random") == {}
    assert "constants" not in options_of(automl, "strategies", "exhaustive")


def test_bounds_and_choices_are_shown(automl: Automl) -> None:
    shown = options_of(automl, "strategies", "ppo")
    assert shown["baseline_decay"]["bounds"] == "at least 0 and below 1"
    assert shown["advantage"]["choices"] == ["baseline", "rank"]
    assert options_of(automl, "evaluators", "analytic")["noise"]["bounds"] == "at least 0"


def test_an_evaluator_that_is_told_by_flags_shows_them(automl: Automl) -> None:
    shown = automl("evaluators", "table").stdout
    assert "It takes no options." in shown
    assert "--reward-column" in shown


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (("strategies", "evolutoin"), "unknown strategy 'evolutoin'. Did you mean 'evolution'?"),
        (("evaluators", "traned"), "unknown evaluator 'traned'. Did you mean 'trained'?"),
    ],
)
def test_an_unknown_name_is_refused(command: tuple[str, str], text: str, automl: Automl) -> None:
    done = automl(*command)
    assert (done.code, done.stdout) == (2, "")
    assert text in done.stderr


@pytest.mark.parametrize("command", ["search-arch", "search-cell"])
def test_the_help_of_a_search_names_strategies_and_evaluators(command: str, automl: Automl) -> None:
    words = " ".join(automl(command, "--help").stdout.split())
    assert f"How networks are proposed: {', '.join(STRATEGIES.names())}; see" in words
    assert f"How a network is scored: {', '.join(EVALUATORS.names())}; see" in words
