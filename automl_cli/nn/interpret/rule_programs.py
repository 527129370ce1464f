"""Update rules as data: one compiled program makes the updates of every rule.

A search trains each rule for a few hundred steps, and compiling a rule takes as long. Here the rule is a small array of
instructions in the state of the optimizer; each step of the interpreter takes one branch of a `switch`, on a piece of the
parameters that stays in the cache. What it computes is what `rules.scale_by_rule` computes, to float tolerance.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax

from automl_cli.nn.interpret.functions import FUNCTIONS, power_of_arrays
from automl_cli.values.expressions.program import ProgramSizes, program_of
from automl_cli.values.expressions.rule_step import ANNEALING, NOISE_DEVIATION, draws
from automl_cli.values.expressions.tree import FUNCTIONS as LANGUAGE
from automl_cli.values.expressions.tree import Expression
from automl_cli.values.optimizer import RULES

OPERANDS = ("g", "w", "t", "T", "noise", "annealed_noise")
SIZES = ProgramSizes(constants=24, instructions=96, averages=8)
"""Room for four iterations of which each reads Adam."""

PIECE = 4096
"""Numbers that are worked on together; a table of all registers of so many has 2 MB."""

Step = Callable[[Array, Array, Array, Array], Array]


def _steps() -> dict[str, Step]:
    """Every function as (first, second, average before, uniform draw) -> result, all of the shape of a piece."""
    found: dict[str, Step] = {}
    for name in RULES.functions:
        if name in FUNCTIONS:
            function, arity = FUNCTIONS[name], LANGUAGE[name].arity
            found[name] = _binary(function) if arity == 2 else _unary(function)
    found["power"] = _binary(power_of_arrays)
    found["drop"] = lambda a, b, before, uniform: jnp.where(uniform < b, 0.0, a)
    found["previous_ema"] = lambda a, b, before, uniform: before
    found["ema"] = found["ema_from_one"] = lambda a, b, before, uniform: (1 - b) * a + b * before
    found["trace"] = lambda a, b, before, uniform: a + b * before
    return found


def _unary(function: Callable[..., Array]) -> Step:
    return lambda a, b, before, uniform: function(a)


def _binary(function: Callable[..., Array]) -> Step:
    return lambda a, b, before, uniform: function(a, b)


STEPS = _steps()
_NAMES = tuple(STEPS)
_WRITING = ("ema", "ema_from_one", "trace")


class RuleCode(NamedTuple):
    """A rule as data.

    `instructions` is int32 (instructions, 5): function, first, second, slot, whether the slot is written; `length` is how many
    there are, `result` the register of the update; `constants` (constants,) and `starts` (averages,) are float32; `draws` says
    whether random numbers are needed.
    """

    instructions: Array
    length: Array
    result: Array
    constants: Array
    starts: Array
    draws: Array


class RuleProgramState(NamedTuple):
    """State between steps: the rule, steps done (int32), steps in all (float32), two uint32 for draws, and the averages of
    all parameters, (averages, numbers)."""

    code: RuleCode
    step: Array
    total: Array
    key: Array
    kept: Array


def code_of(expression: Expression) -> RuleCode:
    """Return a rule as data. Raises UserError for one that is too long."""
    program = program_of((expression,), OPERANDS, SIZES)
    table = np.zeros((SIZES.instructions, 5), np.int32)
    for at, (function, first, second, slot) in enumerate(program.instructions):
        table[at] = _NAMES.index(function), first, second, slot, function in _WRITING
    constants, starts = np.zeros(SIZES.constants, np.float32), np.zeros(SIZES.averages, np.float32)
    constants[: len(program.constants)] = program.constants
    starts[: len(program.starts)] = program.starts
    counts = np.int32(len(program.instructions)), np.int32(program.results[0])
    return RuleCode(*map(jnp.asarray, (table, *counts, constants, starts, np.bool_(draws(expression)))))


def scale_by_code(code: RuleCode, *, total_steps: int, seed: int) -> optax.GradientTransformation:
    """Return the transformation of gradients into the updates of a rule, for a training of so many steps.

    `update` is the same function for all rules, so what is compiled with it serves them all.
    """

    def init(parameters: Any) -> RuleProgramState:
        numbers = sum(leaf.size for leaf in jax.tree.leaves(parameters))
        kept = jnp.repeat(code.starts[:, None], numbers, 1)
        key = jnp.array([seed >> 32, seed & 0xFFFFFFFF], jnp.uint32)
        return RuleProgramState(code, jnp.zeros((), jnp.int32), jnp.float32(total_steps), key, kept)

    return optax.GradientTransformation(init, update)


def update(gradients: Any, state: RuleProgramState, parameters: Any = None) -> tuple[Any, RuleProgramState]:
    """Return the updates, a tree like the gradients, and the state behind the step.

    All parameters are worked on as one row of numbers, so that the interpreter stands in a program once.
    """
    leaves, tree = jax.tree.flatten(gradients)
    weights = leaves if parameters is None else jax.tree.leaves(parameters)
    sizes = [leaf.size for leaf in leaves]
    drawn = lax.cond(state.code.draws, lambda: _draws(state, sizes), lambda: jnp.zeros((3, sum(sizes))))
    rows = jnp.concatenate([jnp.stack([_row(leaves), _row(weights)]), drawn])
    updates, kept = _updated(rows, state)
    parts = jnp.split(updates, np.cumsum(sizes)[:-1])
    shaped = [part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
    return jax.tree.unflatten(tree, shaped), state._replace(step=state.step + 1, kept=kept)


def _row(leaves: list[Array]) -> Array:
    return jnp.concatenate([leaf.ravel().astype(jnp.float32) for leaf in leaves])


def _updated(rows: Array, state: RuleProgramState) -> tuple[Array, Array]:
    """Return the updates (numbers,) and the averages (averages, numbers); `rows` are gradient, parameter and the draws."""
    size = rows.shape[1]
    pieces = -(-size // PIECE)
    length = -(-size // pieces)

    def cut(rows: Array) -> Array:
        padded = jnp.pad(rows, ((0, 0), (0, pieces * length - size)))
        return padded.reshape(len(rows), pieces, length).swapaxes(0, 1)

    def piece(table: Array, both: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        return _run(table, state.code, *both)

    _, (results, averages) = lax.scan(piece, _table(state, length), (cut(rows), cut(state.kept)))
    return results.ravel()[:size], averages.swapaxes(0, 1).reshape(len(state.kept), -1)[:, :size]


def _draws(state: RuleProgramState, sizes: list[int]) -> Array:
    """Return noise, annealed noise and the uniform draw of all parameters, (3, numbers): those of `rules.scale_by_rule`."""
    key = jax.random.fold_in(jax.random.wrap_key_data(state.key, impl="threefry2x32"), state.step)
    deviation = (1 + state.step.astype(jnp.float32)) ** (-ANNEALING / 2)
    found = []
    for number, size in enumerate(sizes):
        keys = jax.random.split(jax.random.fold_in(key, number), 3)
        noise = NOISE_DEVIATION * jax.random.normal(keys[0], (size,))
        annealed = deviation * jax.random.normal(keys[1], (size,))
        found.append(jnp.stack([noise, annealed, jax.random.uniform(keys[2], (size,))]))
    return jnp.concatenate(found, 1)


def _table(state: RuleProgramState, length: int) -> Array:
    """Return the registers for pieces of this length, (registers, length), with the scalars and constants in place."""
    scalars = jnp.stack([state.step.astype(jnp.float32), state.total])
    table = jnp.zeros((len(OPERANDS) + SIZES.constants + SIZES.instructions, length), jnp.float32)
    for place, values in ((OPERANDS.index("t"), scalars), (len(OPERANDS), state.code.constants)):
        rows = jnp.broadcast_to(values[:, None], (len(values), length))
        table = lax.dynamic_update_slice_in_dim(table, rows, place, 0)
    return table


def _run(table: Array, code: RuleCode, rows: Array, kept: Array) -> tuple[Array, tuple[Array, Array]]:
    """Run a rule on a piece: the registers behind it, the update, and the averages.

    `rows` are gradient, parameter and the three draws, (5, length). The registers of the piece before are used again.
    """
    gradient, weight, noise, annealed, uniform = rows
    for name, values in zip(("g", "w", "noise", "annealed_noise"), (gradient, weight, noise, annealed), strict=True):
        table = lax.dynamic_update_index_in_dim(table, values, OPERANDS.index(name), 0)
    start = len(OPERANDS) + SIZES.constants

    def step(at: Array, carried: tuple[Array, Array]) -> tuple[Array, Array]:
        table, after = carried
        function, first, second, slot, writes = code.instructions[at]
        before = kept[slot]
        result = lax.switch(function, list(STEPS.values()), table[first], table[second], before, uniform)
        after = lax.dynamic_update_index_in_dim(after, jnp.where(writes == 1, result, after[slot]), slot, 0)
        return lax.dynamic_update_index_in_dim(table, result, start + at, 0), after

    table, after = lax.fori_loop(0, code.length, step, (table, kept))
    return table, (table[code.result], after)
