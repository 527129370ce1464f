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


def cells_with(operation: str, *, join: str = "add", bottleneck: bool = True) -> CellPair:
    """Cells of one combination that apply the operation to both inputs."""
    cell = Cell((Combination(Branch(0, operation), Branch(1, operation), join),), (2,))
    return CellPair(cell, cell, bottleneck)
