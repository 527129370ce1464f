"""Options with which children's programs are compiled, and how many of them a process keeps.

On a CPU a child trains for seconds, so compiling counts as much as computing. Measured on an AMD Zen 4: LLVM's level 1 and
its expensive passes off save a fifth of the time of compiling and none of a step's. One module of code instead of up to 32 that
could be compiled in parallel saves a tenth, since a worker has one thread. Level 0 saves another third and computes two to
twenty times slower.

XLA's newer emitter of fusions and vectors of 512 bits make loops over whole arrays (`ops.windows`) a fifth faster and double
the time of compiling: worth it for large arrays, and for a network as one program, which is for long trainings; not for a
block on small maps, of which a search compiles hundreds and which computes for a tenth of a millisecond.

`AUTOML_NO_PROCESS_TUNING=1` leaves all of it at XLA's defaults.
"""

import itertools
import warnings
import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any

import jax

from automl_cli.nn.program_cache import current_program_cache, identity_of
from automl_cli.system.machine import tuning_is_off

warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache", UserWarning)
"""A cache that cannot be read or written costs time and nothing else."""

_CPU_OPTIONS: dict[str, bool | int] = {
    "xla_backend_optimization_level": 1,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_parallel_codegen_split_count": 1,
}

_QUICKLY: dict[str, bool | int] = {"xla_cpu_use_fusion_emitters": False}
_THOROUGHLY: dict[str, bool | int] = {"xla_cpu_prefer_vector_width": 512}

LARGE = 2**18
"""Numbers of a map from which on the time of a loop counts more than that of compiling it."""

MAP_AXES = 4
"""Of a map. What has fewer, such as spectra, is what products of matrices read and write, and no loop goes through it."""


def compiler_options(*, quickly: bool) -> dict[str, bool | int]:
    """What to give `jax.jit` on this backend; `quickly` to compile in half the time what then takes a fifth longer."""
    tuned = jax.default_backend() == "cpu" and not tuning_is_off()
    return _CPU_OPTIONS | (_QUICKLY if quickly else _THOROUGHLY) if tuned else {}


LARGEST_LIBRARY = 400
"""Programs that a process keeps, each four tenths of a megabyte; the one not used for longest goes first, and comes back from
the compilation cache when it is needed again. A search of 64 children needs that many."""

CHILDREN_BETWEEN_CLEARINGS = 8
"""JAX also keeps what it traced on the way to a program, and more for every new network: as much memory as the programs."""


class _CachedProgram:
    """A program and when it was last used, by a count of uses."""

    __slots__ = ("_program", "used")

    def __init__(self, program: Any) -> None:
        self._program = program
        self.used = 0

    def __call__(self, *arguments: Any) -> Any:
        self.used = next(_uses)
        return self._program(*arguments)


class Program:
    """A function that is compiled once for each combination of shapes, with the options above.

    What `jax.jit` does, less what it keeps as long as the function lives: the trace, and the text that was compiled. All of a
    process together keep no more than `LARGEST_LIBRARY` programs.
    """

    def __init__(
        self, function: Callable[..., Any], *, identity: str | None = None, long: bool = False, **options: Any
    ) -> None:
        self._function = function
        self._long = long
        self._identity = identity
        self._options = options
        self._programs: dict[Any, _CachedProgram] = {}
        _library.add(self)

    def __call__(self, *arguments: Any) -> Any:
        return self._kept_for(arguments)(*arguments)

    def for_one_combination(self) -> Callable[..., Any]:
        """The same function for arguments that will always have the shapes of the first ones: it is looked up once, and stays
        with whoever holds this."""
        kept: _CachedProgram | None = None

        def call(*arguments: Any) -> Any:
            nonlocal kept
            if kept is None:
                kept = self._kept_for(arguments)
            return kept(*arguments)

        return call

    def _kept_for(self, arguments: tuple[Any, ...]) -> _CachedProgram:
        leaves, structure = jax.tree.flatten(arguments)
        shapes = (structure, *[(leaf.shape, leaf.dtype) for leaf in leaves])
        kept = self._programs.get(shapes)
        if kept is None:
            _make_room()
            kept = self._programs[shapes] = _CachedProgram(self._compile(arguments))
        return kept

    def _compile(self, arguments: tuple[Any, ...]) -> Any:
        @wraps(self._function)
        def once(*arguments: Any) -> Any:
            return self._function(*arguments)

        maps = [leaf.size for leaf in jax.tree.leaves(arguments) if leaf.ndim == MAP_AXES]
        large = max(maps, default=0) >= LARGE
        # The options are asked for late: that starts JAX's backend, and importing must not.
        options = compiler_options(quickly=not (self._long or large))

        def lower() -> Any:
            # The text of a program must tell which arguments it reads: those that JAX leaves out are not in it.
            keep_unused = self._identity is None
            return jax.jit(once, compiler_options=options, keep_unused=keep_unused, **self._options).lower(*arguments)

        if (cache := current_program_cache(options)) is None:
            return lower().compile()
        if self._identity is not None:
            return cache.obtain(self._identity, arguments, lambda: lower().compile())
        lowered = lower()
        return cache.obtain(identity_of(lowered), arguments, lowered.compile, outputs=lowered.out_tree)

    def __len__(self) -> int:
        """How many programs are kept."""
        return len(self._programs)

    def __bool__(self) -> bool:
        return True

    def oldest(self) -> tuple[int, Any]:
        """When the program unused for longest was used last, and its shapes."""
        return min(((kept.used, shapes) for shapes, kept in self._programs.items()), key=lambda pair: pair[0])

    def forget(self, shapes: Any) -> None:
        """Drop a program."""
        del self._programs[shapes]


_library: weakref.WeakSet[Program] = weakref.WeakSet()
_uses = itertools.count(1)
_children = itertools.count(1)


def _make_room() -> None:
    """Drop the program unused for longest if there are as many as may be kept."""
    if sum(map(len, _library)) >= LARGEST_LIBRARY:
        owner = min((program for program in _library if len(program)), key=lambda program: program.oldest()[0])
        owner.forget(owner.oldest()[1])


def begin_child() -> None:
    """Called before the training of each child: now and then drop what JAX keeps besides programs."""
    if next(_children) % CHILDREN_BETWEEN_CLEARINGS == 0:
        jax.clear_caches()


def compiled(function: Callable[..., Any], *, identity: str | None = None, long: bool = False, **options: Any) -> Program:
    """The function as a program for arrays; `options` are those of `jax.jit` that need no names of arguments.

    `long` is for programs of long trainings, whose time counts more than that of compiling them.

    `identity`, a name and after a space all settings that the function closes over, lets the program be found on disk without
    being traced (`program_cache`). Without it the program is found by its text.
    """
    return Program(function, identity=identity, long=long, **options)
