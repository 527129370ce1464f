"""What the device is good at.

The forms made for a CPU are for float32 on a CPU; all other arrays are given to XLA's own operations. bfloat16 is what
accelerators multiply fastest: TPUs, and GPUs from NVIDIA's Ampere (compute capability 8) on. Its exponent is float32's, so
gradients need no scaling; on a CPU it gains nothing.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def for_cpu(x: Array) -> bool:
    """Whether operations on this array take their form for a CPU."""
    return jax.default_backend() == "cpu" and x.dtype == jnp.float32


def numbers_of(shape: tuple[Any, ...]) -> int:
    """How many numbers an array has, to choose a form by; an axis whose length is not known, as the examples of an exported
    program, counts as 1."""
    return math.prod(size for size in shape if isinstance(size, int))


FIRST_CAPABILITY = 8.0
"""NVIDIA's first compute capability with bfloat16."""


def has_bfloat16() -> bool:
    """Whether the device that computes multiplies bfloat16 in hardware."""
    device = jax.devices()[0]
    if device.platform != "gpu":
        return device.platform == "tpu"
    capability = str(device.compute_capability)
    return not capability[0].isdigit() or float(capability) >= FIRST_CAPABILITY  # AMD's have names, such as gfx90a
