"""A network composed of separately compiled blocks: nothing is compiled for one architecture alone.

A block is an operation as a pure function of its parameters and inputs. It has one compiled program forward and one backward
for each combination of shapes, shared by every network of the process and, through the persistent compilation cache, by every
worker. A graph is a list of calls of blocks on numbered values. Running it forward leaves a tape, and running the tape backward
gives the gradients.

Measures for speed:

- All parameters lie in a few flat pages. A block reads its part of a page at an offset and writes its gradient at the same
  offset of a gradient page, so an optimizer is one program over pages, whatever the network.
- Residuals of the backward program that are arguments, parameters or outputs are not outputs of the forward program, because
  a compiled program copies every argument that it returns.
- Several terms of one input are summed inside the block's programs, and so are several gradients of one value, except for the
  blocks of cells: there the sum is computed before, so that one program serves any number of terms.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from automl_cli.nn.compilation import Program, compiled
from automl_cli.nn.ops.no_inline import outlined
from automl_cli.store.timings_in_force import digest_in_force

Parameters = dict[str, Array]
Operands = tuple[tuple[Array, ...], ...]
"""For each input of a block, the arrays whose sum the input is."""

Function = Callable[[Parameters, tuple[Array, ...], tuple[Array, ...]], tuple[Array, Any]]
"""(parameters, inputs, side inputs) -> (output, by-products). Gradients flow through inputs, not through side inputs."""

Evaluation = Callable[[Parameters, tuple[Array, ...], tuple[Array, ...]], Array]
"""(parameters, inputs, side inputs) -> output in evaluation mode."""


NOTHING = np.float32(0)
"""Placeholder for the page and offset of a block without parameters."""

ONE: Any = np.float32(1)
"""Gradient of the loss with respect to itself."""


class CompiledBlock:
    """One operation with its compiled programs. Make each block once (`functools.cache`); otherwise nothing is shared.

    `shapes` are the shapes of the parameters by name. `evaluation` is the function in evaluation mode, if it differs.
    `settings` are all that the function closes over; without them its programs cannot be found on disk untraced
    (`nn.program_cache`). `adds_gradients` says whether several gradients of the output are summed inside the backward program;
    if not, one program serves any number of gradients. `loops` is as in `nn.compilation.compiled`.
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
    ) -> None:
        self.name = name
        self.adds_gradients = adds_gradients
        self.shapes = dict(shapes)
        self.size = sum(int(np.prod(shape)) for shape in shapes.values())
        self._function = function
        self._pullbacks: dict[Any, tuple[Any, tuple[int, ...]]] = {}
        self._settings = settings
        self._loops = loops
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
        inputs = tuple(map(_total, operands))
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
        parameter_gradients, *input_gradients = pullback(_total(gradients))
        if self.size:
            flat = jnp.concatenate([parameter_gradients[name].reshape(-1) for name in self.shapes])
            gradient_page = lax.dynamic_update_slice(gradient_page, flat, (offset,))
        return input_gradients, gradient_page

    def _evaluation(self, evaluation: Evaluation) -> Callable[..., Array]:
        def evaluate(page: Array, offset: Array, operands: Operands, side_inputs: tuple[Array, ...]) -> Array:
            return evaluation(self._read(page, offset), tuple(map(_total, operands)), side_inputs)

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


class BlockCall(NamedTuple):
    """One use of a block: page and offset of its parameters, the values it reads, its side inputs, and the number of its value.

    `operands` are, for each input, the numbers of the values whose sum the input is. `side_inputs` are names: of running
    statistics (their new values are the by-products), of the examples, of the targets, or of random factors. A call without a
    block sums the values of its only input, which needs no backward program.
    """

    block: CompiledBlock | None
    page: int
    offset: Array
    operands: tuple[tuple[int, ...], ...]
    side_inputs: tuple[str, ...]
    output: int


class Tape(NamedTuple):
    """Record of a forward run: the values by number, and the residuals and by-products of each call."""

    values: dict[int, Array]
    residuals: list[list[Array]]
    by_products: list[Any]


