"""Measures this machine for `automl doctor --calibrate`, and keeps its timing table for the searches and trainings to come."""

from collections.abc import Callable

from msgspec import Struct

from automl_cli.store.timing_tables import check_calibration_file, forget_calibration, keep_calibration
from automl_cli.values.timings import TimingTable


class KeptCalibration(Struct, frozen=True, kw_only=True):
    """A timing table that was measured here, and the file that it is kept in."""

    table: TimingTable
    file: str


class ForgottenCalibration(Struct, frozen=True, kw_only=True):
    """The file of the calibration that was removed; None where there was none."""

    file: str | None


def calibrate(progress: Callable[[int, int], None]) -> KeptCalibration:
    """Measure this machine and keep its table. `progress` takes how much is measured and how much in all.

    Call `system.process.set_up_this_process` before: a worker of a search is set up so. Raises RunFailed where the table could
    not be written, before anything is measured.
    """
    check_calibration_file()
    from automl_cli.nn.calibration import measure_timings

    table = measure_timings(progress)
    return KeptCalibration(table=table, file=str(keep_calibration(table)))


def forget() -> ForgottenCalibration:
    """Remove the calibration of this machine, so that the table of its family is used again."""
    removed = forget_calibration()
    return ForgottenCalibration(file=None if removed is None else str(removed))
