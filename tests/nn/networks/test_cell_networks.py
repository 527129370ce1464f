"""Networks of cells as Flax modules: exact size for any genotype, and each operation against its definition."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import Array, lax

from automl_cli.kinds.cell import CellBody
from automl_cli.nn import ops
from automl_cli.nn.engines import WholeEngine
from automl_cli.nn.losses import CrossEntropy
from automl_cli.nn.networks import NetworkModule, build_network
from automl_cli.references import open_artifact
from automl_cli.values.cell import CELL_OPERATIONS, OperationContext
from automl_cli.values.network import IMAGE, Block, Network
from automl_cli.values.operations import (
    ActivationOperation,
    AveragePool,
    ConvolutionUnit,
    FactorizedReduction,
    Identity,
    Operation,
    SeparableUnit,
)
from automl_cli.values.skeleton import cell_network, stack
from tests.values.samples import random_cells

LAYOUT = ("NHWC", "HWIO", "NHWC")


def images(*shape: int, seed: int = 0) -> Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def parameters_of(model: NetworkModule) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))


@settings(max_examples=8, deadline=None)
@given(
    st.integers(0, 10**9),
    st.sampled_from(["nasnet", "sp-i"]),
    st.booleans(),
    st.integers(1, 2),
    st.integers(2, 9),
    st.sampled_from([(8, 8, 1), (9, 7, 3), (32, 32, 3)]),
)
def test_the_built_network_has_exactly_the_parameters_that_costs_says(seed, variant, bottleneck, repeats, filters, image):
    cells = random_cells(seed, variant=variant, bottleneck=bottleneck)
    network = cell_network(cells, stack("cifar", repeats=repeats, filters=filters), image)
    assert parameters_of(build_network(network, image, 10, seed=seed)) == network.costs(image, 10).parameters


@pytest.mark.parametrize(("filters", "parameters"), [(32, 1_294_698), (24, 757_906)])
def test_the_built_search_child_of_nasnet_a_has_the_size_that_follows_from_the_definition(filters, parameters):
    cells = open_artifact("nasnet-a", CellBody).artifact.body.value
    network = cell_network(cells, stack("cifar", repeats=2, filters=filters), (32, 32, 3))
    assert parameters_of(build_network(network, (32, 32, 3), 10, seed=0)) == parameters


@pytest.mark.parametrize("skeleton", ["cifar", "imagenet"])
def test_shapes_are_those_of_the_description(skeleton, monkeypatch):
    """Random cells of both variants in both skeletons, block by block; nothing is computed."""
    shapes, run = {}, NetworkModule._run

    def watched(self, blocks, modules, tensors, **how):
        run(self, blocks, modules, tensors, **how)
        shapes.update((name, (*x.shape[:2], x.shape[3])) for name, x in tensors.items())

    monkeypatch.setattr(NetworkModule, "_run", watched)
    for seed in range(4):
        shapes.clear()
        cells = random_cells(seed, variant=("nasnet", "sp-i")[seed % 2])
        network = cell_network(cells, stack(skeleton, repeats=1, filters=8), (35, 33, 3))
        model = build_network(network, (35, 33, 3), 4, seed=0)
        logits = jax.eval_shape(lambda x, model=model: model(x, train=False), jax.ShapeDtypeStruct((2, 35, 33, 3), jnp.float32))
        assert shapes == network.shapes((35, 33, 3))
        assert logits.shape == (2, 4)


def output_of(operation: Operation, x: Array, *, join: str = "concatenate", inputs: int = 1) -> tuple[nnx.Module, Array]:
    """Return the module of an operation, and its output for images (batch, height, width, channels) read `inputs` times."""
    network = Network((Block("a", operation, (IMAGE,) * inputs, join),), ("a",), fan="out")
    model = build_network(network, x.shape[1:], 2, seed=3)
    tensors = [x.transpose(1, 2, 0, 3)] * inputs
    module = model.blocks["a"]
    return module, module([sum(tensors)] if join == "add" else tensors, train=True).transpose(2, 0, 1, 3)


def normalised(y: Array) -> Array:
    return (y - y.mean((0, 1, 2), keepdims=True)) / jnp.sqrt(y.var((0, 1, 2), keepdims=True) + 1e-5)


def convolved(
    x: Array, kernel: Array, stride: int | tuple[int, int] = 1, dilation: int = 1, groups: int = 1, rule: str = "SAME"
) -> Array:
    steps = (stride, stride) if isinstance(stride, int) else stride
    return lax.conv_general_dilated(
        x, kernel, steps, rule, rhs_dilation=(dilation, dilation), dimension_numbers=LAYOUT, feature_group_count=groups
    )


def assert_close(found: Array, expected: Array) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "rule"),
    [
        ((3, 3), (2, 2), 1, "same"),
        ((1, 7), (1, 2), 1, "same"),
        ((7, 1), (2, 1), 1, "same"),
        ((3, 3), (1, 1), 2, "same"),
        ((3, 3), (2, 2), 2, "same"),
        ((1, 1), (2, 2), 1, "same"),
        ((3, 3), (2, 2), 1, "valid"),
        ((6, 6), (1, 1), 1, "valid"),
    ],
)
@pytest.mark.parametrize("order", ["act-conv-bn", "conv-bn", "conv-bn-act"])
def test_convolution_units_pad_stride_and_dilate_as_said(kernel, stride, dilation, rule, order):
    x = images(8, 6, 6, 3)
    module, found = output_of(ConvolutionUnit(kernel, 4, stride, order, dilation, rule), x)
    activated = jax.nn.relu(x) if order == "act-conv-bn" else x
    expected = normalised(convolved(activated, module.kernel[...], stride, dilation, rule=rule.upper()))
    assert_close(found, jax.nn.relu(expected) if order == "conv-bn-act" else expected)


@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(3, 1, 1), (5, 2, 1), (7, 1, 1), (3, 1, 2)])
def test_separable_units_have_nothing_between_the_two_convolutions(kernel, stride, dilation):
    x = images(2, 8, 7, 3)
    module, found = output_of(SeparableUnit(kernel, 4, stride, dilation), x)
    between = convolved(jax.nn.relu(x), module.depthwise[...][:, :, None], stride, dilation, groups=3)
    assert_close(found, normalised(convolved(between, module.pointwise[...])))


@pytest.mark.parametrize("size", [(8, 8), (7, 5)])
@pytest.mark.parametrize("order", ["conv-bn", "act-conv-bn"])
def test_factorized_reduction_sees_even_places_by_one_path_and_odd_ones_by_the_other(size, order):
    x = images(2, *size, 3)
    module, found = output_of(FactorizedReduction(5, order), x)
    read = jax.nn.relu(x) if order == "act-conv-bn" else x
    odd = jnp.pad(read, ((0, 0), (0, 1), (0, 1), (0, 0)))[:, 1:, 1:]
    halves = [convolved(part[:, ::2, ::2], kernel[...]) for part, kernel in ((read, module.even), (odd, module.odd))]
    assert [half.shape[-1] for half in halves] == [2, 3]
    assert_close(found, normalised(jnp.concatenate(halves, -1)))


def test_average_pool_and_activation_modules_compute_their_operations():
    x = images(2, 6, 6, 3)
    _, pooled = output_of(AveragePool((3, 3), (2, 2)), x)
    assert_close(pooled, ops.average_pool(x.transpose(1, 2, 0, 3), (3, 3), (2, 2)).transpose(2, 0, 1, 3))
    assert_close(output_of(ActivationOperation(), x)[1], jax.nn.relu(x))


def test_inputs_are_added_or_concatenated_as_the_block_says():
    x = images(2, 4, 4, 3)
    network = {
        join: Network((Block("a", Identity(), (IMAGE, IMAGE), join), Block("b", Identity(), ("a",))), ("b",))
        for join in ("add", "concatenate")
    }
    for join, factor, features in (("add", 2, 3), ("concatenate", 1, 6)):
        model = build_network(network[join], (4, 4, 3), 2, seed=0)
        pooled = jnp.concatenate([x.mean((1, 2))] * (features // 3), -1) * factor
        assert_close(model(x, train=False), pooled @ model.classifier.weights[...])


def test_kernels_of_cells_are_drawn_by_what_comes_from_one_input():
    """The variance of 2 / fan out, to 5 %: four standard deviations at the numbers of weights drawn here."""
    x = images(1, 4, 4, 24)
    wide, _ = output_of(ConvolutionUnit((3, 3), 96, order="act-conv-bn"), x)
    assert float(wide.kernel[...].var()) == pytest.approx(2 / (9 * 96), rel=0.05)
    separable, _ = output_of(SeparableUnit(7, 96), images(1, 4, 4, 96))
    assert float(separable.depthwise[...].var()) == pytest.approx(2 / 49, rel=0.1)


def chain_network(operation: str, stride: int) -> Network:
    """Return a network of a projection of the image, the operation, and the classifier."""
    chain = CELL_OPERATIONS[operation](OperationContext(channels=3, filters=16, stride=stride, bottleneck=True))
    names = ["stem", *(f"{operation}.{number}" for number in range(len(chain)))]
    units = (ConvolutionUnit((1, 1), 3, order="conv-bn"), *chain)
    blocks = tuple(Block(name, unit, (before,)) for name, unit, before in zip(names, units, (IMAGE, *names), strict=False))
    return Network(blocks, (names[-1],))


@pytest.mark.parametrize(("operation", "stride"), [*zip(CELL_OPERATIONS, [1, 2] * 7, strict=True)])
def test_every_operation_trains_all_its_parameters(operation, stride):
    """One step at rate 1 with an update rule that gives the gradient itself changes every array."""
    model = build_network(chain_network(operation, stride), (6, 6, 1), 3, seed=0)
    engine = WholeEngine(model, loss=CrossEntropy(), update_rule=optax.identity())
    before = engine.arrays(engine.initial())
    state, loss = engine.step(engine.initial(), images(16, 6, 6, 1), jnp.arange(16) % 3, 1.0)
    after = engine.arrays(state)
    assert np.isfinite(loss)
    assert [name for name in before if name.startswith("parameters.") and not (before[name] != after[name]).any()] == []
