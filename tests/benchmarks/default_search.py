"""The default search of the README: what fast children save, and what the saved time buys.

    python tests/benchmarks/default_search.py [--core 0] [--seeds 3]

First the search as it is (64 children of four epochs), once with an empty compilation cache and once more, beside the same
search with plain children: Flax networks as one program each, XLA's own operations, none of our settings of the process. Then
what could be done with the time that this saves: more trials or more epochs, by how good the winners are that they find, each
trained for 30 epochs on several seeds and tested. Every search runs in one process on one core (`--executor serial`), which
finds the same as two workers; seconds are of computing. An hour and more on one core.
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

from results import record, table

HERE = Path(__file__).parent
START = "from automl_cli.__main__ import main; main()"
PLAIN = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import automl_cli.core.engines, automl_cli.nn.ops
from accuracy_of_operations import use_native_operations
automl_cli.core.engines.STEPS_THAT_PAY = 0
use_native_operations()
{START}
"""
BUDGETS = {"64 trials of 4 epochs": (), "96 trials of 4 epochs": ("--trials", "96"), "64 trials of 6 epochs": ("--epochs", "6")}
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


def score(winner: Path) -> float:
    return float(json.loads(winner.read_text(encoding="utf-8"))["body"]["validation_score"])


def saved(machine: Machine) -> str:
    """The table of what fast children save."""
    plain = machine.search("plain", code=PLAIN, cache="plain", AUTOML_NO_PROCESS_TUNING="1")
    sides = {"plain children": plain, "as it is, cold": machine.search("cold"), "as it is, warm": machine.search("warm")}
    rows = [[name, f"{took:.0f}", f"{plain[1] / took:.1f}", f"{score(best):.4f}"] for name, (best, took) in sides.items()]
    return table(["the default search", "seconds", "plain / this", "best validation accuracy"], rows)


def bought(machine: Machine, seeds: int) -> str:
    """The table of what more trials or epochs find."""
    rows = []
    for number, (name, options) in enumerate(BUDGETS.items()):
        found = [machine.search(f"{number}-{seed}", *options, "--seed", str(seed)) for seed in range(seeds)]
        accuracies = [
            fmean(machine.tested(best, f"{number}-{seed}-trained-{again}", again) for again in range(TRAINING_SEEDS))
            for seed, (best, _) in enumerate(found)
        ]
        scores = [score(best) for best, _ in found]
        spread = [f"{fmean(values):.4f} ± {stdev(values):.4f}" for values in (scores, accuracies)]
        rows.append([name, f"{fmean(took for _, took in found):.0f}", *spread])
        print(rows[-1], accuracies, file=sys.stderr, flush=True)
    trained = f"test accuracy after {TRAINING_EPOCHS} epochs"
    return table(["search", "seconds", "validation accuracy of the winner", trained], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(asked.core, Path(folder))
        parts = (saved(machine), bought(machine, asked.seeds))
    note = (
        f"Mean ± standard deviation over {asked.seeds} seeds of the search; each winner is trained and tested with "
        f"{TRAINING_SEEDS} seeds. Load meanwhile: {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores."
    )
    record("The default search", "tests/benchmarks/default_search.py", "\n\n".join((*parts, note)))


if __name__ == "__main__":
    main()
