"""What a second worker gains: the same search with one worker and with two, in turn.

    python tests/benchmarks/two_workers.py --folder DIR [--rounds 3] [--trials 30] [--epochs 16]

Networks of the space cnn on digits, drawn at random, of about two seconds each; a first search that is not counted has all
programs compiled. Seconds are those of the session in the journal: the start of the workers is counted, that of the driver is
not. A search that has ended in the folder is not run again. Ten minutes on two free cores.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from results import record, table

from automl_cli.store.journal import Ended, read_records

ROOT = Path(__file__).parents[2]


def seconds(out: Path, workers: int, options: argparse.Namespace) -> float:
    """The seconds of one search, which is run unless it has ended."""
    flags = {"trials": options.trials, "epochs": options.epochs, "strategy": "random", "workers": workers, "retrain-top": 0}
    line = [sys.executable, "-m", "automl_cli", "search-arch", "--no-baseline", "--executor", "local", "--quiet", "--out", out]
    line += [text for name, value in flags.items() for text in (f"--{name}", value)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if not (out / "journal.jsonl").exists():
        subprocess.run(list(map(str, line)), env=environment, stdout=subprocess.DEVNULL, check=True)
    return next(one.elapsed for one in read_records(out / "journal.jsonl") if isinstance(one, Ended))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=16)
    options = parser.parse_args()
    seconds(options.folder / "first", 2, options)
    rounds = [[seconds(options.folder / f"{at}-{count}", count, options) for count in (1, 2)] for at in range(options.rounds)]
    rows = [[at, f"{one:.1f}", f"{two:.1f}", f"{one / two:.2f}"] for at, (one, two) in enumerate(rounds, 1)]
    middle = median(one / two for one, two in rounds)
    body = (
        f"{table(('round', 'one worker, seconds', 'two workers', 'ratio'), rows)}\n\n{options.trials} children of "
        f"{options.epochs} epochs, random search; median ratio {middle:.2f}. The start of each worker is part of it."
    )
    record("A second worker", "tests/benchmarks/two_workers.py", body)


if __name__ == "__main__":
    main()
