"""Overhead of `--executor ray` per trial, beside a bare pool of actors, at children of 0, 10 and 100 ms.

    python tests/benchmarks/ray_overhead.py [--workers 2] [--rounds 5] [--trials 400]

Both sides run in turn on one cluster of this machine. A child sleeps; the bare pool is `ray.util.ActorPool` with one actor per
worker, whose method takes and returns a line of JSON as long as ours. The overhead of a trial is its wall-clock time on a
worker less what it sleeps: seconds * workers / trials - child. Quoted are medians over the rounds, and of the ratios.
"""

import argparse
import os
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from results import record, table

from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.spaces import SpaceReference
from automl_cli.core.trials import Cluster, EvaluatorSpec, Measurement, Outcome, Status, Task
from automl_cli.executors import ray_cluster
from automl_cli.executors.messages import Done
from automl_cli.executors.ray_executor import RayExecutor
from automl_cli.store import encoding

SPACE = Path(__file__).parent.parent / "tiny_space.py"
CHILDREN = (0.0, 0.01, 0.1)


def tasks(count: int) -> list[Task]:
    return [Task(trial, (trial % 3, trial // 3 % 3), seed=trial, epochs=1) for trial in range(count)]


class Bare:
    """The least that an actor of a pool can be."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._answer = encoding.line(Done((Outcome(Status.OK, Measurement(scores=(0.5,)), seconds=seconds, worker="0"),), 0))

    def ready(self) -> None:
        """Return when the actor is there."""

    def evaluate(self, line: bytes) -> bytes:
        time.sleep(self._seconds)
        return self._answer


def bare_seconds(ray: Any, child: float, workers: int, trials: int) -> float:
    """Seconds of a bare pool for so many trials."""
    actors = [ray.remote(Bare).options(num_cpus=1).remote(child) for _ in range(workers)]
    ray.get([actor.ready.remote() for actor in actors])
    pool = ray.util.ActorPool(actors)
    lines = [encoding.line((task,)) for task in tasks(trials)]
    started = time.perf_counter()
    answers = list(pool.map_unordered(lambda actor, line: actor.evaluate.remote(line), lines))
    seconds = time.perf_counter() - started
    assert len(answers) == trials
    for actor in actors:
        ray.kill(actor)
    return seconds


def our_seconds(child: float, workers: int, trials: int) -> float:
    """Seconds of the executor for so many trials, once its workers have started."""
    settings = {"seconds": child}
    setup = EvaluatorSetup(
        EvaluatorSpec("analytic", settings), SpaceReference(name="tiny", version=1, options={"layers": 2}, file=str(SPACE))
    )
    with closing(RayExecutor(setup, workers=workers)) as executor:
        for warming in tasks(4 * workers):
            executor.submit(warming)
        for _ in range(4 * workers):
            executor.wait()
        started = time.perf_counter()
        for task in tasks(trials):
            executor.submit(task)
        for _ in range(trials):
            executor.wait()
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=400)
    options = parser.parse_args()
    ray = ray_cluster.connect(Cluster(), workers=options.workers)
    connection, ray_cluster._connection = ray_cluster._connection, None  # the executor finds it and leaves it running
    assert connection is not None
    rows, loads = [], []
    for child in CHILDREN:
        trials = options.trials if child < 0.05 else options.trials // 4
        bare, ours = [], []
        for _ in range(options.rounds):
            loads.append(os.getloadavg()[0])
            bare.append(bare_seconds(ray, child, options.workers, trials))
            ours.append(our_seconds(child, options.workers, trials))
        rows.append(row(child, bare, ours, per_trial=options.workers / trials))
    connection.end()
    columns = ["child", "bare pool: overhead", "`--executor ray`: overhead", "ratio of overheads", "ratio of times"]
    record(
        "Overhead of the Ray executor",
        "tests/benchmarks/ray_overhead.py",
        f"{options.workers} workers on one machine, medians of {options.rounds} rounds; load {median(loads):.1f} of "
        f"{os.cpu_count()} cores.\n\n{table(columns, rows)}",
        packages=("ray",),
    )


def row(child: float, bare: list[float], ours: list[float], *, per_trial: float) -> list[str]:
    """A row of the table, of the seconds of all rounds of both sides."""
    over = [(one * per_trial - child, other * per_trial - child) for one, other in zip(bare, ours, strict=True)]
    times = median(other / one for one, other in zip(bare, ours, strict=True))
    milliseconds = [f"{1000 * median(side):.2f} ms" for side in zip(*over, strict=True)]
    return [f"{1000 * child:g} ms", *milliseconds, f"{median(other / one for one, other in over):.2f}", f"{times:.2f}"]


if __name__ == "__main__":
    main()
