"""Options with which children's programs are compiled.

On a CPU a child trains for seconds, so compiling counts as much as computing. Measured on whole networks of six layers (8 x
8 images, AMD Zen 4): LLVM's level 1, its expensive passes off and XLA's older emitter of fusions halve the time of
compiling at no more than 5 % of a step; one module of code instead of up to 32 that could be compiled in parallel saves
another tenth, since a worker has one thread. Level 0 compiles three times faster again and computes two to three times
slower.

Depthwise convolutions and average pools are loops over whole arrays (`ops.windows`) and not calls of a library: without the
newer emitter they do not vectorise, and take three to five times as long. Programs that hold them compile half as long again.

`AUTOML_NO_PROCESS_TUNING=1` leaves all of it at XLA's defaults.
"""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import jax

SWITCH = "AUTOML_NO_PROCESS_TUNING"

_CPU_OPTIONS: dict[str, bool | int] = {
    "xla_backend_optimization_level": 1,
    "xla_cpu_use_fusion_emitters": False,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_parallel_codegen_split_count": 1,
}

_CPU_OPTIONS_FOR_LOOPS: dict[str, bool | int] = {
    "xla_cpu_prefer_vector_width": 512,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_parallel_codegen_split_count": 1,
}


def compiler_options(*, loops: bool = False) -> dict[str, bool | int]:
    """What to give `jax.jit` on this backend; `loops` for programs that hold depthwise convolutions or average pools."""
    tuned = jax.default_backend() == "cpu" and os.environ.get(SWITCH, "") in ("", "0")
    return dict(_CPU_OPTIONS_FOR_LOOPS if loops else _CPU_OPTIONS) if tuned else {}


class Program:
    """A function that is compiled once for each combination of shapes, with the options above.

    What `jax.jit` does, less what it keeps as long as the function lives: the trace, and the text that was compiled.
    """

    def __init__(self, function: Callable[..., Any], *, loops: bool, **options: Any) -> None:
        self._function = function
        self._loops = loops
        self._options = options
        self._programs: dict[Any, Any] = {}

    def __call__(self, *arguments: Any) -> Any:
        leaves, structure = jax.tree.flatten(arguments)
        shapes = (structure, *[(leaf.shape, leaf.dtype) for leaf in leaves])
        program = self._programs.get(shapes)
        if program is None:
            program = self._programs[shapes] = self._compile(arguments)
        return program(*arguments)

    def _compile(self, arguments: tuple[Any, ...]) -> Any:
        @wraps(self._function)
        def once(*arguments: Any) -> Any:
            return self._function(*arguments)

        options = compiler_options(loops=self._loops)  # asked for late: it starts JAX's backend, and importing must not
        return jax.jit(once, compiler_options=options, **self._options).lower(*arguments).compile()

    def __len__(self) -> int:
        """How many programs have been compiled."""
        return len(self._programs)


def compiled(function: Callable[..., Any], *, loops: bool = False, **options: Any) -> Program:
    """The function as a program for arrays; `options` are those of `jax.jit` that need no names of arguments."""
    return Program(function, loops=loops, **options)
