"""Compile and run one small program, and say what happened as one line of JSON: run by `automl doctor` in a process of its own.

    y = sum relu(convolution(x, w)),   with its gradient for w

The result is compared with the same sums in NumPy.
"""

import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from automl_cli.store.encoding import line

TOLERANCE = 1e-2
"""The largest relative difference from NumPy that is no fault; a GPU multiplies with fewer bits."""


def _loss(weights: jax.Array, images: jax.Array) -> jax.Array:
    """Sum of relu(convolution): weights (3, 3, 1, 4), images (batch, height, width, 1) -> ()."""
    found = jax.lax.conv_general_dilated(images, weights, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jnp.sum(jnp.maximum(found, 0.0))


def _expected(weights: np.ndarray, images: np.ndarray) -> float:
    """Return the same sum by NumPy."""
    windows = np.lib.stride_tricks.sliding_window_view(images[..., 0], (3, 3), axis=(1, 2))
    return float(np.maximum(np.einsum("bhwij,ijo->bhwo", windows, weights[:, :, 0]), 0).sum())


def self_test() -> dict[str, Any]:
    """Return the devices that JAX finds here, whether the program is right, and the seconds that it took."""
    started = time.perf_counter()
    random = np.random.default_rng(0)
    images, weights = (random.standard_normal(shape).astype(np.float32) for shape in ((2, 8, 8, 1), (3, 3, 1, 4)))
    value, gradient = jax.jit(jax.value_and_grad(_loss))(jnp.asarray(weights), jnp.asarray(images))
    expected = _expected(weights, images)
    off = abs(float(value) - expected) / expected
    devices = [f"{device.platform}: {device.device_kind}" for device in jax.devices()]
    right = off < TOLERANCE and bool(np.isfinite(np.asarray(gradient)).all())
    return {"devices": devices, "right": right, "off": off, "seconds": time.perf_counter() - started}


def main() -> None:
    """Write the outcome on stdout."""
    sys.stdout.buffer.write(line(self_test()))
