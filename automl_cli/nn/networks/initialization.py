"""Initial parameters: normal, drawn with NumPy, so that making a network compiles nothing.

Arrays are put on the device as they are: `jnp.asarray`, `jnp.ones` and the like compile a program for every new shape, which
takes 30 ms, and the kernels of every network have new shapes.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from automl_cli.core.random_streams import stream_seed
from automl_cli.values.network import Fan


class Initializer:
    """Draws the initial parameters of one block, which depend only on the seed of the network and the block's name.

    Kernels have variance 2 / fan (arXiv 1502.01852), where fan is the fan-in or the fan-out of one number.
    """

    def __init__(self, seed: int, block: str, fan: Fan) -> None:
        self._random = np.random.Generator(np.random.Philox(key=stream_seed(seed, "initial parameters", block)))
        self._fan = fan

    def kernel(self, shape: tuple[int, ...]) -> nnx.Param[jnp.ndarray]:
        """Return the kernel of a convolution, (height, width, channels, filters), or of a depthwise one, (height, width,
        channels).

        Both fans of a depthwise kernel are height * width.
        """
        positions, *channels = shape[0] * shape[1], *shape[2:]
        fan = positions if len(channels) == 1 else positions * channels[0 if self._fan == "in" else 1]
        return self._normal(shape, 2 / fan)

    def weights(self, features: int, classes: int) -> nnx.Param[jnp.ndarray]:
        """Return the weights of a linear layer, (features, classes), with variance 1 / features."""
        return self._normal((features, classes), 1 / features)

    def _normal(self, shape: tuple[int, ...], variance: float) -> nnx.Param[jnp.ndarray]:
        return nnx.Param(jax.device_put(self._random.standard_normal(shape, np.float32) * np.sqrt(np.float32(variance))))


def constant(value: float, size: int) -> Array:
    """Return an array (size,), float32, of one value."""
    return jax.device_put(np.full(size, value, np.float32))
