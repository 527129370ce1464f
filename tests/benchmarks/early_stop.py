"""Searches of digits that stop children early against searches that stop none, at the same epochs in all.

    python tests/benchmarks/early_stop.py --keep runs/early-stop.jsonl
    python tests/benchmarks/early_stop.py --keep runs/early-stop.jsonl --only evolution --seeds 0-4 --no-record

Both sides have the epochs of 20 children of 9 epochs, of the quick preset of cnn. `none` trains 20 children whole; `asha` is
the search of the most trials whose epochs in all, those of trainings that start anew included, are within that. The winner of
each search, what `best.json` would name, is judged by its mean score on 3 seeds that no search has seen, trained for 9 epochs.
Pairs have the same seed. Everything runs in this process, one child after the other, with the window of the preset; a training
that is kept in the file is not done again, and neither is a search. About an hour for a strategy on one core.
"""

import argparse
import sys
import tempfile
from collections import deque
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from in_process import Kept, mean_and_error, numbers_of, paired
from results import record, table

from automl_cli.core.decisions import Genotype
from automl_cli.core.numbers import LARGEST
from automl_cli.core.protocols import Evaluator
from automl_cli.core.random_streams import stream_seed
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Outcome, Stage, Status, Task, Trial
from automl_cli.evaluators.trained import TrainedEvaluator
from automl_cli.executors.outcomes import attempt
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.store.encoding import plain
from automl_cli.store.journal import Journal
from automl_cli.store.study import StudySettings
from automl_cli.study.incumbent import ranking_of, score_of
from automl_cli.study.loop import SearchProgress, Study
from automl_cli.study.session import make_strategy, setup_of
from automl_cli.system.process import set_up_this_process

STRATEGIES = ("random", "evolution")
MOST_TRIALS = 10
"""A search that stops children early ends at the latest after so many times the trials of one that stops none."""
NEW_SEEDS = 3


class Spent(BaseException):
    """The epochs of a search do not suffice for another trial."""


class Trainings:
    """Trains children, and keeps how each training ended."""

    def __init__(self, evaluator: Evaluator, kept: Kept) -> None:
        self._evaluator = evaluator
        self._kept = kept

    def outcome(self, task: Task) -> Outcome:
        """How the training ends."""
        key = ["training", task.epochs, list(task.genotype), task.seed]
        return msgspec.convert(self._kept.get(key, lambda: plain(attempt(self._evaluator, task, "0"))), Outcome)


class InTurn:
    """An executor that trains the child that waited longest."""

    def __init__(self, trainings: Trainings) -> None:
        self._trainings = trainings
        self._waiting: deque[Task] = deque()

    def submit(self, *tasks: Task) -> None:
        """Accept tasks."""
        self._waiting.extend(tasks)

    def wait(self, timeout_seconds: float | None = None) -> tuple[Task, Outcome] | None:
        """Train a child."""
        task = self._waiting.popleft()
        return task, self._trainings.outcome(task)

    def close(self) -> None:
        """Drop the tasks that wait."""
        self._waiting.clear()


class Budget:
    """Counts the epochs of a search in the order of its trials, and ranks those within the budget.

    What becomes of a trial depends on the trials up to it alone, so these are the trials of a search of so many.
    """

    def __init__(self, settings: StudySettings, epochs: int) -> None:
        self.trials = 0
        self.left = epochs
        self.ranking = ranking_of(settings, joins=0)
        self._rungs = settings.rungs
        self._ended: dict[int, Trial] = {}

    def take(self, progress: SearchProgress) -> None:
        """Take the trial that ended. Raises Spent where the budget does not suffice for the next one."""
        if progress.last is not None:
            self._ended[progress.last.number] = progress.last
        while (trial := self._ended.pop(self.trials, None)) is not None:
            cost = sum(epochs for epochs in self._rungs if epochs <= trial.task.epochs) if trial.reused is None else 0
            if cost > self.left:
                raise Spent
            self.left -= cost
            self.trials += 1
            if trial.reused is None:
                self.ranking.add(trial)
        if self.left < self._rungs[0]:
            raise Spent


def planned(strategy: str, stop: str, options: argparse.Namespace, seed: int) -> tuple[StudySettings, SearchSpace]:
    """The settings of a search; those of a strategy are the same on both sides."""
    request = SearchRequest(strategy=strategy, trials=options.trials, epochs=options.epochs, seed=seed, early_stop=stop)
    settings, space = plan_search("search-arch", request, default_space="cnn")
    return msgspec.structs.replace(settings, trials=MOST_TRIALS * options.trials), space


