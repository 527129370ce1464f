"""Cells for tests: random ones of the space, and one that holds a given operation."""

from random import Random

from automl_cli.core.spaces import SearchSpace
from automl_cli.values.cell import Branch, Cell, CellPair, Combination
from search_spaces.nasnet import SPACE


def random_cells(seed: int, **options: str | int | bool) -> CellPair:
    """A uniformly drawn pair of cells."""
    space = SearchSpace(SPACE, options)
    cells = space.decode(space.decisions.sample(Random(seed)))
    assert isinstance(cells, CellPair)
    return cells


def cells_with(operation: str, *, join: str = "add", bottleneck: bool = True, states: int = 1) -> CellPair:
    """Cells that apply the operation to both inputs, and put out as many states of that as asked."""
    combination = Combination(Branch(0, operation), Branch(1, operation), join)
    cell = Cell((combination,) * states, tuple(range(2, 2 + states)))
    return CellPair(cell, cell, bottleneck)
