"""Every form of convolution by NumPy against a sum over windows in float64: value, both gradients, and the size of errors."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from automl_cli.nn.numpy_ops import convolution
from automl_cli.nn.numpy_ops.convolution import Convolution
from automl_cli.nn.numpy_ops.fourier import Fourier2d, FourierAlongHeight, FourierAlongWidth
from automl_cli.nn.numpy_ops.patches import OfImages, Patches, Pointwise
from automl_cli.nn.ops import native
from automl_cli.values.operations import ConvolutionUnit

Pair = tuple[int, int]
SIDES = st.integers(1, 9)
TAPS = st.sampled_from((1, 2, 3, 4, 5, 7))
STEPS = st.integers(1, 3)
ULP = 2.0**-23
"""The distance between 1 and the next number in float32."""
FORMS = ("patches", "fourier", "of_images")


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


def by_form(name: str, made: Case) -> tuple[np.ndarray, ...]:
    """The same by a form; without the gradient of the input for one of images."""
    size, sides = made.x.shape[:2], made.kernel.shape[:2]
    kinds: dict[str, Any] = {"patches": Patches, "of_images": OfImages, "fourier": Fourier2d}
    kind = kinds[name]
    if name == "fourier" and 1 in sides:
        kind = FourierAlongHeight if sides[1] == 1 else FourierAlongWidth
    form = kind(size, sides, made.stride)
    y, saved = form.forward(made.x, made.kernel)
    of_kernel = np.zeros_like(made.kernel)
    of_x = form.backward(saved, made.gradient, of_kernel, of_input=name != "of_images")
    return (y, of_kernel) if name == "of_images" else (y, of_x, of_kernel)


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


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(FORMS), SIDES, SIDES, TAPS, TAPS, STEPS, STEPS, st.booleans())
def test_every_form_is_the_sum_over_windows(name, height, width, rows, columns, down, across, aliased):
    many: dict[str, int] = {"channels": 32, "filters": 64, "batch": 32} if aliased else {}  # rows of a whole memory page
    assume(not aliased or height * width * rows * columns <= 200)
    made = case((height, width), (rows, columns), (down, across), **many)
    y, of_x, of_kernel = exact(made)
    found = by_form(name, made)
    assert is_near(found, (y, of_kernel) if name == "of_images" else (y, of_x, of_kernel))


@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (3, 2)])
def test_a_single_pixel_is_one_product(stride: Pair):
    made = case((5, 4), (1, 1), stride)
    form = Pointwise(stride)
    y, saved = form.forward(made.x, made.kernel)
    of_kernel = np.zeros_like(made.kernel)
    of_x = form.backward(saved, made.gradient, of_kernel, of_input=True)
    assert of_x is not None
    assert is_near((y, of_x, of_kernel), exact(made))
    alone = np.zeros_like(of_kernel)
    assert form.backward(saved, made.gradient, alone, of_input=False) is None
    assert (alone == of_kernel).all()


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
    operation = Convolution(unit, channels, are_examples, (height, width))
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


def test_a_kernel_larger_than_its_map_has_no_more_frequencies_than_one_that_meets_it():
    unit = ConvolutionUnit(kernel=(7, 5), filters=4)
    operation = Convolution(unit, (3,), (False,), (2, 2))
    made = case((2, 2), (7, 5), (1, 1))
    _, _, (saved, _) = operation.forward({"kernel": made.kernel}, (made.x,), ())
    assert len(saved.image) == len(Fourier2d((2, 2), (3, 3), (1, 1)).forward(made.x, made.kernel[2:5, 1:4])[1].image)


def test_rows_as_long_as_memory_pages_are_made_longer():
    for channels, rows in ((32, 33), (31, 32)):
        made = case((4, 4), (3, 3), (1, 1), channels=channels, filters=8, batch=32)
        _, saved = Fourier2d((4, 4), (3, 3), (1, 1)).forward(made.x, made.kernel)
        assert saved.image.shape[1] == rows


def test_every_form_is_chosen_somewhere():
    chosen = {
        type(convolution._fastest(size, kernel, stride, of_input=of_input))
        for size, kernel, stride, of_input in (
            ((8, 8), (3, 3, 24, 36), (1, 1), True),
            ((8, 8), (7, 1, 24, 36), (1, 1), True),
            ((8, 8), (1, 7, 24, 36), (1, 1), True),
            ((8, 8), (1, 1, 24, 36), (2, 1), True),
            ((8, 8), (3, 3, 24, 36), (3, 3), True),
            ((8, 8), (3, 3, 1, 36), (1, 1), False),
        )
    }
    assert chosen == {Fourier2d, FourierAlongHeight, FourierAlongWidth, Pointwise, Patches, OfImages}


@pytest.mark.parametrize(
    ("size", "sides", "stride"),
    [
        ((8, 8), (3, 3), (1, 1)),
        ((8, 8), (7, 5), (1, 1)),
        ((8, 8), (5, 1), (1, 1)),
        ((8, 8), (1, 7), (1, 2)),
        ((4, 4), (5, 3), (2, 2)),
    ],
)
def test_errors_are_at_most_twice_those_of_xla_s_own_convolution(size: Pair, sides: Pair, stride: Pair):
    made = case(size, sides, stride, channels=24, filters=36, batch=32)
    expected = exact(made)

    def direct(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return native.convolution(x, kernel, stride)

    y, pull = jax.vjp(direct, jnp.asarray(made.x), jnp.asarray(made.kernel))
    own = error((y, *pull(jnp.asarray(made.gradient))), expected)
    for name in ("patches", "fourier"):
        assert error(by_form(name, made), expected) <= 2 * max(own, 2 * ULP), name
