"""Activation functions as programs: traced one by one, or as data to one program for all of them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from automl_cli.nn.interpret.functions import FUNCTIONS, power_of_arrays
from automl_cli.nn.ops.activations import ActivationFunction as NetworkActivation
from automl_cli.nn.ops.activations import ParametricActivation
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.values.activation import ACTIVATIONS, BETAS, NAMED, ActivationFunction
from automl_cli.values.expressions.canonical import canonical
from automl_cli.values.expressions.derivative import derivative
from automl_cli.values.expressions.evaluation import evaluate
from automl_cli.values.expressions.program import ProgramSizes, program_of
from automl_cli.values.expressions.tree import FUNCTIONS as LANGUAGE
from automl_cli.values.expressions.tree import Expression, Number, uses

SIZES = ProgramSizes(constants=16, instructions=160, averages=0)
"""Room for three core units."""

MOST_BETAS = 9
"""Trained parameters of three core units."""

PIECE = 2048
"""Numbers that are worked on together, so that a table of all registers stays in the cache."""

OPERANDS = ("x", *BETAS[:MOST_BETAS])


def traced(function: ActivationFunction) -> NetworkActivation:
    """Return a function as networks take it, traced into their programs; ReLU is the one that they have built in.

    x is (…, channels) and its trained parameters are (betas, channels).
    """
    if canonical(function.tree) == canonical(NAMED["relu"].tree):
        return relu

    def apply(x: Array, betas: Array) -> Array:
        wide = betas.reshape(len(betas), *(1,) * (x.ndim - 1), *x.shape[-1:])
        operands = {"x": x, **dict(zip(function.betas, wide, strict=True))}
        return jnp.broadcast_to(evaluate(function.tree, operands, FUNCTIONS), x.shape)

    return ParametricActivation(function.expression, len(function.betas), apply, function.starts)


def as_data(function: ActivationFunction) -> ParametricActivation:
    """Return a function that is data to the programs which take it: all such functions share them.

    Raises UserError for one that does not fit. It has `MOST_BETAS` trained parameters per channel; those that do not stand in
    it have no effect.
    """
    starts = dict(zip(function.betas, function.starts, strict=True))
    every = tuple(starts.get(beta, 1.0) for beta in BETAS[:MOST_BETAS])
    return ParametricActivation("data", MOST_BETAS, _interpreted, every, code_of(function))


def code_of(function: ActivationFunction) -> np.ndarray:
    """Return a function and its derivatives as int32 of fixed length, two programs behind each other. Raises UserError for a
    function that is too long.

    A program is how many instructions it has, the registers of its results, its instructions (function, first, second) and
    the bits of its constants. The first gives the function, the second its derivatives for x and for every parameter.
    """
    zero = Number(0.0)
    slopes = [derivative(function.tree, name) if uses(function.tree, name) else zero for name in OPERANDS]
    return np.concatenate([_packed((function.tree,)), _packed(tuple(slopes))])


def _packed(expressions: tuple[Expression, ...]) -> np.ndarray:
    program = program_of(expressions, OPERANDS, SIZES)
    table = np.zeros((SIZES.instructions, 3), np.int32)
    for at, (name, first, second, _) in enumerate(program.instructions):
        table[at] = _NAMES.index(name), first, second
    results = np.zeros(len(OPERANDS), np.int32)
    results[: len(program.results)] = program.results
    constants = np.zeros(SIZES.constants, np.float32)
    constants[: len(program.constants)] = program.constants
    count = np.array([len(program.instructions)], np.int32)
    return np.concatenate([count, results, table.ravel(), constants.view(np.int32)])


def _binary(name: str) -> Any:
    if name == "power":
        return power_of_arrays
    function = FUNCTIONS[name]
    return function if LANGUAGE[name].arity == 2 else lambda a, b: function(a)


_FORWARD: dict[str, Any] = {name: _binary(name) for name in (*ACTIVATIONS.functions, "sinc_slope")}
_NAMES = tuple(_FORWARD)


def _table(rows: int, betas: Array, code: Array) -> Array:
    """Return the registers of a program for pieces of so many rows, (registers, rows, channels), with all but x in place."""
    constants = lax.bitcast_convert_type(code[-SIZES.constants :], jnp.float32)
    fixed = jnp.concatenate([betas, jnp.broadcast_to(constants[:, None], (SIZES.constants, betas.shape[1]))])
    table = jnp.zeros((1 + len(fixed) + SIZES.instructions, rows, betas.shape[1]), jnp.float32)
    fixed = jnp.broadcast_to(fixed[:, None], (len(fixed), *table.shape[1:]))
    return lax.dynamic_update_slice_in_dim(table, fixed, 1, 0)


def _run(table: Array, x: Array, code: Array) -> tuple[Array, Array]:
    """Run a program on a piece (rows, channels): the registers behind it, and which of them hold its results.

    The registers of the piece before are used again, which saves filling them.
    """
    table = lax.dynamic_update_index_in_dim(table, x, 0, 0)
    instructions = code[1 + len(OPERANDS) : -SIZES.constants].reshape(-1, 3)

    def step(at: Array, table: Array) -> Array:
        name, first, second = instructions[at]
        result = lax.switch(name, list(_FORWARD.values()), table[first], table[second])
        return lax.dynamic_update_index_in_dim(table, result, FIRST + at, 0)

    return lax.fori_loop(0, code[0], step, table), code[1 : 1 + len(OPERANDS)]


FIRST = len(OPERANDS) + SIZES.constants
"""The register of the first instruction's result."""


