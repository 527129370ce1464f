"""Kill driver and workers at random moments of every search with every strategy; the search ends as if nothing had been.

Here a storm or two; with AUTOML_NIGHTLY=1 all cells, at least 10 kills of drivers and of workers for each search and each
strategy, and the counts printed.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.cells import CELLS, TRAINED_CELLS, Cell
from tests.chaos.storms import Storm

pytestmark = pytest.mark.usefixtures("environment_of_its_own")

NIGHT = bool(os.environ.get("AUTOML_NIGHTLY"))
SEED = int(os.environ.get("AUTOML_CHAOS_SEED", "0"))
KILLS = 2
"""Of drivers and of workers, in each cell: 5 searches make 10 of a strategy, and the more strategies 14 of a search."""


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest) -> Iterator[Counter[tuple[Cell, str, str, str]]]:
    """The kills of all cells, printed behind the last of them."""
    kills: Counter[tuple[Cell, str, str, str]] = Counter()
    yield kills
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("\n" + "\n".join(table_of(kills)))


def table_of(kills: Counter[tuple[Cell, str, str, str]]) -> Iterator[str]:
    """Yield lines: how many kills, by search, strategy, moment and signal, of drivers and of workers."""
    yield f"{kills.total()} kills, every search ended with the same best.json and the same told records"
    groups = ("search", lambda key: key[0].search), ("strategy", lambda key: key[0].strategy)
    for title, group in (*groups, ("moment", lambda key: key[2]), ("signal", lambda key: key[3])):
        counts: Counter[tuple[str, str]] = Counter()
        for key, number in kills.items():
            counts[group(key), key[1]] += number
        for name in dict.fromkeys(name for name, _ in counts):
            yield f"  {title:9} {name:18} driver {counts[name, 'driver']:4} worker {counts[name, 'worker']:4}"


def weather(cell: Cell, folder: Path, tally: Counter[tuple[Cell, str, str, str]], *, kills: int) -> None:
    """Kill drivers, then workers, each so many times, and compare how the searches end."""
    storm = Storm(cell, folder, SEED)
    calm = storm.undisturbed()
    for end in storm.on_drivers(kills):
        assert end == calm
    for end, due in storm.on_workers(kills):
        assert end == due
    assert sum(number for (victim, *_), number in storm.kills.items() if victim == "worker") == kills
    tally.update({(cell, *key): number for key, number in storm.kills.items()})


@pytest.mark.parametrize("cell", [CELLS[-1]._replace(strategy="evolution")], ids=lambda cell: cell.name)
def test_a_search_whose_driver_and_workers_are_killed_ends_as_one_that_is_left_alone(
    cell: Cell, tally: Counter[tuple[Cell, str, str, str]], tmp_path: Path
) -> None:
    weather(cell, tmp_path, tally, kills=2)


@pytest.mark.skipif(not NIGHT, reason="minutes of kills: set AUTOML_NIGHTLY=1")
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_every_search_with_every_strategy(cell: Cell, tally: Counter[tuple[Cell, str, str, str]], tmp_path: Path) -> None:
    weather(cell, tmp_path, tally, kills=KILLS)


@pytest.mark.skipif(not NIGHT, reason="minutes of kills: set AUTOML_NIGHTLY=1")
@pytest.mark.parametrize("cell", TRAINED_CELLS, ids=lambda cell: cell.name)
def test_children_that_are_trained(cell: Cell, tally: Counter[tuple[Cell, str, str, str]], tmp_path: Path) -> None:
    weather(cell, tmp_path, tally, kills=1)
