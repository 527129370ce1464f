"""Two ways to run one instruction of an activation function that is data: `switch` to the branch of its function, or all
functions computed and the right one gathered; and how much the size of the table of registers matters.

    python tests/benchmarks/switch_or_gather.py

Milliseconds of a gradient on 64 x 8 x 8 x 8 numbers, a layer of the smallest child on digits; one core.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from results import record, table

from automl_cli.nn.interpret import activations
from automl_cli.values.activation import NAMED
from automl_cli.values.expressions.program import ProgramSizes

FUNCTIONS = ("relu", "swish", "gelu", "max-tanh", "sinc-plus-x")
SHAPE = (64, 8, 8, 8)
ROUNDS = 30


def gathered(name: jax.Array, branches: list[Callable[..., jax.Array]], first: jax.Array, second: jax.Array) -> jax.Array:
    """What `lax.switch` gives, by computing all branches."""
    return jnp.stack([branch(first, second) for branch in branches])[name]


class Gathering:
    """`jax.lax` with `gathered` in place of `switch`."""

    def __getattr__(self, name: str) -> object:
        return gathered if name == "switch" else getattr(jax.lax, name)


def milliseconds() -> list[float]:
    """The least time of a gradient of each function, as the module computes it now."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=SHAPE), jnp.float32)
    betas = jnp.ones((activations.MOST_BETAS, SHAPE[-1]))

    def gradient(x: jax.Array, betas: jax.Array, code: jax.Array) -> tuple[jax.Array, jax.Array]:
        gradients: tuple[jax.Array, jax.Array] = jax.vjp(lambda x, b: activations._interpreted(x, b, code), x, betas)[1](x)
        return gradients

    program, found = jax.jit(gradient), []
    for name in FUNCTIONS:
        arguments = (x, betas, jnp.asarray(activations.code_of(NAMED[name])))
        jax.block_until_ready(program(*arguments))
        times = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            jax.block_until_ready(program(*arguments))
            times.append(time.perf_counter() - start)
        found.append(1e3 * min(times))
    return found


def row(title: str) -> list[object]:
    """A row of the table."""
    print(title, file=sys.stderr, flush=True)
    return [title, *(f"{value:.2f}" for value in milliseconds())]


if __name__ == "__main__":
    if "PJRT_NPROC" not in os.environ:  # JAX reads it when it is imported
        sys.exit(subprocess.run([sys.executable, *sys.argv], env={**os.environ, "PJRT_NPROC": "1"}).returncode)
    room = activations.SIZES
    rows = [row(f"switch, {room.instructions} registers for results")]
    activations.SIZES = ProgramSizes(constants=room.constants, instructions=40, averages=0)
    rows.append(row("switch, 40 registers"))
    activations.SIZES, activations.lax = room, Gathering()  # type: ignore[assignment]
    rows.append(row(f"gather, {room.instructions} registers"))
    said = [table(("instruction", *FUNCTIONS), rows)]
    said.append(
        "Decision: `switch`. It takes one branch, since the instruction is the same for a whole batch; gathering computes all "
        f"{len(activations._NAMES)}. A smaller table would save filling it, most for the shortest functions; the room is that "
        "of functions of three units."
    )
    record("Switch or gather in the interpreter", "tests/benchmarks/switch_or_gather.py", "\n\n".join(said))
