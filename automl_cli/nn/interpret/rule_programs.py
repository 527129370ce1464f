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

from automl_cli.nn.interpret.functions import FUNCTIONS
from automl_cli.values.expressions.program import ProgramSizes, program_of
from automl_cli.values.expressions.rule_step import ANNEALING, NOISE_DEVIATION
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
    found["power"] = lambda a, b, before, uniform: _power(a, b)
    found["drop"] = lambda a, b, before, uniform: jnp.where(uniform < b, 0.0, a)
    found["previous_ema"] = lambda a, b, before, uniform: before
    found["ema"] = found["ema_from_one"] = lambda a, b, before, uniform: (1 - b) * a + b * before
    found["trace"] = lambda a, b, before, uniform: a + b * before
    return found


def _unary(function: Callable[..., Array]) -> Step:
    return lambda a, b, before, uniform: function(a)


def _binary(function: Callable[..., Array]) -> Step:
    return lambda a, b, before, uniform: function(a, b)


def _power(a: Array, b: Array) -> Array:
    """As in `values.expressions.evaluation`, where squares and cubes are products."""
    return jnp.where(b == 2, a * a, jnp.where(b == 3, a * a * a, jnp.power(a, b)))


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
    """State between steps: the rule, steps done (int32), steps in all (float32), two uint32 for draws, and for each parameter
    its averages, (averages, numbers of the parameter)."""

    code: RuleCode
    step: Array
    total: Array
    key: Array
    kept: Any


def code_of(expression: Expression) -> RuleCode:
    """Return a rule as data. Raises UserError for one that is too long."""
    program = program_of((expression,), OPERANDS, SIZES)
    table = np.zeros((SIZES.instructions, 5), np.int32)
    for at, (function, first, second, slot) in enumerate(program.instructions):
        table[at] = _NAMES.index(function), first, second, slot, function in _WRITING
    constants, starts = np.zeros(SIZES.constants, np.float32), np.zeros(SIZES.averages, np.float32)
    constants[: len(program.constants)] = program.constants
    starts[: len(program.starts)] = program.starts
    draws = bool(_drawn(program.instructions)) or program.results[0] in _NOISES
    counts = np.int32(len(program.instructions)), np.int32(program.results[0])
    return RuleCode(*map(jnp.asarray, (table, *counts, constants, starts, np.bool_(draws))))


def _drawn(instructions: Any) -> bool:
    return any(row.function == "drop" or row.first in _NOISES or row.second in _NOISES for row in instructions)


_NOISES = (OPERANDS.index("noise"), OPERANDS.index("annealed_noise"))


def scale_by_code(code: RuleCode, *, total_steps: int, seed: int) -> optax.GradientTransformation:
    """Return the transformation of gradients into the updates of a rule, for a training of so many steps.

    `update` is the same function for all rules, so what is compiled with it serves them all.
    """

    def init(parameters: Any) -> RuleProgramState:
        kept = jax.tree.map(lambda leaf: jnp.repeat(code.starts[:, None], leaf.size, 1), parameters)
        key = jnp.array([seed >> 32, seed & 0xFFFFFFFF], jnp.uint32)
        return RuleProgramState(code, jnp.zeros((), jnp.int32), jnp.float32(total_steps), key, kept)

    return optax.GradientTransformation(init, update)


def update(gradients: Any, state: RuleProgramState, parameters: Any = None) -> tuple[Any, RuleProgramState]:
    """Return the updates, a tree like the gradients, and the state behind the step."""
    leaves, tree = jax.tree.flatten(gradients)
    weights = leaves if parameters is None else jax.tree.leaves(parameters)
    updates, after = [], []
    for number, (gradient, weight, kept) in enumerate(zip(leaves, weights, jax.tree.leaves(state.kept), strict=True)):
        one, averages = _updated(gradient.ravel(), weight.ravel(), kept, state, number)
        updates.append(one.reshape(gradient.shape))
        after.append(averages)
    return jax.tree.unflatten(tree, updates), state._replace(step=state.step + 1, kept=jax.tree.unflatten(tree, after))


def _updated(gradient: Array, weight: Array, kept: Array, state: RuleProgramState, number: int) -> tuple[Array, Array]:
    """The update of one parameter, all in one row, and its averages."""
    size = gradient.size
    pieces = -(-size // PIECE)
    length = -(-size // pieces)
    draws = lax.cond(state.code.draws, lambda: _draws(state, number, size), lambda: jnp.zeros((3, size)))

    def cut(rows: Array) -> Array:
        padded = jnp.pad(rows, ((0, 0), (0, pieces * length - size)))
        return padded.reshape(len(rows), pieces, length).swapaxes(0, 1)

    rows = cut(jnp.concatenate([jnp.stack([gradient, weight]), draws]))
    results, averages = lax.map(lambda piece: _run(state, *piece), (rows, cut(kept)))
    return results.ravel()[:size], averages.swapaxes(0, 1).reshape(len(kept), -1)[:, :size]


def _draws(state: RuleProgramState, number: int, size: int) -> Array:
    """Noise, annealed noise and the uniform draw of one parameter, (3, size): those of `rules.scale_by_rule`."""
    key = jax.random.fold_in(jax.random.wrap_key_data(state.key, impl="threefry2x32"), state.step)
    keys = jax.random.split(jax.random.fold_in(key, number), 3)
    deviation = (1 + state.step.astype(jnp.float32)) ** (-ANNEALING / 2)
    noise = NOISE_DEVIATION * jax.random.normal(keys[0], (size,))
    return jnp.stack([noise, deviation * jax.random.normal(keys[1], (size,)), jax.random.uniform(keys[2], (size,))])


def _run(state: RuleProgramState, rows: Array, kept: Array) -> tuple[Array, Array]:
    """The result of the program on one piece, and the averages; `rows` are gradient, parameter and the three draws."""
    code, length = state.code, rows.shape[1]
    gradient, weight, noise, annealed, uniform = rows
    scalars = jnp.stack([state.step.astype(jnp.float32), state.total])
    fixed = jnp.broadcast_to(jnp.concatenate([scalars, code.constants])[:, None], (2 + SIZES.constants, length))
    inputs = jnp.concatenate([jnp.stack([gradient, weight]), fixed[:2], jnp.stack([noise, annealed]), fixed[2:]])
    registers = jnp.zeros((len(inputs) + SIZES.instructions, length), jnp.float32)
    registers = lax.dynamic_update_slice_in_dim(registers, inputs, 0, 0)

    def step(at: Array, carried: tuple[Array, Array]) -> tuple[Array, Array]:
        registers, after = carried
        function, first, second, slot, writes = code.instructions[at]
        before = kept[slot]
        result = lax.switch(function, list(STEPS.values()), registers[first], registers[second], before, uniform)
        after = lax.dynamic_update_index_in_dim(after, jnp.where(writes == 1, result, after[slot]), slot, 0)
        return lax.dynamic_update_index_in_dim(registers, result, len(inputs) + at, 0), after

    registers, after = lax.fori_loop(0, code.length, step, (registers, kept))
    return registers[code.result], after
