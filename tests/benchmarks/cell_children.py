"""NASNet children against PyTorch eager: what `children.py --setting nasnet` measures.

Random cells of the whole space (B = 5) in the network that a search trains them in: F = 16, N = `--repeats`, 2,000 images of
CIFAR-10 of which 700 validate after every epoch, batch 32, the quick recipe. For each cell the steady step and the whole
training of 60 steps, by a process that has trained 32 others (warm) and by a fresh one that reads the cache these have filled
(disk); for the first `--long-cells` also the whole training of 500 steps, warm; and for `--cold-cells` cells one after the
other the whole training of 60 steps by a process whose cache was empty before the first. Nothing is extrapolated.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import results
import sides
from children_of import facts_of_images
from same_work import Apart, Job, Training, better_format, check_agreement, job_of, note, ratios, write_data

from automl_cli.core.spaces import SearchSpace
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.network import Network
from search_spaces.nasnet import QUICK, SPACE

FILTERS, IMAGE, CLASSES = 16, (32, 32, 3), 10
LONG_CELLS, COLD_CELLS = 2, 20
GOAL, COLD_GOAL = 1.25, 1.0

SHORT = Training(QUICK.child.recipe, epochs=2, examples=2 * 480)
"""60 steps: 2 epochs of 30."""
LONG = Training(QUICK.child.recipe, epochs=20, examples=800)
"""500 steps: 20 epochs of 25."""

Found = dict[str, Any]
"""What each side measured on one cell."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What only this setting asks for."""
    parser.add_argument("--repeats", type=int, default=1, help="nasnet: N")
    parser.add_argument("--long-cells", type=int, default=LONG_CELLS, help="nasnet: cells trained for 500 steps too")
    parser.add_argument("--cold-cells", type=int, default=COLD_CELLS, help="nasnet: cells trained by the cold process")
    parser.add_argument("--first", type=int, default=0, help="nasnet: seed of the first cell")


def networks_of(repeats: int, count: int, first: int) -> list[Network]:
    """Random cells in their small network."""
    space = SearchSpace(SPACE, {"repeats": repeats, "filters": FILTERS})
    facts = facts_of_images(IMAGE, CLASSES)
    return [space.placed(space.sample(0, number), facts) for number in range(first, first + count)]


def measure(networks: list[Network], short: Job, long: Job, asked: argparse.Namespace, folder: Path) -> Iterator[Found]:
    """All figures of one cell after the other."""
    fill = (
        {**short, "kind": "fill", "network": msgspec.to_builtins(network)}
        for network in networks_of(asked.repeats, asked.others, 1000)
    )
    running = sides.all_sides(asked, folder, fill)
    for number, network in enumerate(networks):
        plain = msgspec.to_builtins(network)
        one, longer = {**short, "network": plain}, {**long, "network": plain}
        better = better_format(running["torch"], one)
        found: Found = {"imports": sides.imports(running)}
        if number < max(asked.architectures, asked.cold_cells):
            found["torch"] = running["torch"].ask(**one, channels_last=better)
        if number < asked.cold_cells:
            found["cold"] = running["cold"].ask(**one)
        if number < asked.architectures:
            found |= {name: running[name].ask(**one) for name in ("warm", "disk")}
            found["torch_heap"] = running["torch_heap"].ask(**{**one, "epochs": 0}, channels_last=better)
        if number < asked.long_cells:
            found["long"] = running["warm"].ask(**longer)
            found["torch_long"] = running["torch"].ask(**longer, channels_last=better)
        rounded = {name: {key: round(value, 4) for key, value in figures.items()} for name, figures in found.items()}
        print(asked.first + number, rounded)
        yield found


Figures = tuple[str, str, str, str]
"""What a row of the first table is called; the figure, and of which sides it is the ratio."""

STEP: Figures = ("step", "step", "torch", "warm")
WHOLE = [(f"whole, 60 steps, {side}", "cpu", "torch", side) for side in ("warm", "disk")]
HEAP: Figures = ("step, PyTorch with our heap", "step", "torch_heap", "warm")
WHOLE_LONG: Figures = ("whole, 500 steps, warm", "cpu", "torch_long", "long")


def short_body(networks: list[Network], found: list[Found], apart: Apart) -> str:
    """The tables of the trainings of 60 steps, and what they say of the goals."""
    warm, cold = ([one for one in found if side in one] for side in ("warm", "cold"))
    rows, goals = _ratios(warm, [STEP, HEAP, *WHOLE])
    if cold:
        together = sum(one["torch"]["cpu"] for one in cold) / sum(one["cold"]["cpu"] for one in cold)
        rows.append([f"whole, 60 steps, cold, {len(cold)} cells together", len(cold), f"{together:.2f}", "", ""])
        goals.append(_goal("cold", together, COLD_GOAL))
    columns = {
        "step: PyTorch, ours (ms)": ("step", ("torch", "warm"), 1e3, ".0f"),
        "whole, 60 steps: PyTorch, ours warm, disk, cold (s)": ("cpu", ("torch", "warm", "disk", "cold"), 1, ".1f"),
        "accuracy after 60 steps: PyTorch, ours": ("score", ("torch", "warm"), 1, ".3f"),
    }
    which = "Warm is the process that trained the cells which filled the cache, disk a fresh one."
    return f"{_tables(networks, found, rows, columns)}\n\n{'; '.join(goals)}. {which} {note(apart, found)}"


