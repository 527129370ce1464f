"""A network as calls of blocks on numbered values: running them forward leaves a tape, and running the tape backward gives the
gradients.

A block is an operation as a pure function of its parameters and inputs. XLA computes it by programs that all networks share
(`compiled_block`), or NumPy does (`numpy_block`); nothing is compiled for one architecture alone. Blocks of either kind read
what those of the other leave.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jax import Array

from automl_cli.nn.compilation import compiled
from automl_cli.nn.engines import compiled_block, numpy_block
from automl_cli.nn.engines.compiled_block import CompiledBlock, Operands
from automl_cli.nn.engines.numpy_block import NumpyBlock
from automl_cli.nn.engines.pages import NOTHING, Pages

ONE: Any = np.float32(1)
"""Gradient of the loss with respect to itself."""


class BlockCall(NamedTuple):
    """One use of a block: page and offset of its parameters, the values it reads, its side inputs, and the number of its value.

    `operands` are, for each input, the numbers of the values whose sum the input is. `side_inputs` are names: of running
    statistics (their new values are the by-products), of the examples, of the targets, or of random factors. A call without a
    block sums the values of its only input, which needs no backward program.
    """

    block: CompiledBlock | NumpyBlock | None
    page: int
    offset: Any
    operands: tuple[tuple[int, ...], ...]
    side_inputs: tuple[str, ...]
    output: int


class Tape(NamedTuple):
    """Record of a forward run: the values by number, and the residuals and by-products of each call."""

    values: dict[int, Any]
    residuals: list[Any]
    by_products: list[Any]


def run_forward(calls: Sequence[BlockCall], pages: Pages, side_inputs: Mapping[str, Any]) -> Tape:
    """Run all calls in order, in training mode."""
    values: dict[int, Any] = {}
    residuals: list[Any] = []
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
    calls: Sequence[BlockCall], tape: Tape, pages: Pages, gradient_pages: Pages, side_inputs: Mapping[str, Any]
) -> Pages:
    """Return the gradient pages, into which the gradients of the last value, a scalar, for all parameters are written.

    Parameters of a call whose value is not read have no gradient: their part of a page is left unchanged.
    """
    compiled_pages = list(gradient_pages.compiled)
    written = Pages(compiled_pages, gradient_pages.numpy)
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
            page, _ = _parameters(call, written)
            inputs, page = call.block.backward(*arguments, output, block_residuals, arriving, page)
            if isinstance(call.block, CompiledBlock) and call.block.size:
                compiled_pages[call.page] = page
        for terms, gradient in zip(call.operands, inputs, strict=True):
            for value in terms:
                gradients.setdefault(value, []).append(gradient)
    return Pages(tuple(compiled_pages), gradient_pages.numpy)


def run_evaluation(calls: Sequence[BlockCall], pages: Pages, side_inputs: Mapping[str, Any]) -> Any:
    """Run all calls in order, in evaluation mode; return the last value, (batch, …). Other values are freed after their last
    use."""
    values: dict[int, Any] = {}
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


def _parameters(call: BlockCall, pages: Pages) -> tuple[Any, Any]:
    """Return the page of a call's parameters and their offset."""
    if call.block is None or not call.block.size:
        return NOTHING, NOTHING
    of_block = pages.numpy if isinstance(call.block, NumpyBlock) else pages.compiled
    return of_block[call.page], call.offset


def _arrays(call: BlockCall, values: Mapping[int, Array]) -> Operands:
    return tuple(tuple(values[number] for number in terms) for terms in call.operands)


def _side_inputs(call: BlockCall, side_inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(side_inputs[name] for name in call.side_inputs)


def _sum(arrays: Sequence[Any]) -> Any:
    """Add arrays one after another: those of NumPy by NumPy, others two at a time, so that two programs of each shape serve any
    number of them."""
    if all(isinstance(array, np.ndarray) for array in arrays):
        return numpy_block.total(arrays)
    result, *others = arrays
    for start in range(0, len(others), 2):
        result = _add(result, *others[start : start + 2])
    return result


_add = compiled(lambda *arrays: compiled_block.total(arrays), identity="add")
