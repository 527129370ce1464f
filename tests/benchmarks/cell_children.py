"""NASNet children against PyTorch: what `children.py --setting nasnet` measures.

Random cells of the whole space (B = 5) in the network that a search trains them in: F = 16, N = `--repeats`, 2,000 images of
CIFAR-10 of which 700 validate after every epoch, batch 32, the quick recipe. For each cell the steady step and the whole
training of 60 steps, by a process that has trained 32 others (warm) and by a fresh one that reads the cache these have filled
(disk); for the first `--long-cells` also the whole training of 500 steps, warm; and for `--cold-cells` cells one after the
other the whole training of 60 steps by a process whose cache was empty before the first. `torch.compile` compiles a cell for
minutes, so it is measured on the first `--compiled-cells` alone. Nothing is extrapolated.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import results
import sides
from against_pytorch import PEERS, Found, Goals, behind, compiled_words, listed, measure_pytorch, summary, verdict
from children_of import facts_of_images
from same_work import Apart, Job, Training, check_agreement, job_of, note, steps_of, write_data

from automl_cli.core.spaces import SearchSpace
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.network import Network
from search_spaces.nasnet import QUICK, SPACE

FILTERS, IMAGE, CLASSES = 16, (32, 32, 3), 10
LONG_CELLS, COLD_CELLS, COMPILED_CELLS = 2, 20, 1
GOALS: Goals = {"step": 1.3, "warm": 1.25, "disk": 1.25}
LONG_GOALS: Goals = {"warm": 1.25}
COLD_GOAL = 1.0

SHORT = Training(QUICK.child.recipe, epochs=2, examples=2 * 480)
"""60 steps: 2 epochs of 30."""
LONG = Training(QUICK.child.recipe, epochs=20, examples=800)
"""500 steps: 20 epochs of 25."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What only this setting asks for."""
    parser.add_argument("--repeats", type=int, default=1, help="nasnet: N")
    parser.add_argument("--long-cells", type=int, default=LONG_CELLS, help="nasnet: cells trained for 500 steps too")
    parser.add_argument("--cold-cells", type=int, default=COLD_CELLS, help="nasnet: cells trained by the cold process")
    parser.add_argument(
        "--compiled-cells", type=int, default=COMPILED_CELLS, help="nasnet: cells that torch.compile trains too"
    )


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
        peers = tuple(PEERS)[: 1 if number >= asked.architectures else 2 if number >= asked.compiled_cells else 3]
        found: Found = {"imports": sides.imports(running), **measure_pytorch(running, one, peers=peers)}
        if number < asked.cold_cells:
            found["cold"] = running["cold"].ask(**one)
        if number < asked.architectures:
            found |= {name: running[name].ask(**one) for name in ("warm", "disk")}
        if number < asked.long_cells:
            found["long"] = running["warm"].ask(**longer)
            found["torch_long"] = measure_pytorch(running, longer, peers=("torch",))["torch"]
        rounded = {name: {key: round(value, 4) for key, value in figures.items()} for name, figures in found.items()}
        print(asked.first + number, rounded)
        yield found


def short_body(networks: list[Network], found: list[Found], apart: Apart, steps: int) -> str:
    """The tables of the trainings of 60 steps, and what they say of the goals."""
    warm, cold = ([one for one in found if side in one] for side in ("warm", "cold"))
    columns = {
        "step: PyTorch eager, compiled, ours (ms)": ("step", ("torch", "torch_compile", "warm"), 1e3, ".0f"),
        "whole, 60 steps: PyTorch eager, compiled, ours warm, disk, cold (s)": (
            "cpu",
            ("torch", "torch_compile", "warm", "disk", "cold"),
            1,
            ".1f",
        ),
        "accuracy after 60 steps: PyTorch, ours": ("score", ("torch", "warm"), 1, ".3f"),
    }
    names = list(map(_size, networks))
    tables = (summary(warm, GOALS), _each(names, found, columns), behind(warm, names[: len(warm)], steps))
    said = verdict(warm, GOALS)
    if cold:
        together = sum(one["torch"]["cpu"] for one in cold) / sum(one["cold"]["cpu"] for one in cold)
        reached = "met" if together >= COLD_GOAL else "missed"
        said += f" New cells, {len(cold)} together, from an empty cache on: {together:.2f} of {COLD_GOAL} ({reached})."
    which = "Known programs are those of the cells that filled the cache."
    return "\n\n".join([*tables, f"{said} {which} {compiled_words(found)} {note(apart, found)}"])


def long_body(networks: list[Network], found: list[Found], apart: Apart, steps: int) -> str:
    """The tables of the trainings of 500 steps, and what they say of the goal."""
    columns = {
        "whole, 500 steps: PyTorch eager, ours warm (s)": ("cpu", ("torch", "warm"), 1, ".0f"),
        "accuracy after 500 steps: PyTorch, ours": ("score", ("torch", "warm"), 1, ".3f"),
    }
    scored = [{"torch": one["torch_long"], "warm": one["long"], "imports": one["imports"]} for one in found]
    names = [_size(network) for network in networks[: len(scored)]]
    tables = (summary(scored, LONG_GOALS), _each(names, scored, columns), behind(scored, names, steps))
    which = "Known programs are those of the cells that filled the cache."
    return "\n\n".join([*tables, f"{verdict(scored, LONG_GOALS)} {which} {note(apart, scored)}"])


def _each(names: list[str], found: list[Found], columns: dict[str, tuple[str, tuple[str, ...], float, str]]) -> str:
    """What was measured of each cell: a quantity of some sides, its unit and its form, by the column's name."""
    rows = [[name, *(listed(one, *column) for column in columns.values())] for name, one in zip(names, found, strict=False)]
    return results.table(["parameters, multiply-adds", *columns], rows)


def _size(network: Network) -> str:
    costs = network.costs(IMAGE, CLASSES)
    return f"{costs.parameters:,}, {costs.multiply_adds / 1e6:.1f}M"


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
            write(asked, networks, found, apart, steps=(steps_of(short), steps_of(long)))


def write(
    asked: argparse.Namespace, networks: list[Network], found: list[Found], apart: Apart, *, steps: tuple[int, int]
) -> None:
    """Record what has been measured so far: a section for the trainings of either length."""
    script = f"tests/benchmarks/children.py --setting nasnet --repeats {asked.repeats} --first {asked.first}"
    setting = f"Children against PyTorch: nasnet, N = {asked.repeats}"
    intro = (
        f"Random cells of space nasnet (B = 5) at F = {FILTERS}, N = {asked.repeats}: images of {list(IMAGE)} (CIFAR-10), "
        f"batch {SHORT.recipe.batch_size}, 700 images validated after each epoch. The cache was filled by {asked.others} other "
        "cells. Ratio of PyTorch's time to ours; above 1 ours is faster."
    )
    if "warm" in found[0]:
        short = [one for one in found if "torch" in one]
        work = f"{intro} Trainings of 60 steps (2 epochs)."
        results.record(f"{setting}, engine {asked.engine}", script, f"{work}\n\n{short_body(networks, short, apart, steps[0])}")
    if long := [one for one in found if "long" in one]:
        work = f"{intro} Trainings of 500 steps (20 epochs)."
        body = long_body(networks, long, apart, steps[1])
        results.record(f"{setting}, 500 steps, engine {asked.engine}", script, f"{work}\n\n{body}")
