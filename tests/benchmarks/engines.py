"""From how many steps on a program for the whole network pays on a CPU: what `values.engine` goes by.

    python tests/benchmarks/engines.py

Each engine compiles and runs a training step and a prediction of one network in batches of 32, on one thread, first with an
empty cache, then with what that left. Counted are seconds of computing, which other work on the machine disturbs least. The
program for the whole network pays after

    (compiling it, with an empty cache - compiling the blocks) / (a step block by block - a step of the whole)

steps, with the blocks compiled from nothing or found in the cache, as after a search or another network on the same images.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from results import record, table

NETWORKS = ("nasnet-a 1@264 224", "nasnet-a 1@264 32", "cnn 32")
"""A published cell with stack and image size; a random network of space cnn with six layers and image size."""

BATCH, CLASSES = 32, 10
SECONDS_OF_STEPS = 4.0


class Figures(NamedTuple):
    """Seconds of computing."""

    step_compiled: float
    outputs_compiled: float
    step: float
    outputs: float


def work(engine: str, name: str) -> None:
    """Print the figures of an engine on a network."""
    import jax
    import numpy as np

    from automl_cli.children import optimizer
    from automl_cli.nn import losses
    from automl_cli.nn.engines import BlocksEngine, WholeEngine
    from automl_cli.nn.networks import build_network
    from automl_cli.values.optimizer import NAMED
    from automl_cli.values.published_recipes import TRAININGS

    (network, shape), training = network_named(name), TRAININGS["cifar"]["quick"]
    images = jax.numpy.asarray(np.random.default_rng(0).normal(size=(BATCH, *shape)), np.float32)
    labels = jax.numpy.asarray(np.arange(BATCH) % CLASSES, np.int32)
    made = {"whole": WholeEngine, "blocks": BlocksEngine}[engine](
        build_network(network, shape, CLASSES, seed=0),
        loss=losses.CrossEntropy(),
        update_rule=optimizer.transformation(NAMED[training.optimizer], training.recipe),
    )
    state = made.initial()

    def step() -> None:
        nonlocal state
        state, loss = made.step(state, images, labels, 0.01)
        jax.block_until_ready((state, loss))

    def outputs() -> None:
        made.outputs(state, images).block_until_ready()

    first = [seconds(step), seconds(outputs)]
    steady = [median(repeated(what)) for what in (step, outputs)]
    print(*(spent - usual for spent, usual in zip(first, steady, strict=True)), *steady)


def network_named(name: str):
    """A network and the shape of its images."""
    from random import Random

    from automl_cli.core.spaces import SearchSpace
    from automl_cli.kinds.cell import CellBody
    from automl_cli.references import open_artifact
    from automl_cli.values.skeleton import cell_network, parse_stack
    from search_spaces.cnn import SPACE

    kind, *stack, side = name.split()
    shape = (int(side), int(side), 3)
    if kind == "cnn":
        space = SearchSpace(SPACE, {"layers": 6})
        return space.decode(space.decisions.sample(Random(4))), shape
    cells = open_artifact(kind, CellBody).artifact.body.value
    return cell_network(cells, parse_stack(*stack, cells, shape), shape), shape


def seconds(what) -> float:
    """Of computing, once."""
    started = time.process_time()
    what()
    return time.process_time() - started


def repeated(what) -> list[float]:
    spent = [seconds(what) for _ in range(3)]
    while sum(spent) < SECONDS_OF_STEPS:
        spent.append(seconds(what))
    return spent


def measured(engine: str, name: str, cache: Path) -> Figures:
    """In a process of its own."""
    from automl_cli.system.process import process_settings

    environment = os.environ | process_settings() | {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    command = [sys.executable, __file__, "--worker", engine, name]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return Figures(*map(float, done.stdout.split()))


def compared(name: str) -> tuple[list[str], list[str]]:
    """Rows of a network: its training steps, and its predictions."""
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = (measured("blocks", name, Path(folder)) for _ in range(2))
        whole = measured("whole", name, Path(folder))
    size = f"{len(network_named(name)[0].blocks)}"
    steps = (whole.step_compiled, cold.step_compiled, warm.step_compiled, whole.step, min(cold.step, warm.step))
    outputs = (
        whole.outputs_compiled,
        cold.outputs_compiled,
        warm.outputs_compiled,
        whole.outputs,
        min(cold.outputs, warm.outputs),
    )
    return [name, size, *row(*steps)], [name, size, *row(*outputs)]


def row(compiled: float, cold: float, warm: float, whole: float, blocks: float) -> list[str]:
    gain = blocks - whole
    pays = [f"{max(0, compiled - other) / gain:,.0f}" if gain > 0 else "never" for other in (cold, warm)]
    seconds_shown = [f"{value:.1f}" for value in (compiled, cold, warm)]
    return [*seconds_shown, f"{1000 * whole:.0f}", f"{1000 * blocks:.0f}", *pays]


def main() -> None:
    rows = [compared(name) for name in NETWORKS]
    columns = [
        "network",
        "blocks",
        "whole: compiled in s",
        "blocks: cold",
        "warm",
        "whole: ms",
        "blocks: ms",
        "pays, cold",
        "warm",
    ]
    steps, outputs = (table(columns, list(part)) for part in zip(*rows, strict=True))
    load = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    body = (
        f"A training step of {BATCH} images, and from how many on a program for the whole network pays:\n\n{steps}\n\n"
        f"A prediction for {BATCH} images:\n\n{outputs}\n\nSeconds of computing; load of the machine meanwhile: {load}, this "
        "measurement included."
    )
    record("Which engine from how many steps on", "tests/benchmarks/engines.py", body, packages=("jax", "jaxlib"))


if __name__ == "__main__":
    work(*sys.argv[2:]) if sys.argv[1:2] == ["--worker"] else main()
