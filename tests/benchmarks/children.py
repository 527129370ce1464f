"""Whole children against PyTorch: the same architectures, data, batches, epochs, update rule and validation.

    python tests/benchmarks/children.py --torch-python /path/to/python-with-torch                digits, quick settings
    python tests/benchmarks/children.py --torch-python … --setting cifar10 --data-dir ../shared/data/tfds
    python tests/benchmarks/children.py --torch-python … --setting nasnet --data-dir ../shared/data/tfds --repeats 1

For each of 8 random architectures, a third of them plain, a third with strides and a third with pooling, as the ratio of
PyTorch's time to ours: the steady training step, and everything from specification to trained child. Before anything is timed
both sides do two steps and the validation from the same parameters; sides that differ are not timed. They work in turn, pinned
to one core, with one thread. Ours is measured in three processes: warm, which has done the work of other architectures itself,
as a worker in the middle of a search has, so that most programs are known, and once more, when all are; disk, a fresh one
whose cache these have filled; cold, whose cache was empty before the first architecture, so that programs are new. PyTorch
runs in three ways: eager in its better memory format, the same with our setting of its heap, and with its training step
compiled. Times are the computing time of the processes and of the compilers they run, which on an idle machine is what a clock
shows.

`--first` says which architectures: those that a change was tried on say nothing about it. `nasnet` are random cells
(`cell_children`), which are also trained for longer and, cold, twenty of them one after the other.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cell_children
import msgspec
import results
import sides
from against_pytorch import Found, Goals, behind, compiled_words, listed, measure_pytorch, summary, verdict
from same_work import Apart, Job, Training, check_agreement, job_of, note, steps_of, write_data

from automl_cli.core.spaces import SearchSpace
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.network import Network
from automl_cli.values.recipe import Recipe
from search_spaces.cnn import SPACE

ARCHITECTURES = 8
OTHERS = {"digits": 96, "cifar10": 48, "nasnet": 32}
"""Architectures that fill the cache, by setting: as many of each variant as a search has had in its middle, or as there is time
for where one takes five seconds."""

FIRST = 7200
"""The first architecture by default: none of these was looked at while anything was made faster."""

GOALS: dict[str, Goals] = {
    "digits": {"step": 1.5, "again": 1.3, "warm": 1.3, "cold": 1.1},
    "cifar10": {"step": 1.25, "again": 1.25, "warm": 1.25},
}


def architectures(variants: list[dict[str, Any]], count: int, first: int) -> list[Network]:
    """Random networks, going round the variants of the space."""
    spaces = [SearchSpace(SPACE, options) for options in variants]
    chosen = [(spaces[number % len(spaces)], first + number) for number in range(count)]
    return [space.decode(space.sample(0, number)) for space, number in chosen]


def setting(name: str, data_dir: str | None) -> tuple[DatasetReference, Training, list[dict[str, Any]]]:
    """Data, training and variants of the space."""
    four = {"layers": 4, "curriculum_start": 4}
    variants = [{"variant": "plain", **four}, {"variant": "strides", **four}, {"variant": "pooling", "layers": 2}]
    if name == "digits":
        quick = SPACE.presets["quick"]
        return DatasetReference(source="digits"), Training(quick.child.recipe, quick.epochs), variants
    recipe = Recipe(batch_size=64, learning_rate=0.05, schedule="constant")
    return DatasetReference(source="cifar10", data_dir=data_dir, train_examples=2000), Training(recipe, 2), variants


def measure(
    networks: list[Network], others: list[Network], job: Job, asked: argparse.Namespace, folder: Path
) -> Iterator[dict[str, Any]]:
    """All figures of one architecture after the other; `others` fill the cache."""
    fill = ({**job, "kind": "fill", "network": msgspec.to_builtins(network)} for network in others)
    running = sides.all_sides(asked, folder, fill)
    for network in networks:
        yield _measure_one(network, job, running)


def _measure_one(network: Network, job: Job, running: dict[str, sides.Side]) -> Found:
    one = {**job, "network": msgspec.to_builtins(network)}
    found = {name: side.ask(**one) for name, side in running.items() if not name.startswith("torch")}
    found["again"] = running["warm"].ask(**one)
    found |= measure_pytorch(running, one)
    found["imports"] = sides.imports(running)
    print({name: {key: round(value, 4) for key, value in figures.items()} for name, figures in found.items()}, flush=True)
    return found


def body(found: list[Found], networks: list[Network], apart: Apart, *, job: Job, asked: argparse.Namespace) -> str:
    """The tables of a section."""
    columns = [
        "architecture: kernels and strides, inputs",
        "step: PyTorch eager, compiled, ours (ms)",
        "whole: PyTorch eager, compiled, ours again, warm, disk, cold (s)",
        "accuracy: PyTorch, ours",
    ]
    sides_of_whole = ("torch", "torch_compile", "again", "warm", "disk", "cold")
    names = [describe(network) for network in networks]
    each = []
    for name, one in zip(names, found, strict=True):
        step = listed(one, "step", ("torch", "torch_compile", "warm"), 1e3, ".1f")
        each.append(
            [name, step, listed(one, "cpu", sides_of_whole, 1, ".2f"), listed(one, "score", ("torch", "warm"), 1, ".3f")]
        )
    goals = GOALS[asked.setting]
    tables = (summary(found, goals), results.table(columns, each), behind(found, names, steps_of(job)))
    which = f"The others are {asked.others} of the same variants, in whose process `again` trains the network once more."
    return "\n\n".join([*tables, f"{verdict(found, goals)} {which} {compiled_words(found)} {note(apart, found)}"])


def describe(network: Network) -> str:
    words = []
    for block in network.blocks:
        operation: Any = block.operation
        name = "×".join(map(str, getattr(operation, "kernel", ("pool",))))
        stride = (
            ""
            if getattr(operation, "stride", (1, 1)) == (1, 1) or name == "pool"
            else "/" + "×".join(map(str, operation.stride))
        )
        words.append(f"{name}{stride}" + (f" of {len(block.inputs)}" if len(block.inputs) > 1 else ""))
    return " · ".join(words)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", required=True)
    parser.add_argument("--setting", choices=("digits", "cifar10", "nasnet"), default="digits")
    parser.add_argument("--data-dir")
    parser.add_argument("--engine", default="blocks")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--architectures", type=int, default=ARCHITECTURES)
    parser.add_argument("--others", type=int, help=f"architectures that fill the cache; by setting {OTHERS}")
    parser.add_argument("--first", type=int, default=FIRST, help="number of the first architecture")
    cell_children.add_arguments(parser)
    asked = parser.parse_args()
    asked.others = OTHERS[asked.setting] if asked.others is None else asked.others
    return asked


def compare(asked: argparse.Namespace) -> None:
    """Measure and record the setting asked for."""
    dataset, training, variants = setting(asked.setting, asked.data_dir)
    networks = architectures(variants, asked.architectures, asked.first)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        facts = write_data(dataset, folder / "data.npz")
        job = job_of(facts, training, engine=asked.engine)
        apart = check_agreement(networks, job, torch_python=asked.torch_python, core=asked.core, folder=folder)
        found: list[dict[str, Any]] = []
        size = training.recipe.batch_size
        work = f"{asked.setting}, images of {facts['image']}, batch {size}, {training.epochs} epochs"
        for figures in measure(networks, architectures(variants, asked.others, 1000), job, asked, folder):
            found.append(figures)
            text = body(found, networks[: len(found)], apart, job=job, asked=asked)
            write(asked, work, text)


def write(asked: argparse.Namespace, work: str, text: str) -> None:
    """Record what has been measured so far."""
    title = f"Children against PyTorch: {asked.setting}, engine {asked.engine}"
    intro = (
        f"Random architectures of space cnn from number {asked.first} on, plain, with strides, with pooling in turn: {work}. "
        "Ratio of PyTorch's time to ours; above 1 ours is faster."
    )
    script = f"tests/benchmarks/children.py --setting {asked.setting} --first {asked.first}"
    results.record(title, script, f"{intro}\n\n{text}")


if __name__ == "__main__":
    asked = arguments()
    cell_children.compare(asked) if asked.setting == "nasnet" else compare(asked)
