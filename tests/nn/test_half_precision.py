"""bfloat16: the same result as in float32 up to its 8 bits; parameters, moments and the classifier in float32."""

from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from automl_cli.nn import ops
from automl_cli.nn.engines import StepContext, WholeEngine
from automl_cli.nn.networks import DropSettings, build_network
from automl_cli.nn.ops.backend import has_bfloat16
from automl_cli.nn.ops.units import batch_norm_then, transform
from automl_cli.values.network import IMAGE, AveragePool, Block, ConvolutionUnit, MaxPool, Network, SeparableUnit


def draw(seed: int, *shape: int) -> jax.Array:
    """Return values that bfloat16 represents exactly."""
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.bfloat16).astype(jnp.float32)


def widening(x: jax.Array) -> jax.Array:
    """Return x times a NumPy number, which widens bfloat16 to float32."""
    return x * np.float32(0.5)


UNIT = ConvolutionUnit((3, 3), 6, order="act-conv-bn")

OPERATIONS = {
    "3x3": (ops.convolution, (draw(1, 3, 3, 8, 6),)),
    "1x1 stride 2": (partial(ops.convolution, stride=(2, 2)), (draw(1, 1, 1, 8, 6),)),
    "7x1": (ops.convolution, (draw(1, 7, 1, 8, 6),)),
    "dilated": (partial(ops.convolution, dilation=2), (draw(1, 3, 3, 8, 6),)),
    "depthwise": (ops.depthwise, (draw(1, 5, 5, 8),)),
    "depthwise stride 2": (partial(ops.depthwise, stride=2), (draw(1, 3, 3, 8),)),
    "max pool": (partial(ops.max_pool, window=(3, 3), stride=(2, 2)), ()),
    "average pool": (partial(ops.average_pool, window=(3, 3), stride=(1, 1)), ()),
    "average pool, valid": (partial(ops.average_pool, window=(3, 3), stride=(2, 2), padding="valid"), ()),
    "batch norm": (lambda x, scale, offset: ops.batch_norm(x, scale, offset, relu=True)[0], (draw(2, 8), draw(3, 8))),
    "unit behind a function": (lambda x, k: transform(UNIT, {"kernel": k}, x, widening), (draw(1, 3, 3, 8, 6),)),
    "batch norm, then a function": (
        lambda x, scale, offset: batch_norm_then(widening, x, {"scale": scale, "offset": offset})[0],
        (draw(2, 8), draw(3, 8)),
    ),
}
FLOAT32_PARAMETERS = {"batch norm", "batch norm, then a function"}


def close(found: jax.Array, expected: jax.Array) -> bool:
    """Return whether the RMS difference is below 1 % of the expected RMS: one rounding to 8 bits is 0.2 %."""
    found, expected = (np.asarray(array, np.float64) for array in (found, expected))
    return bool(np.sqrt(np.mean((found - expected) ** 2)) < 0.01 * np.sqrt(np.mean(expected**2)))


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_on_bfloat16_gives_bfloat16_and_the_result_of_float32(name):
    operation, parameters = OPERATIONS[name]
    x = draw(0, 9, 8, 4, 8)
    y, pull = jax.vjp(operation, x, *parameters)
    gradient = draw(4, *y.shape)
    rounded = parameters if name in FLOAT32_PARAMETERS else [array.astype(jnp.bfloat16) for array in parameters]
    halved, pull_halved = jax.vjp(operation, x.astype(jnp.bfloat16), *rounded)
    assert halved.dtype == jnp.bfloat16
    assert close(halved, y)
    found, expected = pull_halved(gradient.astype(jnp.bfloat16)), pull(gradient)
    for ours, theirs, given in zip(found, expected, (x.astype(jnp.bfloat16), *rounded), strict=True):
        assert ours.dtype == given.dtype
        assert close(ours, theirs)


