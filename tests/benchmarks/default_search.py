"""The default search of the README: what fast children save, and what the saved time buys.

    python tests/benchmarks/default_search.py --part saved  [--core 0]
    python tests/benchmarks/default_search.py --part bought [--core 0] [--seeds 6]

`saved`: the search as it is, once with an empty compilation cache and once more, beside the same search with plain children:
Flax networks as one program each, XLA's own operations, none of our settings of the process. `bought`: what could be done with
the time that this saves, twice as many trials or three times as many epochs, which take about as long, by how good the winners
are that they find, each trained for 30 epochs on several seeds and tested. Every search runs in one process on one core
(`--executor serial`), which finds the same as two workers; seconds are of computing. `bought` takes nine minutes for a seed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

from results import record, table

HERE = Path(__file__).parent
START = "from automl_cli.__main__ import main; main()"
PLAIN = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import automl_cli.values.engine, automl_cli.nn.ops
from accuracy_of_operations import use_native_operations
automl_cli.values.engine.STEPS_THAT_PAY = 0
use_native_operations()
{START}
"""
Budget = tuple[int, int]
"""Trials, and epochs of each."""
FEW, MORE_TRIALS, MORE_EPOCHS = BUDGETS = (64, 4), (128, 4), (64, 12)
TRAINING_EPOCHS, TRAINING_SEEDS = 30, 3


@dataclass(frozen=True)
class Machine:
    """Where commands run: a core, and a folder for compiled programs and runs."""

    core: int
    folder: Path

    def run(self, code: str, arguments: list[str], *, cache: str, **environment: str) -> tuple[str, float]:
        """What a command printed, and the seconds of computing that it took."""
        caches = {"XDG_CACHE_HOME": str(self.folder / "caches" / cache)}
        settings = os.environ | caches | {"PYTHONPATH": str(HERE.parents[1])} | environment
        command = ["taskset", "-c", str(self.core), sys.executable, "-c", code, *arguments]
        process = subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise RuntimeError(f"{arguments} ended with status {status}")
        return printed, used.ru_utime + used.ru_stime

    def search(self, out: str, *options: str, code: str = START, cache: str = "kept", **environment: str) -> tuple[Path, float]:
        """The winner of a default search, and the seconds that it took."""
        arguments = ["search-arch", "--executor", "serial", "--out", str(self.folder / out), *options]
        seconds = self.run(code, arguments, cache=cache, **environment)[1]
        print(out, f"{seconds:.1f}", file=sys.stderr, flush=True)
        return self.folder / out / "best.json", seconds

    def tested(self, winner: Path, out: str, seed: int) -> float:
        """Test accuracy of a winner that was trained to the end."""
        options = ["--arch", str(winner), "--epochs", str(TRAINING_EPOCHS), "--seed", str(seed), "--json"]
        printed, _ = self.run(START, ["train", *options, "--out", str(self.folder / out)], cache="kept")
        return float(json.loads(printed)["test_accuracy"])


class Found(NamedTuple):
    """What one search found."""

    seconds: float
    validated: float
    tested: float


def score(winner: Path) -> float:
    return float(json.loads(winner.read_text(encoding="utf-8"))["body"]["validation_score"])


def saved(machine: Machine) -> str:
    """The table of what fast children save."""
    plain = machine.search("plain", code=PLAIN, cache="plain", AUTOML_NO_PROCESS_TUNING="1")
    sides = {"plain children": plain, "as it is, cold": machine.search("cold"), "as it is, warm": machine.search("warm")}
    rows = [[name, f"{took:.0f}", f"{plain[1] / took:.1f}", f"{score(best):.4f}"] for name, (best, took) in sides.items()]
    return table(["the default search", "seconds", "plain / this", "best validation accuracy"], rows)


def found_by_seed(machine: Machine, seed: int) -> dict[Budget, Found]:
    """What each budget finds. More trials go on from the fewer ones, as `--resume` does."""
    found: dict[Budget, Found] = {}
    for budget in BUDGETS:
        trials, epochs = budget
        out = f"of-{epochs}-epochs-{seed}"
        goes_on = ("--resume",) if budget == MORE_TRIALS else ("--epochs", str(epochs), "--seed", str(seed))
        best, took = machine.search(out, "--trials", str(trials), *goes_on)
        took += found[FEW].seconds if budget == MORE_TRIALS else 0.0
        names = [f"{out}-{trials}-trained-{again}" for again in range(TRAINING_SEEDS)]
        accuracies = [machine.tested(best, name, again) for again, name in enumerate(names)]
        found[budget] = Found(took, score(best), fmean(accuracies))
        print(seed, budget, found[budget], accuracies, file=sys.stderr, flush=True)
    return found


def bought(found: list[dict[Budget, Found]]) -> str:
    """The tables of what more trials or epochs find: over all seeds, and of each."""
    rows = []
    for budget in BUDGETS:
        column = [each[budget] for each in found]
        gains = [each[budget].tested - each[FEW].tested for each in found]
        gain = "" if budget == FEW else f"{fmean(gains):+.4f} ± {stdev(gains) / len(gains) ** 0.5:.4f}"
        spread = [f"{fmean(values):.4f} ± {stdev(values):.4f}" for values in zip(*(one[1:] for one in column), strict=True)]
        rows.append([_words(budget), f"{fmean(one.seconds for one in column):.0f}", *spread, gain])
    trained = f"test accuracy after {TRAINING_EPOCHS} epochs"
    over_all = table(["search", "seconds", "validation accuracy of the winner", trained, "gain, of the same seed"], rows)
    each = [[seed, *(f"{one[budget].tested:.4f}" for budget in BUDGETS)] for seed, one in enumerate(found)]
    note = (
        f"Mean ± standard deviation over {len(found)} seeds of the search, of the gain its standard error; each winner is "
        f"trained and tested with {TRAINING_SEEDS} seeds. Load meanwhile: {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores."
    )
    return "\n\n".join((over_all, table([f"seed: {trained}", *map(_words, BUDGETS)], each), note))


def _words(budget: Budget) -> str:
    return "{} trials of {} epochs".format(*budget)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("saved", "bought"), required=True)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=6)
    asked = parser.parse_args()
    script = f"tests/benchmarks/default_search.py --part {asked.part}"
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(asked.core, Path(folder))
        if asked.part == "saved":
            record("The default search", script, saved(machine))
            return
        found: list[dict[Budget, Found]] = []
        for seed in range(asked.seeds):
            found.append(found_by_seed(machine, seed))
            if len(found) > 1:
                record("What the default search could do with the time it saves", script, bought(found))


if __name__ == "__main__":
    main()
