"""Tells the family of a CPU, such as "amd-zen-4": CPUs of one family take about the same time for the same arithmetic.

The family follows from vendor, family and model numbers as the CPU reports them (Linux, Windows), or from its name (macOS). The
width of its vectors and a unit for matrices follow from its features, which a virtual machine may hide; where the system lists
none, they are what the family usually has. A CPU that is newer than these tables is named by its numbers.
"""

import platform
import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from automl_cli.system.machine import cpu_brand, cpu_fields

AMD, INTEL, ARM, APPLE = "amd", "intel", "arm", "apple"

VENDORS = {"AuthenticAMD": AMD, "HygonGenuine": AMD, "GenuineIntel": INTEL}
"""Vendors as x86 CPUs report them."""


class CpuKind(NamedTuple):
    """The kind of a CPU: its family, which begins with the vendor, the bits of its widest vectors (float32 arithmetic that XLA
    uses), and whether it has a unit for products of matrices (AMX)."""

    family: str
    vector_bits: int
    matrix_unit: bool = False

    @property
    def vendor(self) -> str:
        """The vendor, such as "amd"."""
        return self.family.partition("-")[0]


FAMILIES = {
    kind.family: kind
    for kind in (
        *(CpuKind(f"amd-zen-{number}", 512 if number >= 4 else 256) for number in range(1, 7)),
        *(CpuKind(f"intel-{name}", 256) for name in ("haswell", "broadwell", "skylake", "alder-lake", "arrow-lake")),
        *(CpuKind(f"intel-{name}", 512) for name in ("skylake-x", "cascade-lake", "ice-lake", "tiger-lake")),
        *(CpuKind(f"intel-{name}", 512, matrix_unit=True) for name in ("sapphire-rapids", "granite-rapids")),
        *(CpuKind(f"arm-neoverse-{name}", bits) for name, bits in (("n1", 128), ("n2", 128), ("v1", 256), ("v2", 128))),
    )
}
"""What CPUs of a family usually have, by name."""

_ZEN = {
    0x17: (((0x00, 0x2F), 1), ((0x50, 0x5F), 1), ((0x30, 0xFF), 2)),
    0x18: (((0x00, 0xFF), 1),),
    0x19: (((0x10, 0x1F), 4), ((0x60, 0xAF), 4), ((0x00, 0x5F), 3)),
    0x1A: (((0x00, 0x2F), 5), ((0x40, 0x4F), 5), ((0x60, 0x7F), 5), ((0x00, 0xFF), 6)),
}
"""Generations of Zen by family number: the first range of model numbers, both ends included, that holds the model."""

_CORE = {
    "haswell": (0x3C, 0x3F, 0x45, 0x46),
    "broadwell": (0x3D, 0x47, 0x4F, 0x56),
    "skylake": (0x4E, 0x5E, 0x8E, 0x9E, 0xA5, 0xA6),
    "ice-lake": (0x6A, 0x6C, 0x7D, 0x7E, 0xA7),
    "tiger-lake": (0x8C, 0x8D),
    "alder-lake": (0x97, 0x9A, 0xAA, 0xAC, 0xB7, 0xBA, 0xBE, 0xBF),
    "arrow-lake": (0xB5, 0xBD, 0xC5, 0xC6),
    "sapphire-rapids": (0x8F, 0xCF),
    "granite-rapids": (0xAD, 0xAE),
}
"""Model numbers of Intel's family 6. Sapphire Rapids and Emerald Rapids have one core, as have Skylake to Comet Lake."""

_SKYLAKE_X, _CASCADE_LAKE_STEPPING = 0x55, 5

_NEOVERSE = {"0xd0c": "n1", "0xd49": "n2", "0xd40": "v1", "0xd4f": "v2"}
"""Arm's part numbers: Graviton 2 is N1, Graviton 3 is V1, Graviton 4 is V2."""

_WINDOWS = re.compile(r"Family (\d+) Model (\d+) Stepping (\d+), (\w+)")


@cache
def this_cpu() -> CpuKind:
    """Return the kind of the CPU of this machine."""
    return cpu_kind(cpu_fields(), cpu_brand() or "", platform.processor())


def cpu_kind(fields: Mapping[str, str], brand: str = "", processor: str = "") -> CpuKind:
    """Return the kind of a CPU from what the system says: the fields of its first core on Linux, a brand on macOS, a
    processor on Windows.

    >>> cpu_kind({}, "Apple M2 Pro")
    CpuKind(family='apple-m2', vector_bits=128, matrix_unit=False)
    >>> cpu_kind({}, processor="Intel64 Family 6 Model 143 Stepping 8, GenuineIntel").family
    'intel-sapphire-rapids'
    """
    if found := re.match(r"Apple (\w+)", brand):
        return CpuKind(f"{APPLE}-{found[1].lower()}", 128)
    if found := _WINDOWS.search(processor):
        names = ("cpu family", "model", "stepping", "vendor_id")
        fields = {**dict(zip(names, found.groups(), strict=True)), **fields}
    if "CPU implementer" in fields:
        return _usual(_arm_family(fields))
    if (vendor := VENDORS.get(fields.get("vendor_id", ""))) is None:
        return _with_features("unknown", fields.get("flags"))
    family, model, stepping = (_number(fields.get(name)) for name in ("cpu family", "model", "stepping"))
    known = _amd_family(family, model) if vendor == AMD else _intel_family(family, model, stepping)
    return _with_features(f"{vendor}-{known or f'{family}-{model}'}", fields.get("flags"))


def _amd_family(family: int, model: int) -> str | None:
    generations = (number for (first, last), number in _ZEN.get(family, ()) if first <= model <= last)
    return next((f"zen-{number}" for number in generations), None)


def _intel_family(family: int, model: int, stepping: int) -> str | None:
    if family != 6:
        return None
    if model == _SKYLAKE_X:
        return "skylake-x" if stepping < _CASCADE_LAKE_STEPPING else "cascade-lake"
    return next((name for name, models in _CORE.items() if model in models), None)


def _arm_family(fields: Mapping[str, str]) -> str:
    maker, part = fields["CPU implementer"].lower(), fields.get("CPU part", "").lower()
    if maker == "0x61":
        return f"{APPLE}-{part}"
    core = _NEOVERSE.get(part) if maker == "0x41" else None
    return f"{ARM}-neoverse-{core}" if core else f"{ARM}-{maker}-{part}"


def _usual(family: str) -> CpuKind:
    return FAMILIES.get(family, CpuKind(family, 128))


def _with_features(family: str, listed: str | None) -> CpuKind:
    """Return the kind of an x86 CPU of this family: with the features that are listed, or those that it usually has."""
    if not listed:
        return _usual(family)
    features = set(listed.split())
    bits = 512 if "avx512f" in features else 256 if "avx" in features else 128
    return CpuKind(family, bits, matrix_unit="amx_tile" in features)


def _number(text: str | None) -> int:
    """Return the number in a text, 0 where there is none."""
    return int(text) if text is not None and text.isdecimal() else 0
