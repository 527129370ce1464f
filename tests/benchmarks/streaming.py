"""Pictures decoded on the way: how fast, on how many threads, what decoding at a fraction of the size saves; and a training on
real photographs that is killed and goes on.

    python tests/benchmarks/streaming.py --data-dir FOLDER [--rounds 3] [--training]

FOLDER holds the TFDS set `imagenette_subset`. Photographs of ImageNet's usual size and of a camera's are made from its own by
enlarging. A round measures every case in turn; quoted are medians. CPU seconds are those of all threads, so they depend little
on what else the machine does; pictures a second do. `--training` trains NASNet-A, 1 @ 96, on 64 pixels for two epochs, once in
peace and once killed by SIGKILL at both of its checkpoints, and compares the weights.
"""

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image
from results import record, table

from automl_cli.data import StreamedSplit, load_streamed
from automl_cli.data.crops import random_box
from automl_cli.data.source import Encoded
from automl_cli.system.machine import available_cores
from automl_cli.values.dataset import DatasetReference

SIDE = 224
THREADS = (1, 2, 8)
SIZES = {"224×224 (as stored)": None, "500×375 (ImageNet's usual)": (500, 375), "2000×1500 (a camera's)": (2000, 1500)}
COUNTS = {"224×224 (as stored)": 550, "500×375 (ImageNet's usual)": 400, "2000×1500 (a camera's)": 60}


def enlarged(split: StreamedSplit, size: tuple[int, int] | None, count: int) -> StreamedSplit:
    """The first pictures of a split in memory, at a size."""
    pictures = [split.read(place) for place in range(count)]
    if size is not None:
        pictures = [Encoded(_resized(picture.data, size), picture.where, upright=False) for picture in pictures]
    return StreamedSplit(pictures.__getitem__, split.labels[:count], split.image_shape)


def _resized(data: bytes, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").resize(size, Image.Resampling.BICUBIC).save(buffer, "jpeg", quality=90)
    return buffer.getvalue()


def streamed(split: StreamedSplit, threads: int) -> None:
    """One epoch of training crops."""
    for _ in split.crops(range(len(split)), seed=0, epoch=0, flip=True, depth=64, threads=threads):
        pass


def plain(split: StreamedSplit) -> None:
    """The same windows the obvious way: decode the whole picture, crop, resize."""
    for place in range(len(split)):
        picture = Image.open(io.BytesIO(split.read(place).data)).convert("RGB")
        box = random_box(picture.height, picture.width, np.random.default_rng(place))
        np.asarray(picture.crop(tuple(map(int, box))).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def rates(work: Callable[[], None], count: int) -> tuple[float, float]:
    """Pictures a second, and pictures a CPU second."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return count / (time.perf_counter() - wall), count / (time.process_time() - cpu)


def decoding(data_dir: str, rounds: int) -> str:
    train = load_streamed(DatasetReference(source="imagenette_subset", data_dir=data_dir, image_size=SIDE)).train
    splits = {name: enlarged(train, size, COUNTS[name]) for name, size in SIZES.items()}
    cases: dict[tuple[str, str], Callable[[], None]] = {}
    for name, split in splits.items():
        cases[name, "plain"] = lambda split=split: plain(split)
        for threads in THREADS:
            cases[name, str(threads)] = lambda split=split, threads=threads: streamed(split, threads)
    found: dict[tuple[str, str], list[tuple[float, float]]] = {case: [] for case in cases}
    for _ in range(rounds):
        for case, work in cases.items():
            found[case].append(rates(work, len(splits[case[0]])))
    middle = {case: tuple(median(values) for values in zip(*measured, strict=True)) for case, measured in found.items()}
    rows = [
        [name, f"{middle[name, 'plain'][1]:,.0f}", f"{middle[name, '1'][1]:,.0f}"]
        + [f"{middle[name, str(threads)][0]:,.0f}" for threads in THREADS]
        for name in SIZES
    ]
    columns = ["pictures", "plain Pillow, a CPU second", "ours, a CPU second"]
    text = table([*columns, *(f"ours, a second, {threads} thread{'s' * (threads > 1)}" for threads in THREADS)], rows)
    return (
        f"{text}\n\nRandom windows at {SIDE}×{SIDE} of JPEG in memory, by {available_cores()} cores that other work kept busy "
        f"too: of the figures a second only the order can be trusted. Medians of {rounds} rounds."
    )


def training(data_dir: str) -> str:
    """Two trainings of the same settings, one of them killed at its checkpoints."""
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder, "whole"), Path(folder, "killed")
        begin = time.perf_counter()
        finished = json.loads(subprocess.run(_command(data_dir, whole), check=True, capture_output=True, text=True).stdout)
        seconds = time.perf_counter() - begin
        kills = 0
        process = subprocess.Popen(_command(data_dir, killed), stdout=subprocess.DEVNULL)
        written = 0
        while process.poll() is None:
            file = killed / "checkpoint.safetensors"
            if file.exists() and file.stat().st_mtime_ns != written:
                written = file.stat().st_mtime_ns
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                kills += 1
                process = subprocess.Popen([*_automl(), "train", "--resume", "--out", str(killed)], stdout=subprocess.DEVNULL)
            time.sleep(0.05)
        same = all(
            (whole / name).read_bytes() == (killed / name).read_bytes() for name in ("weights.safetensors", "model.json")
        )
    accuracy, top5 = finished["test_accuracy"], finished["test_top5_accuracy"]
    return (
        f"NASNet-A, 1 @ 96 (weights {finished['parameters']:,}), 64×64, two epochs of 550 photographs: {seconds:.0f} s with "
        f"compilation; test accuracy {accuracy:.3f}, top-5 {top5:.3f} (chance 0.1, 0.5). Killed {kills} times by SIGKILL and "
        f"resumed, its weights and its model file are {'the same, byte for byte' if same else 'NOT the same'}."
    )


def _automl() -> list[str]:
    return [sys.executable, "-m", "automl_cli"]


def _command(data_dir: str, out: Path) -> list[str]:
    what = ["--cell", "nasnet-a", "--stack", "1@96", "--dataset", "imagenette_subset", "--data-dir", data_dir]
    return [*_automl(), "train", *what, "--image-size", "64", "--epochs", "2", "--json", "--out", str(out)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--training", action="store_true")
    options = parser.parse_args()
    body = decoding(options.data_dir, options.rounds)
    if options.training:
        body += "\n\n" + training(options.data_dir)
    record("Pictures decoded on the way", "tests/benchmarks/streaming.py", body, packages=("jax", "flax", "pillow"))


if __name__ == "__main__":
    main()
