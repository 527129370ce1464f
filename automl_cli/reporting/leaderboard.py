"""Describes a list of runs as a leaderboard for each data set."""

from collections.abc import Iterator
from itertools import groupby

from automl_cli.core.numbers import counted
from automl_cli.reporting.figures import number
from automl_cli.reporting.listing import group_of
from automl_cli.store.listings import ListedRun, RunList
from automl_cli.values.sheet import Facts, Grid, Heading, Lines, Part

TITLES = ("run", "what", "done", "best", "test", "state", "age")
WORDS = ("what", "state")

UNITS = (("days", 86400), ("h", 3600), ("min", 60), ("s", 1))


def listing_parts(listing: RunList) -> Iterator[Part]:
    """Yield a table of runs for each data set, the best first, and what is to be known of them."""
    where = ", ".join(listing.directories)
    if not listing.runs:
        yield Lines(f"no runs below {where}")
        return
    readable = [row for row in listing.runs if row.state != "unreadable"]
    for (task, metric), rows in groupby(readable, key=group_of):
        group = list(rows)
        yield Heading(task, f"{metric.replace('-', ' ')}, {counted(len(group), 'run')}")
        yield Grid(TITLES, tuple(map(_cells, group)), words=WORDS)
    if unreadable := [(row.name, row.problem or "") for row in listing.runs if row.state == "unreadable"]:
        yield Heading("not readable", counted(len(unreadable), "run"))
        yield Facts(tuple(unreadable))
    if readable:
        yield Facts(tuple(_notes(readable)))


def _cells(row: ListedRun) -> tuple[str, ...]:
    """Return one row; the columns are `TITLES`."""
    score, test = ("-" if value is None else number(value) for value in (row.score, row.test_score))
    done = f"{row.done:,}" if row.done == row.planned else f"{row.done:,}/{row.planned:,}"
    return row.name, what_in_words(row), done, score, test, row.state, age_in_words(row.age_seconds)


def what_in_words(row: ListedRun) -> str:
    """Return the command, what it is about, and how it was searched."""
    repeats = "" if row.repeats == 1 else f", {counted(row.repeats, 'repeat')}"
    return f"{row.command} {row.subject}{f', {row.strategy}' if row.strategy else ''}{repeats}"


def age_in_words(seconds: float) -> str:
    """Return the age of a run in the largest unit of which it has two, or in seconds.

    >>> age_in_words(0), age_in_words(90), age_in_words(125), age_in_words(7300), age_in_words(200_000)
    ('0 s', '90 s', '2 min', '2 h', '2 days')
    """
    return next(f"{int(seconds // size)} {unit}" for unit, size in UNITS if seconds >= 2 * size or unit == "s")


def _notes(rows: list[ListedRun]) -> Iterator[tuple[str, str]]:
    yield "best", "the best validation score of a search (mean over its repeats), the last one of a training"
    if any(row.test_score is not None for row in rows):
        yield "test", "that of the trained model; of a search, of the model that its winner was trained to last"
    yield "done", "trials of a search, epochs of a training, trainings of a comparison; with all of them where not all are done"
