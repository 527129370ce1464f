"""Both engines on networks of cells: equal losses, gradients, statistics and outputs; programs shared between cells."""

import os
import subprocess
import sys

import pytest

from automl_cli.nn.networks import DropSettings
from automl_cli.values.cell import CELL_OPERATIONS, CellPair
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, FactorizedReduction, Identity, Network
from automl_cli.values.skeleton import cell_network, stack
from tests.conftest import ROOT
from tests.nn.engines.test_engines import assert_same_step, one_step_by_each
from tests.values.samples import random_cells

SEEDS = range(18, 68 if os.environ.get("AUTOML_NIGHTLY") else 21)
"""Seeds from 18 on: these three contain every operation."""
SIZE = (8, 8, 1)


def cells_of(seed: int) -> CellPair:
    """Return random cells of two combinations."""
    return random_cells(seed, blocks=2, variant="sp-i" if seed % 3 == 2 else "nasnet", bottleneck=seed % 2 == 0)


def network_of(cells: CellPair) -> Network:
    """Return the first three cells of a stack: normal, reduction, and the normal cell whose previous input is halved."""
    blocks = cell_network(cells, stack("cifar", repeats=1, filters=4), SIZE).blocks
    last = next(number for number, block in enumerate(blocks) if block.name == "normal2.output")
    return Network(blocks[: last + 1], ("normal2.output",), fan="out")


def check_engines_agree(network: Network, size: tuple[int, int, int], drop: DropSettings | None = None) -> None:
    whole, blocks = one_step_by_each(network, size, count=32, drop=drop)
    assert_same_step(blocks, whole, arrays=5e-5, outputs=5e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_engines_agree_on_random_cells(seed: int):
    """Two of three drop paths and features."""
    check_engines_agree(network_of(cells_of(seed)), SIZE, DropSettings(0.5, 0.2) if seed % 3 else None)


def test_a_factorized_reduction_to_one_filter_is_its_odd_path():
    """One filter, as at the start of ImageNet's stem at F = 4."""
    halves = Block("halves", FactorizedReduction(1), (IMAGE,)), Block("unit", ConvolutionUnit((1, 1), 4), ("halves",))
    check_engines_agree(Network(halves, ("unit",), fan="out"), SIZE)


def test_these_cells_hold_all_operations_in_both_kinds_of_cell_and_both_joins():
    combinations = [
        (kind, combination)
        for seed in SEEDS
        for kind, cell in (("normal", cells_of(seed).normal), ("reduction", cells_of(seed).reduction))
        for combination in cell.combinations
    ]
    held = {branch.operation for _, combination in combinations for branch in (combination.left, combination.right)}
    assert held == set(CELL_OPERATIONS)
    assert {(kind, combination.join) for kind, combination in combinations} == {
        (kind, join) for kind in ("normal", "reduction") for join in ("add", "concatenate")
    }


def test_sums_and_concatenations_of_anything_are_as_in_the_whole_network():
    """A sum of concatenations, of images, and an identity of maps of different sizes."""
    unit = ConvolutionUnit((3, 3), 2, (2, 2), order="act-conv-bn")
    network = Network(
        (
            Block("small", unit, (IMAGE,)),
            Block("wide", Identity(), ("small", IMAGE)),
            Block("twice", Identity(), ("wide", "wide"), "add"),
            Block("doubled", Identity(), (IMAGE, IMAGE), "add"),
            Block("both", ConvolutionUnit((1, 1), 3, order="conv-bn"), ("twice", "doubled")),
        ),
        ("both", "wide"),
    )
    check_engines_agree(network, (5, 6, 2))


def test_twenty_cells_need_few_programs_more_than_the_first_two():
    """On the quick preset at most 1.5 times as many."""
    command = [sys.executable, "-m", "tests.nn.counting", "20"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    counts = list(map(int, done.stdout.split()))
    assert len(counts) == 20
    assert counts[1] > 100
    assert counts[-1] <= 1.5 * counts[1]
