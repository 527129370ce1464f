"""800 simulated workers under one driver: how much of their time they wait, for which window of trials in flight.

    python tests/benchmarks/eight_hundred_workers.py [--keep FILE.jsonl]

Children take a log-normal time, 60 s on average, with a coefficient of variation of 0.5; 1 % are lost with their worker.
What is in FILE already is not simulated again. The graph is written to `docs/images/eight-hundred-workers.svg`.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import msgspec
from msgspec import Struct
from results import record, table
from simulated_workers import (
    FILLED_SECONDS,
    MEAN_SECONDS,
    SimulatedClock,
    SimulatedExecutor,
    busy_share,
    replicas_alone,
    steady,
    window_alone,
)

from automl_cli.plugins.listing import kind_named
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.store.journal import Journal
from automl_cli.store.run_directory import create_run
from automl_cli.study.incumbent import Winner, winner_artifact
from automl_cli.study.loop import Study
from automl_cli.study.session import evaluator_of, make_strategy, setup_of

WORKERS = 800
WINDOWS = {"random": (800, 1600), "evolution": (800, 1600, 2400, 3200, 4000, 4800, 5600), "reinforce": (1600, 4000)}
MORE_TRIALS = {"random": 7_000, "evolution": 7_000, "reinforce": 5_500}
"""Trials beyond those of the window. With fewer the stretch that is counted would be short."""
LONG_RUN = 40_000
"""So many more trials are simulated where the driver takes no time, since rare long children decide in the long run."""
REPLICAS, CHILDREN = 100, 8
"""The paper's layout: 100 replicas of the controller, each with 8 children (arXiv 1611.01578, section 4.1)."""
IMAGE = Path(__file__).resolve().parents[2] / "docs" / "images" / "eight-hundred-workers.svg"


class Simulated(Struct, frozen=True):
    """What one search did: the share of the workers' time that they wait, the share of the time that the driver is busy, its
    milliseconds for each trial, and the share that workers would wait under a driver that takes no time."""

    strategy: str
    window: int
    trials: int
    idle: float
    driver: float
    milliseconds: float
    alone: float


def simulate(strategy: str, window: int, *, trials: int) -> Simulated:
    """Run a whole study of the deck's space of networks, scored by a formula."""
    from automl_cli.planning.request import SearchRequest
    from automl_cli.planning.resolve import plan_search

    how = {"preset": "paper", "strategy": strategy, "trials": trials, "in_flight": window}
    request = SearchRequest(space="cnn", evaluator="analytic", **how)
    settings, space = plan_search("search-arch", request, default_space="cnn")
    clock = SimulatedClock()
    executor = SimulatedExecutor(evaluator_of(settings)(setup_of(settings)), workers=WORKERS, clock=clock)
    with tempfile.TemporaryDirectory() as folder, create_run(Path(folder) / "run", artifact_of(settings)) as run:

        def publish(winner: Winner) -> None:
            write_artifact(run.best_file, winner_artifact(settings, space, winner, costs=None))

        with patch("os.fsync", clock.timed_fsync(os.fsync)), closing(Journal(run.journal_file, clock=clock)) as journal:
            Study(
                settings,
                strategy=make_strategy(settings, space),
                executor=executor,
                journal=journal,
                publish=publish,
                joins=kind_named(space.plugin.produces).joins,
                standing_for=space.canonical,
                clock=clock,
            ).run()
    stretch = steady(executor)
    inside = [driver for at, driver in executor.handed_over if stretch[0] <= at <= stretch[1]]
    seconds = inside[-1] - inside[0]
    return Simulated(
        strategy,
        window,
        trials,
        1 - busy_share(executor.busy, stretch, WORKERS),
        seconds / (stretch[1] - stretch[0]),
        1000 * seconds / len(inside),
        1 - window_alone(window, workers=WORKERS, trials=trials, fixed=strategy == "random"),
    )


