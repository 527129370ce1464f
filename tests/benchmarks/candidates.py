"""Candidates as data to one program, against one program per candidate: update rules and one-unit activation functions.

Both sides train the same children of the quick presets on digits: `ours` as a search does (blocks, the candidate is data), from
an empty cache, its one compilation included; `per candidate` traces each into a program of the whole network, compiled once a
candidate with the learning rate as an argument, from an empty cache, as JAX code written by hand would. One core, one process,
sides in turn.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from results import record, table

from automl_cli.children import schedule
from automl_cli.children.network import module_of
from automl_cli.children.trainer import Trainer
from automl_cli.core.protocols import Diverged
from automl_cli.nn.engines import WholeEngine
from automl_cli.nn.fit import FitSettings, fit
from automl_cli.nn.interpret.activations import as_data, traced
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.plugins.listing import kind_named
from automl_cli.plugins.roles import built_by, filling_of, value_of
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.child import Child

CANDIDATES = 100


def children(command: str, space_name: str, options: dict[str, str]) -> tuple[Child, list[Child], int]:
    """The open child of a search, children of its first candidates that can be trained, and the epochs of each."""
    settings, space = plan_search(command, SearchRequest(space_option=options or None), default_space=space_name)
    kind, found, trial = kind_named(space.plugin.produces), [], 0
    while len(found) < CANDIDATES:
        value = space.decode(space.sample(0, trial))
        trial += 1
        if kind.problem(value) is None:
            found.append(settings.child.filled(**{kind.role: filling_of(kind.name, value)}))
    return settings.child, found, settings.epochs


def ours(trainer: Trainer, child: Child, epochs: int) -> float:
    """Seconds of one candidate as a search trains it."""
    start = time.process_time()
    with suppress(Diverged):
        trainer.train(child, epochs=epochs, seed=1)
    return time.process_time() - start


def per_candidate(trainer: Trainer, child: Child, epochs: int) -> float:
    """Seconds of the same work by one program of its own."""
    start = time.process_time()
    recipe, optimizer = child.recipe, child.roles["optimizer"]
    batches, validation = trainer.learning.batches(child), trainer.learning.validation(child, like_training=True)
    rule = built_by(optimizer)(value_of(optimizer), recipe, total_steps=epochs * batches.steps, seed=1)
    engine = WholeEngine(module_of(child, seed=1), loss=trainer.learning.loss, update_rule=rule)

    def train(rate: float, count: int) -> float:
        changed = msgspec.structs.replace(recipe, learning_rate=rate, learning_rates=())
        plan = FitSettings(epochs=count, rate=schedule.schedule(changed, count), seed=1)
        try:
            return fit(engine, batches, validation, plan=plan, metric=trainer.learning.metric).scores[-1]
        except Diverged:
            return -1.0

    rates = recipe.learning_rates or (recipe.learning_rate,)
    best = max(rates, key=lambda rate: train(rate, 1)) if len(rates) > 1 else rates[0]
    train(best, epochs)
    return time.process_time() - start


def compared(title: str, command: str, space: str, options: dict[str, str], goal: float) -> list[object]:
    """One row: seconds per candidate on both sides, and the ratio."""
    child, candidates, epochs = children(command, space, options)
    theirs = Trainer(child, engine="whole")
    (role,) = {*candidates[0].roles} - {*child.roles}
    engine = kind_named(candidates[0].roles[role].kind).as_data
    assert engine is not None
    mine = Trainer(child, engine=engine, as_data=role)
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    for candidate in candidates:
        seconds["ours"].append(ours(mine, candidate, epochs))
        jax.config.update("jax_enable_compilation_cache", False)
        seconds["theirs"].append(per_candidate(theirs, candidate, epochs))
        jax.config.update("jax_enable_compilation_cache", True)
    total, others = (sum(seconds[side]) for side in ("ours", "theirs"))
    warm = statistics.median(seconds["ours"][1:])
    return [
        title, f"{60 * CANDIDATES / total:.1f}", f"{60 * CANDIDATES / others:.1f}", f"{others / total:.1f}", f"{goal:g}",
        f"{seconds['ours'][0]:.1f} s", f"{warm:.2f} s", f"{statistics.median(seconds['theirs']):.2f} s",
        f"{sum(seconds['theirs'][1:]) / sum(seconds['ours'][1:]):.1f}",
    ]  # fmt: skip


def activation_steps() -> list[list[object]]:
    """Gradient of each named function on a map of 64 x 8 x 8 x 16, traced and as data, against ReLU."""
    from automl_cli.nn.ops.activations import ParametricActivation
    from automl_cli.values.activation import NAMED

    x = jnp.asarray(np.random.default_rng(0).normal(size=(8, 8, 64, 16)), jnp.float32)

    def seconds(function: object) -> float:
        if isinstance(function, ParametricActivation):
            betas = jnp.ones((function.betas, 16))
            arguments = (x, betas) if function.code is None else (x, betas, jnp.asarray(function.code))
            call = jax.jit(lambda x, b, *c: jax.vjp(lambda x, b: function.function(x, b, *c), x, b)[1](x))
        else:
            arguments, call = (x,), jax.jit(lambda x: jax.vjp(function, x)[1](x))
        jax.block_until_ready(call(*arguments))
        times = []
        for _ in range(30):
            start = time.perf_counter()
            jax.block_until_ready(call(*arguments))
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    plain = seconds(jax.nn.relu)
    rows = []
    for name in ("relu", "swish", "silu", "gelu", "elu", "prelu", "max-tanh", "atan-squared-minus-x", "sinc-plus-x"):
        function = NAMED[name]
        one, data = seconds(traced(function)), seconds(as_data(function))
        rows.append([name, f"{1e3 * one:.2f} ms", f"{one / plain:.1f}", f"{1e3 * data:.2f} ms", f"{data / plain:.1f}"])
    return rows


def interpreter() -> list[object]:
    """Nanoseconds for one expression of three operators on 100 points: by the interpreter, and written by hand."""
    from automl_cli.nn.interpret import activations

    count, points = 10_000, 100
    functions = [ActivationFunction(text) for text in ("exp(x) * x + x", "max(tanh(x), x) - x", "sin(x * x) + x")]
    codes = jnp.asarray(np.stack([activations.code_of(functions[at % 3]) for at in range(count)]))
    codes = codes[:, : codes.shape[1] // 2]
    x = jnp.asarray(np.random.default_rng(0).normal(size=(points, 1)), jnp.float32)
    betas = jnp.ones((activations.MOST_BETAS, 1), jnp.float32)

    @jax.jit
    def interpreted(codes: jax.Array) -> jax.Array:
        def one(carried: jax.Array, code: jax.Array) -> tuple[jax.Array, jax.Array]:
            after, results = activations._run(carried, x, code)
            return after, after[results[0]].sum()

        return jax.lax.scan(one, activations._table(points, betas, codes[0]), codes)[1]

    @jax.jit
    def by_hand(shifts: jax.Array) -> jax.Array:
        def one(carried: jax.Array, shift: jax.Array) -> tuple[jax.Array, jax.Array]:
            y = x + shift
            return carried, (jnp.exp(y) * y + y).sum()

        return jax.lax.scan(one, jnp.zeros(()), shifts)[1]

    found = []
    for call, argument in ((interpreted, codes), (by_hand, jnp.zeros(count))):
        jax.block_until_ready(call(argument))
        times = []
        for _ in range(10):
            start = time.perf_counter()
            jax.block_until_ready(call(argument))
            times.append(time.perf_counter() - start)
        found.append(1e9 * statistics.median(times) / count)
    return [f"{found[0]:.0f}", f"{found[1]:.0f}", f"{found[0] / found[1]:.1f}", "3"]


if __name__ == "__main__":
    if "PJRT_NPROC" not in os.environ:  # JAX reads it when it is imported
        with tempfile.TemporaryDirectory() as cache:
            environment = {**os.environ, "PJRT_NPROC": "1", "XDG_CACHE_HOME": cache}
            sys.exit(subprocess.run([sys.executable, __file__], env=environment).returncode)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = [
        compared("update rules, 2 iterations, sweep of 7 rates", "search-optimizer", "update-rules", {}, 5),
        compared("one-unit activation functions", "search-activation", "activation-units", {}, 3),
    ]
    columns = (
        "children", "candidates a minute", "per candidate", "ratio", "goal", "first", "others", "per candidate, median",
        "ratio without the first",
    )  # fmt: skip
    body = [f"{CANDIDATES} candidates each; seconds are CPU seconds.", table(columns, rows)]
    body.append("Gradients of activation functions on 8 x 8 x 64 x 16 numbers, against XLA's ReLU:")
    body.append(table(("function", "traced", "/ ReLU", "as data", "/ ReLU"), activation_steps()))
    body.append("Interpreter, 10,000 expressions of three operators on 100 points, ns an expression:")
    body.append(table(("interpreter", "by hand", "ratio", "goal"), [interpreter()]))
    record("Candidates as data", "tests/benchmarks/candidates.py", "\n\n".join(body))
