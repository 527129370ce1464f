"""The seven learning rates of a rule: one after another by one program, or at once by a program over all of them.

    python tests/benchmarks/sweep_of_rates.py

Both make the same training steps of the quick preset's child on digits, where the rule is data. The program over all rates maps
parameters, statistics, averages and the rate; the rule and the batch are shared, so a `switch` stays one branch. One core.
"""

import os
import statistics
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from results import record, table

from automl_cli.children.trainer import Trainer
from automl_cli.nn.engines.whole import WholeState
from automl_cli.nn.interpret.rule_programs import RuleProgramState
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.plugins.roles import filling_of
from automl_cli.values.optimizer import NAMED

STEPS, ROUNDS = 5, 3


def is_code(part: object) -> bool:
    """Whether this part of the state of an optimizer is that of a rule as data."""
    return isinstance(part, RuleProgramState)


def repeated(arrays: object, count: int) -> object:
    """Each array so many times, along a new first axis."""
    return jax.tree.map(lambda leaf: jnp.stack([leaf] * count), arrays)


def seconds_of_both(network: str, rule: str) -> tuple[float, float, float]:
    """Seconds of a step at all rates: one after another, at once; and the largest difference of their losses."""
    settings, _ = plan_search("search-optimizer", SearchRequest(network=network), default_space="update-rules")
    child = settings.child.filled(optimizer=filling_of("optimizer-rule", NAMED[rule]))
    rates = np.float32(sorted(child.recipe.learning_rates))
    trainer = Trainer(settings.child, engine="whole", as_data="optimizer")
    engine = trainer.engine(child, trainer.module(child, seed=1), total_steps=STEPS, seed=1)
    batches = list(trainer.learning.batches(child).epoch(1, 0))[:STEPS]
    first = engine.initial()
    rule_axes = [RuleProgramState(None, None, None, None, 0) if is_code(part) else None for part in first.optimizer]
    axes = WholeState(0, 0, tuple(rule_axes))
    at_once = jax.jit(jax.vmap(engine._step._function, in_axes=(axes, None, None, 0), out_axes=(axes, 0)))
    wide = first._replace(
        parameters=repeated(first.parameters, len(rates)),
        statistics=repeated(first.statistics, len(rates)),
        optimizer=tuple(
            part._replace(kept=repeated(part.kept, len(rates))) if is_code(part) else part for part in first.optimizer
        ),
    )
    times: list[tuple[float, float]] = []
    for _ in range(ROUNDS + 1):
        losses, start = [], time.process_time()
        for rate in rates:
            state = jax.tree.map(jnp.copy, first)
            for inputs, targets in batches:
                state, loss = engine.step(state, inputs, targets, rate)
            losses.append(float(loss))
        middle, state = time.process_time(), wide
        for inputs, targets in batches:
            state, together = at_once(state, inputs, targets, rates)
        together = np.asarray(together)
        times.append((middle - start, time.process_time() - middle))
    finite = np.isfinite(losses) & (np.abs(losses) < 100)
    apart = float(np.abs(np.array(losses) - together)[finite].max())
    one, other = (statistics.median(column) / STEPS for column in zip(*times[1:], strict=True))
    return one, other, apart


if __name__ == "__main__":
    if "PJRT_NPROC" not in os.environ:  # JAX reads it when it is imported
        sys.exit(subprocess.run([sys.executable, *sys.argv], env={**os.environ, "PJRT_NPROC": "1"}).returncode)
    rows = []
    for network in ("convnet-2x32",):
        for rule in ("sgd", "powersign-ld"):
            one, other, apart = seconds_of_both(network, rule)
            rows.append([network, rule, f"{1e3 * one:.2f} ms", f"{1e3 * other:.2f} ms", f"{one / other:.2f}", f"{apart:.1e}"])
    columns = ("network", "rule", "one after another", "at once", "ratio", "largest difference of losses")
    said = "CPU milliseconds of one training step of 64 digits at all seven rates (median)."
    record("Learning rates of a sweep at once", "tests/benchmarks/sweep_of_rates.py", "\n\n".join([said, table(columns, rows)]))
