"""The timing table of a machine: that of its family, the nearest one, or the user's calibration; and the one in force."""

import os
from pathlib import Path

import msgspec
import pytest

from automl_cli.core.errors import ArtifactError, RunFailed
from automl_cli.store import timing_tables, timings_in_force
from automl_cli.store.timing_tables import (
    calibration_file,
    check_calibration_file,
    choose_table,
    forget_calibration,
    keep_calibration,
    measured_tables,
    nearest_family,
)
from automl_cli.store.timings_in_force import digest_in_force, settled, timings_restored, use_timings
from automl_cli.system.cpu_family import FAMILIES, CpuKind
from automl_cli.values.timings import TimingTable, calibrated

ZEN_4 = measured_tables()["amd-zen-4"]
OWN = calibrated("here", {form: tuple(2 * number for number in row) for form, row in ZEN_4.coefficients.items()})
OTHER_VERSION = calibrated("here", {"form-of-old": (1.0,)})


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of configuration of its own, on a Zen 4, and no table in force yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(timing_tables, "this_cpu", lambda: CpuKind("amd-zen-4", 512))
    monkeypatch.setattr(timings_in_force, "_in_force", None)
    return tmp_path


def on(kind: CpuKind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing_tables, "this_cpu", lambda: kind)


def test_measured_tables_are_of_known_families_have_one_layout_and_finite_numbers_above_zero() -> None:
    tables = measured_tables()
    assert set(tables) <= set(FAMILIES)
    assert len({tuple((form, len(row)) for form, row in sorted(table.coefficients.items())) for table in tables.values()}) == 1
    for name, table in tables.items():
        assert (name, bool(table.cpu)) == (table.name, True)
        assert all(0 <= number < float("inf") for row in table.coefficients.values() for number in row)
        assert all(any(row) for row in table.coefficients.values())


def test_a_cpu_of_a_measured_family_has_its_table_and_needs_no_advice() -> None:
    assert choose_table() == (ZEN_4, "this CPU is of the family amd-zen-4", "", "")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (CpuKind("intel-sapphire-rapids", 512, matrix_unit=True), "intel-sapphire-rapids, vectors of 512 bits, with AMX"),
        (CpuKind("amd-zen-4", 256), "amd-zen-4, vectors of 256 bits"),
        (CpuKind("unknown", 128), "unknown, vectors of 128 bits"),
    ],
)
def test_another_cpu_takes_the_nearest_table_and_is_told_how_to_measure(
    kind: CpuKind, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(kind, monkeypatch)
    chosen = choose_table()
    assert chosen.table.name in measured_tables()
    assert f"CPUs like this one ({words}) were not measured" in chosen.reason
    assert chosen.advice.startswith("automl doctor --calibrate measures this machine")


@pytest.mark.parametrize(
    ("kind", "nearest"),
    [
        (CpuKind("amd-zen-5", 512), "amd-zen-4"),  # vendor and width
        (CpuKind("amd-zen-3", 256), "amd-zen-2"),
        (CpuKind("intel-skylake-x", 512), "intel-ice-lake"),  # vendor and width, and no AMX either
        (CpuKind("intel-granite-rapids", 512, matrix_unit=True), "intel-sapphire-rapids"),
        (CpuKind("intel-haswell", 256), "amd-zen-2"),  # the width before the vendor
        (CpuKind("amd-zen-4", 256), "amd-zen-2"),
        (CpuKind("apple-m2", 128), "arm-neoverse-n1"),
        (CpuKind("intel-atom", 128), "arm-neoverse-n1"),
    ],
)
def test_the_nearest_family_has_the_same_vectors_and_if_possible_the_same_vendor(kind: CpuKind, nearest: str) -> None:
    families = ["amd-zen-2", "amd-zen-4", "arm-neoverse-n1", "intel-ice-lake", "intel-sapphire-rapids"]
    assert nearest_family(kind, families) == nearest_family(kind, families[::-1]) == nearest


def test_a_calibration_is_used_until_it_is_forgotten(home: Path) -> None:
    path = keep_calibration(OWN)
    assert path.is_relative_to(home)
    assert choose_table().table == OWN
    assert keep_calibration(OWN) == path
    assert [*path.parent.iterdir()] == [path]
    assert forget_calibration() == path
    assert (forget_calibration(), choose_table().table) == (None, ZEN_4)


def test_machines_of_two_kinds_that_share_a_home_keep_both(monkeypatch: pytest.MonkeyPatch) -> None:
    here = keep_calibration(OWN)
    on(CpuKind("intel-ice-lake", 512), monkeypatch)
    monkeypatch.setattr(timing_tables, "cpu_model", lambda: "Intel Xeon")
    assert calibration_file() != here
    assert choose_table().table == ZEN_4
    other = keep_calibration(ZEN_4)
    assert sorted(here.parent.iterdir()) == sorted([here, other])
    assert (here.name[:10], other.name[:15]) == ("amd-zen-4-", "intel-ice-lake-")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is not used: "),
        (b"{", "is not used: "),
        (b'{"name": "x", "cpu": "y"}', "coefficients"),
        (msgspec.json.encode(OTHER_VERSION), "is of another version of automl"),
        (msgspec.json.encode(OWN).replace(b"0.03552", b"-0.03552"), "expected a number of at least 0"),
    ],
)
def test_a_broken_calibration_is_set_aside_and_said(content: bytes, problem: str) -> None:
    keep_calibration(OWN)
    calibration_file().write_bytes(content)
    chosen = choose_table()
    assert chosen.table == ZEN_4
    assert problem in chosen.problem
    assert str(calibration_file()) in chosen.problem
    assert chosen.problem.endswith("Measure it anew with automl doctor --calibrate")


