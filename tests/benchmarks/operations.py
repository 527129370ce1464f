"""The operations of a NASNet cell against PyTorch eager: forward and all gradients, one pinned core each, in turn.

    python tests/benchmarks/operations.py --torch-python /path/to/python-with-torch

Depthwise-separable units (activation, depthwise, 1 x 1, batch norm) and 3 x 3 pools, with 16 and 32 filters, on maps of 32 x 32
and 16 x 16, stride 1 and 2, batch 32. Ratio of PyTorch's time, in its better memory format, to ours.
"""

import argparse
import os
import tempfile
from itertools import product
from pathlib import Path

import msgspec
import numpy as np
import results
import sides

from automl_cli.values.operations import AveragePool, MaxPool, Operation, SeparableUnit

BATCH, REPEATS, ROUNDS = 32, 15, 3

CAUSES = {
    "separable": "the gradients of both kernels: a product along the pixels at half the peak, and a pass for each row of the "
    "depthwise one",
    "max-pool": "a padded copy of the map, and the place of each maximum by comparing nine strided views one after the other",
    "average-pool": "a pass along each axis, and one more to divide by the number of pixels",
}
"""Why an operation is below 1.0, where it is."""


def operations(filters: int, stride: int) -> list[tuple[str, Operation]]:
    """The operations of NASNet's space that such a cell uses."""
    separable = [SeparableUnit(kernel=side, filters=filters, stride=stride) for side in (3, 5, 7)]
    pools = [kind(window=(3, 3), stride=(stride, stride)) for kind in (MaxPool, AveragePool)]
    return [(f"separable {unit.kernel}×{unit.kernel}", unit) for unit in separable] + [
        (f"{type(pool).__name__.removesuffix('Pool').lower()} pool 3×3", pool) for pool in pools
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", required=True)
    parser.add_argument("--core", type=int, default=0)
    asked = parser.parse_args()
    rows, ratios = [], []
    with tempfile.TemporaryDirectory() as folder:
        ours = sides.ours(asked.core, Path(folder) / "programs", Path(folder) / "data")
        theirs = [sides.pytorch(asked.torch_python, asked.core, keeps_heap=keeps) for keeps in (False, True)]
        for size, filters, stride in product((32, 16), (16, 32), (1, 2)):
            for name, operation in operations(filters, stride):
                job = {"kind": "operation", "operation": msgspec.to_builtins(operation), "batch": BATCH, "repeats": REPEATS}
                job |= {"image": [size, size, filters]}
                found = [[side.ask(**job)["seconds"] for side in (ours, *theirs)] for _ in range(ROUNDS)]
                mine, own, kept = np.median(found, axis=0)
                ratios.append(own / mine)
                cause = CAUSES[job["operation"]["type"]] if own < mine else ""
                times = f"{1e3 * own:.2f}, {1e3 * mine:.2f}"
                rows.append([name, f"{size}×{size}×{filters}", stride, times, f"{own / mine:.2f}", f"{kept / mine:.2f}", cause])
                print(*rows[-1], flush=True)
    columns = [
        "operation",
        "map",
        "stride",
        "PyTorch, ours (ms)",
        "ratio",
        "PyTorch with our heap",
        "supposed cause, below 1.0",
    ]
    text = (
        f"Batch {BATCH}. Median ratio {np.median(ratios):.2f}; {sum(ratio < 1 for ratio in ratios)} of {len(ratios)} below 1. "
        f"Load meanwhile: {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores."
    )
    script = "tests/benchmarks/operations.py"
    results.record("Operations of a NASNet cell against PyTorch", script, f"{text}\n\n{results.table(columns, rows)}")


if __name__ == "__main__":
    main()
