"""Compiler options for the programs of children, and the number of programs that a process keeps.

On a CPU a child trains for seconds, so compile time counts as much as run time. Measured on an AMD Zen 4: LLVM's level 1
without its expensive passes saves a fifth of the compile time and costs no run time. One code module instead of up to 32, which
could be compiled in parallel, saves a tenth, since a worker has one thread. Vectors of 512 bits cost no compile time. Level 0
saves another half, and its programs run two to twenty times slower.

XLA's newer fusion emitters double the compile time of most programs. On large maps they halve the run time of loops that are
not calls of a library: max pooling, augmentation policies, and some activation functions (the gradient of ELU and the arc
tangent take a seventh). Convolutions, depthwise ones too, and batch norm with ReLU take as long without them (8 x 8 to
32 x 32). So a program says whether it `loops`, and gets them if its maps are large; a network as one program, which is used for
long trainings, always has them, and so has the update of the parameters, which takes half the time and which networks share.

`AUTOML_NO_PROCESS_TUNING=1` leaves all options at XLA's defaults.
"""

import itertools
import warnings
import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any

import jax

from automl_cli.nn.program_cache import current_program_cache, identity_of
from automl_cli.store.timings_in_force import digest_in_force
from automl_cli.system.tuning import tuning_is_off

warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache", UserWarning)
"""A cache that cannot be read or written costs time and nothing else."""

_CPU_OPTIONS: dict[str, bool | int] = {
    "xla_backend_optimization_level": 1,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_parallel_codegen_split_count": 1,
    "xla_cpu_prefer_vector_width": 512,
}

_WITHOUT_EMITTERS: dict[str, bool | int] = {"xla_cpu_use_fusion_emitters": False}

LARGE = 2**18
"""Elements of a map above which the run time of a loop counts more than its compile time."""

MAP_AXES = 4
"""Number of axes of a map. Arrays with fewer axes, such as spectra, are operands of matrix products, not of loops."""


def compiler_options(*, emitters: bool) -> dict[str, bool | int]:
    """Return the options of `jax.jit` for this backend, with XLA's fusion emitters or without them."""
    tuned = jax.default_backend() == "cpu" and not tuning_is_off()
    return _CPU_OPTIONS | ({} if emitters else _WITHOUT_EMITTERS) if tuned else {}


LARGEST_LIBRARY = 400
"""Most programs that a process keeps, each about 0.4 MB. The least recently used one is dropped first, and is read from the
compilation cache when it is needed again. A search of 64 children needs this many."""

CHILDREN_BETWEEN_CLEARINGS = 8
"""Children after which JAX's own caches are cleared: for every new network they hold traces that take as much memory as
programs."""


class _CachedProgram:
    """A compiled program with the time of its last use, on a counter of all uses."""

    __slots__ = ("_program", "used")

    def __init__(self, program: Any) -> None:
        self._program = program
        self.used = 0

    def __call__(self, *arguments: Any) -> Any:
        self.used = next(_uses)
        return self._program(*arguments)


