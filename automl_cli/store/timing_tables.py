"""Finds the timing table that decides which form of a convolution is the fastest on this machine (`values.timings`).

Tables of measured families of CPUs are data files of the package, and the table of a user's own calibration is kept in his
folder of configuration, one for each kind of CPU. JAX is not imported for any of it.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

import platformdirs

from automl_cli.core.errors import ArtifactError, RunFailed, UserError
from automl_cli.store.encoding import decode, document
from automl_cli.store.files import cannot_write, replace_file
from automl_cli.system.cpu_family import FAMILIES, CpuKind, this_cpu
from automl_cli.system.machine import cpu_features, cpu_model
from automl_cli.values.timings import TimingTable

CALIBRATE = "automl doctor --calibrate"


class ChosenTable(NamedTuple):
    """The table of this machine, and why it is that one, in words. `advice` says what could be better and is empty where
    nothing could; `problem` says why a calibration could not be used, if there is one that could not."""

    table: TimingTable
    reason: str
    advice: str = ""
    problem: str = ""


@cache
def measured_tables() -> dict[str, TimingTable]:
    """Return the tables of the families of CPUs that were measured, by name."""
    folder = files("automl_cli") / "nn" / "ops" / "timings"
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".json"))
    tables = [decode((folder / name).read_bytes(), TimingTable, name) for name in names]
    return {table.name: table for table in tables}


def nearest_family(cpu: CpuKind, families: Iterable[str]) -> str:
    """Return which of these families is the nearest to a CPU.

    One with vectors of the same width and the same vendor comes first, then one with the same width, then one of the same
    vendor; among equals one that has a unit for matrices as the CPU has or has not, and then the first by name.

    >>> nearest_family(CpuKind("intel-broadwell", 256), ["amd-zen-2", "amd-zen-4", "intel-ice-lake"])
    'amd-zen-2'
    """

    def distance(family: str) -> tuple[bool, bool, bool, str]:
        other = FAMILIES[family]
        return (
            other.vector_bits != cpu.vector_bits,
            other.vendor != cpu.vendor,
            other.matrix_unit != cpu.matrix_unit,
            family,
        )

    return min(families, key=distance)


def choose_table() -> ChosenTable:
    """Return the table of this machine: the user's calibration, or else that of the CPU's family, or of the nearest one that
    was measured."""
    cpu, tables, problem = this_cpu(), measured_tables(), ""
    try:
        if (own := _calibration()) is not None:
            return ChosenTable(own, "this machine was calibrated")
    except ArtifactError as error:
        problem = f"the calibration of this machine is not used: {error}. Measure it anew with {CALIBRATE}"
    if cpu.family in tables and FAMILIES[cpu.family] == cpu:
        return ChosenTable(tables[cpu.family], f"this CPU is of the family {cpu.family}", problem=problem)
    table = tables[nearest_family(cpu, tables)]
    reason = f"CPUs like this one ({_in_words(cpu)}) were not measured; the table of the nearest that were is {table.name}"
    return ChosenTable(table, reason, f"{CALIBRATE} measures this machine in minutes, and may make trainings faster", problem)


def _in_words(cpu: CpuKind) -> str:
    return f"{cpu.family}, vectors of {cpu.vector_bits} bits{', with AMX' if cpu.matrix_unit else ''}"


def calibration_file() -> Path:
    """Return the file of the user's calibration of this kind of CPU. A home that machines of two kinds share has two. Raises
    UserError for an account without a home folder."""
    try:
        folder = platformdirs.user_config_path("automl") / "timings"
    except RuntimeError as error:
        raise UserError("there is no home folder to keep a calibration in; set XDG_CONFIG_HOME to a folder") from error
    digest = hashlib.sha256(f"{cpu_model()} {cpu_features()}".encode()).hexdigest()
    return folder / f"{re.sub('[^a-z0-9-]', '-', this_cpu().family)}-{digest[:12]}.json"


OTHER_FOLDER = "set XDG_CONFIG_HOME to a folder that may be written"


def check_calibration_file() -> None:
    """Make the folder of the calibration. Raises RunFailed where the file cannot be written: measuring takes minutes."""
    if _is_no_file(path := calibration_file()):
        raise RunFailed(f"{path} is no file; remove it, or {OTHER_FOLDER}")
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise cannot_write(folder, error, hint=OTHER_FOLDER) from error


def keep_calibration(table: TimingTable) -> Path:
    """Write the table of this machine to its file, and return that. Raises RunFailed where it cannot be written."""
    check_calibration_file()
    path = calibration_file()
    replace_file(path, document(table), hint=OTHER_FOLDER)
    return path


def forget_calibration() -> Path | None:
    """Remove the user's calibration of this kind of CPU, and return its file; None where there is none."""
    path = calibration_file()
    try:
        path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RunFailed(f"cannot remove {path}: {error.strerror or error}") from error
    return path


def _calibration() -> TimingTable | None:
    """Return the user's calibration of this machine, None where there is none. Raises ArtifactError for a file that is broken
    or of another version of automl."""
    try:
        path = calibration_file()
        content = None if _is_no_file(path) else path.read_bytes()
    except (UserError, FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror or error}") from error
    if content is None:
        raise ArtifactError(f"{path} is no file")
    table = decode(content, TimingTable, str(path))
    if not is_of_this_version(table):
        raise ArtifactError(f"{path} is of another version of automl, which chose between other forms")
    return table


def _is_no_file(path: Path) -> bool:
    """Return whether something else stands there: a folder, or a pipe, which would be waited for."""
    return path.exists() and not path.is_file()


def is_of_this_version(table: TimingTable) -> bool:
    """Return whether the table has the forms and features that this version chooses by."""
    return _layout(table) == _layout(next(iter(measured_tables().values())))


def _layout(table: TimingTable) -> dict[str, int]:
    return {form: len(numbers) for form, numbers in table.coefficients.items()}
