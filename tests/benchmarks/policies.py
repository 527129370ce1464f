"""Augmentation policies on 2,000 images of CIFAR-10 with a small Wide ResNet: published, found, and random ones.

    python tests/benchmarks/policies.py --data-dir ../shared/data/tfds [--runs DIR]

One search trains a child for each of 64 policies, one scores 200 by density matching. Every policy is then trained on 3 seeds
and tested once. All have the baseline `flip-crop` and Cutout; `none` has nothing, `flip-crop` no policy and no Cutout. What is
in DIR already is not done again.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from results import record, table
from scipy.stats import mannwhitneyu

from automl_cli.core.spaces import SearchSpace
from automl_cli.kinds.augmentation_policy import KIND
from automl_cli.plugins.discovery import plugin_named
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.store.encoding import decode

EXAMPLES, NETWORK, SEARCH_EPOCHS, EPOCHS, SEEDS = 2000, "wrn-10-1", 3, 8, (0, 1, 2)
RANDOM, FOLD_EPOCHS = 5, 12


def automl(*arguments: object) -> str:
    command = [sys.executable, "-m", "automl_cli", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def data(options: argparse.Namespace) -> tuple[object, ...]:
    return ("--dataset", "cifar10", "--data-dir", options.data_dir, "--train-examples", EXAMPLES)


def search(name: str, options: argparse.Namespace, *more: object) -> tuple[Path, str]:
    """A finished search, and the minutes it took where all of it was run now."""
    out, start = options.runs / name, time.monotonic()
    if not (out / "study.json").exists():
        space = ("--space-option", "baseline=flip-crop", "--space-option", "cutout=0.5")
        where = ("--network", NETWORK, "--workers", 1, "--out", out, "--quiet")
        automl("search-augment", *data(options), *space, *where, *more)
        return out, f"{(time.monotonic() - start) / 60:.0f} min"
    automl("search-augment", "--out", out, "--resume", "--quiet")
    return out, "not timed"


def random_policies(folder: Path) -> list[Path]:
    """Uniform policies of the space as artifacts."""
    space = SearchSpace(plugin_named("autoaugment")[0])
    paths = []
    for number in range(RANDOM):
        value = space.decode(space.sample(1, number))
        assert KIND.words is not None
        paths.append(folder / f"random-{number}.json")
        write_artifact(paths[-1], artifact_of(KIND.body(value=value, words=KIND.words(value))))
    return paths


def tested(name: str, augment: object, seed: int, options: argparse.Namespace) -> float:
    out = options.runs / f"train-{name}-{seed}"
    if not (out / "model.json").exists():
        how = ("--network", NETWORK, "--augment", augment, "--epochs", EPOCHS, "--seed", seed, "--out", out)
        automl("train", *data(options), *how, "--overwrite", "--quiet")
    document: dict[str, Any] = decode((out / "model.json").read_bytes(), dict[str, Any], "model")
    return float(document["body"]["scores"]["test_accuracy"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/policies"))
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    density, density_minutes = search("density", options, "--evaluator", "density", "--trials", 200, "--epochs", FOLD_EPOCHS)
    found, minutes = search("trained", options, "--trials", 64, "--epochs", SEARCH_EPOCHS)
    policies: dict[str, object] = {
        "none": "none", "flip-crop": "flip-crop", "flip-crop-cutout": "flip-crop-cutout",
        "autoaugment-cifar10": "autoaugment-cifar10", "trivialaugment": "trivialaugment",
        "found by training (64 policies)": found, "found by density matching (200)": density,
    }  # fmt: skip
    scores = {name: [tested(name.split(" (")[0], policy, seed, options) for seed in SEEDS] for name, policy in policies.items()}
    each = [[tested(path.stem, path, seed, options) for seed in SEEDS] for path in random_policies(options.runs)]
    yardstick = scores["trivialaugment"]
    rows = []
    for name, values in {**scores, f"{RANDOM} random policies": [score for one in each for score in one]}.items():
        p = "-" if name == "trivialaugment" else f"{mannwhitneyu(values, yardstick).pvalue:.2f}"
        figures = (statistics.mean(values), statistics.stdev(values), min(values), max(values))
        rows.append([name, *(f"{figure:.4f}" for figure in figures), p])
    text = (
        f"{NETWORK} on {EXAMPLES:,} images of CIFAR-10, test accuracy on 10,000, {EPOCHS} epochs, {len(SEEDS)} seeds. "
        f"Searches: {SEARCH_EPOCHS} epochs a child ({minutes}); density matching with networks of "
        f"{FOLD_EPOCHS} epochs ({density_minutes}), one core. "
        f"p: two-sided Mann-Whitney test against trivialaugment. Means of the random policies: "
        f"{', '.join(f'{statistics.mean(one):.4f}' for one in each)}. So few steps reward no augmentation: the paper trains "
        "120 epochs, since a sub-policy shows an effect after 80 to 100."
    )
    columns = ("augmentation", "mean", "std", "lowest", "highest", "p")
    record("Augmentation policies on CIFAR-10", "tests/benchmarks/policies.py", f"{table(columns, rows)}\n\n{text}")


if __name__ == "__main__":
    main()
