"""Every form of convolution by NumPy against a sum over windows in float64: value, both gradients, and the size of errors."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from typing import Any, NamedTuple
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from automl_cli.nn.numpy_ops import fourier, fourier_1d, taps
from automl_cli.nn.numpy_ops.convolution import Convolution, Form, Joined
from automl_cli.nn.numpy_ops.fourier import Fourier2d
from automl_cli.nn.numpy_ops.fourier_1d import Fourier1d
from automl_cli.nn.numpy_ops.frequencies import tile_length
from automl_cli.nn.numpy_ops.operation import aligned, zeros
from automl_cli.nn.numpy_ops.taps import OfImages, Taps
from automl_cli.nn.ops import native
from automl_cli.values.operations import ConvolutionUnit

Pair = tuple[int, int]
SIDES = st.integers(1, 9)
TAPS = st.sampled_from((1, 2, 3, 4, 5, 7))
STEPS = st.integers(1, 3)
ULP = 2.0**-23
"""The distance between 1 and the next number in float32."""
FORMS = ("taps", "fourier", "of_images")
SMALL = {"CACHED": 60, "CACHED_WINDOWS": 60, "CHUNK": 60}
CHUNKS: dict[str, dict[str, int]] = {
    "one": {},
    "groups": {"CACHED": 1},
    "many": SMALL,
    "many, computed again": {**SMALL, "KEPT": 0},
}
"""Limits of the forms under which a map is computed at once, or in many chunks, with nothing kept for the gradient or without
that."""


class Case(NamedTuple):
    """A map, a kernel, a stride, and the gradient of the output."""

    x: np.ndarray
    kernel: np.ndarray
    stride: Pair
    gradient: np.ndarray


def case(size: Pair, sides: Pair, stride: Pair, *, channels: int = 3, filters: int = 4, batch: int = 2) -> Case:
    random = np.random.default_rng(0)
    outputs = [-(-side // step) for side, step in zip(size, stride, strict=True)]
    shapes = (*size, batch, channels), (*sides, channels, filters), (*outputs, batch, filters)
    x, kernel, gradient = (random.normal(size=shape).astype(np.float32) for shape in shapes)
    return Case(x, kernel, stride, gradient)


def windows(made: Case) -> Iterator[tuple[Pair, Pair, Pair]]:
    """Yield every output with each tap that meets the map there, and the position that it meets."""
    rows, columns = made.gradient.shape[:2]
    for i, j, u, v in np.ndindex(rows, columns, *made.kernel.shape[:2]):
        up, left = (
            at * step + tap - side // 2
            for at, step, tap, side in zip((i, j), made.stride, (u, v), made.kernel.shape[:2], strict=True)
        )
        if 0 <= up < made.x.shape[0] and 0 <= left < made.x.shape[1]:
            yield (i, j), (u, v), (up, left)


def exact(made: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, gradient of the input and gradient of the kernel, in float64."""
    x, kernel, gradient = (array.astype(np.float64) for array in (made.x, made.kernel, made.gradient))
    y, of_x, of_kernel = np.zeros_like(gradient), np.zeros_like(x), np.zeros_like(kernel)
    for output, tap, position in windows(made):
        y[output] += x[position] @ kernel[tap]
        of_x[position] += gradient[output] @ kernel[tap].T
        of_kernel[tap] += x[position].T @ gradient[output]
    return y, of_x, of_kernel