class Program:
    """A function that is compiled once for each combination of argument shapes and timing table, with the options of this
    module.

    It does what `jax.jit` does, but keeps neither traces nor lowered text. All instances of a process together keep at most
    `LARGEST_LIBRARY` programs.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        identity: str | None = None,
        long: bool = False,
        loops: bool = False,
        **options: Any,
    ) -> None:
        self._function = function
        self._long = long
        self._loops = loops
        self._identity = identity
        self._options = options
        self._programs: dict[Any, _CachedProgram] = {}
        _library.add(self)

    def __call__(self, *arguments: Any) -> Any:
        return self._program_for(arguments)(*arguments)

    def for_fixed_shapes(self) -> Callable[..., Any]:
        """Return the same function for arguments that always have the shapes of the first call.

        The compiled program is looked up once, and lives as long as the returned function.
        """
        program: _CachedProgram | None = None

        def call(*arguments: Any) -> Any:
            nonlocal program
            if program is None:
                program = self._program_for(arguments)
            return program(*arguments)

        return call

    def _program_for(self, arguments: tuple[Any, ...]) -> _CachedProgram:
        leaves, structure = jax.tree.flatten(arguments)
        shapes = (structure, digest_in_force(), *[(leaf.shape, leaf.dtype) for leaf in leaves])
        program = self._programs.get(shapes)
        if program is None:
            _evict_if_full()
            program = self._programs[shapes] = _CachedProgram(self._compile(arguments))
        return program

    def _compile(self, arguments: tuple[Any, ...]) -> Any:
        @wraps(self._function)
        def traced(*arguments: Any) -> Any:
            return self._function(*arguments)

        maps = [leaf.size for leaf in jax.tree.leaves(arguments) if leaf.ndim == MAP_AXES]
        # The options are asked for late: that starts JAX's backend, and importing must not.
        options = compiler_options(emitters=self._long or (self._loops and max(maps, default=0) >= LARGE))

        def lower() -> Any:
            # The text of a program must tell which arguments it reads: those that JAX leaves out are not in it.
            keep_unused = self._identity is None
            return jax.jit(traced, compiler_options=options, keep_unused=keep_unused, **self._options).lower(*arguments)

        _clear_traces_of_other_timings()
        if (cache := current_program_cache(options)) is None:
            return lower().compile()
        if self._identity is not None:
            return cache.obtain(self._identity, arguments, lambda: lower().compile())
        lowered = lower()
        return cache.obtain(identity_of(lowered), arguments, lowered.compile, outputs=lowered.out_tree)

    def __len__(self) -> int:
        """Return the number of compiled programs that are kept."""
        return len(self._programs)

    def __bool__(self) -> bool:
        return True

    def least_recently_used(self) -> tuple[int, Any]:
        """Return the time of last use and the shapes of the program that was not used for longest."""
        return min(((program.used, shapes) for shapes, program in self._programs.items()), key=lambda pair: pair[0])

    def evict(self, shapes: Any) -> None:
        """Drop the program that was compiled for these shapes."""
        del self._programs[shapes]


_traced_by: str | None = None
"""The digest of the timing table that JAX's traces in this process come from."""


def _clear_traces_of_other_timings() -> None:
    """Clear JAX's own caches once another timing table is in force: a trace holds the forms that were chosen for it."""
    global _traced_by
    if _traced_by not in (None, digest_in_force()):
        jax.clear_caches()
    _traced_by = digest_in_force()


_library: weakref.WeakSet[Program] = weakref.WeakSet()
_uses = itertools.count(1)
_children = itertools.count(1)


def _evict_if_full() -> None:
    """Drop the least recently used program of the process if as many as allowed are kept."""
    if sum(map(len, _library)) >= LARGEST_LIBRARY:
        owner = min((program for program in _library if len(program)), key=lambda program: program.least_recently_used()[0])
        owner.evict(owner.least_recently_used()[1])


def begin_child() -> None:
    """Note that the training of a child begins; clear JAX's own caches after every `CHILDREN_BETWEEN_CLEARINGS` children."""
    if next(_children) % CHILDREN_BETWEEN_CLEARINGS == 0:
        jax.clear_caches()


def compiled(
    function: Callable[..., Any], *, identity: str | None = None, long: bool = False, loops: bool = False, **options: Any
) -> Program:
    """Return the function as a program over pytrees of arrays; `options` are options of `jax.jit` that do not name arguments.

    `long` is for programs of long trainings, where run time counts more than compile time; `loops` for those that loop over
    maps where others call a library, for which it counts more if the maps are large.

    `identity` is a name followed, after a space, by all settings that the function closes over. With it the program is found on
    disk without being traced (`program_cache`); without it the program is found by its lowered text.
    """
    return Program(function, identity=identity, long=long, loops=loops, **options)
