"""A function in the operations that converters to other formats know.

The function is traced with XLA's own operations and replayed equation by equation: calls are taken apart, what depends on
constants alone is computed at once, and axes of convolutions and pools come in the order (batch, channels, height, width). A
constant stays small beside a map: no equation widens it first.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array, lax
from jax.core import Tracer
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from automl_cli.nn.ops.backend import native_operations
from automl_cli.values.operations import padding

INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""Parameters of an equation that hold what it calls."""

BROADCASTING = frozenset({"add", "sub", "mul", "div", "max", "min", "pow", "gt", "ge", "lt", "le", "eq", "ne"})
"""Operations whose operands may have an axis of length 1 where the others are longer."""

POOLS = frozenset({"reduce_window_max", "reduce_window_sum"})
"""Operations that become pools of Flax, which converters replace by their own at the time of the call."""


def convertible(function: Callable[[Array], Array], images: jax.ShapeDtypeStruct) -> Callable[[Array], Array]:
    """Return the function of such images (batch, height, width, channels), in operations that converters know.

    The function must be one that JAX has not traced before. Raises NotImplementedError, naming the operation, for a pool
    that has no counterpart.
    """
    with native_operations():
        closed = jax.make_jaxpr(function)(images)
    check(closed.jaxpr)
    return lambda images: _replayed(closed.jaxpr, closed.consts, (images,))[0]


def check(jaxpr: Jaxpr) -> None:
    """Check that all pools in a program have a counterpart. Raises NotImplementedError for others."""
    for equation in jaxpr.eqns:
        if (inner := _inner(equation)) is not None:
            check(inner.jaxpr)
        if equation.primitive.name in POOLS:
            _pool_of(equation)


def _shape(atom: Any) -> tuple[Any, ...]:
    return tuple(atom.aval.shape)


def _replayed(jaxpr: Jaxpr, constants: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
    """Return what the equations of a program give. A value may have axes of length 1 where its variable has longer ones."""
    values: dict[Any, Any] = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*constants, *arguments), strict=True))

    def value(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    for equation in jaxpr.eqns:
        values.update(zip(equation.outvars, _results(equation, [value(atom) for atom in equation.invars]), strict=True))
    return [_widened(value(atom), _shape(atom)) for atom in jaxpr.outvars]


def _results(equation: JaxprEqn, operands: list[Any]) -> list[Any]:
    name = equation.primitive.name
    if name == "broadcast_in_dim" and len(operands) == 1:
        return [_unwidened(equation, operands[0])]
    if name not in BROADCASTING:
        operands = [_widened(value, _shape(atom)) for value, atom in zip(operands, equation.invars, strict=True)]
    if (inner := _inner(equation)) is not None:
        return _replayed(inner.jaxpr, inner.consts, operands)
    if not any(isinstance(value, Tracer) for value in operands):
        with jax.ensure_compile_time_eval():
            return _bound(equation, operands)
    if name == "conv_general_dilated":
        return [_convolved(equation.params, *operands)]
    if name in POOLS:
        return [_pooled(equation, operands[0])]
    if name == "pad":
        return [_padded(equation.params, *operands)]
    return _bound(equation, operands)


def _bound(equation: JaxprEqn, operands: list[Any]) -> list[Any]:
    found = equation.primitive.bind(*operands, **equation.params)
    return list(found) if equation.primitive.multiple_results else [found]


def _inner(equation: JaxprEqn) -> ClosedJaxpr | None:
    """Return the program that an equation calls; None for an operation."""
    if equation.primitive.name not in ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call"):
        return None
    inner = next(equation.params[name] for name in INNER if name in equation.params)
    return inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())


def _unwidened(equation: JaxprEqn, operand: Any) -> Any:
    """Return the operand of a widening with its axes in place and all others of length 1."""
    shape, places = equation.params["shape"], equation.params["broadcast_dimensions"]
    sizes = [1] * len(shape)
    for place, size in zip(places, np.shape(operand), strict=True):
        sizes[place] = size
    return lax.reshape(operand, tuple(sizes)) if isinstance(operand, Tracer) else np.reshape(operand, sizes)


def _widened(value: Any, shape: tuple[Any, ...]) -> Any:
    if np.shape(value) == shape:
        return value
    return lax.broadcast_in_dim(value, shape, tuple(range(len(shape))))


def _reordered(value: Any, order: Sequence[int]) -> Any:
    """Return the value with its axes in this order, computed now where it is a constant."""
    return lax.transpose(value, tuple(order)) if isinstance(value, Tracer) else np.transpose(value, order)


def _convolved(params: dict[str, Any], x: Any, kernel: Any) -> Array:
    axes = params["dimension_numbers"]
    y = lax.conv_general_dilated(
        _reordered(x, axes.lhs_spec),
        _reordered(kernel, axes.rhs_spec),
        params["window_strides"],
        params["padding"],
        rhs_dilation=params["rhs_dilation"],
        dimension_numbers=("NCHW", "OIHW", "NCHW"),
        feature_group_count=params["feature_group_count"],
    )
    return _reordered(y, tuple(map(int, np.argsort(axes.out_spec))))


def _padded(params: dict[str, Any], x: Any, value: Any) -> Array:
    before_and_behind = [(before, behind) for before, behind, _ in params["padding_config"]]
    return jnp.pad(x, before_and_behind, constant_values=np.asarray(value).item())


def _pool_of(equation: JaxprEqn) -> tuple[tuple[int, int], tuple[int, int], str]:
    """Return the window of a pool over height and width of (height, width, batch, channels), its strides and its padding.

    Raises NotImplementedError for windows over other axes, and for padding that is neither "same" nor "valid".
    """
    params, sizes = equation.params, _shape(equation.invars[0])
    window, steps, pads = (tuple(params[name]) for name in ("window_dimensions", "window_strides", "padding"))
    if len(window) == 4 and window[2:] == steps[2:] == (1, 1) and tuple(map(tuple, pads[2:])) == ((0, 0), (0, 0)):
        for rule in ("same", "valid"):
            if all(tuple(pads[axis]) == padding(sizes[axis], window[axis], steps[axis], rule) for axis in (0, 1)):
                return window[:2], steps[:2], rule.upper()
    raise NotImplementedError(f"{equation.primitive.name} with windows {window}, strides {steps} and padding {pads}")


POOL_AXES, BACK = (2, 0, 1, 3), (1, 2, 0, 3)
"""Orders of axes: (height, width, batch, channels) to (batch, height, width, channels), and back."""


def _pooled(equation: JaxprEqn, x: Any) -> Array:
    window, steps, rule = _pool_of(equation)
    pool = nnx.max_pool if equation.primitive.name == "reduce_window_max" else nnx.avg_pool
    y = pool(_reordered(x, POOL_AXES), window_shape=window, strides=steps, padding=rule)
    if equation.primitive.name == "reduce_window_sum":
        y = lax.mul(y, np.full((1,) * y.ndim, window[0] * window[1], y.dtype))
    return _reordered(y, BACK)
