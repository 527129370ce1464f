"""What the process settings gain: the same children in processes with them, and with `AUTOML_NO_PROCESS_TUNING=1`.

    python tests/benchmarks/process_settings.py [--core 0] [--convolutional 3] [--cells 1]

Children of the quick preset of cnn (8 x 8 images) and random NASNet cells (F = 16, N = 1, 32 x 32), engine blocks, batch 32.
Each side runs twice, in turn, pinned to one core: first with an empty cache folder, then as the next process that finds what
the first left there, which with the settings off is nothing. Times are the computing time of the process. About three minutes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIDES = {"with": "0", "without": "1"}
"""What the switch is set to."""

STEPS, BATCH = 12, 32


def networks(asked: argparse.Namespace) -> dict[str, list[tuple[Any, tuple[int, int, int]]]]:
    """Kind of child -> networks with the shape of their images."""
    from children_of import facts_of_images

    from automl_cli.core.spaces import SearchSpace
    from search_spaces import cnn, nasnet

    small, large = (8, 8, 1), (32, 32, 3)
    facts = facts_of_images(large, 10)
    convolutional = SearchSpace(cnn.SPACE, dict(cnn.SPACE.presets["quick"].space_options))
    cells = SearchSpace(nasnet.SPACE, {"repeats": 1, "filters": 16})
    return {
        "convolutional, 8×8": [(convolutional.decode(convolutional.sample(0, n)), small) for n in range(asked.convolutional)],
        "NASNet cell, 32×32": [(cells.placed(cells.sample(0, n), facts), large) for n in range(asked.cells)],
    }


def work(asked: argparse.Namespace) -> None:
    """Print, for each kind of child, how many programs it needed, the seconds of getting them, and those of the steps."""
    os.sched_setaffinity(0, {asked.core})
    from automl_cli.system.process import set_up_this_process

    set_up_this_process()
    from automl_cli.nn.compilation import Program

    compile_it, spent = Program._compile, [0, 0.0]

    def timed(program: Program, arguments: tuple[Any, ...]) -> Any:
        start = time.process_time()
        made = compile_it(program, arguments)
        spent[0] += 1
        spent[1] += time.process_time() - start
        return made

    Program._compile = timed  # type: ignore[method-assign]
    for kind, listed in networks(asked).items():
        before = tuple(spent)
        steps = [_step_seconds(network, image) for network, image in listed]
        print(json.dumps([kind, spent[0] - before[0], spent[1] - before[1], steps]), flush=True)


def _step_seconds(network: Any, image: tuple[int, int, int]) -> float:
    """The median step, once everything is compiled, outputs included."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    from children_of import rule_of

    from automl_cli.nn.engines import BlocksEngine
    from automl_cli.nn.losses import CrossEntropy
    from automl_cli.nn.networks import build_network
    from search_spaces.nasnet import QUICK

    random = np.random.default_rng(0)
    images = jnp.asarray(random.normal(size=(BATCH, *image)), jnp.float32)
    labels = jnp.asarray(random.integers(0, 10, BATCH), jnp.int32)
    model, rule = build_network(network, image, 10, seed=0), rule_of(QUICK)
    engine = BlocksEngine(model, loss=CrossEntropy(), update_rule=rule)
    state, times = engine.initial(), []
    engine.outputs(state, images)
    for _ in range(STEPS + 2):
        start = time.process_time()
        state, loss = engine.step(state, images, labels, 0.05)
        jax.block_until_ready((state, loss))
        times.append(time.process_time() - start)
    return float(np.median(times[2:]))


def measured(side: str, folder: Path) -> dict[str, tuple[int, float, list[float]]]:
    """Of a process of its own: kind of child -> programs, seconds of getting them, seconds of a step by child."""
    environment = os.environ | {"AUTOML_NO_PROCESS_TUNING": SIDES[side], "XDG_CACHE_HOME": str(folder / side)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    command = [sys.executable, __file__, *sys.argv[1:], "--worker"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return {kind: (programs, seconds, steps) for kind, programs, seconds, steps in map(json.loads, done.stdout.splitlines())}


def rows_of(found: dict[str, list[dict[str, tuple[int, float, list[float]]]]]) -> list[list[str]]:
    """Rows of the table: with, without, and their ratio."""
    import numpy as np

    rows = []
    for kind, (programs, _, steps) in found["with"][0].items():
        figures = {
            f"getting {programs} programs, cache empty (s)": {side: runs[0][kind][1] for side, runs in found.items()},
            f"getting {programs} programs, next process (s)": {side: runs[1][kind][1] for side, runs in found.items()},
            f"a step, mean of {len(steps)} children (ms)": {
                side: 1e3 * float(np.mean([run[kind][2] for run in runs])) for side, runs in found.items()
            },
        }
        for figure, sides in figures.items():
            ratio = sides["without"] / sides["with"]
            rows.append([kind, figure, f"{sides['with']:.2f}", f"{sides['without']:.2f}", f"{ratio:.2f}"])
    return rows


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--convolutional", type=int, default=3, help="how many convolutional children")
    parser.add_argument("--cells", type=int, default=1, help="how many cells")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def compare() -> None:
    """Run both sides in turn and record what they took."""
    from results import record, table

    found: dict[str, list[Any]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            for side, runs in found.items():
                runs.append(measured(side, Path(folder)))
                print(side, runs[-1], file=sys.stderr, flush=True)
    columns = ["child", "figure", "with", "without", "without / with"]
    note = (
        "With: one thread, memory kept by the process, compile options, compilation cache. Without: "
        f"`AUTOML_NO_PROCESS_TUNING=1`. Load meanwhile: {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores."
    )
    body = f"{table(columns, rows_of(found))}\n\n{note}"
    record("What the process settings gain", "tests/benchmarks/process_settings.py", body, packages=("jax", "jaxlib"))


if __name__ == "__main__":
    asked = arguments()
    work(asked) if asked.worker else compare()
