"""Values outside of children, as objects of Optax, JAX and Flax for programs of one's own: what `automl_cli.load` builds."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array

from automl_cli.children.activation import function
from automl_cli.children.augmentation import images
from automl_cli.children.network import build
from automl_cli.children.optimizer import started
from automl_cli.core.errors import UserError
from automl_cli.kinds.cell import stack_for
from automl_cli.kinds.network import NetworkBody
from automl_cli.nn.augment.pipeline import augmented_bytes
from automl_cli.nn.augment.policy import policy_table
from automl_cli.nn.interpret.layers import ActivationLayer, function_of
from automl_cli.plugins.kind import TrainingChoices
from automl_cli.plugins.roles import by_names, value_of
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.cell import CellPair
from automl_cli.values.dataset import ImageFacts
from automl_cli.values.expressions.tree import uses
from automl_cli.values.network import Network, Shape
from automl_cli.values.optimizer import LibraryOptimizer, Optimizer
from automl_cli.values.policy import FILLS
from automl_cli.values.recipe import Recipe
from automl_cli.values.skeleton import cell_network

MIDDLE = 127.5
"""Mean and deviation that scale bytes to -1 .. 1, on which colours are distorted."""


def optimizer(
    rule: Optimizer,
    *,
    learning_rate: optax.ScalarOrSchedule | None = None,
    total_steps: int | None = None,
    seed: int = 0,
    weight_decay: float = 0.0,
) -> optax.GradientTransformation:
    """Return the update rule with a learning rate, as an Optax transformation whose updates are added to the parameters.

    The rate is a number, or a function of the number of steps done; without one it is that at which the rule was found. Decay
    of all parameters is added to the gradient, or with a decoupled rule to the update. `total_steps` is T of rules with a
    decay, `seed` that of rules that draw. Raises UserError where a rate or the steps are needed and not given, and
    for an optimizer of a library.
    """
    if isinstance(rule, LibraryOptimizer):
        raise UserError(f"{rule.name!r} is an optimizer of optax.contrib; build it there")
    rate = rule.learning_rate if learning_rate is None else learning_rate
    if rate is None:
        raise UserError("no learning rate is known of this update rule; give learning_rate, a number or a schedule")
    if total_steps is None and uses(rule.expanded, "T"):
        raise UserError("this update rule depends on how many steps there are in all; give total_steps")
    recipe = Recipe(batch_size=1, learning_rate=1.0, weight_decay=weight_decay)
    scaled = started(rule, recipe, total_steps=total_steps or 1, seed=seed)
    return optax.chain(scaled, optax.scale_by_learning_rate(rate))


def activation(value: ActivationFunction, *, channels: int | None = None) -> nnx.Module | Callable[..., Array]:
    """Return f(x, *betas) of x (…, channels); with a number of channels a module that trains its betas."""
    return function_of(value) if channels is None else ActivationLayer(value, channels)


def augmentation(value: Augmentation, *, flip: bool = False) -> Callable[[Array, Array], Array]:
    """Return the augmentation as a traceable function of images (batch, height, width, channels) uint8 and a random key, to
    images of the same shape and type.

    With `flip` the baselines standard and flip-crop mirror half of the images. The margins of flip-crop, and Cutout, have the
    fill of the value's mapping. Of inception the function makes the changes of colour; windows and flips belong to pictures
    that are decoded on demand. Raises TypeError for images that are not uint8.
    """
    pipeline = images(value, flip=flip).pipeline

    def augment(batch: Array, key: Array) -> Array:
        if batch.dtype != jnp.uint8:
            raise TypeError(f"images to augment are uint8, from 0 to 255; these are {batch.dtype}")
        _, height, width, channels = batch.shape
        colour = FILLS[value.mapping] if channels == 3 else FILLS[value.mapping][:1] * channels
        fill = jnp.asarray(colour, jnp.uint8)
        policy = None if value.policy is None else policy_table(value, (height, width, channels))
        mean, std = (jnp.full(channels, MIDDLE), jnp.full(channels, MIDDLE)) if value.streamed else (fill, jnp.ones(channels))
        return augmented_bytes(jnp.asarray(batch), mean, std, key, pipeline=pipeline, policy=policy, fill=fill)

    return augment


def network(
    value: Network, *, image_shape: Shape, classes: int, seed: int = 0, activation: str = "relu", auxiliary: bool = False
) -> nnx.Module:
    """Return the network with fresh parameters, from images (batch, height, width, channels) to logits (batch, classes).

    `image_shape` is (height, width, channels), `activation` a published name. It is called as `module(images, train=False)`.
    """
    acts = function(value_of(by_names({"activation": activation})["activation"]))
    return build(value, _facts(image_shape, classes), seed=seed, activation=acts, auxiliary=auxiliary)


def stacked(
    value: CellPair, *, image_shape: Shape, classes: int, stack: str | None = None, filters: int | None = None, **more: Any
) -> nnx.Module:
    """Return the network stacked from the cells: as `stack` (N@P) says, or as published for such images. `more` are settings of
    `network`."""
    chosen = stack_for(value, image_shape, TrainingChoices(stack=stack, filters=filters))
    return network(cell_network(value, chosen, image_shape), image_shape=image_shape, classes=classes, **more)


def scaled(body: NetworkBody, **more: Any) -> nnx.Module:
    """Return the network of scaled cells for the images and classes that it was scaled for. `more` are settings of
    `network`."""
    return network(body.network, **{"image_shape": body.image_shape, "classes": body.classes, **more})


def _facts(image_shape: Shape, classes: int) -> ImageFacts:
    return ImageFacts(
        image_shape=image_shape,
        classes=tuple(map(str, range(classes))),
        train_examples=0,
        validation_examples=0,
        test_examples=0,
        flip=False,
    )