def test_moments_of_bfloat16_are_those_of_its_values_in_float32():
    """The values around 100 leave bfloat16 no bits for their squares."""
    x = (100 + draw(0, 16, 16, 4, 8)).astype(jnp.bfloat16)
    _, mean, variance = ops.batch_norm(x, jnp.ones(8), jnp.zeros(8), relu=False)
    exact = np.asarray(x, np.float64)
    assert mean.dtype == variance.dtype == jnp.float32
    np.testing.assert_allclose(mean, exact.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(variance, exact.var((0, 1, 2)), rtol=2e-2)
    normalised = ops.normalise(x, jnp.ones(8), jnp.zeros(8), mean, variance, relu=False)
    assert normalised.dtype == jnp.bfloat16


NETWORK = Network(
    (
        Block("a", ConvolutionUnit((3, 3), 8), (IMAGE,)),
        Block("b", SeparableUnit(3, 8), ("a",), drop_path=1.0),
        Block("c", MaxPool((3, 3), (1, 1)), ("a",)),
        Block("d", AveragePool((3, 3), (1, 1)), ("a",), drop_path=0.5),
        Block("e", ConvolutionUnit((1, 1), 8), ("b", "d"), join="add"),
    ),
    ("c", "e"),
)


def trained(*, half: bool, steps: int) -> tuple[dict[str, np.ndarray], list[float], np.ndarray]:
    """The state, the losses and outputs after some steps on one batch, with paths and features dropped and a mean kept."""
    random = np.random.default_rng(0)
    labels = np.arange(32) % 3
    images = (random.standard_normal((32, 8, 8, 3)) + labels[:, None, None, None]).astype(np.float32)
    engine = WholeEngine(
        build_network(NETWORK, (8, 8, 3), 3, seed=0),
        loss=lambda logits, labels: optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(),
        update_rule=optax.trace(0.9),
        drop=DropSettings(0.8, 0.2),
        average_decay=0.9,
        half=half,
    )
    state, losses = engine.initial(), []
    for step in range(steps):
        context = StepContext(np.array([step, 1], np.uint32), step / steps)
        state, loss = engine.step(state, jnp.asarray(images), jnp.asarray(labels), 0.05, context)
        losses.append(float(loss))
    return engine.arrays(state), losses, np.asarray(engine.outputs(state, jnp.asarray(images)))


def test_a_training_in_half_precision_follows_the_one_in_float32():
    """bfloat16 is forced on a CPU here; the operations are those of an accelerator."""
    ours, our_losses, our_outputs = trained(half=True, steps=12)
    theirs, their_losses, their_outputs = trained(half=False, steps=12)
    assert our_losses != their_losses
    np.testing.assert_allclose(our_losses, their_losses, rtol=0.03)
    assert their_losses[-1] < their_losses[0] / 1.5
    assert np.abs(our_outputs - their_outputs).mean() < 0.05 * np.abs(their_outputs).mean()
    assert {name: (array.shape, array.dtype) for name, array in ours.items()} == {
        name: (array.shape, array.dtype) for name, array in theirs.items()
    }
    assert our_outputs.dtype == np.float32
    for name, array in ours.items():
        if name.startswith(("parameters.", "statistics.")):
            assert np.linalg.norm(array - theirs[name]) < 0.05 * np.linalg.norm(theirs[name]) + 1e-3, name


def test_activations_are_bfloat16_from_the_first_operation_to_the_last():
    """No operation goes back to float32 unnoticed: every convolution of the step multiplies bfloat16."""
    engine = WholeEngine(
        build_network(NETWORK, (8, 8, 3), 3, seed=0),
        loss=lambda logits, _: logits.sum(),
        update_rule=optax.identity(),
        drop=DropSettings(0.8, 0.2),
        half=True,
    )
    batch = (jnp.zeros((4, 8, 8, 3)), jnp.zeros(4, jnp.int32))
    context = (jnp.zeros(2, jnp.uint32), jnp.float32(0.5))
    text = str(jax.make_jaxpr(engine._step._function)(engine.initial(), *batch, jnp.float32(0.1), *context))
    convolutions = [line for line in text.splitlines() if "= conv_general_dilated[" in line]
    assert len(convolutions) >= 3 * 4 - 1, "forward and both gradients of four, but for the gradient of the image"
    assert all(":bf16[" in line for line in convolutions)


DEVICES = [
    ("cpu", None, False),
    ("tpu", None, True),
    ("gpu", "7.5", False),
    ("gpu", "8.0", True),
    ("gpu", "10.0", True),
    ("gpu", "gfx90a", True),
]


@pytest.mark.parametrize(("platform", "capability", "has"), DEVICES)
def test_which_devices_compute_in_bfloat16(platform, capability, has, monkeypatch):
    monkeypatch.setattr("jax.devices", lambda: [SimpleNamespace(platform=platform, compute_capability=capability)])
    assert has_bfloat16() == has
