"""How long a search of cells compiles: the 24 children of the quick preset, first with an empty cache, then with what it left.

    python tests/benchmarks/cell_compilation.py

Each of two workers trains half of the children for one step and scores them, as a search would hand them out, in a process and
on a thread of its own; counted are the seconds in which programs are traced, compiled or fetched from the cache.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results import record, table

WORKERS, CHILDREN = 2, 24
AIMS = {"cold": 20, "warm": 4}
"""Seconds by the clock."""


def work(worker: int) -> None:
    """Print how many programs this worker needed, the seconds of the clock and of computing that they took."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    from children_of import facts_of_images, rule_of

    from automl_cli.core.spaces import SearchSpace
    from automl_cli.nn import losses
    from automl_cli.nn.compilation import Program
    from automl_cli.nn.engines import BlocksEngine
    from automl_cli.nn.networks import build_network
    from search_spaces.nasnet import QUICK, SPACE

    compile_it, spent, programs = Program._compile, [0.0, 0.0], 0

    def timed(program, arguments):
        nonlocal programs
        clock, computing = time.perf_counter(), time.process_time()
        made = compile_it(program, arguments)
        spent[0] += time.perf_counter() - clock
        spent[1] += time.process_time() - computing
        programs += 1
        return made

    Program._compile = timed
    space, shape = SearchSpace(SPACE, QUICK.space_options), (8, 8, 1)
    rule, loss = rule_of(QUICK), losses.CrossEntropy()
    images, labels = jnp.zeros((32, *shape)), jnp.asarray(np.arange(32) % 10, jnp.int32)
    for trial in range(worker, CHILDREN, WORKERS):
        network = space.placed(space.sample(0, trial), facts_of_images(shape, 10))
        engine = BlocksEngine(build_network(network, shape, 10, seed=0), loss=loss, update_rule=rule)
        state = engine.initial()
        engine.outputs(state, images)
        jax.block_until_ready(engine.step(state, images, labels, 0.1)[1])
    print(programs, *spent)


def measured(cache: Path) -> tuple[int, float, float]:
    """Programs of the worker with the most, its seconds by the clock, and the seconds of computing of both together."""
    from automl_cli.system.process import process_settings

    environment = os.environ | process_settings() | {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    commands = [[sys.executable, __file__, "--worker", str(worker)] for worker in range(WORKERS)]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for command in commands]
    rows = [tuple(map(float, process.communicate()[0].split())) for process in started]
    assert all(process.returncode == 0 for process in started)
    return int(max(row[0] for row in rows)), max(row[1] for row in rows), sum(row[2] for row in rows)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = [[name, *measured(Path(folder))] for name in ("cold", "warm")]
    figures = [[name, programs, f"{clock:.1f}", f"{computing:.1f}"] for name, programs, clock, computing in rows]
    shown = table(["cache", "programs of a worker", "seconds by the clock, two workers", "seconds of computing, both"], figures)
    load = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    aims = ", ".join(
        f"{name} at most {AIMS[name]} s ({'met' if clock <= AIMS[name] else 'missed'}; a program takes "
        f"{computing / WORKERS / programs:.2f} s of computing)"
        for name, programs, clock, computing in rows
    )
    aim = f"Aims: {aims}. Both workers need most programs for their first children; one compiles each, the other waits for it."
    body = f"{shown}\n\n{aim} Load of the machine meanwhile: {load}, this measurement included."
    record("How long a search of cells compiles", "tests/benchmarks/cell_compilation.py", body, packages=("jax", "jaxlib"))


if __name__ == "__main__":
    work(int(sys.argv[2])) if sys.argv[1:2] == ["--worker"] else main()
