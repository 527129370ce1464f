"""A folder of 240 photograph-like pictures, searched with no option but its name, then trained: beside what one tries first.

    python tests/benchmarks/small_photographs.py [--seeds 5] [--folder DIR] [-- FLAGS OF THE SEARCH]

For every seed `automl search-arch --dataset F`, `automl train` of its winner, and `automl train --network convnet-3x48` by the
same recipe; once, logistic regression on the same pixels of the same training pictures. The test pictures are the same 48 for
all. With `--folder` the pictures and results stay there, and seeds that are done are not run again. A seed takes about ten
minutes of one core.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from gratings import CLASSES, photographs
from results import record, table

ROOT = Path(__file__).parents[2]
SAME_RECIPE = ("--optimizer", "nesterov", "--learning-rate", 0.15, "--weight-decay", 1e-4, "--gradient-clip", 1e9)
"""The recipe of the quick preset of cnn, which bounds no gradient."""
PLAIN = "convnet-3x48"


def automl(*arguments: object) -> tuple[str, float, float]:
    """Return what a command line printed, its seconds, and its seconds of all cores together."""
    start, before = time.monotonic(), _core_seconds()
    command = [sys.executable, "-m", "automl_cli", *map(str, arguments)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout, time.monotonic() - start, _core_seconds() - before


def _core_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tested(*arguments: object) -> float:
    """Return the test accuracy of a training."""
    return float(json.loads(automl("train", "--quiet", "--json", *arguments)[0])["test_accuracy"])


def of_seed(folder: Path, seed: int, size: tuple[object, ...], more: list[str]) -> dict[str, float]:
    """Return the accuracies of one seed and the seconds of its search."""
    pictures, run = folder / "photographs", folder / f"search-{seed}"
    data = ("--dataset", pictures, *size)
    _, seconds, core_seconds = automl("search-arch", *data, "--seed", seed, "--out", run, "--overwrite", "--quiet", *more)
    found = tested("--arch", run, "--seed", seed, "--out", folder / f"found-{seed}", "--overwrite")
    plain = ("--network", PLAIN, *data, *SAME_RECIPE)
    return {
        "found": found,
        "plain": tested(*plain, "--seed", seed, "--out", folder / f"plain-{seed}", "--overwrite"),
        "seconds": seconds,
        "core_seconds": core_seconds,
    }


def linear(folder: Path, size: int | None) -> float:
    """Return the test accuracy of logistic regression on the training pictures' pixels."""
    from sklearn.linear_model import LogisticRegression

    from automl_cli.data import load_images, load_test_split
    from automl_cli.values.dataset import DatasetReference

    reference = DatasetReference(source=str(folder / "photographs"), image_size=size)
    data, test = load_images(reference), load_test_split(reference)
    pixels, unseen = (split.images.reshape(len(split), -1) / 255.0 for split in (data.train, test))
    model = LogisticRegression(max_iter=2_000).fit(pixels, data.train.labels)
    return float(model.score(unseen, test.labels))


def report(rows: list[dict[str, float]], by_pixels: float) -> str:
    """Return the table and what it says of the goals."""
    found, plain = ([row[name] for row in rows] for name in ("found", "plain"))
    better = max(fmean(plain), by_pixels)
    error = stdev(found) / len(found) ** 0.5 if len(found) > 1 else 0.0
    times = ("seconds", "core_seconds")
    shown = [
        [seed, f"{row['found']:.4f}", f"{row['plain']:.4f}", *(f"{row[time]:.0f}" for time in times)]
        for seed, row in enumerate(rows)
    ]
    middle = [_spread(found), _spread(plain), *(f"{fmean(row[time] for row in rows):.0f}" for time in times)]
    titles = ["search seed", "what the search found", PLAIN, "seconds of the search", "of one core"]
    body = table(titles, [*shown, ["mean", *middle]])
    goals = (
        f"Logistic regression on the same pixels: {by_pixels:.4f}; chance {1 / len(CLASSES):.2f}. The found networks less the "
        f"better of the two: {fmean(found) - better:+.4f}, with a standard error of {error:.4f}; above chance by "
        f"{fmean(found) - 1 / len(CLASSES):.2f}. Load meanwhile: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
    )
    return f"{body}\n\n{goals}"


def _spread(values: list[float]) -> str:
    return f"{fmean(values):.4f} ± {stdev(values) if len(values) > 1 else 0.0:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--image-size", type=int)
    parser.add_argument("more", nargs="*", help="flags of the searches, for a try; what is found is then not recorded")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "photographs").exists():
            photographs(folder / "photographs")
        done = folder / "done.json"
        rows: list[dict[str, Any]] = json.loads(done.read_text()) if done.exists() else []
        size = () if asked.image_size is None else ("--image-size", asked.image_size)
        for seed in range(len(rows), asked.seeds):
            rows.append(of_seed(folder, seed, size, asked.more))
            done.write_text(json.dumps(rows))
            print(seed, rows[-1], file=sys.stderr, flush=True)
        body = report(rows[: asked.seeds], linear(folder, asked.image_size))
    if asked.more:
        print(body)
        return
    record("A small folder of photographs", "tests/benchmarks/small_photographs.py", body)


if __name__ == "__main__":
    main()
