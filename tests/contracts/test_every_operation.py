"""Laws that hold for every operation of a network: both engines compute it alike, and it costs what it says."""

from functools import partial
from typing import get_args

import jax
import numpy as np
import pytest

from automl_cli.nn.conversion import convertible
from automl_cli.nn.engines import named_arrays
from automl_cli.nn.networks import build_network
from automl_cli.values.network import IMAGE, Block, Network
from automl_cli.values.operations import (
    ActivationOperation,
    AveragePool,
    ConvolutionUnit,
    FactorizedReduction,
    Identity,
    MaxPool,
    Normalisation,
    Operation,
    SeparableUnit,
    Subsampling,
)
from tests.nn.engines.test_engines import assert_same_step, one_step_by_each

SIZE = (7, 6, 2)
FIRST = Block("first", ConvolutionUnit((3, 3), 4), (IMAGE,))
READS = {"image": (IMAGE,), "block": ("first",), "both": ("first", IMAGE)}

EXAMPLES: dict[type[Operation], tuple[Operation, ...]] = {
    ConvolutionUnit: (
        ConvolutionUnit((3, 3), 4),
        ConvolutionUnit((1, 1), 3, order="conv-bn"),
        ConvolutionUnit((1, 5), 3, (1, 2)),
        ConvolutionUnit((3, 3), 3, (2, 2), order="act-conv-bn", padding="same"),
        ConvolutionUnit((3, 3), 3, order="act-conv-bn", dilation=2, padding="same"),
        ConvolutionUnit((5, 5), 3, padding="valid"),
        ConvolutionUnit((3, 3), 4, (2, 2), order="conv"),
        ConvolutionUnit((1, 1), 3, order="conv"),
    ),
    SeparableUnit: (SeparableUnit(3, 4), SeparableUnit(5, 3, stride=2), SeparableUnit(3, 3, dilation=2)),
    FactorizedReduction: (
        FactorizedReduction(4),
        FactorizedReduction(5, order="act-conv-bn"),
        FactorizedReduction(1),  # one filter is the odd path alone, as at the beginning of ImageNet's stem at F = 4
    ),
    MaxPool: (MaxPool((3, 3), (1, 1)), MaxPool((2, 2), (2, 2))),
    AveragePool: (AveragePool((3, 3), (1, 1)), AveragePool((3, 3), (2, 2)), AveragePool((5, 5), (3, 3), "valid")),
    Normalisation: (Normalisation(), Normalisation("bn")),
    Subsampling: (Subsampling(2, 9), Subsampling(3, 6), Subsampling(1, 8)),
    ActivationOperation: (ActivationOperation(),),
    Identity: (Identity(),),
}
OPERATIONS = [operation for examples in EXAMPLES.values() for operation in examples]
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
every_input = pytest.mark.parametrize("reads", READS.values(), ids=READS)


def network_of(operation: Operation, reads: tuple[str, ...]) -> Network:
    """The operation between a convolution and another one that reads what it makes."""
    after = Block("after", ConvolutionUnit((1, 1), 3), ("operation",))
    return Network((FIRST, Block("operation", operation, reads), after), ("after",))


def test_the_examples_hold_every_operation() -> None:
    assert set(EXAMPLES) == set(get_args(Operation))
    assert all(examples for examples in EXAMPLES.values())
    assert all(type(operation) is kind for kind, examples in EXAMPLES.items() for operation in examples)


@every_operation
@every_input
def test_both_engines_give_the_same_loss_gradients_and_outputs(operation: Operation, reads: tuple[str, ...]) -> None:
    """Against float64, rounding moves a gradient of either engine by up to 1.1e-4 of its largest value, behind a 3 x 3 max
    pool: the maps that it makes vary little, and batch norm subtracts their mean."""
    whole, blocks = one_step_by_each(network_of(operation, reads), SIZE, count=32)
    assert_same_step(blocks, whole, arrays=2e-4, outputs=5e-5)


@every_operation
@every_input
def test_a_module_has_as_many_parameters_as_its_operation_costs(operation: Operation, reads: tuple[str, ...]) -> None:
    network = network_of(operation, reads)
    model = build_network(network, SIZE, 3, seed=0)
    parameters, _ = named_arrays(model.blocks["operation"])
    shape = network.blocks[1].input_shape(network.shapes(SIZE))
    assert sum(array.size for array in parameters.values()) == operation.costs(shape).parameters


@every_operation
@every_input
def test_a_module_makes_the_shape_that_its_operation_says(operation: Operation, reads: tuple[str, ...]) -> None:
    model = build_network(network_of(operation, reads), SIZE, 3, seed=0)
    shapes = network_of(operation, reads).shapes(SIZE)
    inputs = [np.zeros((*shapes[name][:2], 5, shapes[name][2]), np.float32) for name in reads]
    height, width, batch, channels = model.blocks["operation"](inputs, train=False).shape
    assert ((height, width, channels), batch) == (shapes["operation"], 5)


def network_of_all() -> Network:
    """Every operation behind a first convolution, side by side."""
    named = [Block(f"operation {number}", operation, ("first",)) for number, operation in enumerate(OPERATIONS)]
    return Network((FIRST, *named), tuple(block.name for block in named))


def test_a_converter_is_given_operations_that_compute_the_same() -> None:
    """A network of all operations, in the axes that converters to other formats know, and with nothing widened first."""
    model = build_network(network_of_all(), SIZE, 3, seed=0)
    images = np.random.default_rng(0).normal(size=(3, *SIZE)).astype(np.float32)
    function = convertible(lambda images: model(images, train=False), jax.ShapeDtypeStruct(images.shape, images.dtype))
    equations = jax.make_jaxpr(function)(images).eqns
    names = {equation.primitive.name for equation in equations}
    assert {"conv_general_dilated", "reduce_window_max", "reduce_window_sum"} <= names
    assert not {"custom_vjp_call", "broadcast_in_dim"} & names
    convolutions = [one.params["dimension_numbers"] for one in equations if one.primitive.name == "conv_general_dilated"]
    assert {tuple(axes.lhs_spec) for axes in convolutions} == {(0, 1, 2, 3)}
    wanted, found = (np.asarray(jax.jit(each)(images)) for each in (partial(model, train=False), function))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
