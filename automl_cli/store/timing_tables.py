"""Finds the timing table that decides which form of a convolution is the fastest on this machine (`values.timings`).

Tables of measured families of CPUs are data files of the package.
"""

from functools import cache
from importlib.resources import files

from automl_cli.store.encoding import decode
from automl_cli.values.timings import TimingTable

DEFAULT = "amd-zen-4"


@cache
def measured_tables() -> dict[str, TimingTable]:
    """Return the tables of the families of CPUs that were measured, by name. Neither JAX nor NumPy is imported for it."""
    folder = files("automl_cli") / "nn" / "ops" / "timings"
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".json"))
    tables = [decode((folder / name).read_bytes(), TimingTable, name) for name in names]
    return {table.name: table for table in tables}


def table_of_this_machine() -> TimingTable:
    """Return the table for the CPU of this machine."""
    return measured_tables()[DEFAULT]
