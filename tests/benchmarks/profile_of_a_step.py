"""Where the time of a training step goes: one child of each kind, program by program.

    python tests/benchmarks/profile_of_a_step.py --data-dir ../shared/data/tfds [--core 1] [--only strided]

Every call of a block is timed inside real steps of the engine `blocks`, with the arrays that it has there; what the calls leave
of a step is Python. Rows are operations on maps of one size, forward and backward apart. Beside the milliseconds
stand, for linear maps, their multiply-adds as written as a share of what the core reaches in a float32 matrix product (measured
here; a form that needs fewer may have more than 1), and for all, the memory of the maps that they read and write as a share of
what a copy moves.
"""

import argparse
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from statistics import median
from typing import Any, NamedTuple

from automl_cli.system.process import set_up_this_process

CHILDREN = ("digits, plain", "cifar10, 3×3", "cifar10, strides", "cifar10, pooling", "cifar10, cell")
FIRST = 2300
STEPS = 12
MOST_ROWS = 14


class Row(NamedTuple):
    """What calls of one kind take of a step: seconds, calls, bytes of the maps that they read and write, multiply-adds."""

    seconds: float
    calls: int
    bytes: int
    multiply_adds: int


class Timer:
    """Times the calls of steps, by what is called."""

    def __init__(self) -> None:
        self._steps: list[dict[str, list[float]]] = [defaultdict(list)]
        self._bytes: Counter[str] = Counter()
        self._multiply_adds: Counter[str] = Counter()
        self.on = False
        """Whether calls are timed."""

    def timed(self, program: Callable[..., Any], describe: Callable[..., tuple[str, int]]) -> Callable[..., Any]:
        """The program, timed under a name; `describe` makes of the arguments the name and the multiply-adds of a call."""

        def call(*arguments: Any) -> Any:
            if not self.on:
                return program(*arguments)
            name, multiply_adds = describe(*arguments)
            read = memory(arguments)  # before some of them are donated
            begin = time.process_time()
            found = program(*arguments)  # which ends when it is computed: `automl_cli.nn` switches asynchronous dispatch off
            self._steps[-1][name].append(time.process_time() - begin)
            if len(self._steps) == 1:
                self._bytes[name] += read + memory(found)
                self._multiply_adds[name] += multiply_adds
            return found

        return call

    def next_step(self) -> None:
        """Note that a step ends."""
        self._steps.append(defaultdict(list))

    def rows(self) -> dict[str, Row]:
        """Medians over the steps but the first two, largest first."""
        steps = self._steps[2:-1]
        found = {
            name: Row(
                median(sum(step[name]) for step in steps), len(steps[0][name]), self._bytes[name], self._multiply_adds[name]
            )
            for name in steps[0]
        }
        return dict(sorted(found.items(), key=lambda pair: -pair[1].seconds))


def memory(tree: Any) -> int:
    """Bytes of the maps in a tree."""
    import jax

    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree) if getattr(leaf, "ndim", 0) == 4)


def describe_call(block: Any, use: str) -> Callable[..., tuple[str, int]]:
    """What names a call of a block, and the multiply-adds of it, by its arguments."""
    import jax

    from automl_cli.nn.engines.numpy_block import NumpyBlock
    from automl_cli.nn.numpy_ops.convolution import Convolution
    from automl_cli.nn.ops.dispatch import choose_form
    from automl_cli.values.operations import ConvolutionUnit, SeparableUnit

    by_numpy = isinstance(block, NumpyBlock)
    operation = block._operation if by_numpy else None
    if by_numpy:
        unit = operation.unit if isinstance(operation, Convolution) else None
    else:
        unit, *_ = block._settings or (None,)

    def describe(page: Any, offset: Any, operands: Any, side_inputs: Any, *_: Any) -> tuple[str, int]:
        shape = next((leaf.shape for leaf in jax.tree.leaves((operands, side_inputs)) if leaf.ndim == 4), (1, 1, 1, 1))
        if isinstance(operation, Convolution):  # of all its inputs together
            shape = (*operation.size, shape[2], block.shapes["kernel"][2])
        where = f"{shape[3]} channels at {shape[0]}×{shape[1]}, {use}"
        if not isinstance(unit, ConvolutionUnit | SeparableUnit):
            return f"{block.name.replace('_', ' ')}{', NumPy' if by_numpy else ''}, {where}", 0
        height, width, _ = unit.output_shape((shape[0], shape[1], shape[3]))
        places, passes = height * width * shape[2], 1 if use == "forward" else 2
        if isinstance(unit, SeparableUnit):
            products = unit.kernel**2 * shape[3] + shape[3] * unit.filters
            return f"separable {unit.kernel}×{unit.kernel}/{unit.stride}, {where}", passes * places * products
        kernel = (*unit.kernel, shape[3], unit.filters)
        form = f"{operation.form}, NumPy" if operation is not None else choose_form(shape, kernel, unit.stride)
        name = "×".join(map(str, unit.kernel)) + ("" if unit.stride == (1, 1) else "/" + "×".join(map(str, unit.stride)))
        return f"{name} → {unit.filters}, {form}, {where}", passes * places * unit.kernel[0] * unit.kernel[1] * shape[
            3
        ] * unit.filters

    return describe


