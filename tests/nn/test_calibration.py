"""Measuring a machine: a fit finds the coefficients that times were made of, and what is measured has a row for every form."""

import math

import numpy as np
import pytest

from automl_cli.nn import calibration
from automl_cli.nn.calibration import CASES, Timed, case, fit, measure, measure_timings
from automl_cli.nn.ops.dispatch import applicable_forms
from automl_cli.nn.ops.timing_model import ROWS, features
from automl_cli.store.timing_tables import is_of_this_version

SMALL = (case(5, 2, 3, (3, 3), 4), case(5, 2, 3, (1, 3), 4), case(4, 3, 2, (3, 3), 5, (2, 2)), case(6, 2, 2, (3, 1), 3))


def measured_by(coefficients: dict[str, tuple[float, ...]], noise: float) -> list[Timed]:
    random, timed = np.random.default_rng(0), []
    for each in CASES:
        for form in applicable_forms(each):
            for row, numbers in features(each, form).items():
                seconds = sum(math.prod(pair) for pair in zip(coefficients[row], numbers, strict=True))
                timed.append(Timed(row, numbers, seconds * math.exp(random.normal(0, noise))))
    return timed


def test_a_fit_finds_the_coefficients_that_the_times_were_made_of():
    true = dict.fromkeys(ROWS, (0.02, 0.003, 0.3, 20000.0))
    assert set(fit(measured_by(true, 0.0))) == set(ROWS)
    for row, found in fit(measured_by(true, 0.0)).items():
        np.testing.assert_allclose(found, true[row], rtol=1e-3)


def test_a_fit_of_noisy_times_predicts_within_the_noise_and_has_no_negative_coefficients():
    true = dict.fromkeys(ROWS, (0.02, 0.0, 0.3, 20000.0))
    found, exact = fit(measured_by(true, 0.05)), measured_by(true, 0.0)
    assert min(min(row) for row in found.values()) >= 0
    for each in exact:
        predicted = sum(math.prod(pair) for pair in zip(found[each.row], each.features, strict=True))
        assert abs(predicted / each.nanoseconds - 1) < 0.1


def test_a_convolution_is_measured_in_every_form_and_number_of_chunks():
    timed = measure(case(16, 64, 1, (3, 3), 2))
    assert {each.row for each in timed} == set(ROWS) - {"dft_1d"}
    assert [each.features[-1] for each in timed if each.row == "direct.kernel_gradient"] == [1, 4, 16]
    assert all(each.nanoseconds > 0 for each in timed)


def test_a_table_of_this_version_is_measured_and_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(calibration, "CASES", SMALL)
    steps: list[tuple[int, int]] = []
    table = measure_timings(lambda done, total: steps.append((done, total)))
    assert steps == [(done, 4) for done in range(5)]
    assert is_of_this_version(table)
    assert table.name.startswith("calibrated-")


def test_what_is_measured_covers_every_row_several_times():
    rows = [row for each in CASES for form in applicable_forms(each) for row in features(each, form)]
    assert {row: rows.count(row) >= 2 * count - 1 for row, count in ROWS.items()} == dict.fromkeys(ROWS, True)


def test_times_too_short_for_the_clock_are_measured_all_the_same(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(calibration, "clock", lambda: 0.0)
    assert all(each.nanoseconds > 0 for each in measure(SMALL[0]))
