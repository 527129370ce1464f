"""Whole children against PyTorch eager: the same architectures, data, batches, epochs, update rule and validation.

    python tests/benchmarks/children.py --torch-python /path/to/python-with-torch                digits, quick settings
    python tests/benchmarks/children.py --torch-python … --setting cifar10 --data-dir ../shared/data/tfds

Two figures for each of 8 random architectures, as the ratio of PyTorch's time to ours: the steady training step, and
everything from specification to trained child. The two sides work in turn, pinned to one core, with one thread. Cold: our
compilation cache is empty. Warm: it was filled, by another process, with 32 other architectures. Ours then loads every
program once in a fresh process, as a worker of a search does. PyTorch runs in its better memory format, with its own heap
and with our setting of it. Times are the computing time of the process, which on an idle machine is what a clock shows.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import results
import sides

from automl_cli.core.datasets import DatasetReference
from automl_cli.core.networks import Network
from automl_cli.core.plugins import SearchSpace
from automl_cli.core.recipes import Recipe
from automl_cli.data import load_images
from automl_cli.nn.augment import UPSAMPLING, upsampling_matrix
from search_spaces.cnn import SPACE

ARCHITECTURES = 8
OTHERS = 32
STEPS = 30


def architectures(variants: list[dict[str, Any]], count: int, first: int) -> list[Network]:
    """Random networks, going round the variants of the space."""
    spaces = [SearchSpace(SPACE, options) for options in variants]
    chosen = [(spaces[number % len(spaces)], first + number) for number in range(count)]
    return [space.decode(space.sample(0, number)) for space, number in chosen]


def setting(name: str, data_dir: str | None) -> tuple[DatasetReference, Recipe, int, list[dict[str, Any]]]:
    """Data, recipe, epochs and variants of the space."""
    quick = SPACE.presets["quick"]
    if name == "digits":
        return DatasetReference(source="digits"), quick.recipe, quick.epochs, [dict(quick.space_options)]
    four = {"layers": 4, "curriculum_start": 4}
    variants = [{"variant": "plain", **four}, {"variant": "strides", **four}, {"variant": "pooling", "layers": 2}]
    recipe = Recipe(batch_size=64, learning_rate=0.05, schedule="constant")
    return DatasetReference(source="cifar10", data_dir=data_dir, train_examples=2000), recipe, 2, variants


def write_data(dataset: DatasetReference, file: Path) -> dict[str, Any]:
    """The whitened images for PyTorch's side; what both sides are told about the data."""
    data = load_images(dataset)
    height, width, _ = data.facts.image_shape
    assert height == width
    matrix = upsampling_matrix(height, round(UPSAMPLING * height))
    windows = np.stack([matrix[start : start + height] for start in range(len(matrix) - height + 1)])
    parts = {"train": data.train, "validation": data.validation}
    images = {f"{name}_images": ((part.images - data.mean) / data.std).astype(np.float32) for name, part in parts.items()}
    np.savez(file, windows=windows, **images, **{f"{name}_labels": part.labels for name, part in parts.items()})
    return {
        "dataset": msgspec.to_builtins(dataset),
        "data": str(file),
        "image": list(data.facts.image_shape),
        "classes": len(data.facts.classes),
        "flip": data.facts.flip,
        "validation_batch": 256,
    }


