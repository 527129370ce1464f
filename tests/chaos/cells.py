"""Every search with every strategy, on children that cost nothing: what storms are let loose on."""

from pathlib import Path
from typing import NamedTuple

from automl_cli.plugins.registry import STRATEGIES
from tests.tables import ROOT

HERE = Path(__file__).parent

TRIALS = 27
"""The size of the small spaces, all of which the exhaustive strategy visits."""

FORMULA = ("--evaluator", "analytic", "--evaluator-option", "noise=0.1", "--evaluator-option", "seconds=0.03")
TABLE = ("--space", str(ROOT / "examples/table/three_edges.py"), "--evaluator", "table", "--table",
         str(ROOT / "examples/table/three_edges.csv"), "--reward-column", "valid", "--noise", "0.02")  # fmt: skip
"""A search of cells whose children cost nothing at all."""

SEARCHES: dict[str, tuple[str, ...]] = {
    "search-arch": ("--space", str(ROOT / "tests/tiny_space.py"), "--space-option", "layers=3", *FORMULA),
    "search-cell": ("--space", str(ROOT / "examples/table/three_edges.py"), *FORMULA),
    "search-optimizer": ("--space", str(HERE / "spaces/small_rules.py"), *FORMULA),
    "search-activation": ("--space", str(HERE / "spaces/small_activations.py"), *FORMULA),
    "search-augment": ("--space", str(HERE / "spaces/small_policies.py"), *FORMULA),
}
"""By command, a small space of it and cheap children."""

SMALLEST = ("--train-examples", "200", "--epochs", "1", "--dataset", "digits")

TRAINED: dict[str, tuple[str, ...]] = {
    "search-arch": ("--space", str(ROOT / "tests/tiny_space.py"), "--space-option", "layers=1", *SMALLEST),
    "search-optimizer": ("--space", str(HERE / "spaces/small_rules.py"), "--network", "convnet-1x4", *SMALLEST),
    "search-activation": ("--space", str(HERE / "spaces/small_activations.py"), "--network", "convnet-1x4", *SMALLEST),
    "search-augment": ("--space", str(HERE / "spaces/small_policies.py"), "--network", "convnet-1x4", *SMALLEST),
}
"""By command, the smallest networks on digits."""


class Cell(NamedTuple):
    """A search with a strategy. `trials` of children that are `trained` take seconds each, so they are few."""

    search: str
    strategy: str
    trained: bool = False

    @property
    def name(self) -> str:
        """Return the name of the cell, as a test shows it."""
        return f"{self.search}-{self.strategy}{'-trained' if self.trained else ''}"

    @property
    def trials(self) -> int:
        """Return the number of trials."""
        return 8 if self.trained else TRIALS

    def arguments(self, run: Path) -> list[str]:
        """Return the command line of the search, without the program."""
        children = (TRAINED if self.trained else SEARCHES)[self.search]
        window = ("--in-flight", "4", "--workers", "2", "--executor", "local", "--max-failures", "100")
        study = ("--strategy", self.strategy, "--trials", str(self.trials), "--retrain-top", "2", *window)
        return [self.search, "-q", "--out", str(run), "--seed", "3", *children, *study]


CELLS = tuple(Cell(search, strategy) for search in SEARCHES for strategy in STRATEGIES.built_in)
"""All of them: a strategy that is added is here by itself."""

TRAINED_CELLS = tuple(Cell(search, "random", trained=True) for search in TRAINED)