def long_body(networks: list[Network], found: list[Found], apart: Apart) -> str:
    """The tables of the trainings of 500 steps, and what they say of the goal."""
    rows, goals = _ratios(found, [WHOLE_LONG])
    columns = {
        "whole, 500 steps: PyTorch, ours warm (s)": ("cpu", ("torch_long", "long"), 1, ".0f"),
        "accuracy after 500 steps: PyTorch, ours": ("score", ("torch_long", "long"), 1, ".3f"),
    }
    scored = [{"torch": one["torch_long"], "warm": one["long"], "imports": one["imports"]} for one in found]
    which = "Warm is the process that trained the cells which filled the cache."
    return f"{_tables(networks, found, rows, columns)}\n\n{'; '.join(goals)}. {which} {note(apart, scored)}"


def _ratios(found: list[Found], figures: list[Figures]) -> tuple[list[list[Any]], list[str]]:
    """Rows of the first table, and how they stand to the goal."""
    rows: list[list[Any]] = []
    goals = []
    for label, figure, theirs, ours in figures:
        values = ratios(found, figure, theirs, ours)
        middle = float(np.median(values))
        rows.append([label, len(found), f"{middle:.2f}", f"{min(values):.2f}", f"{max(values):.2f}"])
        goals += [_goal(label, middle, GOAL)] * (theirs != "torch_heap")
    return rows, goals


def _goal(label: str, ratio: float, goal: float) -> str:
    return f"{label}: goal {goal} {'met' if ratio >= goal else 'missed'} ({ratio:.2f})"


def _tables(
    networks: list[Network],
    found: list[Found],
    rows: list[list[Any]],
    columns: dict[str, tuple[str, tuple[str, ...], float, str]],
) -> str:
    """The ratios, then what was measured of each cell: a figure of some sides, its unit and its form, by the column's name."""
    summary = results.table(["figure", "cells", "median ratio", "lowest", "highest"], rows)
    each = [
        [_size(network), *(_listed(one, *column) for column in columns.values())]
        for network, one in zip(networks, found, strict=False)
    ]
    return f"{summary}\n\n{results.table(['parameters, multiply-adds', *columns], each)}"


def _size(network: Network) -> str:
    costs = network.costs(IMAGE, CLASSES)
    return f"{costs.parameters:,}, {costs.multiply_adds / 1e6:.1f}M"


def _listed(one: Found, figure: str, names: tuple[str, ...], unit: float, form: str) -> str:
    return ", ".join(format(unit * one[name][figure], form) if name in one else "-" for name in names)


def compare(asked: argparse.Namespace) -> None:
    """Measure and record."""
    dataset = DatasetReference(source="cifar10", data_dir=asked.data_dir, train_examples=2000)
    networks = networks_of(asked.repeats, max(asked.architectures, asked.long_cells, asked.cold_cells), asked.first)
    found: list[Found] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        facts = write_data(dataset, folder / "data.npz")
        short, long = (job_of(facts, training, engine=asked.engine) for training in (SHORT, LONG))
        apart = check_agreement(networks, short, torch_python=asked.torch_python, core=asked.core, folder=folder)
        print(apart, flush=True)
        for figures in measure(networks, short, long, asked, folder):
            found.append(figures)
            write(asked, networks, found, apart)


def write(asked: argparse.Namespace, networks: list[Network], found: list[Found], apart: Apart) -> None:
    """Record what has been measured so far: a section for the trainings of either length."""
    script = f"tests/benchmarks/children.py --setting nasnet --repeats {asked.repeats}"
    setting = f"Children against PyTorch: nasnet, N = {asked.repeats}"
    intro = (
        f"Random cells of space nasnet (B = 5) at F = {FILTERS}, N = {asked.repeats}: images of {list(IMAGE)} (CIFAR-10), "
        f"batch {SHORT.recipe.batch_size}, 700 images validated after each epoch. The cache was filled by {asked.others} other "
        "cells. Ratio of PyTorch's time to ours; above 1 ours is faster."
    )
    if "warm" in found[0]:
        short = [one for one in found if "torch" in one]
        steps = f"{intro} Trainings of 60 steps (2 epochs)."
        results.record(f"{setting}, engine {asked.engine}", script, f"{steps}\n\n{short_body(networks, short, apart)}")
    if long := [one for one in found if "long" in one]:
        steps = f"{intro} Trainings of 500 steps (20 epochs)."
        body = long_body(networks, long, apart)
        results.record(f"{setting}, 500 steps, engine {asked.engine}", script, f"{steps}\n\n{body}")