def measure(networks: list[Network], job: dict[str, Any], asked: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """All figures of all architectures."""
    others = architectures(job.pop("variants"), OTHERS, 1000)
    start = {
        "cold": lambda: sides.ours(asked.core, folder / "cold", folder / "data"),
        "warm": lambda: sides.ours(asked.core, folder / "warm", folder / "data"),
        "torch": lambda: sides.pytorch(asked.torch_python, asked.core),
        "torch_heap": lambda: sides.pytorch(asked.torch_python, asked.core, keeps_heap=True),
    }
    filling = start["warm"]()
    for network in others:
        filling.ask(**{**job, "epochs": 1, "steps": 1}, network=msgspec.to_builtins(network))
    filling.close()
    running = {name: begin() for name, begin in start.items()}
    return [_measure_one(network, job, running) for network in networks]


def _measure_one(network: Network, job: dict[str, Any], running: dict[str, sides.Side]) -> dict[str, Any]:
    plain = msgspec.to_builtins(network)
    steps_only = {**job, "epochs": 0, "network": plain}
    formats = {chosen: running["torch"].ask(**steps_only, channels_last=chosen)["step"] for chosen in (False, True)}
    better = min(formats, key=formats.__getitem__)
    found = {
        name: side.ask(**job, network=plain, **({"channels_last": better} if name.startswith("torch") else {}))
        for name, side in running.items()
    }
    print({name: {key: round(value, 4) for key, value in figures.items()} for name, figures in found.items()}, flush=True)
    return found


def ratios(found: list[dict[str, Any]], figure: str, theirs: str, ours: str) -> list[float]:
    return [each[theirs][figure] / each[ours][figure] for each in found]


def body(found: list[dict[str, Any]], networks: list[Network], image: list[int]) -> str:
    """The tables of a section."""
    rows = []
    for label, figure, ours in (("step", "step", "warm"), ("whole, warm", "cpu", "warm"), ("whole, cold", "cpu", "cold")):
        for heap, theirs in (("its own", "torch"), ("as ours", "torch_heap")):
            values = ratios(found, figure, theirs, ours)
            rows.append([label, heap, f"{np.median(values):.2f}", f"{min(values):.2f}", f"{max(values):.2f}"])
    summary = results.table(["figure", "PyTorch's heap", "median ratio", "lowest", "highest"], rows)
    columns = [
        "architecture: kernels and strides, inputs",
        "step: PyTorch, ours (ms)",
        "whole: PyTorch, ours warm, ours cold (s)",
    ]
    each = [
        [
            describe(network),
            f"{1e3 * one['torch']['step']:.1f}, {1e3 * one['warm']['step']:.1f}",
            ", ".join(f"{one[side]['cpu']:.2f}" for side in ("torch", "warm", "cold")),
        ]
        for network, one in zip(networks, found, strict=True)
    ]
    accuracies = [np.mean([one[side]["score"] for one in found]) for side in ("torch", "warm")]
    note = f"Mean validation accuracy: PyTorch {accuracies[0]:.3f}, ours {accuracies[1]:.3f}."
    return f"{summary}\n\n{results.table(columns, each)}\n\n{note}"


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", required=True)
    parser.add_argument("--setting", choices=("digits", "cifar10"), default="digits")
    parser.add_argument("--data-dir")
    parser.add_argument("--engine", default="blocks")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--architectures", type=int, default=ARCHITECTURES)
    asked = parser.parse_args()
    dataset, recipe, epochs, variants = setting(asked.setting, asked.data_dir)
    networks = architectures(variants, asked.architectures, 0)
    with tempfile.TemporaryDirectory() as folder:
        facts = write_data(dataset, Path(folder) / "data.npz")
        job = facts | {"kind": "train", "epochs": epochs, "seed": 1, "steps": STEPS, "variants": variants}
        job |= {"recipe": msgspec.to_builtins(recipe), "batch_size": recipe.batch_size, "rate": recipe.learning_rate}
        job |= {"engine": asked.engine}
        found = measure(networks, job, asked, Path(folder))
    title = f"Children against PyTorch: {asked.setting}, engine {asked.engine}"
    intro = (
        f"{len(networks)} random architectures of space cnn on {asked.setting}, images of {facts['image']}: batch "
        f"{recipe.batch_size}, {epochs} epochs. Ratio of PyTorch's time to ours; above 1 ours is faster."
    )
    results.record(title, "tests/benchmarks/children.py", f"{intro}\n\n{body(found, networks, facts['image'])}")


if __name__ == "__main__":
    main()
