"""Do our operations train as well as XLA's own? The same children with both, several seeds each.

    python tests/benchmarks/accuracy_of_operations.py --data-dir ../shared/data/tfds [--seeds 5] [--core 0]

Children of the quick preset of cnn on digits; on 2,000 images of CIFAR-10 a convolutional network with pooling and a cell of
separable convolutions and pools. Each side is a process of its own with a compilation cache of its own; a seed fixes initial
parameters, batches and augmentation for both, so that all that differs is how operations are computed, and what a training
makes of differences in the last bits. It takes some six minutes on one core, most of them XLA's own depthwise convolutions.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

SIDES = ("ours", "native")
ARCHITECTURES = 3
"""Of the quick preset, on digits."""


class Outcome(NamedTuple):
    """Validation accuracies of a child by seed, and the seconds of computing that all of them took."""

    accuracies: list[float]
    seconds: float


def use_native_operations() -> None:
    """Have all operations of this process take the form that accelerators get: XLA's own."""
    for name, module in list(sys.modules.items()):
        if name.startswith("automl_cli.nn.ops") and hasattr(module, "for_cpu"):
            module.for_cpu = lambda x: False  # type: ignore[attr-defined]
    from automl_cli.nn.engines import lowering

    lowering.SMALL = 0  # nothing by NumPy either


def are_native() -> set[bool]:
    """Whether operations are XLA's own, as the text of what would be computed says of three."""
    import jax
    import jax.numpy as jnp

    from automl_cli.nn.ops.convolution import convolution
    from automl_cli.nn.ops.depthwise import depthwise
    from automl_cli.nn.ops.max_pooling import max_pool

    x = jnp.ones((8, 8, 2, 16))
    texts = {
        "conv_general_dilated": [
            jax.make_jaxpr(convolution)(x, jnp.ones((7, 7, 16, 16))),
            jax.make_jaxpr(depthwise)(x, jnp.ones((3, 3, 16))),
        ],
        "reduce_window": [jax.make_jaxpr(lambda x: max_pool(x, (3, 3), (1, 1)))(x)],
    }
    return {primitive in str(text) for primitive, programs in texts.items() for text in programs}


def children(data_dir: str) -> dict[str, Any]:
    """Name -> network, data set, recipe and epochs."""
    from automl_cli.core.spaces import SearchSpace
    from automl_cli.values.cell import Branch, Cell, CellPair, Combination
    from automl_cli.values.dataset import DatasetReference
    from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, MaxPool, Network
    from automl_cli.values.recipe import Recipe
    from automl_cli.values.skeleton import cell_network, stack
    from search_spaces.cnn import SPACE

    quick = SPACE.presets["quick"]
    digits, space = DatasetReference(source="digits"), SearchSpace(SPACE, dict(quick.space_options))
    found: dict[str, Any] = {
        f"digits, convolutional {number + 1}": (space.decode(space.sample(0, number)), digits, quick.child.recipe, quick.epochs)
        for number in range(ARCHITECTURES)
    }
    cifar10 = DatasetReference(source="cifar10", data_dir=data_dir, train_examples=2000)
    recipe = Recipe(batch_size=32, learning_rate=0.05, schedule="cosine")
    blocks = (
        Block("first", ConvolutionUnit((5, 3), 12), (IMAGE,)),
        Block("pool", MaxPool((2, 2), (2, 2)), ("first",)),
        Block("second", ConvolutionUnit((5, 5), 24), ("pool",)),
        Block("third", ConvolutionUnit((3, 7), 24, (2, 2)), ("second", "pool")),
    )
    found["CIFAR-10, convolutional with pooling"] = (Network(blocks, ("third",)), cifar10, recipe, 4)
    normal = Cell((Combination(Branch(0, "sep-3x3"), Branch(1, "avg-3x3")),), (2,))
    reduction = Cell((Combination(Branch(0, "sep-5x5"), Branch(1, "max-3x3")),), (2,))
    cells = cell_network(CellPair(normal, reduction), stack("cifar", repeats=1, filters=4), (32, 32, 3))
    found["CIFAR-10, cells of separable convolutions and pools"] = (cells, cifar10, recipe, 4)
    return found


