"""Chooses which trials a page shows one by one, and describes them: number, score, genotype in words."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from automl_cli.core.decisions import Genotype
from automl_cli.core.numbers import counted
from automl_cli.core.protocols import canonical
from automl_cli.core.rewards import Reward
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Trial
from automl_cli.plugins.listing import kind_named
from automl_cli.reporting.summary import score_or_none

MOST_SHOWN = 5_000
"""Trials of a page that are shown one by one; of more, those that say most."""
WORDS_BUDGET = 420_000
"""Characters that the genotypes of all trials of a page may take in words."""
LEAST_WORDS = 24
FAILURES_LISTED = 500


class ShownTrial(NamedTuple):
    """A trial with its score, the genotype in words, and the name of its row on the page."""

    trial: Trial
    score: float | None
    words: str
    target: str


def shown_trials(
    trials: Sequence[Trial],
    reward: Reward,
    space: SearchSpace | None,
    *,
    prefix: str,
    share: float = 1.0,
    keep: Sequence[int] = (),
) -> tuple[ShownTrial, ...]:
    """Return the trials that are shown, in order, on a page of which this run has a share; those numbered in `keep` are among
    them."""
    chosen = thinned(trials, reward, most=max(100, round(MOST_SHOWN * share)), keep=keep)
    limit = max(LEAST_WORDS, round(WORDS_BUDGET * share / max(1, len(chosen))))
    in_words = described(space)
    return tuple(
        ShownTrial(
            trial, score_or_none(trial, reward), shortened(in_words(trial.task.genotype), limit), f"{prefix}t{trial.number}"
        )
        for trial in chosen
    )


def thinned(trials: Sequence[Trial], reward: Reward, *, most: int, keep: Sequence[int] = ()) -> list[Trial]:
    """Return all trials, or of more than `most` those that say most: where the best so far rises, the highest and the lowest
    score of every stretch of the search, the first failures of every stretch, and of the others every n-th."""
    if len(trials) <= most:
        return list(trials)
    scores = [score_or_none(trial, reward) for trial in trials]
    chosen = {place for place, trial in enumerate(trials) if trial.number in set(keep)}
    best: float | None = None
    for place, trial in enumerate(trials):
        measured = trial.outcome.measurement
        if measured is not None and (best is None or reward.of(measured) > best):
            best = reward.of(measured)
            chosen.add(place)
    stretch = max(1, len(trials) // (most // 6))
    for start in range(0, len(trials), stretch):
        places = range(start, min(start + stretch, len(trials)))
        scored = [(score, place) for place in places if (score := scores[place]) is not None]
        chosen |= {min(scored)[1], max(scored)[1]} if scored else set()
        chosen |= set([place for place in places if scores[place] is None][:1])
    step = -(-len(trials) // max(1, most - len(chosen)))
    chosen |= set(range(0, len(trials), step))
    return [trials[place] for place in sorted(chosen)]


def thinning_in_words(shown: int, trials: int) -> str:
    """Return what was left out, or nothing.

    >>> thinning_in_words(4000, 50_000)
    '4,000 of 50,000 trials are shown one by one: every new best, the highest and lowest of every stretch, and failures.'
    """
    if shown == trials:
        return ""
    return (
        f"{shown:,} of {counted(trials, 'trial')} are shown one by one: every new best, the highest and lowest of every "
        "stretch, and failures."
    )


def described(space: SearchSpace | None) -> Callable[[Genotype], str]:
    """Return a function that puts a genotype of the space in words: those of its kind, else its choices; without a space its
    indices."""
    if space is None:
        return canonical
    words: Callable[[Any], tuple[str, ...]] | None = kind_named(space.plugin.produces).words
    if words is None:
        return lambda genotype: "; ".join(space.tokens(genotype))
    return lambda genotype: "; ".join(words(space.decode(genotype)))


def shortened(text: str, limit: int) -> str:
    """Return the text, cut where it is longer.

    >>> shortened("convolution", 8), shortened("pool", 8)
    ('convolu…', 'pool')
    """
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
