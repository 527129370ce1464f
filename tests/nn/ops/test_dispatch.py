"""The choice of a form: it can compute the case, the table decides it, and no form is less exact than twice XLA's own."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_cli.nn import ops
from automl_cli.nn.calibration import value_and_gradients
from automl_cli.nn.ops import native
from automl_cli.nn.ops.convolution import FORMS
from automl_cli.nn.ops.dispatch import applicable_forms, choose_chunks, choose_form, possible_chunks
from automl_cli.nn.ops.timing_model import ROWS, Case, features, nanoseconds
from automl_cli.store.timing_tables import measured_tables
from automl_cli.store.timings_in_force import timings_restored, use_timings
from automl_cli.values.timings import calibrated

HALF = native.half


@pytest.fixture(autouse=True)
def amd():
    with timings_restored():
        use_timings(measured_tables()["amd-zen-4"])
        yield


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Convolutions of any kind that networks may have."""
    shape = (
        draw(st.integers(1, 40)),
        draw(st.integers(1, 40)),
        draw(st.sampled_from((1, 3, 32, 64))),
        draw(st.integers(1, 64)),
    )
    kernel = (draw(st.sampled_from((1, 2, 3, 5, 7))), draw(st.sampled_from((1, 3, 4, 7))), shape[3], draw(st.integers(1, 64)))
    stride, dilation = draw(st.tuples(*[st.integers(1, 3)] * 2)), draw(st.sampled_from((1, 1, 1, 2)))
    reach = tuple(dilation * (side - 1) + 1 for side in kernel[:2])
    return Case(shape, kernel, stride, HALF(reach), dilation)


@settings(max_examples=200, deadline=None)
@given(cases())
def test_the_choice_can_compute_the_case_and_is_always_the_same(case):
    how = {"pads": case.pads, "dilation": case.dilation}
    form, chunks = choose_form(*case[:3], **how), choose_chunks(*case[:3], **how)
    assert form in applicable_forms(case)
    assert set(applicable_forms(case)) <= set(FORMS)
    assert case.outputs[0] % chunks == 0
    assert (form, chunks) == (choose_form(*case[:3], **how), choose_chunks(*case[:3], **how))
    # Without other padding than half, nothing else reaches the forms that know no other.
    if form in ("pointwise", "dft_1d", "dft_2d"):
        assert (case.pads, case.dilation) == (HALF(case.kernel), 1)
    if form == "direct":
        assert case.dilation == 1 or case.stride == (1, 1)


@settings(max_examples=200, deadline=None)
@given(cases())
def test_every_form_has_the_features_of_its_rows(case):
    for form in set(applicable_forms(case)) - {"pointwise"}:
        for chunks in possible_chunks(case):
            for row, numbers in features(case, form, chunks).items():
                assert row.partition(".")[0] == ("direct" if form == "native" else form)
                assert len(numbers) == ROWS[row]
                assert all(0 <= number < float("inf") for number in numbers)


def test_the_rows_of_the_measured_tables_are_those_of_the_model():
    for table in measured_tables().values():
        assert {row: len(numbers) for row, numbers in table.coefficients.items()} == ROWS


@pytest.mark.parametrize("fastest", ["direct", "shift_gemm", "dft_2d"])
def test_the_form_that_the_table_calls_fastest_is_taken(fastest):
    rows = {row: ((1.0 if row.startswith(fastest) else 1e9),) * count for row, count in ROWS.items()}
    use_timings(calibrated("none", rows))
    assert choose_form((8, 8, 4, 4), (3, 3, 4, 4), (1, 1)) == fastest


def test_the_number_of_chunks_follows_from_the_table():
    shape, kernel = (32, 32, 64, 24), (3, 3, 24, 36)

    def by(per_doubling: float, per_chunk: float) -> int:
        row = {"direct.kernel_gradient": (0.01, per_doubling, 0.0, per_chunk)}
        use_timings(calibrated("none", {name: row.get(name, (1.0,) * count) for name, count in ROWS.items()}))
        return choose_chunks(shape, kernel, (1, 1))

    assert by(0.0, 1e4) == 1
    assert by(0.01, 1e4) == 32
    assert by(0.01, 1e6) in (4, 8)
    assert by(1e-4, 0.0) == 1  # what it gains is not worth a loop


def test_the_sum_of_coefficient_times_feature_is_the_time():
    case = Case((8, 8, 4, 3), (3, 3, 3, 5), (1, 1), HALF((3, 3)))
    rows = {"shift_gemm": (256 * 9 * 15, 256 * 5 * 81, 256 * 3, 1)}
    assert features(case, "shift_gemm") == rows
    assert nanoseconds(rows, {"shift_gemm": (2.0, 0.0, 0.5, 7.0)}) == 2 * 256 * 9 * 15 + 0.5 * 256 * 3 + 7


