"""Shows what a strategy learned: for every decision the probability of each choice over time, as a strip of shades."""

from collections.abc import Iterator, Sequence

from automl_cli.core.decisions import Decision
from automl_cli.core.numbers import counted
from automl_cli.reporting.charts import figure_of
from automl_cli.reporting.escaping import shown
from automl_cli.reporting.learned import Learned, bits
from automl_cli.reporting.markup import folded, paragraph
from automl_cli.reporting.run_charts import entropy_chart

LEVELS = 6
"""Shades of a probability; of the lowest nothing is drawn."""
SHOWN_AT_ONCE = 12
"""Decisions that are shown without being asked for: those about which the strategy is surest."""


def learned_section(learned: Learned) -> str:
    """Return entropy over time, and a strip for every decision."""
    number = len(learned.snapshots[-1].shares)
    order = sorted(range(number), key=lambda place: bits(learned.snapshots[-1].shares[place]))
    first = sorted(order[:SHOWN_AT_ONCE])
    rest = sorted(order[SHOWN_AT_ONCE:])
    about = (
        f"Read from {learned.what} at {counted(len(learned.snapshots), 'moment')}. {learned.note}"
        "Each strip is one decision, each line in it a choice, time runs to the right; the darker, the more probable."
    )
    more = folded(f"the other {counted(len(rest), 'decision')}", _strips(learned, rest, "The other decisions")) if rest else ""
    caption = "The decisions it is surest of" if rest else "Every decision"
    return figure_of(entropy_chart(learned)) + paragraph(about) + _strips(learned, first, caption) + more


def _strips(learned: Learned, places: Sequence[int], caption: str) -> str:
    rows = "".join(_strip_row(learned, place) for place in places)
    titles = "".join(f'<th scope="col" class="w">{title}</th>' for title in ("decision", "over time", "at the end"))
    return (
        f'<div class="scrolls" role="region" tabindex="0" aria-label="{shown(caption)}"><table class="strips"><caption>'
        f"{shown(caption)}</caption><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _strip_row(learned: Learned, place: int) -> str:
    decision, last = learned.decisions.decisions[place], learned.snapshots[-1].shares[place]
    favourite = max(range(len(last)), key=lambda index: last[index])
    mostly = f"{decision.choices[favourite]} ({last[favourite]:.0%})"
    return (
        f'<tr><th scope="row" class="w">{shown(decision.name)}</th><td class="w">{_strip(learned, place, decision)}</td>'
        f'<td class="w">{shown(mostly)}</td></tr>'
    )


def _strip(learned: Learned, place: int, decision: Decision) -> str:
    """Return a strip: a column for every moment, a line for every choice, one path for each shade."""
    columns = [snapshot.shares[place] if place < len(snapshot.shares) else () for snapshot in learned.snapshots]
    paths: dict[int, list[str]] = {}
    for choice in range(len(decision.choices)):
        levels = [min(LEVELS - 1, round((LEVELS - 1) * column[choice])) if column else 0 for column in columns]
        for level, start, width in _runs(levels):
            if level:
                paths.setdefault(level, []).append(f"M{start} {choice}h{width}v1h-{width}z")
    last = learned.snapshots[-1].shares[place]
    order = sorted(range(len(last)), key=lambda index: -last[index])[:4]
    words = ", ".join(f"{decision.choices[index]} {last[index]:.0%}" for index in order)
    drawn = "".join(f'<path class="l{level}" d="{"".join(pieces)}"/>' for level, pieces in sorted(paths.items()))
    height = min(96, max(20, 7 * len(decision.choices)))
    return (
        f'<svg class="strip" viewBox="0 0 {len(columns)} {len(decision.choices)}" preserveAspectRatio="none" role="img" '
        f'style="height:{height}px" aria-label="{shown(words)}"><title>{shown(words)}</title>{drawn}</svg>'
    )


def _runs(levels: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield each run of equal levels with its start and length.

    >>> list(_runs([0, 2, 2, 1]))
    [(0, 0, 1), (2, 1, 2), (1, 3, 1)]
    """
    start = 0
    for place in range(1, len(levels) + 1):
        if place == len(levels) or levels[place] != levels[start]:
            yield levels[start], start, place - start
            start = place
