"""A block that XLA computes: an operation as one compiled program forward and one backward, shared by every network.

Residuals of the backward program that are arguments, parameters or outputs are not outputs of the forward program, because a
compiled program copies every argument that it returns. A block reads its part of a page at an offset, and writes its gradient
at the same offset of a gradient page. Several terms of one input are summed inside the block's programs, and so are several
gradients of one value, except for the blocks of cells: there the sum is computed before, so that one program serves any number
of terms.
"""

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from automl_cli.nn.compilation import Program, compiled
from automl_cli.nn.engines.numpy_block import NumpyBlock
from automl_cli.nn.numpy_ops.operation import NumpyOperation
from automl_cli.nn.ops.no_inline import outlined
from automl_cli.store.timings_in_force import digest_in_force

Parameters = dict[str, Array]
Operands = tuple[tuple[Array, ...], ...]
"""For each input of a block, the arrays whose sum the input is."""

Function = Callable[[Parameters, tuple[Array, ...], tuple[Array, ...]], tuple[Array, Any]]
"""(parameters, inputs, side inputs) -> (output, by-products). Gradients flow through inputs, not through side inputs."""

Evaluation = Callable[[Parameters, tuple[Array, ...], tuple[Array, ...]], Array]
"""(parameters, inputs, side inputs) -> output in evaluation mode."""


class CompiledBlock:
    """One operation with its compiled programs. Make each block once (`functools.cache`); otherwise nothing is shared.

    `shapes` are the shapes of the parameters by name. `evaluation` is the function in evaluation mode, if it differs.
    `settings` are all that the function closes over; without them its programs cannot be found on disk untraced
    (`nn.program_cache`). `adds_gradients` says whether several gradients of the output are summed inside the backward program;
    if not, one program serves any number of gradients. `loops` is as in `nn.compilation.compiled`. `in_numpy` is the same
    operation by NumPy, if there is one.
    """

    def __init__(
        self,
        name: str,
        function: Function,
        shapes: Mapping[str, tuple[int, ...]],
        evaluation: Evaluation | None = None,
        *,
        settings: tuple[Any, ...] | None = None,
        adds_gradients: bool = True,
        loops: bool = False,
        in_numpy: NumpyOperation | None = None,
    ) -> None:
        self.name = name
        self.adds_gradients = adds_gradients
        self.shapes = dict(shapes)
        self.size = sum(int(np.prod(shape)) for shape in shapes.values())
        self._function = function
        self._pullbacks: dict[Any, tuple[Any, tuple[int, ...]]] = {}
        self._settings = settings
        self._loops = loops
        self.in_numpy = None if in_numpy is None else NumpyBlock(name, in_numpy, shapes)
        self.forward: Callable[..., Any] = self._program("forward", self._forward)
        self.backward: Callable[..., Any] = self._program("backward", self._backward, donate_argnums=7)
        self.evaluate: Callable[..., Any] | None = (
            None if evaluation is None else self._program("evaluate", self._evaluation(evaluation))
        )

    def for_one_call(self) -> "CompiledBlock":
        """Return the block for one call, whose arguments always have the same shapes: each program is looked up only once.

        A look-up takes 10 microseconds, and a step of cells makes hundreds.
        """
        block = copy(self)
        for name in ("forward", "backward", "evaluate"):
            program = getattr(self, name)
            setattr(block, name, None if program is None else program.for_fixed_shapes())
        return block

    def _program(self, use: str, function: Callable[..., Any], **options: Any) -> Program:
        name = f"{use}_{self.name}"
        identity = None if self._settings is None else f"{name} {self._settings} {sorted(self.shapes.items())}"
        return compiled(_named(function, name), identity=identity, loops=self._loops, **options)

    def _forward(
        self, page: Array, offset: Array, operands: Operands, side_inputs: tuple[Array, ...]
    ) -> tuple[Array, Any, list[Array]]:
        """Return output, by-products, and the residuals that `backward` needs besides these and the arguments."""
        parameters = self._read(page, offset)
        inputs = tuple(map(total, operands))
        output, pullback, by_products = jax.vjp(
            lambda p, *x: self._function(p, x, side_inputs), parameters, *inputs, has_aux=True
        )
        leaves, tree = jax.tree.flatten(pullback)
        available = [*parameters.values(), *_single_terms(operands), *side_inputs, output]
        residuals: list[Array] = []
        sources = []
        for leaf in leaves:
            if not any(leaf is array for array in (*available, *residuals)):
                residuals.append(leaf)
            sources.append(next(at for at, array in enumerate((*available, *residuals)) if array is leaf))
        self._pullbacks[_signature(operands, side_inputs)] = tree, tuple(sources)
        return output, by_products, residuals

    def _backward(
        self,
        page: Array,
        offset: Array,
        operands: Operands,
        side_inputs: tuple[Array, ...],
        output: Array,
        residuals: list[Array],
        gradients: tuple[Array, ...],
        gradient_page: Array,
    ) -> tuple[list[Array], Array]:
        """Return the gradients of the inputs, and the gradient page with the gradients of the parameters written into it."""
        if _signature(operands, side_inputs) not in self._pullbacks:  # the forward program came from disk
            jax.eval_shape(self._forward, page, offset, operands, side_inputs)
        tree, sources = self._pullbacks[_signature(operands, side_inputs)]
        available = [*self._read(page, offset).values(), *_single_terms(operands), *side_inputs, output, *residuals]
        pullback = jax.tree.unflatten(tree, [available[at] for at in sources])
        parameter_gradients, *input_gradients = pullback(total(gradients))
        if self.size:
            flat = jnp.concatenate([parameter_gradients[name].reshape(-1) for name in self.shapes])
            gradient_page = lax.dynamic_update_slice(gradient_page, flat, (offset,))
        return input_gradients, gradient_page

    def _evaluation(self, evaluation: Evaluation) -> Callable[..., Array]:
        def evaluate(page: Array, offset: Array, operands: Operands, side_inputs: tuple[Array, ...]) -> Array:
            return evaluation(self._read(page, offset), tuple(map(total, operands)), side_inputs)

        return evaluate

    def _read(self, page: Array, offset: Array) -> Parameters:
        if not self.size:
            return {}
        flat, start, parameters = _parameter_slice(page, offset, self.size), 0, {}
        for name, shape in self.shapes.items():
            count = int(np.prod(shape))
            parameters[name] = flat[start : start + count].reshape(shape)
            start += count
        return parameters


def total(arrays: tuple[Array, ...]) -> Array:
    """Return the sum of arrays (batch, …) of one shape, inside a program."""
    total = arrays[0]
    for array in arrays[1:]:
        total = total + array
    return total


def _single_terms(operands: Operands) -> list[Array]:
    return [terms[0] for terms in operands if len(terms) == 1]


def _signature(*arrays: Any) -> Any:
    return digest_in_force(), jax.tree.structure(arrays), tuple((leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(arrays))


def _slice(page: Array, offset: Array, size: int) -> Array:
    return lax.dynamic_slice(page, (offset,), (size,))


_parameter_slice = outlined(_slice, static=(2,))
"""Outlined; otherwise XLA would fuse the slice into its readers, which then do not vectorise."""


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return function(*arguments)

    call.__name__ = name
    return call