def _cut(x: Array, fill: str = "edge") -> Array:
    """Pieces (pieces, rows, channels) of an array whose last axis are channels.

    The last piece is filled with the last row, where derivatives are as finite as they are in x; with "constant" with zeros.
    """
    channels = x.shape[-1]
    rows = x.size // channels
    pieces = max(1, -(-x.size // PIECE))
    length = -(-rows // pieces)
    padded = jnp.pad(x.reshape(rows, channels), ((0, pieces * length - rows), (0, 0)), fill)
    return padded.reshape(pieces, length, channels)


def _joined(pieces: Array, shape: tuple[int, ...]) -> Array:
    return pieces.reshape(-1, shape[-1])[: int(np.prod(shape[:-1]))].reshape(shape)


@jax.custom_vjp
def _interpreted(x: Array, betas: Array, code: Array) -> Array:
    """The function of x (…, channels) with parameters (betas, channels) whose code is given, float32."""

    code, pieces = code[: len(code) // 2], _cut(x.astype(jnp.float32))

    def piece(table: Array, rows: Array) -> tuple[Array, Array]:
        table, results = _run(table, rows, code)
        return table, table[results[0]]

    _, found = lax.scan(piece, _table(pieces.shape[1], betas, code), pieces)
    return _joined(found, x.shape)


def _keep(x: Array, betas: Array, code: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    return _interpreted(x, betas, code), (x, betas, code)


def _gradients(kept: tuple[Array, Array, Array], gradient: Array) -> tuple[Array, Array, None]:
    x, betas, code = kept
    code, pieces = code[len(code) // 2 :], _cut(x.astype(jnp.float32))

    def piece(table: Array, both: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        rows, gradients = both
        table, results = _run(table, rows, code)
        of_betas = jnp.stack([(table[result] * gradients).sum(0) for result in results[1:]])
        return table, (table[results[0]] * gradients, of_betas)

    both = pieces, _cut(gradient.astype(jnp.float32), "constant")
    _, (of_x, of_betas) = lax.scan(piece, _table(pieces.shape[1], betas, code), both)
    return _joined(of_x, x.shape).astype(x.dtype), of_betas.sum(0), None


_interpreted.defvjp(_keep, _gradients)
