"""Searches of a table in this process, without files or workers, and results that are kept to continue a benchmark with.

A genotype that was evaluated before costs nothing: budgets count distinct evaluations, replicates among them.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from automl_cli.core.decisions import Genotype
from automl_cli.core.protocols import Strategy
from automl_cli.core.random_streams import stream
from automl_cli.core.spaces import SearchSpace
from automl_cli.data.benchmark_table import BenchmarkTable, read_table
from automl_cli.planning.population import DRAWS, first_trials
from automl_cli.planning.resolve import REPLICATE_SHARE
from automl_cli.planning.strategy_rule import AUTO, chosen
from automl_cli.plugins.discovery import plugin_named
from automl_cli.plugins.registry import STRATEGIES
from automl_cli.strategies.replicates import Replicating
from automl_cli.strategies.starting import largest

SPACE = SearchSpace(plugin_named("nas-bench-201")[0])
COST = "flops"
SETS = {
    "CIFAR-10": ("c10_val_e12", "c10_test_e200"),
    "CIFAR-100": ("c100_val_e12", "c100_test_e200"),
    "ImageNet16-120": ("in16_val_e12", "in16_test_e200"),
}
"""By data set, the column that a search sees, and the one that its incumbents are judged by."""
WARM = ", warm start"
MOST_TRIALS = 20
"""A strategy that repeats itself ends after so many trials for each evaluation of its budget."""

Evaluation = tuple[Genotype, int]
"""A genotype, and the number of its seed."""


def read(path: Path) -> BenchmarkTable:
    """The table, with all columns that are used here."""
    columns = [COST, *(column for both in SETS.values() for column in both)]
    return read_table(str(path), SPACE.decisions, encoding_column="ops", columns=columns)


def column(table: BenchmarkTable, name: str) -> dict[Genotype, float]:
    """A column by genotype."""
    values = table.values[:, table.columns.index(name)]
    return {genotype: float(values[row]) for genotype, row in table.rows.items()}


def made(name: str, costs: dict[Genotype, float], *, trials: int, seed: int, noisy: bool, replicates: int = 1) -> Strategy:
    """The strategy of this name as the command line makes it: `auto` by its rule, with a warm start where the name says so."""
    strategy = name.removesuffix(WARM)
    if strategy == AUTO:
        strategy = chosen(SPACE, trials=trials, noisy=noisy)[0]
    factory, given = STRATEGIES.load(strategy), {}
    if name.endswith(WARM):
        first = largest(SPACE, costs.__getitem__, draws=DRAWS, seed=seed)[: first_trials(trials)]
        given = {"start_from": [list(genotype) for genotype in first]}
    search: Strategy = factory(SPACE, seed=seed, settings=factory.resolve(trials, given))
    return Replicating(search, SPACE, seeds=replicates, share=REPLICATE_SHARE) if replicates > 1 else search


def evaluations(strategy: Strategy, score: Callable[[Genotype, int], float], count: int) -> dict[Evaluation, float]:
    """The scores of so many distinct evaluations, in order. A minibatch is asked for whole, then told."""
    found: dict[Evaluation, float] = {}
    for start in range(0, MOST_TRIALS * count, strategy.batch):
        numbers = range(start, start + strategy.batch)
        proposals = [strategy.ask(number) for number in numbers]
        for number, proposal in zip(numbers, proposals, strict=True):
            key = (proposal.genotype, proposal.replicate)
            if key not in found:
                found[key] = score(*key)
            strategy.tell(number, proposal, found[key])
        if len(found) >= count:
            break
    return dict(list(found.items())[:count])


def noisy(scores: dict[Genotype, float], deviation: float, seed: int) -> Callable[[Genotype, int], float]:
    """The scores with Gaussian noise, drawn by genotype and the number of its seed."""
    return lambda genotype, number: scores[genotype] + stream(seed, "noise", str(genotype), number).gauss(0, deviation)


class Kept:
    """Results by key, in a file of JSON lines: what is there already is not computed again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._values = {json.dumps(key): value for key, value in map(json.loads, lines)}

    def get(self, key: list[Any], compute: Callable[[], Any]) -> Any:
        """What is kept under the key, computed and kept where nothing is."""
        text = json.dumps(key)
        if text not in self._values:
            self._values[text] = compute()
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, self._values[text]]) + "\n")
        return self._values[text]


def numbers_of(text: str) -> range:
    """The seeds that `1000-1099` means."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def mean_and_error(values: Iterable[float]) -> tuple[float, float]:
    """Mean and standard error."""
    array = np.array(list(values))
    return float(array.mean()), float(array.std(ddof=1) / np.sqrt(len(array)))


def paired(ours: Iterable[float], theirs: Iterable[float]) -> Iterator[float]:
    """The mean difference of pairs, and half of its 95 % interval by Student."""
    from scipy.stats import t

    differences = np.array(list(ours)) - np.array(list(theirs))
    yield float(differences.mean())
    yield float(t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / np.sqrt(len(differences)))
