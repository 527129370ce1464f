"""What both sides of a comparison of children are told of the work, and the check that they do the same."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import sides

from automl_cli.children.schedule import schedule
from automl_cli.data import load_images
from automl_cli.nn.augment.crops import UPSAMPLING, upsampling_matrix
from automl_cli.store.timings_in_force import timings_in_force
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.network import Network
from automl_cli.values.recipe import Recipe

TOLERANCES = {"losses": 1e-4, "changes of an array by two steps, median": 0.03, "worst": 0.3, "validation logits": 1e-4}
"""How far apart the two sides may be: far more than by rounding, far less than with one operation computed differently. Where
rounding decides between the places of a max pool, all that the gradient passes behind it changes a little."""

STEPS = 10
"""Of which the median is the steady step."""

STEPS_OF_A_CHOICE = 4
"""From the median of so many the better memory format is chosen."""

Job = dict[str, Any]
Apart = dict[str, float]
"""How far apart both sides were, by kind: root mean squares of differences as parts of those of the values."""


@dataclass(frozen=True)
class Training:
    """So many epochs on the first `examples` of the training images (all, if None), under a recipe."""

    recipe: Recipe
    epochs: int
    examples: int | None = None


def write_data(dataset: DatasetReference, file: Path) -> dict[str, Any]:
    """The whitened images for PyTorch's side; what both sides are told about the data."""
    data = load_images(dataset)
    height, width, _ = data.facts.image_shape
    assert height == width
    matrix = upsampling_matrix(height, round(UPSAMPLING * height))
    windows = np.stack([matrix[start : start + height] for start in range(len(matrix) - height + 1)])
    parts = {"train": data.train, "validation": data.validation}
    images = {f"{name}_images": ((part.images - data.mean) / data.std).astype(np.float32) for name, part in parts.items()}
    middle = windows[(len(windows) - 1) // 2]
    images["validation_images"] = np.einsum("ij,bjwc,kw->bikc", middle, images["validation_images"], middle)
    np.savez(file, windows=windows, **images, **{f"{name}_labels": part.labels for name, part in parts.items()})
    return {
        "dataset": msgspec.to_builtins(dataset),
        "data": str(file),
        "image": list(data.facts.image_shape),
        "classes": len(data.facts.classes),
        "flip": data.facts.flip,
        "validation_batch": 256,
        "examples": len(data.train),
    }


def job_of(facts: dict[str, Any], training: Training, *, engine: str) -> Job:
    """The training of any child as both sides are told it; what is missing is the network."""
    examples = training.examples or facts["examples"]
    size, epochs = training.recipe.batch_size, training.epochs
    steps = steps_of({"epochs": epochs, "examples": examples, "batch_size": size})
    rate = schedule(training.recipe, epochs)
    return {
        **facts,
        "kind": "train",
        "recipe": msgspec.to_builtins(training.recipe),
        "rates": [rate(step / steps) for step in range(steps)],
        "batch_size": size,
        "examples": examples,
        "epochs": epochs,
        "seed": 1,
        "steps": STEPS,
        "engine": engine,
        "compiled": False,
    }


def steps_of(job: Job) -> int:
    """The steps of a whole training."""
    return int(job["epochs"] * (job["examples"] // job["batch_size"]))


def check_agreement(networks: list[Network], job: Job, *, torch_python: str, core: int, folder: Path) -> Apart:
    """Have both sides do the same two steps and the same validation from the same parameters. Returns how far apart they were,
    and refuses to time sides that do different work."""
    ours = sides.ours(core, folder / "check", folder / "data")
    theirs = sides.pytorch(torch_python, core)
    worst: Apart = {}
    for number, network in enumerate(networks):
        same = {**job, "network": msgspec.to_builtins(network), "example": str(Path(job["data"]).with_name("example.npz"))}
        ours.ask(**{**same, "kind": "example"})
        apart = theirs.ask(**{**same, "kind": "agreement"})
        worst = {what: max(value, worst.get(what, 0.0)) for what, value in apart.items()}
        if not all(apart[what] <= tolerance for what, tolerance in TOLERANCES.items()):
            raise SystemExit(f"the two sides do not do the same work: {apart} for network {number}")
    ours.close()
    theirs.close()
    return worst


def _same_work(apart: Apart) -> str:
    """In words, that both sides did the same."""
    listed = ", ".join(f"{value:.0e} ({what})" for what, value in apart.items())
    return (
        "Both sides do the same work, which is checked before anything is timed: from our parameters, on the same images, they "
        f"differ in two steps and the validation after them by at most {listed}, as root mean squares relative to the values."
    )


def _accuracies(found: list[dict[str, Any]]) -> str:
    """In words, how the accuracies of both sides compare."""
    differences = [one["warm"]["score"] - one["torch"]["score"] for one in found]
    error = np.std(differences) / max(1, len(differences) - 1) ** 0.5
    return (
        f"Validation accuracy after training, with seeds of their own: ours is {np.mean(differences):+.3f} ± {error:.3f} (mean "
        "of the differences and its standard error)."
    )


def _imports(found: dict[str, Any]) -> str:
    """In words, what both sides take before their first job."""
    ours, theirs = (found["imports"][side] for side in ("ours", "torch"))
    return f"Imports, in none of the figures: PyTorch {theirs:.1f} s, ours {ours:.1f} s."


def note(apart: Apart, found: list[dict[str, Any]]) -> str:
    """What to know of a comparison besides its figures."""
    scored = [one for one in found if "warm" in one]
    load = f"Load meanwhile: {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores."
    forms = f"Forms of convolution by the timing table {timings_in_force().name}."
    return f"{_same_work(apart)} {_accuracies(scored)} {_imports(found[0])} {forms} {load}"


def better_format(side: sides.Side, job: Job) -> bool:
    """Whether some steps of PyTorch are faster with the channels last."""
    steps_only = {**job, "epochs": 0, "steps": STEPS_OF_A_CHOICE}
    times = {chosen: side.ask(**steps_only, channels_last=chosen)["step"] for chosen in (False, True)}
    return min(times, key=times.__getitem__)
