"""Training images from stored pixels to the inputs of a network: whitened, and changed by baseline, policy and Cutout in order.

Without a policy the baseline works on whitened images, in float. A policy works on bytes. In the order `paper` the baseline
comes first, and what it gives is rounded to bytes, so that a margin of zeros, the mean, becomes the mean rounded. In the order
`authors` the policy comes first, and the baseline works on what is whitened behind it. Cutout comes last, on whitened images.

The policy is data: one program serves all policies of a search.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from automl_cli.nn.augment.crops import Transform
from automl_cli.nn.augment.cutout import cut_out
from automl_cli.nn.augment.policy import PolicyTable, apply_policy
from automl_cli.values.augmentation import Order

POLICY_DRAWS, CUTOUT_DRAWS = 2**16, 2**16 + 1
"""Numbers folded into the key of a batch for the draws of policy and Cutout. A baseline splits the key itself, into fewer."""


class Pipeline(NamedTuple):
    """Changes of a batch of training images beside the policy. Hashable: programs are kept by it.

    `baseline` changes whitened images, `cutout` is the side of the square as a share of the shorter side, `order` the place of
    the policy.
    """

    baseline: Transform | None = None
    cutout: float = 0.0
    order: Order = "paper"


def whiten(images: Array, mean: Array, std: Array) -> Array:
    """Subtract the mean and divide by the standard deviation of each channel over the training images.

    `images` are (batch, height, width, channels) of any dtype, `mean` and `std` (channels,); the result is float32.
    """
    return (images.astype(jnp.float32) - mean[None, None, None]) / jnp.maximum(std, 1e-6)[None, None, None]


def as_bytes(whitened: Array, mean: Array, std: Array) -> Array:
    """Undo `whiten`, and round to uint8; whitened images are (batch, height, width, channels), moments (channels,)."""
    images = whitened * jnp.maximum(std, 1e-6)[None, None, None] + mean[None, None, None]
    return jnp.clip(jnp.rint(images), 0, 255).astype(jnp.uint8)


def training_inputs(
    images: Array, mean: Array, std: Array, key: Array, *, pipeline: Pipeline, policy: PolicyTable | None
) -> Array:
    """Return the images (batch, height, width, channels) as a network is trained on them, float32 of the same shape.

    `images` are of any dtype without a policy, uint8 with one. `mean` and `std` are (channels,). `key` is (2,) uint32, the raw
    data of a threefry key, from which everything is drawn.
    """
    drawn = jax.random.wrap_key_data(key, impl="threefry2x32")
    if policy is not None and pipeline.order == "paper":
        images = with_policy(based_bytes(images, mean, std, drawn, pipeline.baseline), policy, drawn)
        whitened = whiten(images, mean, std)
    else:
        images = images if policy is None else with_policy(images, policy, drawn)
        whitened = whiten(images, mean, std)
        whitened = whitened if pipeline.baseline is None else pipeline.baseline(whitened, drawn)
    if not pipeline.cutout:
        return whitened
    return cut_out(whitened, cutout_key(drawn), share=pipeline.cutout, fill=jnp.zeros(whitened.shape[-1], whitened.dtype))


def augmented_bytes(
    images: Array, mean: Array, std: Array, key: Array, *, pipeline: Pipeline, policy: PolicyTable | None, fill: Array
) -> Array:
    """Return the images (batch, height, width, channels) augmented for use elsewhere, uint8 of the same shape.

    Every step gives bytes. The baseline works on images whitened by `mean` and `std` (channels,); Cutout sets its square to
    `fill` (channels,), uint8.
    """
    if pipeline.order == "paper":
        images = based_bytes(images, mean, std, key, pipeline.baseline)
    images = images if policy is None else with_policy(images, policy, key)
    if pipeline.order == "authors":
        images = based_bytes(images, mean, std, key, pipeline.baseline)
    return cut_out(images, cutout_key(key), share=pipeline.cutout, fill=fill) if pipeline.cutout else images


def based_bytes(images: Array, mean: Array, std: Array, key: Array, baseline: Transform | None) -> Array:
    """Apply a baseline to images (batch, height, width, channels) uint8, and round what it gives to uint8."""
    return images if baseline is None else as_bytes(baseline(whiten(images, mean, std), key), mean, std)


def with_policy(images: Array, policy: PolicyTable, key: Array) -> Array:
    """Apply a policy to images (batch, height, width, channels), by draws of its own from the key of the batch.

    Raises TypeError for images that are not uint8.
    """
    if images.dtype != jnp.uint8:
        raise TypeError(f"policies change images of bytes, uint8; these are {images.dtype}")
    return apply_policy(images, policy, jax.random.fold_in(key, POLICY_DRAWS))


def cutout_key(key: Array) -> Array:
    """Return the key for the draws of Cutout, from the key of the batch; both are typed keys, scalars."""
    return jax.random.fold_in(key, CUTOUT_DRAWS)
