"""The family of a CPU, from what Linux, macOS and Windows say of it."""

import pytest

from automl_cli.system.cpu_family import FAMILIES, CpuKind, cpu_kind, this_cpu
from automl_cli.system.machine import cpu_fields

AVX2, AVX512 = "fpu sse2 avx fma avx2", "fpu sse2 avx fma avx2 avx512f avx512bw avx512vl"
AMX = f"{AVX512} amx_bf16 amx_tile amx_int8"


def x86(vendor: str, family: int, model: int, flags: str, stepping: int = 1) -> dict[str, str]:
    """The fields of /proc/cpuinfo on an x86 CPU."""
    numbers = {"cpu family": family, "model": model, "stepping": stepping}
    return {"vendor_id": vendor, **{name: str(value) for name, value in numbers.items()}, "model name": "a CPU", "flags": flags}


def arm(implementer: str, part: str) -> dict[str, str]:
    """The fields of /proc/cpuinfo on a CPU by Arm's design."""
    return {"BogoMIPS": "243.75", "Features": "fp asimd sve", "CPU implementer": implementer, "CPU part": part}


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (x86("AuthenticAMD", 23, 1, AVX2), ("amd-zen-1", 256, False)),  # Naples
        (x86("AuthenticAMD", 23, 49, AVX2), ("amd-zen-2", 256, False)),  # Rome
        (x86("AuthenticAMD", 23, 113, AVX2), ("amd-zen-2", 256, False)),  # Matisse
        (x86("HygonGenuine", 24, 1, AVX2), ("amd-zen-1", 256, False)),
        (x86("AuthenticAMD", 25, 1, AVX2), ("amd-zen-3", 256, False)),  # Milan
        (x86("AuthenticAMD", 25, 33, AVX2), ("amd-zen-3", 256, False)),  # Vermeer
        (x86("AuthenticAMD", 25, 80, AVX2), ("amd-zen-3", 256, False)),  # Cezanne
        (x86("AuthenticAMD", 25, 17, AVX512), ("amd-zen-4", 512, False)),  # Genoa
        (x86("AuthenticAMD", 25, 97, AVX512), ("amd-zen-4", 512, False)),  # Raphael
        (x86("AuthenticAMD", 25, 160, AVX512), ("amd-zen-4", 512, False)),  # Bergamo
        (x86("AuthenticAMD", 25, 17, AVX2), ("amd-zen-4", 256, False)),  # a virtual machine hides AVX-512
        (x86("AuthenticAMD", 26, 2, AVX512), ("amd-zen-5", 512, False)),  # Turin
        (x86("AuthenticAMD", 26, 68, AVX512), ("amd-zen-5", 512, False)),  # Granite Ridge
        (x86("AuthenticAMD", 31, 5, AVX512), ("amd-31-5", 512, False)),  # newer than the tables
        (x86("GenuineIntel", 6, 63, AVX2), ("intel-haswell", 256, False)),
        (x86("GenuineIntel", 6, 79, AVX2), ("intel-broadwell", 256, False)),
        (x86("GenuineIntel", 6, 158, AVX2), ("intel-skylake", 256, False)),
        (x86("GenuineIntel", 6, 85, AVX512, 4), ("intel-skylake-x", 512, False)),
        (x86("GenuineIntel", 6, 85, AVX512, 7), ("intel-cascade-lake", 512, False)),
        (x86("GenuineIntel", 6, 106, AVX512), ("intel-ice-lake", 512, False)),
        (x86("GenuineIntel", 6, 143, AMX, 8), ("intel-sapphire-rapids", 512, True)),
        (x86("GenuineIntel", 6, 207, AMX), ("intel-sapphire-rapids", 512, True)),  # Emerald Rapids
        (x86("GenuineIntel", 6, 173, AMX), ("intel-granite-rapids", 512, True)),
        (x86("GenuineIntel", 6, 151, AVX2), ("intel-alder-lake", 256, False)),
        (x86("GenuineIntel", 6, 999, AVX2), ("intel-6-999", 256, False)),
        (x86("CentaurHauls", 7, 59, AVX2), ("unknown", 256, False)),
        (arm("0x41", "0xd0c"), ("arm-neoverse-n1", 128, False)),  # Graviton 2
        (arm("0x41", "0xd40"), ("arm-neoverse-v1", 256, False)),  # Graviton 3
        (arm("0x41", "0xd4f"), ("arm-neoverse-v2", 128, False)),  # Graviton 4, Grace
        (arm("0x41", "0xd03"), ("arm-0x41-0xd03", 128, False)),
        (arm("0x61", "0x022"), ("apple-0x022", 128, False)),
        ({}, ("unknown", 128, False)),
        ({"vendor_id": "GenuineIntel", "model": "what"}, ("intel-0-0", 128, False)),
    ],
)
def test_linux_tells_the_family_by_numbers_and_the_vectors_by_flags(
    fields: dict[str, str], kind: tuple[str, int, bool]
) -> None:
    assert cpu_kind(fields) == CpuKind(*kind)


@pytest.mark.parametrize(("brand", "family"), [("Apple M1", "apple-m1"), ("Apple M2 Pro", "apple-m2"), ("", "unknown")])
def test_macos_tells_a_name(brand: str, family: str) -> None:
    assert cpu_kind({}, brand, "arm") == CpuKind(family, 128)


@pytest.mark.parametrize(
    ("processor", "kind"),
    [
        ("AMD64 Family 25 Model 33 Stepping 2, AuthenticAMD", ("amd-zen-3", 256, False)),
        ("Intel64 Family 6 Model 85 Stepping 4, GenuineIntel", ("intel-skylake-x", 512, False)),
        ("Intel64 Family 6 Model 143 Stepping 8, GenuineIntel", ("intel-sapphire-rapids", 512, True)),
    ],
)
def test_windows_tells_numbers_and_no_flags_so_the_family_has_what_it_usually_has(
    processor: str, kind: tuple[str, int, bool]
) -> None:
    assert cpu_kind({}, processor=processor) == CpuKind(*kind)


def test_every_family_is_named_by_itself_and_begins_with_a_vendor() -> None:
    assert all(name == kind.family for name, kind in FAMILIES.items())
    assert {kind.vendor for kind in FAMILIES.values()} == {"amd", "intel", "arm"}


def test_the_kind_of_this_cpu_is_that_of_its_fields() -> None:
    if cpu_fields():
        assert this_cpu() == cpu_kind(cpu_fields())
    assert this_cpu() == this_cpu.__wrapped__()
