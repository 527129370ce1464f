"""A network composed of separately compiled blocks: nothing is compiled for one architecture alone.

A block is an operation as a pure function of its parameters and inputs. It has one compiled program forward and one
backward for each combination of shapes, shared by every network of the process and, through the persistent compilation
cache, by every worker. A graph is a list of calls of blocks on numbered values; running it forward leaves a tape, and the
tape run backward gives the gradients.

What keeps it fast:

- All parameters lie in a few flat pages. A block reads its part of a page at an offset and writes its gradient at the same
  place of a gradient page, so an optimizer is one program over pages, whatever the network.
- What the backward program needs again of arguments, parameters and outputs is not an output of the forward program, because a
  compiled program copies every argument that it returns.
- Several values in one place of a block are added up inside its programs, and so are several gradients of one value, unless
  the block is one of cells: there the sum is made before, so that one program serves any number.
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

Parameters = dict[str, Array]
Places = tuple[tuple[Array, ...], ...]
"""For each input of a block the arrays that are added up to make it."""

Function = Callable[[Parameters, tuple[Array, ...], tuple[Array, ...]], tuple[Array, Any]]
"""(parameters, inputs, given) -> (output, by-products). Gradients flow through inputs, not through what is given."""

Evaluation = Callable[[Parameters, tuple[Array, ...], tuple[Array, ...]], Array]

NOTHING = np.float32(0)
"""Stands for the page of a block without parameters."""

ONE: Any = np.float32(1)
"""The gradient of the loss for itself."""


class CompiledBlock:
    """One operation with its compiled programs. Make each block once (`functools.cache`), or nothing is shared.

    `shapes` are those of the parameters, by name. `evaluation` is the function in evaluation mode where it differs. `settings`
    are all that the function closes over; without them its programs cannot be found on disk untraced (`nn.program_cache`).
    `adds_gradients` says whether several gradients of the output are added up inside the backward program; if not, one program
    serves any number of them.
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
    ) -> None:
        self.name = name
        self.adds_gradients = adds_gradients
        self.shapes = dict(shapes)
        self.size = sum(int(np.prod(shape)) for shape in shapes.values())
        self._function = function
        self._recipes: dict[Any, tuple[Any, tuple[int, ...]]] = {}
        self._settings = settings
        self.forward: Callable[..., Any] = self._program("forward", self._forward)
        self.backward: Callable[..., Any] = self._program("backward", self._backward, donate_argnums=7)
        self.evaluate: Callable[..., Any] | None = (
            None if evaluation is None else self._program("evaluate", self._evaluation(evaluation))
        )

    def for_one_call(self) -> "CompiledBlock":
        """The same block for one call in one network, whose arguments always have the same shapes: its programs are looked up
        once, not at every step (10 microseconds each, of which a step of cells makes hundreds)."""
        block = copy(self)
        for name in ("forward", "backward", "evaluate"):
            program = getattr(self, name)
            setattr(block, name, None if program is None else program.for_one_combination())
        return block

    def _program(self, use: str, function: Callable[..., Any], **options: Any) -> Program:
        name = f"{use}_{self.name}"
        identity = None if self._settings is None else f"{name} {self._settings} {sorted(self.shapes.items())}"
        return compiled(_named(function, name), identity=identity, **options)

    def _forward(self, page: Array, offset: Array, places: Places, given: tuple[Array, ...]) -> tuple[Array, Any, list[Array]]:
        """Output, by-products, and what `backward` needs besides them and the arguments."""
        parameters = self._read(page, offset)
        inputs = tuple(map(_total, places))
        output, pull, products = jax.vjp(lambda p, *x: self._function(p, x, given), parameters, *inputs, has_aux=True)
        leaves, tree = jax.tree.flatten(pull)
        known = [*parameters.values(), *_unsummed(places), *given, output]
        kept: list[Array] = []
        sources = []
        for leaf in leaves:
            if not any(leaf is array for array in (*known, *kept)):
                kept.append(leaf)
            sources.append(next(at for at, array in enumerate((*known, *kept)) if array is leaf))
        self._recipes[_signature(places, given)] = tree, tuple(sources)
        return output, products, kept

    def _backward(
        self,
        page: Array,
        offset: Array,
        places: Places,
        given: tuple[Array, ...],
        output: Array,
        kept: list[Array],
        gradients: tuple[Array, ...],
        gradient_page: Array,
    ) -> tuple[list[Array], Array]:
        """Gradients for the inputs, and the page with the gradients for the parameters written into it."""
        if _signature(places, given) not in self._recipes:  # the forward program came from disk
            jax.eval_shape(self._forward, page, offset, places, given)
        tree, sources = self._recipes[_signature(places, given)]
        known = [*self._read(page, offset).values(), *_unsummed(places), *given, output, *kept]
        pull = jax.tree.unflatten(tree, [known[at] for at in sources])
        parameter_gradients, *input_gradients = pull(_total(gradients))
        if self.size:
            flat = jnp.concatenate([parameter_gradients[name].reshape(-1) for name in self.shapes])
            gradient_page = lax.dynamic_update_slice(gradient_page, flat, (offset,))
        return input_gradients, gradient_page

    def _evaluation(self, evaluation: Evaluation) -> Callable[..., Array]:
        def evaluate(page: Array, offset: Array, places: Places, given: tuple[Array, ...]) -> Array:
            return evaluation(self._read(page, offset), tuple(map(_total, places)), given)

        return evaluate

    def _read(self, page: Array, offset: Array) -> Parameters:
        if not self.size:
            return {}
        flat, start, parameters = _part(page, offset, self.size), 0, {}
        for name, shape in self.shapes.items():
            count = int(np.prod(shape))
            parameters[name] = flat[start : start + count].reshape(shape)
            start += count
        return parameters


