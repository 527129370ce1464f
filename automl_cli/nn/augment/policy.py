"""A policy applied to a batch: every image gets the operations that are drawn for it, and no others are computed.

The policy is data, arrays that are inputs of the compiled program, so another policy needs no compilation. At each step the
images are sorted by their operation and worked on in chunks of a fixed size, each chunk by the branch of its operation. An
image whose operation does not fire is not touched. Papers: arXiv 1805.09501, section 3; `values.policy`.
"""

from collections.abc import Callable
from typing import NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from automl_cli.core.errors import UserError
from automl_cli.nn.augment.operations import apply_operation
from automl_cli.nn.augment.parameters import PARAMETERS, Shape, operation_parameters
from automl_cli.values import policy as values
from automl_cli.values.augmentation import Augmentation

NAMES: tuple[values.OperationName, ...] = get_args(values.OperationName)
"""Operations in the order of their numbers in a table."""

IDENTITY = NAMES.index("Identity")
ROWS, STEPS = 64, 2
"""Rows of a table are padded to a multiple of 64 and its steps to at least 2, so that most policies share a program."""

CHUNK_BYTES, LARGEST_CHUNK = 2**15, 8
"""Bytes of the images that are worked on at once, and the most images."""


class PolicyTable(NamedTuple):
    """A policy as arrays, the inputs of a compiled program.

    `operations` (rows, steps) int32 are places in `NAMES`, `probabilities` (rows, steps) float32. `parameters` (rows, steps, 2,
    slots) int32 are what the operations need for either sign. `count` () int32 rows are in use. With `independent` () bool each
    step draws a row of its own, else all steps of an image take one row.
    """

    operations: np.ndarray
    probabilities: np.ndarray
    parameters: np.ndarray
    count: np.ndarray  # type: ignore[assignment]  # instead of the method of tuples
    independent: np.ndarray