@pytest.mark.parametrize(
    ("forms", "case"),
    [
        (["pointwise"], ((8, 8, 64, 48), (1, 1, 48, 64), (2, 2))),
        (["direct", "shift_gemm", "dft_1d"], ((8, 8, 4, 4), (1, 3, 4, 4), (1, 1))),
        (["direct", "dft_2d"], ((96, 96, 64, 4), (3, 3, 4, 8), (1, 1))),  # as many numbers as no cache holds
        (["direct", "dft_2d"], ((32, 32, 64, 24), (3, 3, 24, 36), (2, 2))),
        (["direct", "dft_2d"], ((4, 4, 64, 3), (7, 5, 3, 24), (1, 1))),  # a kernel larger than the image
        (["native", "dft_1d"], ((8, 8, None, 24), (1, 5, 24, 36), (1, 1))),  # an unknown number of examples
    ],
)
def test_forms_that_can_compute_a_case(forms, case):
    assert applicable_forms(Case(*case, HALF(case[1]))) == forms


def test_a_stride_with_a_dilation_is_left_to_xla():
    assert applicable_forms(Case((8, 8, 4, 4), (3, 3, 4, 24), (2, 2), ((2, 2), (2, 2)), 2)) == ["native"]


@settings(max_examples=10, deadline=None)
@given(cases())
def test_the_chosen_form_equals_xlas_own_convolution(case):
    case = case._replace(shape=(*(min(side, 9) for side in case.shape[:2]), 3, min(case.shape[3], 20)))
    case = case._replace(kernel=(*case.kernel[:2], case.shape[3], min(case.kernel[3], 20)), dilation=1, pads=HALF(case.kernel))
    x, kernel = (jnp.asarray(np.random.default_rng(0).normal(size=shape), "f4") for shape in (case.shape, case.kernel))
    found = ops.convolution(x, kernel, stride=case.stride)
    expected = native.convolution(x, kernel, case.stride)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1.0, float(jnp.abs(expected).max())))


EXACT = [
    ((8, 8, 16, 24), (3, 3, 24, 36), (1, 1)),
    ((16, 16, 8, 24), (5, 5, 24, 36), (1, 1)),
    ((11, 9, 8, 24), (5, 3, 24, 36), (3, 2)),
    ((8, 8, 16, 24), (7, 1, 24, 20), (1, 1)),
    ((9, 12, 8, 36), (1, 7, 36, 24), (2, 3)),
    ((16, 16, 16, 16), (3, 3, 16, 16), (2, 2)),
    ((12, 12, 8, 24), (3, 3, 24, 5), (1, 1)),
    ((3, 3, 32, 36), (7, 7, 36, 24), (1, 1)),
    ((8, 8, 16, 48), (1, 1, 48, 36), (2, 2)),
]


def in_float64(x, kernel, gradient, stride):
    """Value and both gradients by the formula."""
    with jax.enable_x64(True):
        x, kernel, gradient = (jnp.asarray(array, jnp.float64) for array in (x, kernel, gradient))
        value, pull = jax.vjp(lambda x, kernel: native.convolution(x, kernel, stride), x, kernel)
        return [np.asarray(part) for part in (value, *pull(gradient))]


ULP = 2.0**-23
"""The distance between 1 and the next number in float32."""


@pytest.mark.parametrize("shapes", EXACT, ids=str)
def test_every_form_is_at_most_twice_as_far_from_float64_as_xlas_own(shapes):
    """By the root mean square, relative to that of the array; the worst of the value and both gradients counts. Errors of two
    units in the last place are allowed anyway."""
    case, random = Case(*shapes, HALF(shapes[1])), np.random.default_rng(0)
    sizes = case.shape, case.kernel, (*case.outputs, case.batch, case.kernel[3])
    given = [random.normal(size=size).astype("f4") for size in sizes]
    expected = in_float64(*given, case.stride)

    def error(form: str, chunks: int = 1) -> float:
        value, gradients = jax.jit(value_and_gradients(form, case, chunks=chunks))(*given)
        pairs = zip((value, *gradients), expected, strict=True)
        return max(float(np.sqrt(np.mean((found - wanted) ** 2) / np.mean(wanted**2))) for found, wanted in pairs)

    allowed = 2 * max(error("native"), 2 * ULP)
    for form, chunks in [*product(applicable_forms(case), [1]), ("direct", case.outputs[0])]:
        assert error(form, chunks) <= allowed, form
