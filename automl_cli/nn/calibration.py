"""Measures this machine: how long every form of a convolution takes on it, as a timing table (`values.timings`).

Convolutions like those of the search spaces are computed in every form, in turn, with the compiler options of children. What
counts is the median of the seconds of computing. The coefficients of a row of the table (`timing_model`), none of them
negative, are those that have the least squares of relative errors.

Call `system.process.set_up_this_process` before, so that the process has the threads and the heap of a worker. That takes a
minute or two on an idle core, half of it compilation.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.optimize import nnls

from automl_cli.nn.compilation import compiled
from automl_cli.nn.ops import direct, native
from automl_cli.nn.ops.convolution import ANY_PADS, FORMS
from automl_cli.nn.ops.dispatch import applicable_forms, possible_chunks
from automl_cli.nn.ops.native import Pair
from automl_cli.nn.ops.timing_model import ROWS, Case, features
from automl_cli.system.machine import cpu_model
from automl_cli.values.timings import TimingTable, calibrated

REPEATS, LEAST_REPEATS, BUDGET_SECONDS = 15, 5, 0.6
"""Most and fewest computations of a program, and the seconds for all of one convolution."""

clock = time.perf_counter if sys.platform == "win32" else time.process_time
"""Seconds of computing; on Windows, which counts those in steps of 16 ms, seconds that pass."""

SHORTEST = 1e-7
"""Seconds that a program takes at the least, whatever the clock says."""

SLOW = 6
"""How many times as long as the usual one a program may take to be run more than twice."""


Name = TypeVar("Name")


class Timed(NamedTuple):
    """A row of the table, its features for one convolution, and the nanoseconds that were measured."""

    row: str
    features: tuple[float, ...]
    nanoseconds: float


def case(side: int, batch: int, channels: int, kernel: Pair, filters: int, stride: Pair = (1, 1), dilation: int = 1) -> Case:
    """Return a convolution of square maps that are padded to as many windows as there are positions, by the stride."""
    reach = tuple(dilation * (taps - 1) + 1 for taps in kernel)
    return Case((side, side, batch, channels), (*kernel, channels, filters), stride, native.half(reach), dilation)


CASES = (
    *(case(8, 32, 24, kernel, 36) for kernel in ((3, 3), (7, 5), (1, 7), (5, 1))),
    *(case(8, 64, 48, kernel, 36) for kernel in ((3, 3), (5, 5), (7, 1), (1, 3))),
    *(case(8, 64, 1, kernel, 36) for kernel in ((5, 3), (1, 7))),
    *(case(4, 64, 48, kernel, 48) for kernel in ((3, 3), (5, 7), (1, 5))),
    *(case(16, 64, 24, kernel, 36) for kernel in ((3, 3), (5, 5), (1, 7), (7, 1))),
    *(case(16, 32, 48, kernel, 48) for kernel in ((3, 3), (7, 7), (1, 3))),
    *(case(16, 32, channels, (3, 3), channels) for channels in (4, 8, 16)),
    *(case(32, 32, channels, (3, 3), channels) for channels in (4, 16)),
    *(case(32, 64, 3, kernel, 36) for kernel in ((3, 3), (5, 5), (7, 1))),
    *(case(32, 64, 24, kernel, 36) for kernel in ((3, 3), (1, 5))),
    *(case(32, 32, 36, kernel, 48) for kernel in ((3, 3), (5, 3), (7, 1))),
    *(case(32, 64, 24, kernel, 36, (2, 2)) for kernel in ((3, 3), (5, 5))),
    *(case(16, 64, 36, kernel, 48, stride) for kernel, stride in (((3, 3), (2, 2)), ((7, 3), (2, 1)), ((3, 5), (1, 3)))),
    *(case(8, 64, 36, kernel, 48, stride) for kernel, stride in (((3, 3), (2, 2)), ((5, 7), (2, 3)), ((1, 5), (1, 2)))),
    *(case(11, 64, 36, (5, 3), 48, (3, 2)), case(32, 64, 3, (7, 5), 48, (2, 3)), case(32, 32, 36, (7, 1), 36, (3, 1))),
    *(case(32, 32, 36, (3, 3), 6), case(16, 32, 16, (3, 3), 3), case(32, 32, 16, (1, 3), 4), case(16, 64, 24, (3, 1), 6)),
    *(case(8, 32, 16, (3, 3), 8), case(16, 32, 8, (3, 3), 8, dilation=2)),
)
"""What networks of the search spaces compute, at the sizes of images and batches of their presets."""


def _no_progress(done: int, total: int) -> None:
    """Tell nobody."""


def measure_timings(progress: Callable[[int, int], None] = _no_progress) -> TimingTable:
    """Return the timing table of this machine, measured now.

    `progress` takes how many convolutions are measured, and how many there are.
    """
    timed: list[Timed] = []
    for done, each in enumerate(CASES):
        progress(done, len(CASES))
        timed += measure(each)
    progress(len(CASES), len(CASES))
    return calibrated(cpu_model(), fit(timed))


def fit(timed: list[Timed]) -> dict[str, tuple[float, ...]]:
    """Return the coefficients by row that predict these times with the least squares of the relative errors."""
    coefficients = {}
    for row in ROWS:
        found = [each for each in timed if each.row == row]
        relative = np.array([np.array(each.features) / each.nanoseconds for each in found])
        scale = np.maximum(relative.max(axis=0), 1e-30)  # so that numbers of one size are fitted
        numbers, _ = nnls(relative / scale, np.ones(len(found)))
        coefficients[row] = tuple(float(f"{number:.4g}") for number in numbers / scale)
    return coefficients


def measure(case: Case) -> list[Timed]:
    """Measure one convolution in every form that can compute it."""
    programs = {name: (program.for_fixed_shapes(), arguments) for name, program, arguments in _programs(case)}
    seconds = medians(programs)
    return [Timed(row, numbers, 1e9 * seconds[row, chunks]) for row, chunks, numbers in _rows(case)]


def _rows(case: Case) -> Iterator[tuple[str, int, tuple[float, ...]]]:
    """Yield what is measured of a convolution: the row of the table, the number of chunks, the features."""
    for form in applicable_forms(case):
        for row, numbers in features(case, form).items():
            if row != "direct.kernel_gradient":
                yield row, 1, numbers
        if form == "direct":
            for chunks in _chunks(case):
                yield "direct.kernel_gradient", chunks, features(case, form, chunks)["direct.kernel_gradient"]


def _chunks(case: Case) -> list[int]:
    """Return the numbers of chunks that are measured: one, most, and one between."""
    possible = possible_chunks(case)
    return sorted({possible[0], possible[len(possible) // 2], possible[-1]})


def _programs(case: Case) -> Iterator[tuple[tuple[str, int], Any, tuple[Array, ...]]]:
    """Yield name, program and arguments for all that is measured of a convolution."""
    random = np.random.default_rng(0)
    shapes = case.shape, case.kernel, (*case.outputs, case.batch, case.kernel[3])
    x, kernel, gradient = (jnp.asarray(random.normal(size=shape), jnp.float32) for shape in shapes)
    rows, columns, steps = direct.reached(*case)
    met = kernel[rows, columns]
    size, sides = (case.shape[0], case.shape[1]), (met.shape[0], met.shape[1])

    def forward(x: Array, kernel: Array) -> Array:
        return direct.forward(x, kernel, steps)

    def input_gradient(gradient: Array, kernel: Array) -> Array:
        return direct.input_gradient(gradient, kernel, steps, size)

    def kernel_gradient(x: Array, gradient: Array, *, chunks: int) -> Array:
        return direct.kernel_gradient(x, gradient, steps, sides, chunks=chunks)

    for row, chunks, _ in _rows(case):
        name = (row, chunks)
        match row:
            case "direct.forward":
                yield name, compiled(forward), (x, met)
            case "direct.input_gradient":
                yield name, compiled(input_gradient), (gradient, met)
            case "direct.kernel_gradient":
                yield name, compiled(partial(kernel_gradient, chunks=chunks)), (x, gradient)
            case _:
                yield name, compiled(value_and_gradients(row, case)), (x, kernel, gradient)


def value_and_gradients(form: str, case: Case, *, chunks: int = 1) -> Callable[..., Any]:
    """Return the function of input, kernel and the output's gradient that returns the value and both gradients, in a form."""
    more: dict[str, Any] = {"pads": case.pads, "dilation": case.dilation} if form in ANY_PADS else {}
    if form == "direct":
        more["chunks"] = chunks

    def both(x: Array, kernel: Array, gradient: Array) -> Any:
        value, pull = jax.vjp(lambda x, kernel: FORMS[form](x, kernel, case.stride, **more), x, kernel)
        return value, pull(gradient)

    return both


def medians(programs: Mapping[Name, tuple[Callable[..., Any], tuple[Array, ...]]]) -> dict[Name, float]:
    """Return the median seconds of computing of each program, by name; each comes with its arguments, arrays of any shape.

    The programs are run in turn.
    """
    times: dict[Name, list[float]] = {name: [] for name in programs}

    def run(name: Name) -> None:
        program, arguments = programs[name]
        begin = clock()
        jax.block_until_ready(program(*arguments))
        times[name].append(max(SHORTEST, clock() - begin))

    for name in [*programs, *programs]:
        run(name)  # the first time it is compiled
    firsts = {name: seconds[-1] for name, seconds in times.items()}
    quick = [name for name in programs if firsts[name] <= SLOW * sorted(firsts.values())[len(firsts) // 2]]
    repeats = int(min(REPEATS, max(LEAST_REPEATS, BUDGET_SECONDS / sum(firsts[name] for name in quick))))
    for _ in range(repeats):
        for name in quick:
            run(name)
    return {name: float(np.median(seconds[1:])) for name, seconds in times.items()}
