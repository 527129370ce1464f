"""Tests of the device that computes: whether operations take their CPU forms, and whether bfloat16 pays off.

The CPU forms are for float32 on a CPU; all other arrays are passed to XLA's own operations. bfloat16 is the fastest dtype of
accelerators: TPUs, and NVIDIA's GPUs from Ampere (compute capability 8) on. It has the exponent of float32, so gradients need
no scaling; on a CPU it gains nothing.

Programs that run elsewhere are traced inside `native_operations`, which turns the CPU forms off.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

_ONLY_NATIVE: ContextVar[bool] = ContextVar("only_native", default=False)


@contextmanager
def native_operations() -> Iterator[None]:
    """Have what is traced inside take XLA's own operations, for programs that run elsewhere.

    A function that JAX has traced before keeps its form: trace a new one.
    """
    token = _ONLY_NATIVE.set(True)
    try:
        yield
    finally:
        _ONLY_NATIVE.reset(token)


def for_cpu(x: Array) -> bool:
    """Return whether operations on an array x of any shape take their CPU form."""
    return not _ONLY_NATIVE.get() and jax.default_backend() == "cpu" and x.dtype == jnp.float32


def element_count(shape: tuple[Any, ...]) -> int:
    """Return the number of elements of an array of this shape, for choosing a form.

    An axis of unknown length, such as the batch of an exported program, counts as 1.
    """
    return math.prod(size for size in shape if isinstance(size, int))


FIRST_CAPABILITY = 8.0
"""NVIDIA's first compute capability with bfloat16."""


def has_bfloat16() -> bool:
    """Return whether the device multiplies bfloat16 in hardware."""
    device = jax.devices()[0]
    if device.platform != "gpu":
        return device.platform == "tpu"
    capability = str(device.compute_capability)
    return not capability[0].isdigit() or float(capability) >= FIRST_CAPABILITY  # AMD's have names, such as gfx90a
