"""Shows score against cost on a page, the front as a table, and where published networks stand."""

from collections.abc import Sequence

from automl_cli.core.numbers import counted
from automl_cli.core.spaces import SearchSpace
from automl_cli.reporting.charts import figure_of
from automl_cli.reporting.markup import folded, paragraph, table
from automl_cli.reporting.runs import History
from automl_cli.reporting.shown_trials import ShownTrial
from automl_cli.reporting.tradeoff import (
    PublishedNetwork,
    costs_by_name,
    expert_sizes,
    front_rows,
    published_networks,
    tradeoff_chart,
    transfer_chart,
)
from automl_cli.store.reports import TransferSummary
from automl_cli.values.sheet import Grid

COSTS = ("parameters", "multiply-adds")


def tradeoff_section(history: History, space: SearchSpace | None, trials: Sequence[ShownTrial], best: int | None) -> str:
    """Return charts of score against every cost that varies, with tables of the fronts; nothing where none varies."""
    weighed = costs_by_name(history, space, trials)
    if not weighed:
        return ""
    published, experts = published_networks(history.settings.source), expert_sizes(history)
    charts = "".join(figure_of(tradeoff_chart(history, name, rows, best, published, experts)) for name, rows in weighed.items())
    tables = ""
    for name, rows in weighed.items():
        front = tuple(
            (str(row.shown.trial.number), f"{row.score:.4f}", f"{row.cost:,.6g}", row.shown.words)
            for row in front_rows(history, rows)
        )
        grid = Grid(("trial", "score", name, "what it is"), front, words=("what it is",))
        tables += folded(
            f"{counted(len(front), 'trial')} that no cheaper one beats, by {name}", table(grid, caption=f"The front by {name}")
        )
    return f"<div class='charts'>{charts}</div>{tables}{_against_experts(history, published)}"


def _against_experts(history: History, published: Sequence[PublishedNetwork]) -> str:
    """Return where the networks of experts stand: with their published accuracy on this data set, else their size on it."""
    if published:
        said = paragraph(
            "Published networks stand behind yours with their test accuracy after full training; yours is the validation score "
            "of a short one.",
            kind="note",
        )
        return said + _published_table(published)
    rows = tuple((one.name, *(f"{one.costs[name]:,}" for name in COSTS)) for one in expert_sizes(history))
    if not rows:
        return ""
    note = f"No network has a published accuracy on {history.settings.source}; the strokes at the foot are sizes, not scores."
    grid = Grid(("network", *COSTS), rows)
    return paragraph(note, kind="note") + folded(
        "networks by experts on these images", table(grid, caption="Networks by experts")
    )


def transfer_section(transfer: TransferSummary) -> str:
    """Return where the scaled winner stands among published networks, where there are any for its data set."""
    charts = [chart for name in COSTS if (chart := transfer_chart(transfer, name)) is not None]
    if not charts:
        return ""
    published = published_networks(transfer.target)
    return f"<div class='charts'>{''.join(map(figure_of, charts))}</div>{_published_table(published)}"


def _published_table(published: Sequence[PublishedNetwork]) -> str:
    rows = tuple(
        (
            network.name,
            f"{network.accuracy:.2%}",
            *(f"{network.costs[name]:,.4g}" if name in network.costs else "-" for name in COSTS),
            network.source,
        )
        for network in reversed(published)
    )
    grid = Grid(("network", "accuracy", *COSTS, "printed in"), rows, words=("printed in",))
    return folded(
        f"{counted(len(rows), 'published network')} and where they are printed", table(grid, caption="Published networks")
    )