def jobs(data_dir: str) -> dict[str, Any]:
    """Network and training of each child, as our side of the comparison with PyTorch is told them."""
    import msgspec
    from cell_children import SHORT, networks_of
    from children import architectures, setting
    from same_work import job_of

    def job(name: str, network: Any, training: Any, dataset: Any, image: tuple[int, int, int]) -> Any:
        facts = {"dataset": msgspec.to_builtins(dataset), "examples": 640, "image": image, "classes": 10}
        return {**job_of(facts, training, engine="blocks"), "network": msgspec.to_builtins(network)}

    (digits, training, variants), (cifar, longer, _) = setting("digits", None), setting("cifar10", data_dir)
    plain, strides, pooling = architectures(variants, 3, FIRST)
    of_3x3 = msgspec.structs.replace(plain, blocks=tuple(map(_with_3x3, plain.blocks)))
    large = (32, 32, 3)
    found = [job("digits", plain, training, digits, (8, 8, 1))]
    found += [job("cifar10", network, longer, cifar, large) for network in (of_3x3, strides, pooling)]
    found.append(job("cifar10", networks_of(1, 1, FIRST)[0], SHORT, cifar, large))
    return dict(zip(CHILDREN, found, strict=True))


def _with_3x3(block: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(block, operation=msgspec.structs.replace(block.operation, kernel=(3, 3)))


def profile(job: Any) -> tuple[dict[str, Row], float]:
    """What the calls of a step take, and the seconds of a step without timers."""
    import jax
    from our_side import child_of_job, model_of, trainer_of

    trainer, child, timer = trainer_of(job), child_of_job(job), Timer()
    engine, batches = trainer.engine(child, model_of(job)), trainer.learning.batches(child)
    images = list(batches.epoch(1, 0))[:2]
    state, spent = engine.step(engine.initial(), *images[0], 0.05)[0], []
    ((key, calls),) = engine._calls.items()
    engine._calls[key] = tuple(_with_timers(call, timer) for call in calls)
    with timed_outside_blocks(timer, engine):
        for number in range(2 * STEPS):
            timer.on = number % 2 == 1
            begin = time.process_time()
            state, _ = engine.step(state, *images[0], 0.05)
            jax.block_until_ready(state)
            if timer.on:
                timer.next_step()
            else:
                spent.append(time.process_time() - begin)
    undisturbed = median(spent[2:])
    spent = []
    for epoch in range(2):
        making = batches.epoch(1, epoch)
        for _ in range(STEPS // 2):
            begin = time.process_time()
            jax.block_until_ready(next(making))
            spent.append(time.process_time() - begin)
        making.close()
    rows = {"batch of images, augmented": Row(median(spent), 1, 0, 0), **timer.rows()}
    return rows, undisturbed


@contextmanager
def timed_outside_blocks(timer: Timer, engine: Any) -> Iterator[None]:
    """Time what no block computes while the context lasts."""
    from automl_cli.nn.engines import tape

    before = tape._sum
    engine._update = timer.timed(engine._update, lambda *_: ("update rule", 0))
    engine._spatial_first = timer.timed(engine._spatial_first, lambda *_: ("layout of the images", 0))
    tape._sum = timer.timed(before, lambda *_: ("sums of values", 0))
    try:
        yield
    finally:
        tape._sum = before


def _with_timers(call: Any, timer: Timer) -> Any:
    if call.block is None:
        return call
    block = copy(call.block)
    block.forward = timer.timed(block.forward, describe_call(block, "forward"))
    block.backward = timer.timed(block.backward, describe_call(block, "backward"))
    return call._replace(block=block)


def peaks() -> tuple[float, float]:
    """What this core does in a second: multiply-adds in a float32 matrix product, and bytes read and written by a copy."""
    import jax
    import jax.numpy as jnp

    import automl_cli.nn  # noqa: F401  sets how JAX dispatches, before it starts

    def seconds(function: Callable[..., Any], *arguments: Any) -> float:
        program, spent = jax.jit(function), []
        for _ in range(9):
            begin = time.process_time()
            program(*arguments).block_until_ready()
            spent.append(time.process_time() - begin)
        return median(spent[1:])

    matrix, large = jnp.ones((1024, 1024)), jnp.ones(2**24)
    return 1024**3 / seconds(lambda a, b: a @ b, matrix, matrix), 2 * large.nbytes / seconds(lambda x: x + 1, large)


def section(rows: dict[str, Row], step: float, peak: float, copies: float) -> str:
    """The table of one child."""
    from results import table

    timed = sum(row.seconds for name, row in rows.items() if name != "batch of images, augmented")
    listed = []
    for name, row in list(rows.items())[:MOST_ROWS]:
        share = f"{row.multiply_adds / row.seconds / peak:.2f}" if row.multiply_adds else ""
        moved = f"{row.bytes / row.seconds / copies:.2f}" if row.bytes else ""
        listed.append([name, row.calls, f"{1e3 * row.seconds:.2f}", f"{row.seconds / step:.1%}", share, moved])
    others = list(rows.values())[MOST_ROWS:]
    taken = sum(row.seconds for row in others)
    listed.append(["everything else", sum(row.calls for row in others), f"{1e3 * taken:.2f}", f"{taken / step:.1%}", "", ""])
    python = step - timed
    listed.append(["Python between the calls", "", f"{1e3 * python:.2f}", f"{python / step:.1%}", "", ""])
    columns = ["block", "calls", "ms", "of the step", "of the matrix peak", "of what a copy moves"]
    return table(columns, listed)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--only", help="a part of the name of a child")
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    os.sched_setaffinity(0, {asked.core})
    set_up_this_process()
    peak, copies = peaks()
    text = [f"The core: {peak / 1e9:.0f} G multiply-adds a second in a matrix product, {copies / 1e9:.1f} GB/s in a copy."]
    for name, job in jobs(asked.data_dir).items():
        if asked.only is None or asked.only in name:
            rows, step = profile(job)
            text.append(f"### {name}: {1e3 * step:.1f} ms\n\n{section(rows, step, peak, copies)}")
            print(text[-1], flush=True)
    if asked.only is None:
        from results import record

        record("Where the time of a training step goes", "tests/benchmarks/profile_of_a_step.py", "\n\n".join(text))
