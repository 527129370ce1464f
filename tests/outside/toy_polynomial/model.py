"""The polynomial as a Flax module. It carries a memory of x from batch to batch."""

from typing import Any

import jax.numpy as jnp
from flax import nnx
from jax import Array

from toy_polynomial.kind import Polynomial


class Curve(nnx.Module):
    """outputs = sum of a_k x^k + w memory; memory <- (memory + mean of x) / 2."""

    def __init__(self, powers: tuple[int, ...], seed: int) -> None:
        self.powers = powers
        self.coefficients = nnx.Param(0.1 * nnx.Rngs(seed).params.normal((len(powers),)))
        self.weight = nnx.Param(jnp.zeros(()))

    def __call__(self, inputs: Array, memory: Array, *, train: bool) -> tuple[Array, Array]:
        terms = jnp.stack([inputs**power for power in self.powers], -1)
        outputs = terms @ self.coefficients[...] + self.weight[...] * memory
        return outputs, (memory + inputs.mean()) / 2


def build(polynomial: Polynomial, facts: Any, *, seed: int, activation: Any, auxiliary: bool) -> nnx.Module:
    """The module, its coefficients freshly drawn; a polynomial has no activation and no auxiliary head."""
    return Curve(polynomial.powers, seed)
