"""Networks made by experts as Flax modules, and by both engines."""

import jax.numpy as jnp
import numpy as np
import pytest

from automl_cli.nn import ops
from automl_cli.nn.engines import named_arrays
from automl_cli.nn.networks import build_network
from automl_cli.values.expert_networks import convnet, resnet, wide_resnet
from automl_cli.values.network import IMAGE, Block, Network, Normalisation
from tests.nn.engines.test_engines import assert_same_step, one_step_by_each

NETWORKS = {
    "resnet-8": resnet(8),
    "wrn-10-1": wide_resnet(10, 1),
    "wrn-10-2": wide_resnet(10, 2),
    "convnet-2x32": convnet(2, 32),
}
every_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


@every_network
@pytest.mark.parametrize("image", [(32, 32, 3), (8, 8, 1)], ids=["cifar", "digits"])
def test_a_module_has_as_many_parameters_as_the_network_costs(network: Network, image: tuple[int, int, int]) -> None:
    parameters, _ = named_arrays(build_network(network, image, 10, seed=0))
    assert sum(array.size for array in parameters.values()) == network.costs(image, 10).parameters


@every_network
def test_both_engines_give_the_same_loss_gradients_statistics_and_outputs(network: Network) -> None:
    """The last map is one of 2 x 2 pixels, so that batch norm is of 128 numbers: rounding weighs more than in a wide map."""
    whole, blocks = one_step_by_each(network, (8, 8, 1), count=32)
    assert_same_step(blocks, whole, arrays=2e-4, outputs=5e-5)


@pytest.mark.parametrize("activation", [jnp.tanh, lambda x: x + 1], ids=["tanh", "plus-one"])
def test_the_engines_agree_on_another_activation(activation) -> None:
    whole, blocks = one_step_by_each(wide_resnet(10, 1), (8, 8, 1), count=32, activation=activation)
    assert_same_step(blocks, whole, arrays=2e-4, outputs=5e-5)


def test_subsampling_takes_every_second_pixel_and_adds_channels_of_zeros() -> None:
    x = np.arange(5 * 4 * 2 * 3, dtype=np.float32).reshape(5, 4, 2, 3)
    found = np.asarray(ops.subsample(jnp.asarray(x), 2, 2))
    assert found.shape == (3, 2, 2, 5)
    np.testing.assert_array_equal(found[..., :3], x[::2, ::2])
    assert not found[..., 3:].any()


@pytest.mark.parametrize(("order", "least"), [("bn", -10.0), ("bn-act", 0.0)])
def test_normalisation_gives_mean_0_and_variance_1_and_activates_when_asked_to(order, least) -> None:
    network = Network((Block("norm", Normalisation(order), (IMAGE,)),), ("norm",))
    module = build_network(network, (6, 6, 2), 3, seed=0).blocks["norm"]
    x = np.random.default_rng(0).normal(3, 5, (6, 6, 8, 2)).astype(np.float32)
    found = np.asarray(module([jnp.asarray(x)], train=True))
    expected = (x - x.mean((0, 1, 2))) / x.std((0, 1, 2))
    np.testing.assert_allclose(found, np.maximum(expected, least), atol=1e-5)
