"""Score against cost on the page: exact costs, the front, networks of experts, published ones where the data set is theirs."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import EvaluatorSpec, Measurement, Outcome, Proposal, Status, Task, Trial
from automl_cli.plugins.discovery import plugins
from automl_cli.reporting.runs import History
from automl_cli.reporting.shown_trials import shown_trials
from automl_cli.reporting.tradeoff import costs_by_name, expert_sizes, front_rows, published_networks
from automl_cli.reporting.tradeoff_view import tradeoff_section, transfer_section
from automl_cli.store.reports import TransferSummary
from tests.reporting.runs import study
from tests.study.worlds import DIGITS, digits_child

CNN = SearchSpace(plugins()["cnn"], {"layers": 3})
CIFAR = replace(DIGITS, image_shape=(32, 32, 3))


def history_on(source: str, scores: list[float]) -> History:
    """A search of networks of three layers with these scores."""
    facts = DIGITS if source == "digits" else CIFAR
    made = study(
        space=CNN.reference(),
        child=digits_child(facts, source=source),
        evaluator=EvaluatorSpec("trained", {"engine": "blocks", "as_data": False}),
        trials=len(scores),
    )
    trials = tuple(
        Trial(
            Task(number, CNN.sample(0, number), 0, 1),
            Proposal(CNN.sample(0, number)),
            Outcome(Status.OK, Measurement((score,))),
        )
        for number, score in enumerate(scores)
    )
    return History(path=Path("run"), settings=made, trials=trials, retrained=(), wall_seconds=0.0, running=False)


SCORES = [0.5, 0.9, 0.6, 0.7, 0.4, 0.8]


def weighed(history: History):  # type: ignore[no-untyped-def]
    """The costs of all trials of a history by name."""
    return costs_by_name(history, CNN, shown_trials(history.trials, history.settings.reward, CNN, prefix="r1"))


def test_costs_are_those_of_the_networks_and_the_front_is_that_of_all_pairs() -> None:
    history = history_on("digits", SCORES)
    found = weighed(history)
    assert list(found) == ["parameters", "multiply-adds"]
    for name, rows in found.items():
        for row in rows:
            costs = CNN.decode(row.shown.trial.task.genotype).costs((8, 8, 1), 10)
            assert row.cost == {"parameters": costs.parameters, "multiply-adds": costs.multiply_adds}[name]
        beaten = [
            any(
                (other.cost, -other.score) != (row.cost, -row.score) and other.cost <= row.cost and other.score >= row.score
                for other in rows
            )
            for row in rows
        ]
        kept = {row.shown.trial.number for row, is_beaten in zip(rows, beaten, strict=True) if not is_beaten}
        assert {row.shown.trial.number for row in front_rows(history, rows)} == kept


def test_experts_stand_by_their_exact_size_where_no_accuracy_is_published_for_the_data() -> None:
    history = history_on("digits", SCORES)
    drawn = tradeoff_section(history, CNN, shown_trials(history.trials, history.settings.reward, CNN, prefix="r1"), 1)
    assert "No network has a published accuracy on digits" in drawn
    assert "printed in" not in drawn
    sizes = {one.name: one.costs["parameters"] for one in expert_sizes(history_on("cifar10", SCORES))}
    assert sizes["resnet-20"] == 269_722
    assert sizes["wrn-40-2"] == 2_243_546


def test_published_networks_stand_behind_searches_on_their_data_with_their_sources() -> None:
    history = history_on("cifar10", SCORES)
    drawn = tradeoff_section(history, CNN, shown_trials(history.trials, history.settings.reward, CNN, prefix="r1"), 1)
    assert "96.26%" in drawn, "DenseNet (L = 100, k = 24) has an error of 3.74 %"
    assert "Neural Architecture Search with Reinforcement Learning (arXiv 1611.01578), Table 1" in drawn


@pytest.mark.parametrize(("source", "least"), [("cifar10", 10), ("imagenet2012", 14), ("digits", 0), (None, 0)])
def test_published_networks_are_those_of_the_data_set(source: str | None, least: int) -> None:
    found = published_networks(source)
    assert len(found) >= least
    assert bool(found) == bool(least)
    assert all(0.5 < network.accuracy < 1 and network.costs["parameters"] > 1e5 for network in found)
    assert len({network.name for network in found}) == len(found)


def test_a_scaled_winner_stands_among_the_published_networks_of_its_target() -> None:
    scaled = TransferSummary(
        target="imagenet",
        image_shape=(224, 224, 3),
        classes=1000,
        stack="4@1056",
        filters=44,
        parameters=5_289_978,
        multiply_adds=564_000_000,
        state="written",
        problem="not here",
        command="automl train",
        network="network.json",
        model=None,
        epochs=1,
        test_accuracy=None,
        test_top5_accuracy=None,
    )
    drawn = transfer_section(scaled)
    assert drawn.count('<figure class="chart') == 2
    assert "not trained yet" in drawn
    assert transfer_section(replace(scaled, target="digits")) == ""
