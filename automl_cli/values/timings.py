"""Timing tables: how long the forms of a convolution take on a kind of CPU, as the coefficients of a model.

`nn.ops.dispatch` documents the forms and the features that the coefficients belong to, and chooses the fastest form by them.
That choice fixes the low bits of a training, so a search records the whole table and sends it to every worker.
"""

import hashlib
from typing import Annotated

from msgspec import Meta, Struct

Nanoseconds = Annotated[float, Meta(ge=0)]


class TimingTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A timing table: its name, the CPU that it was measured on, and nanoseconds by form, one number for each feature of the
    form."""

    name: str
    cpu: str
    coefficients: dict[str, tuple[Nanoseconds, ...]]

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the coefficients, which alone decide which form is chosen."""
        rows = [(form, tuple(map(float, numbers))) for form, numbers in sorted(self.coefficients.items())]
        return hashlib.sha256(repr(rows).encode()).hexdigest()


def calibrated(cpu: str, coefficients: dict[str, tuple[float, ...]]) -> TimingTable:
    """Return the table of a user's calibration, named by its content.

    >>> calibrated("a CPU", {"shift_gemm": (0.1, 14.0)}).name
    'calibrated-44df4f77'
    """
    table = TimingTable(name="", cpu=cpu, coefficients=coefficients)
    return TimingTable(name=f"calibrated-{table.digest[:8]}", cpu=cpu, coefficients=coefficients)