def length_of(tile: int | None, size: int, step: int) -> int:
    """A multiple of the step near a length of tiles, or the size."""
    return size if tile is None else min(size, -(-tile // step) * step)


def by_form(name: str, made: Case, *, tile: int | None = None) -> tuple[np.ndarray, ...]:
    """The same by a form; without the gradient of the input for one of images."""
    given = made.x.shape[:2], made.kernel.shape[:2], made.stride
    form: Form = Taps([given[0]], *given)
    if name == "of_images":
        form = Joined(OfImages(*given), given[0])
    elif name == "fourier":
        rows, columns = (length_of(tile, size, step) for size, step in zip(given[0], given[2], strict=True))
        if 1 in given[1]:
            one = rows if given[1][1] == 1 else columns
            form = Joined(Fourier1d(*given, None if tile is None else one), given[0])
        else:
            form = Joined(Fourier2d(*given, None if tile is None else (rows, columns)), given[0])
    y, saved = form.forward([made.x], made.kernel)
    of_kernel = np.full_like(made.kernel, np.nan)
    of_kernel_alone = np.full_like(made.kernel, np.nan)
    of_x = form.backward(saved, made.gradient, of_kernel, [name != "of_images"])
    if name != "of_images":
        assert form.backward(form.forward([made.x], made.kernel)[1], made.gradient, of_kernel_alone, [False]) == []
        assert (of_kernel_alone == of_kernel).all()
    return (y, *of_x, of_kernel)


@contextmanager
def limits(**values: int) -> Iterator[None]:
    with ExitStack() as stack:
        for module, (name, value) in product((fourier, fourier_1d, taps), values.items()):
            if hasattr(module, name):
                stack.enter_context(patch.object(module, name, value))
        yield


def error(found: tuple[Any, ...], expected: tuple[np.ndarray, ...]) -> float:
    """The root mean square of the errors of an array, relative to that of its values: the largest of all arrays."""
    pairs = zip(found, expected, strict=True)
    return max(float(np.sqrt(np.mean((got - right) ** 2) / np.mean(right**2))) for got, right in pairs)


def is_near(found: tuple[np.ndarray, ...], expected: tuple[np.ndarray, ...]) -> bool:
    assert [got.shape for got in found] == [right.shape for right in expected]
    assert all(got.dtype == np.float32 for got in found)
    return all(
        np.abs(got - right).max() <= 1e-5 * max(1, np.abs(right).max()) for got, right in zip(found, expected, strict=True)
    )


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(FORMS), SIDES, SIDES, TAPS, TAPS, STEPS, STEPS, st.booleans(), st.sampled_from([*CHUNKS]), st.integers(1, 6)
)
def test_every_form_is_the_sum_over_windows(name, height, width, rows, columns, down, across, aliased, chunks, tile):
    assume(name != "fourier" or (rows, columns) != (1, 1))
    many: dict[str, int] = {"channels": 32, "filters": 64, "batch": 32} if aliased else {}  # rows of a whole memory page
    assume(not aliased or height * width * rows * columns <= 200)
    made = case((height, width), (rows, columns), (down, across), **many)
    y, of_x, of_kernel = exact(made)
    with limits(**CHUNKS[chunks]):
        found = by_form(name, made, tile=None if chunks == "one" else tile)
    assert is_near(found, (y, of_kernel) if name == "of_images" else (y, of_x, of_kernel))


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(
    ("size", "sides", "stride"),
    [
        ((17, 33), (3, 5), (1, 1)),
        ((20, 18), (7, 1), (1, 1)),
        ((33, 12), (1, 3), (2, 1)),
        ((34, 31), (4, 2), (3, 2)),
        ((12, 40), (3, 11), (1, 3)),
        ((8, 45), (2, 19), (1, 1)),
        ((8, 60), (1, 19), (1, 1)),
    ],
)
def test_large_maps_are_cut_into_tiles_and_batches_into_parts(name: str, size: Pair, sides: Pair, stride: Pair):
    made = case(size, sides, stride, batch=5)
    y, of_x, of_kernel = exact(made)
    for chunk in (10, 1000, 4000, 2**21):
        with limits(CHUNK=chunk, CACHED=chunk):
            found = by_form(name, made)
        assert is_near(found, (y, of_kernel) if name == "of_images" else (y, of_x, of_kernel)), chunk


@given(st.integers(1, 300), st.integers(1, 5), st.integers(1, 20), st.integers(2, 20))
def test_tiles_are_as_long_as_asked_or_a_little_longer_and_multiples_of_the_stride(size, stride, whole, usual):
    length = tile_length(size, stride, whole=whole, usual=usual)
    if size <= whole:
        assert length == size
    else:
        assert length % stride == 0
        assert min(size, usual) <= length < 2 * usual + stride


def test_a_map_of_32_positions_has_four_tiles_and_one_of_16_is_whole():
    sizes = {size: Fourier2d((size, size), (3, 3), (1, 1))._chunks(64, 48) for size in (16, 32)}
    assert {size: len({chunk.up for chunk in chunks}) for size, chunks in sizes.items()} == {16: 1, 32: 4}
    assert all(chunk.columns <= 64 * 4 for chunks in sizes.values() for chunk in chunks)


@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES, TAPS, TAPS, STEPS, STEPS, st.permutations([(False, 3), (True, 1), (False, 2)]), st.integers(1, 3))
def test_maps_of_any_size_are_joined_and_only_examples_have_no_gradient(
    height, width, rows, columns, down, across, parts, count
):
    parts = parts[:count]
    unit = ConvolutionUnit(kernel=(rows, columns), filters=4, stride=(down, across))
    made = case((height, width), (rows, columns), (down, across), channels=sum(channels for _, channels in parts))
    are_examples, channels = zip(*parts, strict=True)
    ends = np.cumsum(channels)
    smaller = [(max(1, height - number), max(1, width - 2 * number)) for number in range(count)]
    # A map of the size of the join less its padding, which is even with an odd pixel at the bottom and right.
    corners = [((height - side) // 2, (width - other) // 2) for side, other in smaller]
    inside = [
        (slice(top, top + side), slice(left, left + other), slice(None), slice(end - count, end))
        for (top, left), (side, other), end, count in zip(corners, smaller, ends, channels, strict=True)
    ]
    whole = np.zeros_like(made.x)
    for where in inside:
        whole[where] = made.x[where]
    maps = [np.ascontiguousarray(whole[where]) for where in inside]
    operation = Convolution(unit, channels, tuple(map(tuple, smaller)), are_examples)
    inputs, examples = (
        tuple(x for x, is_example in zip(maps, are_examples, strict=True) if is_example == wanted) for wanted in (False, True)
    )
    parameters, written = {"kernel": made.kernel}, {"kernel": np.zeros_like(made.kernel)}
    y, by_products, saved = operation.forward(parameters, inputs, examples)
    found = operation.backward(parameters, saved, y, made.gradient, written)
    expected_y, of_x, of_kernel = exact(made._replace(x=whole))
    expected = [of_x[where] for where, is_example in zip(inside, are_examples, strict=True) if not is_example]
    assert by_products is None
    assert is_near((y, *found, written["kernel"]), (expected_y, *expected, of_kernel))
    assert (operation.evaluate(parameters, inputs, examples) == y).all()


def test_a_kernel_larger_than_its_map_costs_no_more_than_one_that_meets_it():
    large, small = (
        Convolution(ConvolutionUnit(kernel=kernel, filters=4), (3,), ((2, 2),), (False,)) for kernel in ((7, 5), (3, 3))
    )
    assert large._form.cost((3,), 4, (True,)) == small._form.cost((3,), 4, (True,))


def test_every_form_is_chosen_somewhere():
    def form(size: Pair, kernel: Pair, stride: Pair, channels: int, *, is_example: bool = False) -> str:
        unit = ConvolutionUnit(kernel=kernel, filters=36, stride=stride)
        return Convolution(unit, (channels,), (size,), (is_example,)).form

    assert form((8, 8), (3, 3), (1, 1), 24) == form((32, 32), (5, 3), (1, 1), 24) == "Fourier2d"
    assert form((8, 8), (7, 1), (1, 1), 24) == form((32, 32), (1, 7), (1, 1), 24) == "Fourier1d"
    assert form((8, 8), (1, 1), (2, 1), 24) == form((8, 8), (3, 3), (3, 3), 24) == "Taps"
    assert form((8, 8), (3, 3), (1, 1), 1, is_example=True) == "OfImages"


def test_an_array_for_programs_begins_a_line_of_the_cache():
    for shape in ((32, 32, 5, 7), (2**15,)):
        assert aligned(shape).ctypes.data % 64 == zeros(shape).ctypes.data % 64 == 0
        assert aligned(shape).shape == shape
        assert not zeros(shape).any()


@pytest.mark.parametrize(
    ("size", "sides", "stride"),
    [
        ((8, 8), (3, 3), (1, 1)),
        ((8, 8), (7, 5), (1, 1)),
        ((8, 8), (5, 1), (1, 1)),
        ((8, 8), (1, 7), (1, 2)),
        ((4, 4), (5, 3), (2, 2)),
        ((16, 16), (3, 3), (1, 1)),
        ((32, 32), (3, 3), (1, 1)),
        ((32, 32), (7, 5), (1, 1)),
        ((32, 16), (7, 1), (1, 1)),
        ((16, 32), (1, 5), (1, 1)),
    ],
)
def test_errors_are_at_most_twice_those_of_xla_s_own_convolution(size: Pair, sides: Pair, stride: Pair):
    made = case(size, sides, stride, channels=24, filters=36, batch=32)
    expected = exact(made)

    def direct(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return native.convolution(x, kernel, stride)

    y, pull = jax.vjp(direct, jnp.asarray(made.x), jnp.asarray(made.kernel))
    own = error((y, *pull(jnp.asarray(made.gradient))), expected)
    for name in ("taps", "fourier"):
        assert error(by_form(name, made), expected) <= 2 * max(own, 2 * ULP), name
