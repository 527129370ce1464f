"""Options with which children's programs are compiled.

On a CPU a child trains for seconds, so compiling counts as much as computing. Measured on whole networks of six layers (8 x
8 images, AMD Zen 4): LLVM's level 1, its expensive passes off and XLA's older emitter of fusions halve the time of
compiling at no more than 5 % of a step; one module of code instead of up to 32 that could be compiled in parallel saves
another tenth, since a worker has one thread. Level 0 compiles three times faster again and computes two to three times
slower.

`AUTOML_NO_PROCESS_TUNING=1` leaves all of it at XLA's defaults.
"""

import os
from collections.abc import Callable
from typing import Any

import jax

SWITCH = "AUTOML_NO_PROCESS_TUNING"

_CPU_OPTIONS: dict[str, bool | int] = {
    "xla_backend_optimization_level": 1,
    "xla_cpu_use_fusion_emitters": False,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_parallel_codegen_split_count": 1,
}


def compiler_options() -> dict[str, bool | int]:
    """What to give `jax.jit` on this backend."""
    tuned = jax.default_backend() == "cpu" and os.environ.get(SWITCH, "") in ("", "0")
    return dict(_CPU_OPTIONS) if tuned else {}


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    """`jax.jit` with these options."""
    return jax.jit(function, compiler_options=compiler_options(), **options)