class Call(NamedTuple):
    """One use of a block: where its parameters lie, which values it reads, what else it is given, which value it makes.

    `given` are names, of running statistics (whose new values are the block's by-product), of the examples, of the targets or
    of what is drawn for the step.
    Without a block the values of the one place are added up, which no program of its own backward needs.
    """

    block: CompiledBlock | None
    page: int
    offset: Array
    places: tuple[tuple[int, ...], ...]
    given: tuple[str, ...]
    output: int


class Tape(NamedTuple):
    """What the calls of a forward run leave behind, and the value and by-products of each call."""

    values: dict[int, Array]
    kept: list[list[Array]]
    products: list[Any]


def run_forward(calls: Sequence[Call], pages: Sequence[Array], given: Mapping[str, Any]) -> Tape:
    """All calls in order, in training mode."""
    values: dict[int, Array] = {}
    kept: list[list[Array]] = []
    products: list[Any] = []
    for call in calls:
        places = _arrays(call, values)
        if call.block is None:
            values[call.output], product, keep = _sum(*places), None, []
        else:
            values[call.output], product, keep = call.block.forward(*_parameters(call, pages), places, _given(call, given))
        kept.append(keep)
        products.append(product)
    return Tape(values, kept, products)


def run_backward(
    calls: Sequence[Call], tape: Tape, pages: Sequence[Array], gradient_pages: list[Array], given: Mapping[str, Any]
) -> None:
    """The gradients of the last call's output, a scalar, for all parameters, written into the gradient pages.

    Parameters of a call that nothing reads have none: their part of a page stays as it is.
    """
    gradients: dict[int, list[Array]] = {calls[-1].output: [ONE]}
    for call, keep in zip(reversed(calls), reversed(tape.kept), strict=True):
        if call.output not in gradients:
            continue
        arriving = tuple(gradients.pop(call.output))
        if len(arriving) > 1 and (call.block is None or not call.block.adds_gradients):
            arriving = (_sum(arriving),)
        output = tape.values.pop(call.output)
        if call.block is None:
            inputs = list(arriving)
        else:
            arguments = (*_parameters(call, pages), _arrays(call, tape.values), _given(call, given))
            page = gradient_pages[call.page] if call.block.size else NOTHING
            inputs, page = call.block.backward(*arguments, output, keep, arriving, page)
            if call.block.size:
                gradient_pages[call.page] = page
        for place, gradient in zip(call.places, inputs, strict=True):
            for value in place:
                gradients.setdefault(value, []).append(gradient)


def run_evaluation(calls: Sequence[Call], pages: Sequence[Array], given: Mapping[str, Any]) -> Array:
    """All calls in order, in evaluation mode; returns the last value. No other is kept for longer than it is needed."""
    values: dict[int, Array] = {}
    readers = Counter(value for call in calls for place in call.places for value in place)
    for call in calls:
        places = _arrays(call, values)
        if call.block is None:
            values[call.output] = _sum(*places)
        elif call.block.evaluate is None:
            values[call.output] = call.block.forward(*_parameters(call, pages), places, _given(call, given))[0]
        else:
            values[call.output] = call.block.evaluate(*_parameters(call, pages), places, _given(call, given))
        for value in (value for place in call.places for value in place):
            readers[value] -= 1
            if not readers[value]:
                del values[value]
    return values[calls[-1].output]


def _parameters(call: Call, pages: Sequence[Array]) -> tuple[Any, Any]:
    return (pages[call.page], call.offset) if call.block and call.block.size else (NOTHING, NOTHING)


def _arrays(call: Call, values: Mapping[int, Array]) -> Places:
    return tuple(tuple(values[number] for number in place) for place in call.places)


def _given(call: Call, given: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(given[name] for name in call.given)


def _total(arrays: tuple[Array, ...]) -> Array:
    total = arrays[0]
    for array in arrays[1:]:
        total = total + array
    return total


def _sum(arrays: Sequence[Array]) -> Array:
    """One after the other, two at a time and the last one alone, so that two programs of each shape serve any number."""
    total, *others = arrays
    for start in range(0, len(others), 2):
        total = _add(total, *others[start : start + 2])
    return total


_add = compiled(lambda *arrays: _total(arrays), identity="add")


def _unsummed(places: Places) -> list[Array]:
    return [place[0] for place in places if len(place) == 1]


def _signature(*arrays: Any) -> Any:
    return jax.tree.structure(arrays), tuple((leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(arrays))


def _slice(page: Array, offset: Array, size: int) -> Array:
    return lax.dynamic_slice(page, (offset,), (size,))


_part = outlined(_slice, static=(2,))
"""Outlined, else the slice is fused into its readers, which then do not vectorise."""


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return function(*arguments)

    call.__name__ = name
    return call
