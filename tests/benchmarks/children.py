"""Whole children against PyTorch eager: the same architectures, data, batches, epochs, update rule and validation.

    python tests/benchmarks/children.py --torch-python /path/to/python-with-torch                digits, quick settings
    python tests/benchmarks/children.py --torch-python … --setting cifar10 --data-dir ../shared/data/tfds
    python tests/benchmarks/children.py --torch-python … --setting nasnet --data-dir ../shared/data/tfds --repeats 1

Two figures for each of 8 random architectures, as the ratio of PyTorch's time to ours: the steady training step, and
everything from specification to trained child. Before anything is timed both sides do two steps and the validation from
the same parameters; sides that differ are not timed. They work in turn, pinned to one core, with one thread. Ours is
measured in three processes: cold, its compilation cache empty; disk, fresh, the cache filled by another process with 32
other architectures; warm, the process that has trained those 32 itself, as a worker in the middle of a search has. PyTorch
runs in its better memory format; its step also with our setting of its heap. Times are the computing time of the process,
which on an idle machine is what a clock shows.

`nasnet` are random cells (`cell_children`), which are also trained for longer and, cold, twenty of them one after the other.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cell_children
import msgspec
import numpy as np
import results
import sides
from same_work import Apart, Job, Training, better_format, check_agreement, job_of, note, ratios, write_data

from automl_cli.core.spaces import SearchSpace
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.network import Network
from automl_cli.values.recipe import Recipe
from search_spaces.cnn import SPACE

ARCHITECTURES = 8
OTHERS = 32
GOAL = 1.25


def architectures(variants: list[dict[str, Any]], count: int, first: int) -> list[Network]:
    """Random networks, going round the variants of the space."""
    spaces = [SearchSpace(SPACE, options) for options in variants]
    chosen = [(spaces[number % len(spaces)], first + number) for number in range(count)]
    return [space.decode(space.sample(0, number)) for space, number in chosen]


def setting(name: str, data_dir: str | None) -> tuple[DatasetReference, Training, list[dict[str, Any]]]:
    """Data, training and variants of the space."""
    quick = SPACE.presets["quick"]
    if name == "digits":
        return DatasetReference(source="digits"), Training(quick.child.recipe, quick.epochs), [dict(quick.space_options)]
    four = {"layers": 4, "curriculum_start": 4}
    variants = [{"variant": "plain", **four}, {"variant": "strides", **four}, {"variant": "pooling", "layers": 2}]
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


def _measure_one(network: Network, job: Job, running: dict[str, sides.Side]) -> dict[str, Any]:
    one = {**job, "network": msgspec.to_builtins(network)}
    better = better_format(running["torch"], one)
    found = {name: side.ask(**one) for name, side in running.items() if not name.startswith("torch")}
    found["torch"] = running["torch"].ask(**one, channels_last=better)
    found["torch_heap"] = running["torch_heap"].ask(**{**one, "epochs": 0}, channels_last=better)
    found["imports"] = sides.imports(running)
    print({name: {key: round(value, 4) for key, value in figures.items()} for name, figures in found.items()}, flush=True)
    return found


def body(found: list[dict[str, Any]], networks: list[Network], apart: Apart) -> str:
    """The tables of a section."""
    rows = []
    figures = [("step", "step", "torch", "warm"), ("step, PyTorch with our heap", "step", "torch_heap", "warm")]
    figures += [(f"whole, {name}", "cpu", "torch", name) for name in ("warm", "disk", "cold")]
    for label, figure, theirs, ours in figures:
        values = ratios(found, figure, theirs, ours)
        rows.append([label, f"{np.median(values):.2f}", f"{min(values):.2f}", f"{max(values):.2f}"])
    summary = results.table(["figure", "median ratio", "lowest", "highest"], rows)
    columns = [
        "architecture: kernels and strides, inputs",
        "step: PyTorch, ours (ms)",
        "whole: PyTorch, ours warm, disk, cold (s)",
        "accuracy: PyTorch, ours",
    ]
    each = [
        [
            describe(network),
            f"{1e3 * one['torch']['step']:.1f}, {1e3 * one['warm']['step']:.1f}",
            ", ".join(f"{one[side]['cpu']:.2f}" for side in ("torch", "warm", "disk", "cold")),
            ", ".join(f"{one[side]['score']:.3f}" for side in ("torch", "warm")),
        ]
        for network, one in zip(networks, found, strict=True)
    ]
    wholes = [(name, float(np.median(ratios(found, "cpu", "torch", name)))) for name in ("warm", "disk")]
    goals = ", ".join(f"{name} {ratio:.2f} ({'met' if ratio >= GOAL else 'missed'})" for name, ratio in wholes)
    goal = f"Goal for the whole with a warm cache, {GOAL}: {goals}."
    which = "Warm is the process that trained 32 others, disk a fresh one."
    return f"{summary}\n\n{results.table(columns, each)}\n\n{goal} {which} {note(apart, found)}"


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
    parser.add_argument("--others", type=int, default=OTHERS, help="architectures that fill the cache")
    cell_children.add_arguments(parser)
    return parser.parse_args()


def compare(asked: argparse.Namespace) -> None:
    """Measure and record the setting asked for."""
    dataset, training, variants = setting(asked.setting, asked.data_dir)
    networks = architectures(variants, asked.architectures, 0)
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
            write(asked, work, networks[: len(found)], found, apart)


def write(asked: argparse.Namespace, work: str, networks: list[Network], found: list[dict[str, Any]], apart: Apart) -> None:
    """Record what has been measured so far."""
    title = f"Children against PyTorch: {asked.setting}, engine {asked.engine}"
    intro = (
        f"{len(networks)} random architectures of space cnn: {work}. Ratio of PyTorch's time to ours; above 1 ours is faster."
    )
    results.record(title, "tests/benchmarks/children.py", f"{intro}\n\n{body(found, networks, apart)}")


if __name__ == "__main__":
    asked = arguments()
    cell_children.compare(asked) if asked.setting == "nasnet" else compare(asked)