def all_rows(keep: Path | None, strategies: Sequence[str]) -> list[Simulated]:
    """These strategies with every window, those that are kept included."""
    kept = keep.read_text(encoding="utf-8").splitlines() if keep is not None and keep.exists() else []
    rows = [msgspec.json.decode(line, type=Simulated) for line in kept]
    for strategy in strategies:
        for window in WINDOWS[strategy]:
            if not any((row.strategy, row.window) == (strategy, window) for row in rows):
                rows.append(simulate(strategy, window, trials=MORE_TRIALS[strategy] + window))
                if keep is not None:
                    with keep.open("ab") as file:
                        file.write(msgspec.json.encode(rows[-1]) + b"\n")
    return rows


def draw(rows: Sequence[Simulated], long: dict[int, float], replicas: float) -> None:
    """Write the graph."""
    from matplotlib.figure import Figure

    from automl_cli.reporting.plots import SIZE_INCHES, write_figure

    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel("trials in flight (--in-flight)")
    axes.set_ylabel(f"idle share of {WORKERS} workers")
    for strategy, marker in zip(WINDOWS, "os^", strict=True):
        mine = sorted((row for row in rows if row.strategy == strategy), key=lambda row: row.window)
        axes.plot([row.window for row in mine], [row.idle for row in mine], marker=marker, label=strategy)
    axes.plot(list(long), list(long.values()), ":", color="black", label="a driver that takes no time, in the long run")
    axes.axhline(
        replicas, linestyle="--", color="grey", label=f"the paper's layout: {REPLICAS} replicas of {CHILDREN} children"
    )
    axes.set_ylim(-0.02, 0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="small")
    write_figure(lambda: figure, IMAGE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", choices=list(WINDOWS), help="simulate these alone, and record nothing")
    options = parser.parse_args()
    rows = all_rows(options.keep, [options.only] if options.only else list(WINDOWS))
    if options.only:
        return
    replicas = 1 - replicas_alone(REPLICAS, CHILDREN, rounds=100)
    windows = sorted({row.window for row in rows if row.strategy != "random"})
    long = {window: 1 - window_alone(window, workers=WORKERS, trials=window + LONG_RUN) for window in windows}
    rows.sort(key=lambda row: (list(WINDOWS).index(row.strategy), row.window))
    draw(rows, long, replicas)
    most = WORKERS / MEAN_SECONDS * 3600
    head = [
        "strategy",
        "in flight",
        "trials",
        "idle",
        "a driver that takes no time",
        f"the same, {LONG_RUN:,} more trials",
        "children an hour",
        "driver, a trial",
        "driver busy",
    ]
    cells = [
        [
            row.strategy,
            f"{row.window:,}",
            f"{row.trials:,}",
            f"{row.idle:.1%}",
            f"{row.alone:.1%}",
            "-" if row.strategy == "random" else f"{long[row.window]:.1%}",
            f"{most * (1 - row.idle):,.0f}",
            f"{row.milliseconds:.2f} ms",
            f"{row.driver:.1%}",
        ]
        for row in rows
    ]
    text = (
        f"Children of log-normal length, mean {MEAN_SECONDS:.0f} s, coefficient of variation 0.5; 1 % are lost with their "
        "worker. The space `cnn`, the real study, strategy and journal; the simulated clock is charged with every ask, tell, "
        f"message and durable write. Counted from {FILLED_SECONDS:.0f} s on, to the last proposal: with large windows and few "
        "trials a short stretch, so the long run of a driver that takes no time stands beside it.\n\n"
        f"The paper's layout, {REPLICAS} replicas of the controller that each wait for their {CHILDREN} children, leaves "
        f"{replicas:.1%} idle by the spread of the lengths alone. A strategy that learns is told in the order of the trials, "
        "so that one seed finds the same on any number of workers; so its window waits for the longest child, and has to be "
        "about six times the number of workers at this spread. Random search learns nothing and waits for none.\n\n"
        f"![idle share against trials in flight](../../docs/images/{IMAGE.name})"
    )
    script = "tests/benchmarks/eight_hundred_workers.py"
    record("800 simulated workers", script, f"{table(head, cells)}\n\n{text}", packages=("jax", "flax", "msgspec", "orjson"))


if __name__ == "__main__":
    main()
