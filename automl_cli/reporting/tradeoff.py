"""Weighs score against cost: parameters, multiply-adds and what else a trial costs, the front of it, and published networks.

Published networks stand behind the user's own where they were scored on the same data set. On other data their exact size is
known, not their score.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from automl_cli.core.numbers import counted
from automl_cli.core.rewards import Reward, ranked
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Trial
from automl_cli.data.catalogue import canonical_name
from automl_cli.plugins.listing import kind_named
from automl_cli.references import Result, publications
from automl_cli.reporting.charts import Chart, ChartAxis, Dot, DotsMark, LabelMark, LineMark, Mark, RugMark
from automl_cli.reporting.pareto import front
from automl_cli.reporting.runs import History
from automl_cli.reporting.scales import scale_over
from automl_cli.reporting.shown_trials import ShownTrial
from automl_cli.store.reports import TransferSummary
from automl_cli.study.session import costs_of
from automl_cli.values.dataset import facts_of
from automl_cli.values.expert_networks import EXPERT_NETWORKS, expert_network

MOST_COSTED = 200
"""Networks whose costs are counted: of more trials, half of them the best, half every n-th."""
FEWEST = 4
"""With fewer networks of different cost nothing is weighed."""
EXPERTS = ("convnet-2x32", "convnet-4x64", "resnet-20", "resnet-56", "wrn-16-2", "wrn-40-2")
"""Networks by experts that are sized on the user's data."""
TOO_LARGE = 30.0
"""Experts that cost so many times as much as the costliest trial are left out of a chart."""
SIZES = {"k": 1e3, "M": 1e6, "B": 1e9, "": 1.0}
METRICS = {
    "error %": lambda value: 1 - value / 100,
    "accuracy %": lambda value: value / 100,
    "top-1 %": lambda value: value / 100,
}
"""Printed metrics as accuracies."""


class Weighed(NamedTuple):
    """A trial with one of its costs."""

    shown: ShownTrial
    score: float
    cost: float


class ExpertSize(NamedTuple):
    """A network made by experts, with its exact costs on the user's images by their name."""

    name: str
    costs: dict[str, int]


class PublishedNetwork(NamedTuple):
    """A network as a paper prints it: accuracy between 0 and 1, costs by their name, and where it stands."""

    name: str
    accuracy: float
    costs: dict[str, float]
    source: str


