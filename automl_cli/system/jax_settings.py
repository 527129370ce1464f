"""Settings that a user gave JAX and Flax for other programs, and that processes which compute here do without.

The same seed gives the same bytes only where JAX computes in one way, and some settings (numbers of 64 bits, no compilation)
end a training in its middle. So computing processes set aside every variable JAX_… and FLAX_… that is not known to leave
results alone. Programs of the user's own, which call `automl_cli`, have JAX's defaults while a call lasts and their own
settings after it.

What stays in force and may change low bits, such as XLA_FLAGS, stands in the record of the environment. With
`AUTOML_NO_PROCESS_TUNING=1` only those settings are set aside with which nothing here works, and the others are recorded.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from types import ModuleType

from automl_cli.system.tuning import SWITCH, tuning_is_off

HARMLESS = (
    "JAX_PLATFORM", "JAX_COMPILATION_CACHE", "JAX_PERSISTENT_CACHE", "JAX_ENABLE_COMPILATION_CACHE", "JAX_EXPLAIN_CACHE",
    "JAX_LOG", "JAX_DEBUG_LOG", "JAX_TRACEBACK", "JAX_TRACER_ERROR", "JAX_DUMP", "JAX_PPRINT", "JAX_CUDA_VISIBLE",
    "JAX_ROCM_VISIBLE", "JAX_NUMPY_RANK_PROMOTION",
)  # fmt: skip
"""Prefixes of variables that decide devices, caches, logs and errors, and no number."""

UNUSABLE = (
    "JAX_ENABLE_X64", "JAX_EXPLICIT_X64", "JAX_DISABLE_JIT", "JAX_NUMPY_DTYPE_PROMOTION", "JAX_DEBUG_NANS", "JAX_DEBUG_INFS",
    "JAX_DEFAULT_PRNG_IMPL", "JAX_ENABLE_CUSTOM_PRNG", "JAX_LEGACY_PRNG_KEY", "JAX_TRANSFER_GUARD", "JAX_NO_",
)  # fmt: skip
"""Prefixes of variables with which trainings fail, or children that diverge are taken for defects."""

RECORDED = (
    "XLA_FLAGS", "LIBTPU_INIT_ARGS", "NVIDIA_TF32_OVERRIDE", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
)  # fmt: skip
"""Variables of compilers, drivers and NumPy: they stay as the user set them."""

DEFAULTS = {
    "enable_x64": False,
    "disable_jit": False,
    "numpy_dtype_promotion": "standard",
    "debug_nans": False,
    "debug_infs": False,
    "default_prng_impl": "threefry2x32",
    "legacy_prng_key": "allow",
    "transfer_guard": "allow",
    "default_matmul_precision": None,
    "threefry_partitionable": True,
}
"""Settings of JAX that can be had for a while in one thread, as context managers of these names, with JAX's own defaults."""

_set_aside: dict[str, str] = {}
"""Variables that this process took from its environment, with their values."""


def is_set_aside(name: str) -> bool:
    """Return whether computing processes do without this variable."""
    if not name.startswith(("JAX_", "FLAX_")) or name.startswith(HARMLESS):
        return False
    return name.startswith(UNUSABLE) or not tuning_is_off()


def settings_in_force(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that may change low bits and that computing processes obey, by name."""
    names = (*RECORDED, *([SWITCH] if tuning_is_off() else []))
    kept = [name for name in environment if name.startswith(("JAX_", "FLAX_")) and not name.startswith(HARMLESS)]
    return {name: environment[name] for name in sorted({*names, *kept}) if environment.get(name) and not is_set_aside(name)}


def set_settings_aside() -> None:
    """Take the variables out of the environment of this process, and of those that it starts. Call this before JAX is
    imported."""
    for name in list(os.environ):
        if is_set_aside(name):
            _set_aside[name] = os.environ.pop(name)


def give_settings_back() -> None:
    """Put the variables back into the environment."""
    os.environ.update(_set_aside)
    _set_aside.clear()


def settings_set_aside() -> dict[str, str]:
    """Return the variables that this process has set aside, with their values."""
    return dict(_set_aside)


@contextmanager
def usual_jax() -> Iterator[None]:
    """Let JAX compute by its defaults in this thread while the context lasts, whatever the program has set.

    Where the environment has settings, JAX is imported first, so that it has them after the context as it would without it.
    """
    if "jax" not in sys.modules and not _set_aside and not any(map(is_set_aside, os.environ)):
        yield
        return
    jax = _jax_as_the_user_set_it()
    with ExitStack() as stack:
        for name, value in DEFAULTS.items():
            if is_set_aside(f"JAX_{name.upper()}"):
                stack.enter_context(getattr(jax, name)(value))
        yield


def _jax_as_the_user_set_it() -> ModuleType:
    """Return JAX, which reads the variables that were set aside if it was not imported before."""
    if "jax" in sys.modules:
        return sys.modules["jax"]
    os.environ.update(_set_aside)
    try:
        return import_module("jax")
    finally:
        for name in _set_aside:
            del os.environ[name]