def run_forward(calls: Sequence[BlockCall], pages: Sequence[Array], side_inputs: Mapping[str, Any]) -> Tape:
    """Run all calls in order, in training mode. `pages` are flat arrays (page size,)."""
    values: dict[int, Array] = {}
    residuals: list[list[Array]] = []
    by_products: list[Any] = []
    for call in calls:
        operands = _arrays(call, values)
        if call.block is None:
            values[call.output], by_product, block_residuals = _sum(*operands), None, []
        else:
            values[call.output], by_product, block_residuals = call.block.forward(
                *_parameters(call, pages), operands, _side_inputs(call, side_inputs)
            )
        residuals.append(block_residuals)
        by_products.append(by_product)
    return Tape(values, residuals, by_products)


def run_backward(
    calls: Sequence[BlockCall], tape: Tape, pages: Sequence[Array], gradient_pages: list[Array], side_inputs: Mapping[str, Any]
) -> None:
    """Write the gradients of the last value, a scalar, for all parameters into the gradient pages, (page size,) each.

    Parameters of a call whose value is not read have no gradient: their part of a page is left unchanged.
    """
    gradients: dict[int, list[Array]] = {calls[-1].output: [ONE]}
    for call, block_residuals in zip(reversed(calls), reversed(tape.residuals), strict=True):
        if call.output not in gradients:
            continue
        arriving = tuple(gradients.pop(call.output))
        if len(arriving) > 1 and (call.block is None or not call.block.adds_gradients):
            arriving = (_sum(arriving),)
        output = tape.values.pop(call.output)
        if call.block is None:
            inputs = list(arriving)
        else:
            arguments = (*_parameters(call, pages), _arrays(call, tape.values), _side_inputs(call, side_inputs))
            page = gradient_pages[call.page] if call.block.size else NOTHING
            inputs, page = call.block.backward(*arguments, output, block_residuals, arriving, page)
            if call.block.size:
                gradient_pages[call.page] = page
        for terms, gradient in zip(call.operands, inputs, strict=True):
            for value in terms:
                gradients.setdefault(value, []).append(gradient)


def run_evaluation(calls: Sequence[BlockCall], pages: Sequence[Array], side_inputs: Mapping[str, Any]) -> Array:
    """Run all calls in order, in evaluation mode; return the last value, (batch, …).

    Other values are freed after their last use. `pages` are flat arrays (page size,).
    """
    values: dict[int, Array] = {}
    readers = Counter(value for call in calls for terms in call.operands for value in terms)
    for call in calls:
        operands = _arrays(call, values)
        if call.block is None:
            values[call.output] = _sum(*operands)
        elif call.block.evaluate is None:
            values[call.output] = call.block.forward(*_parameters(call, pages), operands, _side_inputs(call, side_inputs))[0]
        else:
            values[call.output] = call.block.evaluate(*_parameters(call, pages), operands, _side_inputs(call, side_inputs))
        for value in (value for terms in call.operands for value in terms):
            readers[value] -= 1
            if not readers[value]:
                del values[value]
    return values[calls[-1].output]


def _parameters(call: BlockCall, pages: Sequence[Array]) -> tuple[Any, Any]:
    return (pages[call.page], call.offset) if call.block and call.block.size else (NOTHING, NOTHING)


def _arrays(call: BlockCall, values: Mapping[int, Array]) -> Operands:
    return tuple(tuple(values[number] for number in terms) for terms in call.operands)


def _side_inputs(call: BlockCall, side_inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(side_inputs[name] for name in call.side_inputs)


def _total(arrays: tuple[Array, ...]) -> Array:
    total = arrays[0]
    for array in arrays[1:]:
        total = total + array
    return total


def _sum(arrays: Sequence[Array]) -> Array:
    """Add arrays one after another, two at a time, so that two programs of each shape serve any number of them."""
    total, *others = arrays
    for start in range(0, len(others), 2):
        total = _add(total, *others[start : start + 2])
    return total


_add = compiled(lambda *arrays: _total(arrays), identity="add")


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