def costs_by_name(history: History, space: SearchSpace | None, trials: Sequence[ShownTrial]) -> dict[str, list[Weighed]]:
    """Return, for every cost that varies, the trials with it."""
    scored = [(one, one.score) for one in trials if one.score is not None and one.trial.reused is None]
    reward = history.settings.reward
    found: dict[str, list[Weighed]] = {}
    if len(scored) > MOST_COSTED:
        best = sorted(scored, key=lambda pair: -_reward(pair[0].trial, reward))[: MOST_COSTED // 2]
        scored = [*best, *scored[:: -(-2 * len(scored) // MOST_COSTED)]]
    for one, score in scored:
        for name, cost in _costs(history, space, one.trial):
            found.setdefault(name, []).append(Weighed(one, score, cost))
    return {name: rows for name, rows in found.items() if len({row.cost for row in rows}) >= FEWEST}


def _reward(trial: Trial, reward: Reward) -> float:
    return ranked(reward, trial.outcome.measurement)


def _costs(history: History, space: SearchSpace | None, trial: Trial) -> Iterator[tuple[str, float]]:
    """Yield the costs of a trial by name: exact ones of its network, and the metrics that the evaluator calls costs."""
    settings, measurement = history.settings, trial.outcome.measurement
    if space is not None and kind_named(space.plugin.produces).role == "network":
        costs = costs_of(settings, space, trial.task.genotype)
        if costs is not None:
            yield "parameters", costs.parameters
            yield "multiply-adds", costs.multiply_adds
    for name in settings.evaluator.settings.get("cost_columns", ()):
        if measurement is not None and name in measurement.metrics and measurement.metrics[name] > 0:
            yield name, measurement.metrics[name]


def tradeoff_chart(
    history: History,
    name: str,
    rows: Sequence[Weighed],
    winner: int | None,
    published: Sequence[PublishedNetwork] = (),
    experts: Sequence[ExpertSize] = (),
) -> Chart:
    """Return the chart of score against one cost, with the front of it; experts without a published score stand at its foot."""
    lower = history.settings.reward.better == "lower"
    best = front_rows(history, rows)
    known = [network for network in published if name in network.costs]
    largest = TOO_LARGE * max(row.cost for row in rows)
    sized = [(one.name, one.costs[name]) for one in experts if one.costs.get(name, largest) < largest and not known]
    dots = [_dot(row, name) for row in rows]
    marks: list[Mark] = [
        DotsMark("published", [_published_dot(network, name) for network in known], 3, "hollow"),
        DotsMark("trial", dots, 1, "faint"),
        LineMark("none cheaper is better", [(row.cost, row.score) for row in best], 2, steps=True),
        DotsMark("", [_dot(row, name) for row in best], 2),
        DotsMark("winner", [dot for dot, row in zip(dots, rows, strict=True) if row.shown.trial.number == winner], 2, "large"),
        RugMark("sizes of networks by experts", [Dot(cost, 0, f"{expert}: {cost:,} {name}") for expert, cost in sized], 3),
        *(LabelMark(network.costs[name], network.accuracy, network.name) for network in known),
    ]
    scores, costs = [row.score for row in rows], [row.cost for row in rows]
    return Chart(
        f"Score against {name}",
        f"score against {name} of {counted(len(rows), 'trial')}; {len(best)} of them are on the front",
        ChartAxis(
            name, scale_over([*costs, *(network.costs[name] for network in known), *(size for _, size in sized)], log=True)
        ),
        ChartAxis(
            f"validation score ({'lower' if lower else 'higher'} is better)",
            scale_over([*scores, *(network.accuracy for network in known)], below=0.1, above=0.08),
        ),
        tuple(marks),
    )


def front_rows(history: History, rows: Sequence[Weighed]) -> list[Weighed]:
    """Return those that no other trial beats, which would cost at most as much and score at least as well."""
    reward = history.settings.reward
    return list(front(rows, length=lambda row: row.cost, reward=lambda row: _reward(row.shown.trial, reward)))


def _dot(row: Weighed, name: str) -> Dot:
    words = f"trial {row.shown.trial.number}: {row.score:.4f}, {row.cost:,.6g} {name}"
    return Dot(row.cost, row.score, words, row.shown.target)


def _published_dot(network: PublishedNetwork, name: str) -> Dot:
    return Dot(network.costs[name], network.accuracy, f"{network.name}: {network.accuracy:.2%}. {network.source}")


def published_networks(source: str | None) -> list[PublishedNetwork]:
    """Return the networks with a published accuracy on this data set and published costs, each once."""
    dataset = canonical_name(source or "")
    found: dict[str, PublishedNetwork] = {}
    for publication in publications():
        listed: list[tuple[str, Result]] = [("", one) for one in publication.reports]
        listed += [(name, one) for name, provided in publication.provides.items() for one in provided.results]
        for name, one in listed:
            costs = {cost: size for cost, text in _printed(one) if text and (size := printed_size(text)) is not None}
            if canonical_name(one.dataset) == dataset and one.metric in METRICS and costs:
                named = f"{name} {one.setting}".strip()
                where = f"{publication.title} ({publication.where}), {one.table}"
                found.setdefault(named, PublishedNetwork(named, METRICS[one.metric](one.value), costs, where))
    return sorted(found.values(), key=lambda network: network.accuracy)


def _printed(one: Result) -> tuple[tuple[str, str | None], ...]:
    return ("parameters", one.parameters), ("multiply-adds", one.multiply_adds)


def printed_size(text: str) -> float | None:
    """Return a number as papers print it; None for what is none.

    >>> printed_size("3.3M"), printed_size("1,448M"), printed_size("some")
    (3300000.0, 1448000000.0, None)
    """
    found = re.fullmatch(r"~?([\d.]+)\s*([kMB]?)", text.replace(",", ""))
    return None if found is None else float(found[1]) * SIZES[found[2]]


def expert_sizes(history: History) -> list[ExpertSize]:
    """Return networks made by experts with their exact size on the user's images; none for other data."""
    facts = facts_of(history.settings.child) if history.settings.child is not None else None
    if facts is None:
        return []
    networks = [(name, made) for name in EXPERTS for pattern in EXPERT_NETWORKS if (made := expert_network(pattern, name))]
    costs = [(name, network.costs(facts.image_shape, len(facts.classes))) for name, network in networks]
    return [ExpertSize(name, {"parameters": cost.parameters, "multiply-adds": cost.multiply_adds}) for name, cost in costs]


def transfer_chart(transfer: TransferSummary, name: str) -> Chart | None:
    """Return the chart of published accuracy against a cost on the data set that a winner was scaled to, with the place of
    the scaled winner; None where nothing is published for it."""
    known = [network for network in published_networks(transfer.target) if name in network.costs]
    own = transfer.parameters if name == "parameters" else transfer.multiply_adds
    if len(known) < FEWEST or own is None:
        return None
    accuracy = transfer.test_accuracy
    at = [] if accuracy is None else [accuracy]
    title = "the scaled winner" if at else "size of the scaled winner, which is not trained yet"
    place = Dot(own, at[0] if at else 0.0, f"{title}: {own:,} {name}")
    marks: tuple[Mark, ...] = (
        DotsMark("published", [_published_dot(network, name) for network in known], 3, "hollow"),
        DotsMark(title, [place], 2, "large") if at else RugMark(title, [place], 2),
        *(LabelMark(network.costs[name], network.accuracy, network.name) for network in known),
    )
    return Chart(
        f"{transfer.target}: accuracy against {name}",
        f"published accuracy on {transfer.target} against {name}, and the size of the scaled winner",
        ChartAxis(name, scale_over([own, *(network.costs[name] for network in known)], log=True)),
        ChartAxis("test accuracy", scale_over([*at, *(network.accuracy for network in known)], below=0.1, above=0.08)),
        marks,
    )
