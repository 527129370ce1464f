"""The timing table in force: the one that this process chooses forms of convolution by (`nn.ops.dispatch`).

It is that of this machine until a study or a training sets the one that it has on record. Processes that measure children do so
before they build an evaluator, whatever it imports, so this module imports no JAX.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from automl_cli.core.errors import ArtifactError
from automl_cli.store.timing_tables import choose_table, is_of_this_version
from automl_cli.values.timings import TimingTable


class _InForce(NamedTuple):
    """A table and its digest."""

    table: TimingTable
    digest: str


_in_force: _InForce | None = None


def use_timings(table: TimingTable) -> None:
    """Choose forms by this table in this process from now on. Programs that were traced by another one are traced anew
    (`nn.compilation`). Raises ArtifactError for one of another version of automl."""
    global _in_force
    if not is_of_this_version(table):
        raise ArtifactError(f"timing table {table.name!r} is of another version of automl, which chose between other forms")
    _in_force = _InForce(table, table.digest)


def timings_in_force() -> TimingTable:
    """Return the table that forms are chosen by in this process: that of this machine, until another one is set."""
    return _now().table


def digest_in_force() -> str:
    """Return the digest of the table in force."""
    return _now().digest


def _now() -> _InForce:
    global _in_force
    if _in_force is None:
        table = choose_table().table
        _in_force = _InForce(table, table.digest)
    return _in_force


@contextmanager
def timings_restored() -> Iterator[None]:
    """Put the table that was in force before the context back in force after it."""
    global _in_force
    before = _in_force
    try:
        yield
    finally:
        _in_force = before


def settled(recorded: TimingTable | None) -> TimingTable:
    """Return the table that a run with this one on record is gone on with: the recorded one, or that of this machine where
    there is none or where it is of another version of automl."""
    return recorded if recorded is not None and is_of_this_version(recorded) else choose_table().table