def searched(strategy: str, stop: str, options: argparse.Namespace, trainings: Trainings, seed: int) -> dict[str, Any]:
    """The trials that a search ended, the score of its winner in the search, and its score on new seeds."""
    settings, space = planned(strategy, stop, options, seed)
    budget = Budget(settings, options.trials * options.epochs)
    with tempfile.TemporaryDirectory() as folder, closing(Journal(Path(folder) / "journal.jsonl")) as journal:
        study = Study(
            settings,
            strategy=make_strategy(settings, space),
            executor=InTurn(trainings),
            journal=journal,
            publish=lambda winner: None,
            standing_for=space.canonical,
            on_progress=budget.take,
        )
        with suppress(Spent):
            study.run()
    best = budget.ranking.best()[0]
    again = [judged(trainings, best.task.genotype, options.epochs, number) for number in range(NEW_SEEDS)]
    scores = [0.0 if one.measurement is None else settings.reward.score(one.measurement) for one in again]
    return {
        "trials": budget.trials,
        "unspent": budget.left,
        "epochs": best.task.epochs,
        "seen": score_of(settings.reward, best),
        "judged": sum(scores) / len(scores),
        "failed": sum(one.status is not Status.OK for one in again),
    }


def judged(trainings: Trainings, genotype: Genotype, epochs: int, number: int) -> Outcome:
    """How a winner does on a seed that no search has seen."""
    seed = stream_seed(0, "judged", str(genotype), number) % LARGEST
    return trainings.outcome(Task(0, genotype, seed, epochs, Stage.RETRAIN))


def rows_of(options: argparse.Namespace, kept: Kept, trainings: Trainings) -> list[list[str]]:
    """Rows of the table: a strategy each."""
    rows = []
    for strategy in options.only.split(","):
        found: dict[str, list[dict[str, Any]]] = {"none": [], "asha": []}
        for seed in numbers_of(options.seeds):
            for stop, results in found.items():
                key = ["search", strategy, stop, options.trials, options.epochs, seed]
                results.append(kept.get(key, partial(searched, strategy, stop, options, trainings, seed)))
                print(*key, results[-1], file=sys.stderr, flush=True)
        cells = [strategy, f"{mean_and_error(one['trials'] for one in found['asha'])[0]:.1f}"]
        for figure in ("seen", "judged"):
            without, with_it = ([one[figure] for one in found[stop]] for stop in ("none", "asha"))
            difference, half = paired(with_it, without)
            cells += [f"{mean_and_error(without)[0]:.4f}", f"{mean_and_error(with_it)[0]:.4f}"]
            cells.append(f"{difference:+.4f} ± {half:.4f}")
        rows.append([*cells, f"{sum(a['judged'] > n['judged'] for a, n in zip(found['asha'], found['none'], strict=True))}"])
    return rows


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, default=Path("runs/early-stop.jsonl"))
    parser.add_argument("--seeds", default="0-19")
    parser.add_argument("--only", default=",".join(STRATEGIES))
    parser.add_argument("--trials", type=int, default=20, help="children of `none`")
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--no-record", action="store_true")
    return parser.parse_args()


def main() -> None:
    set_up_this_process()
    options = arguments()
    kept = Kept(options.keep)
    settings, _ = planned("random", "none", options, 0)
    trainings = Trainings(TrainedEvaluator(setup_of(settings)), kept)
    head = ["strategy", "trials of asha", "seen, none", "seen, asha", "difference"]
    head += ["new seeds, none", "new seeds, asha", "difference", "asha ahead"]
    text = (
        f"Means over the seeds {options.seeds}, digits, the quick preset of cnn. Both have at most the epochs of "
        f"{options.trials} children of {options.epochs}; `none` has as many trials. Seen: the winner's score in the search; "
        f"new seeds: its mean over {NEW_SEEDS} seeds that no search has seen. Differences of pairs of one seed, with their "
        "95 % interval."
    )
    body = f"{text}\n\n{table(head, rows_of(options, kept, trainings))}"
    if options.no_record:
        print(body)
    else:
        record("Children that are stopped early", "tests/benchmarks/early_stop.py", body)


if __name__ == "__main__":
    main()
