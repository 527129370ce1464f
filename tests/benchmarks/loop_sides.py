"""One side of `loop.py`, in a process of its own on one core: prints seconds of the loop alone and peak memory as JSON.

    python loop_sides.py SIDE TRIALS [TABLE]

Sides: random, evolution, ppo (ours, journal on disk, durable), optuna (random, journal storage), pyglove (regularized
evolution). The toy has 10 decisions of 4 choices, and the score is the mean index; imports and start-up are not timed.
"""

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

DECISIONS, CHOICES = 10, 4
POPULATION, TOURNAMENT = 30, 10


def ours(strategy: str, trials: int, table: str | None) -> float:
    """Our study on the toy, or on a table; the seconds of `run_study`."""
    from automl_cli.planning.request import SearchRequest
    from automl_cli.planning.resolve import plan_search
    from automl_cli.store.artifact import artifact_of
    from automl_cli.store.run_directory import create_run
    from automl_cli.study.session import make_executor, make_strategy, run_study

    constants = {"population_size": POPULATION, "tournament_size": TOURNAMENT} if strategy == "evolution" else None
    toy = {"space": str(Path(__file__).with_name("toy_space.py")), "evaluator": "analytic"}
    where = {"space": "nas-bench-201", "evaluator": "table", "table": table, "reward_column": "c10_val_e12"} if table else toy
    request = SearchRequest(**where, strategy=strategy, strategy_option=constants, trials=trials, in_flight=1)
    settings, space = plan_search("search-cell", request, default_space="nasnet")
    with tempfile.TemporaryDirectory() as folder:
        held = create_run(Path(folder) / "run", artifact_of(settings))
        start = time.perf_counter()
        strategy, executor = make_strategy(settings, space), make_executor(settings)
        run_study(held, settings, space=space, strategy=strategy, executor=executor)
        return time.perf_counter() - start


def optuna(trials: int) -> float:
    """Optuna's random sampler with its journal on disk."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: optuna.Trial) -> float:
        return sum(trial.suggest_int(f"d{at}", 0, CHOICES - 1) for at in range(DECISIONS)) / DECISIONS

    with tempfile.TemporaryDirectory() as folder:
        storage = optuna.storages.JournalStorage(JournalFileBackend(f"{folder}/journal.log"))
        study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0), direction="maximize")
        start = time.perf_counter()
        study.optimize(objective, n_trials=trials)
        return time.perf_counter() - start


def pyglove(trials: int) -> float:
    """PyGlove's regularized evolution in memory: it has no journal."""
    import pyglove as pg

    space = pg.Dict({f"d{at}": pg.oneof(list(range(CHOICES))) for at in range(DECISIONS)})
    evolution = pg.evolution.regularized_evolution(population_size=POPULATION, tournament_size=TOURNAMENT, seed=0)
    start = time.perf_counter()
    for example, feedback in pg.sample(space, evolution, num_examples=trials):
        feedback(sum(example.values()) / DECISIONS)
    return time.perf_counter() - start


def main() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    side, trials = sys.argv[1], int(sys.argv[2])
    peers = {"optuna": optuna, "pyglove": pyglove}
    table = sys.argv[3] if len(sys.argv) > 3 else None
    seconds = peers[side](trials) if side in peers else ours(side, trials, table)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "megabytes": megabytes}))


if __name__ == "__main__":
    main()