def policy_table(augmentation: Augmentation, shape: Shape) -> PolicyTable:
    """Return the policy of an augmentation as a table for images (height, width, channels)."""
    policy = augmentation.policy
    if policy is None:
        raise UserError("this augmentation has no policy; give it one, or leave the policy out of the program")
    sub_policies = values.table_of(policy)
    if independent := isinstance(policy, values.RandomOperations):
        sub_policies = tuple(sub_policy * policy.count for sub_policy in sub_policies)
    rows = -(-len(sub_policies) // ROWS) * ROWS
    steps = max(STEPS, *map(len, sub_policies))
    operations = np.full((rows, steps), IDENTITY, np.int32)
    probabilities = np.zeros((rows, steps), np.float32)
    parameters = np.zeros((rows, steps, 2, PARAMETERS), np.int32)
    fill = values.FILLS[augmentation.mapping]
    for row, sub_policy in enumerate(sub_policies):
        for step, applied in enumerate(sub_policy):
            operations[row, step] = NAMES.index(applied.operation)
            probabilities[row, step] = applied.probability
            signs = values.arguments(applied.operation, applied.level, augmentation.mapping, shape=shape[:2])
            for sign, argument in enumerate(signs):
                parameters[row, step, sign] = operation_parameters(applied.operation, argument, shape=shape, fill=fill)
    return PolicyTable(operations, probabilities, parameters, np.array(len(sub_policies), np.int32), np.array(independent))


class Draws(NamedTuple):
    """Draws for each image at one step.

    `operations` (batch,) int32 are places in `NAMES`, Identity where nothing fired; `parameters` (batch, slots) int32; `places`
    (batch, 2) int32 a pixel's row and column; `partners` (batch,) int32 the number of another image.
    """

    operations: Array
    parameters: Array
    places: Array
    partners: Array


def apply_policy(images: Array, table: PolicyTable, key: Array) -> Array:
    """Apply to each of the images (batch, height, width, channels) uint8 what the key draws for it; the shape stays.

    SamplePairing blends in another image of the batch as it was before the policy.
    """
    changed = images
    for draws in drawn(table, key, batch=len(images), shape=images.shape[1:3]):
        changed = applied(changed, images, draws)
    return changed


def drawn(table: PolicyTable, key: Array, *, batch: int, shape: tuple[int, ...]) -> list[Draws]:
    """Return the draws of each step for a batch of images (height, width): rows uniform, signs even, places uniform."""
    keys = iter(jax.random.split(key, 6))
    steps = table.operations.shape[1]
    each = (steps, batch)
    rows = jax.random.randint(next(keys), each, 0, table.count)
    rows = jnp.where(table.independent, rows, rows[:1])
    fires = jax.random.uniform(next(keys), each) < jnp.asarray(table.probabilities)[rows, jnp.arange(steps)[:, None]]
    signs = jax.random.bernoulli(next(keys), 0.5, each).astype(jnp.int32)
    at = (rows, jnp.arange(steps)[:, None])
    operations = jnp.where(fires, jnp.asarray(table.operations)[at], IDENTITY)
    parameters = jnp.asarray(table.parameters)[(*at, signs)]
    places = jnp.stack([jax.random.randint(next(keys), each, 0, side) for side in shape], axis=-1)
    others = jax.random.randint(next(keys), each, 1, max(batch, 2))
    partners = (jnp.arange(batch)[None] + others) % batch
    return [Draws(*step) for step in zip(operations, parameters, places, partners, strict=True)]


def chunk_size(shape: tuple[int, ...]) -> int:
    """Return how many images (height, width, channels) are worked on at once.

    >>> chunk_size((224, 224, 3)), chunk_size((32, 32, 3))
    (1, 8)
    """
    return max(1, min(LARGEST_CHUNK, CHUNK_BYTES // int(np.prod(shape))))


def applied(images: Array, partners: Array, draws: Draws) -> Array:
    """Return images (batch, height, width, channels) after one step; `partners` has the same shape."""
    batch, shape = len(images), images.shape[1:]
    size = min(batch, chunk_size(shape))
    members, operations, chunks = _chunks(draws.operations, size)
    branches = [_branch(name) for name in NAMES[:IDENTITY]]

    def work(chunk: Array, images: Array) -> Array:
        own = members[chunk]
        block = _taken(images, own)
        changed = lax.switch(
            operations[chunk], branches, block, draws.parameters[own], draws.places[own], partners, draws.partners[own]
        )
        for at in range(size):
            images = lax.dynamic_update_slice(images, changed[at : at + 1], (own[at], 0, 0, 0))
        return images

    return lax.fori_loop(0, chunks, work, images)


def _branch(name: values.OperationName) -> Callable[..., Array]:
    """Return the branch of an operation: (chunk of images, parameters, places, all partners, which partners) -> chunk."""

    def branch(block: Array, parameters: Array, places: Array, partners: Array, which: Array) -> Array:
        others = _taken(partners, which) if name == "SamplePairing" else block
        return apply_operation(name, block, parameters, places, others)

    return branch


def _taken(images: Array, which: Array) -> Array:
    """Return images by number, (chunk, height, width, channels)."""
    shape = images.shape[1:]
    return jnp.concatenate([lax.dynamic_slice(images, (at, 0, 0, 0), (1, *shape)) for at in which])


def _chunks(operations: Array, size: int) -> tuple[Array, Array, Array]:
    """Return the images of each chunk (chunks, size), the operation of each chunk (chunks,), and how many chunks are used, ().

    The last chunk of an operation is filled up with copies of its last image, which are worked on twice with the same result.
    """
    batch = len(operations)
    order = jnp.argsort(operations)
    counts = jnp.zeros(IDENTITY + 1, jnp.int32).at[operations].add(1)[:IDENTITY]
    ends = jnp.cumsum(counts)
    parts = -(-counts // size)
    last_parts = jnp.cumsum(parts)
    chunk = jnp.arange(-(-batch // size) + IDENTITY)
    own = jnp.minimum(jnp.searchsorted(last_parts, chunk, side="right"), IDENTITY - 1)
    within = chunk - (last_parts - parts)[own]
    at = (ends - counts)[own][:, None] + within[:, None] * size + jnp.arange(size)[None]
    members = order[jnp.clip(at, 0, ends[own][:, None] - 1)]
    return members, own.astype(jnp.int32), last_parts[-1]