def test_a_folder_that_cannot_be_written_is_refused_with_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "file"))
    with pytest.raises(RunFailed, match="set XDG_CONFIG_HOME to a folder that may be written"):
        keep_calibration(OWN)
    assert choose_table().table == ZEN_4


def test_a_calibration_where_no_file_can_be_is_refused_before_it_is_measured() -> None:
    calibration_file().mkdir(parents=True)
    assert "is no file" in choose_table().problem
    with pytest.raises(RunFailed, match="is no file"):
        check_calibration_file()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_place_of_a_calibration_is_not_waited_for() -> None:
    calibration_file().parent.mkdir(parents=True)
    os.mkfifo(calibration_file())
    assert "is no file" in choose_table().problem


def test_a_folder_of_configuration_that_is_no_folder_holds_no_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", os.devnull)
    assert choose_table() == (ZEN_4, "this CPU is of the family amd-zen-4", "", "")
    assert forget_calibration() is None


def test_a_name_follows_from_the_content_and_the_digest_from_the_coefficients_alone() -> None:
    assert OWN.name == calibrated("elsewhere", dict(reversed(OWN.coefficients.items()))).name
    assert OWN.name == f"calibrated-{OWN.digest[:8]}"
    assert msgspec.json.decode(msgspec.json.encode(OWN), type=TimingTable).digest == OWN.digest
    assert OWN.digest != ZEN_4.digest == msgspec.structs.replace(ZEN_4, name="b", cpu="c").digest


def test_the_table_in_force_is_that_of_the_machine_until_one_is_set_and_again_after_a_call() -> None:
    assert digest_in_force() == ZEN_4.digest
    with timings_restored():
        use_timings(OWN)
        assert timings_in_force.timings_in_force() == OWN
        assert digest_in_force() == OWN.digest
    assert timings_in_force.timings_in_force() == ZEN_4
    with pytest.raises(ArtifactError, match="is of another version of automl"):
        use_timings(OTHER_VERSION)


def test_a_run_goes_on_with_the_table_on_record_unless_this_version_cannot_read_it() -> None:
    keep_calibration(OWN)
    assert settled(ZEN_4) == ZEN_4
    assert settled(None) == settled(OTHER_VERSION) == OWN