def train_all(side: str, asked: argparse.Namespace) -> None:
    """Train every child with every seed in this process, and print an outcome per child."""
    os.sched_setaffinity(0, {asked.core})
    from automl_cli.system.process import set_up_this_process

    set_up_this_process()
    from children_of import child_on

    from automl_cli.children.trainer import Trainer

    if side == "native":
        use_native_operations()
    assert are_native() == {side == "native"}
    for name, (network, dataset, recipe, epochs) in children(asked.data_dir).items():
        child = child_on(dataset, recipe, network=network)
        trainer = Trainer(child, engine="blocks")
        start = time.process_time()
        accuracies = [trainer.train(child, epochs=epochs, seed=seed).scores[-1] for seed in range(asked.seeds)]
        print(json.dumps([accuracies, time.process_time() - start]), flush=True)
        print(side, name, accuracies, file=sys.stderr, flush=True)


def outcomes(side: str, folder: Path) -> list[Outcome]:
    """Of a process of its own, by child."""
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / side), "AUTOML_CACHE_DIR": str(folder / "data")}
    command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return [Outcome(*json.loads(line)) for line in done.stdout.splitlines()]


def body(names: list[str], ours: list[Outcome], native: list[Outcome]) -> str:
    """The table, and what it says."""
    import numpy as np
    from results import table
    from scipy import stats

    def noise(values: Any) -> float:
        return float(np.sqrt(np.var(values, axis=-1, ddof=1).mean()))

    rows = []
    for name, mine, other in zip(names, ours, native, strict=True):
        differences = np.subtract(mine.accuracies, other.accuracies)
        columns = [f"{np.mean(side.accuracies):.4f} ± {noise(side.accuracies):.4f}" for side in (mine, other)]
        error = differences.std(ddof=1) / len(differences) ** 0.5
        rows.append([name, *columns, f"{differences.mean():+.4f} ± {error:.4f}", f"{mine.seconds:.0f}, {other.seconds:.0f}"])
    both = [np.array([side.accuracies for side in sides]) for sides in (ours, native)]
    differences, between = (both[0] - both[1]).ravel(), noise(np.concatenate(both))
    p = float(stats.ttest_1samp(differences, 0).pvalue) if np.ptp(differences) else 1.0
    verdict = "within the noise between seeds" if abs(differences.mean()) < between and p > 0.05 else "outside the noise"
    titles = ["child", "ours ± between seeds", "native ± between seeds", "difference ± standard error"]
    note = (
        f"Over all {len(differences)} pairs of trainings with the same child and seed: ours {both[0].mean():.4f}, native "
        f"{both[1].mean():.4f}, difference {differences.mean():+.4f} ± {stats.sem(differences):.4f}, two-sided paired t-test "
        f"p = {p:.2f}; the noise between seeds (standard deviation within a child) is {between:.4f}. The difference is "
        f"{verdict}."
    )
    return f"{table([*titles, 'seconds of computing: ours, native'], rows)}\n\n{note}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    return parser.parse_args()


def compare(asked: argparse.Namespace) -> None:
    """Run both sides and record what they reached."""
    from results import record

    with tempfile.TemporaryDirectory() as folder:
        ours, native = (outcomes(side, Path(folder)) for side in SIDES)
    what = (
        f"Validation accuracy after training with our operations and with XLA's own, {asked.seeds} seeds each: the quick "
        "preset of cnn on digits, and 2,000 images of CIFAR-10 (1,300 to train), 4 epochs, batch 32. Engine blocks."
    )
    script = "tests/benchmarks/accuracy_of_operations.py --data-dir ../shared/data/tfds"
    record("Accuracy with our operations and with XLA's", script, f"{what}\n\n{body(list(children('')), ours, native)}")


if __name__ == "__main__":
    asked = arguments()
    train_all(asked.side, asked) if asked.side else compare(asked)
