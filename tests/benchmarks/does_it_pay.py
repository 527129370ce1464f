"""Does the default search pay? Its winners, trained to the end, beside what one makes by hand and a support vector machine.

    python tests/benchmarks/does_it_pay.py --folder DIR [--set digits] [--first 0] [--seeds 6] [--trainings 3] [--part all]
    python tests/benchmarks/does_it_pay.py --folder DIR --set cifar10 --data-dir DIR

For every seed `automl search-arch`, with no flag but its data and its seed, then `automl train` of the winner on several
seeds; `automl train --network convnet-3x64` by the same recipe on as many as there are trainings of three winners; and an SVM
on the same pixels of the same training examples, whose two numbers are chosen on the validation examples. Every training reads
the test split once, at its end. What is done stays in the folder, so the script goes on where it was stopped; the parts
`search`, `train`, `hand`, `svm` and `record` can be asked for by themselves. `--validation` tells, in place of all that, how
the winners and what is made by hand score on the validation examples at the end of their trainings: that is what settings were
chosen by, on seeds from 100, and nothing is recorded then. A seed takes about five minutes of one core on digits, and about
fifteen on 4,000 images of CIFAR-10.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from results import record, table
from small_photographs import SAME_RECIPE, automl

SETS: dict[str, tuple[object, ...]] = {"digits": (), "cifar10": ("--train-examples", 4000)}
"""The flags of each set."""
BY_HAND = "convnet-3x64"
GOAL = 0.003
SVM_COSTS, SVM_GAMMAS = (1.0, 3.0, 10.0, 30.0), (0.3, 1.0, 3.0)
"""Penalties, and widths in units of scikit-learn's `scale`."""


class Ledger:
    """What has been measured, by name, kept in a file of the folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._file = folder / "done.json"
        self.done: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def measure(self, name: str, how: Callable[[], Any]) -> Any:
        """Return what was measured under this name, now or before."""
        if name not in self.done:
            self.done[name] = how()
            self._file.write_text(json.dumps(self.done, indent=1))
            print(name, self.done[name], file=sys.stderr, flush=True)
        return self.done[name]


def part_flags(asked: argparse.Namespace) -> tuple[object, ...]:
    """Return the flags that say which part of the set is taken, and where it lies."""
    where = () if asked.data_dir is None else ("--data-dir", asked.data_dir)
    return (*SETS[asked.set], *where)


def data_flags(asked: argparse.Namespace) -> tuple[object, ...]:
    """Return the flags that say on which data."""
    return ("--dataset", asked.set, *part_flags(asked))


def search(asked: argparse.Namespace, folder: Path, seed: int) -> dict[str, Any]:
    """Return the seconds of a search, and what it says itself of what is made by hand."""
    run = folder / f"search-{seed}"
    kept = ("--resume",) if (run / "study.json").exists() else (*data_flags(asked), "--seed", seed)
    printed, seconds, core_seconds = automl("search-arch", "--quiet", "--json", "--out", run, *kept)
    said = json.loads(printed)["baseline"]
    return {"seconds": seconds, "core_seconds": core_seconds, "gain": said["gain"], "beats": said["beats"]}


def trained(folder: Path, name: str, *what: object) -> dict[str, float]:
    """Return the scores of a training to the end: test accuracy, and the best validation accuracy of its last five epochs."""
    out = folder / name
    kept = ("--resume", "--out", out) if (out / "training.json").exists() else ("--out", out, *what)
    printed = json.loads(automl("train", "--quiet", "--json", *kept)[0])
    lines = (json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines())
    scores = [line["score"] for line in lines if "score" in line]
    return {"test": printed["test_accuracy"], "validation": max(scores[-5:])}


def found(asked: argparse.Namespace, folder: Path, seed: int, again: int) -> dict[str, float]:
    """Return the scores of one training of a winner, on the examples of its search."""
    run = folder / f"search-{seed}"
    return trained(folder, f"found-{seed}-{again}", "--arch", run, "--seed", again, *part_flags(asked))


def by_hand(asked: argparse.Namespace, folder: Path, again: int) -> dict[str, float]:
    """Return the scores of one training of what is made by hand."""
    return trained(folder, f"hand-{again}", "--network", BY_HAND, "--seed", again, *data_flags(asked), *SAME_RECIPE)


def support_vectors(asked: argparse.Namespace) -> dict[str, float]:
    """Return the test accuracy of an SVM on the pixels, and its numbers, which are chosen on the validation examples."""
    from sklearn.svm import SVC

    from automl_cli.data import load_images, load_test_split
    from automl_cli.values.dataset import DatasetReference

    examples = dict(zip(SETS[asked.set][::2], SETS[asked.set][1::2], strict=True)).get("--train-examples")
    reference = DatasetReference(source=asked.set, data_dir=asked.data_dir, train_examples=examples)  # type: ignore[arg-type]
    data = load_images(reference)
    pixels, unseen, test = (split.images.reshape(len(split), -1) / 255.0 for split in _splits(data, reference, load_test_split))
    scale = 1.0 / (pixels.shape[1] * pixels.var())
    best, model, numbers = -1.0, None, (0.0, 0.0)
    for cost, factor in product(SVM_COSTS, SVM_GAMMAS):
        tried = SVC(C=cost, gamma=factor * scale).fit(pixels, data.train.labels)
        if (score := tried.score(unseen, data.validation.labels)) > best:
            best, model, numbers = score, tried, (cost, factor)
    assert model is not None
    accuracy = float(model.score(test, load_test_split(reference).labels))
    return {"test": accuracy, "validation": float(best), "cost": numbers[0], "gamma": numbers[1]}


def _splits(data: Any, reference: Any, load_test: Callable[[Any], Any]) -> Iterator[Any]:
    yield from (data.train, data.validation, load_test(reference))


def spread(values: list[float]) -> str:
    """Return mean and standard deviation."""
    return f"{fmean(values):.4f} ± {stdev(values) if len(values) > 1 else 0.0:.4f}"


def winners(ledger: Ledger, which: str) -> dict[int, list[float]]:
    """Return the scores of the trainings of each winner, by seed of the search."""
    scores: dict[int, list[float]] = {}
    for name, row in ledger.done.items():
        if name.startswith("found-"):
            scores.setdefault(int(name.split("-")[1]), []).append(row[which])
    return dict(sorted(scores.items()))


def body(ledger: Ledger, which: str = "test") -> str:
    """Return the tables, and what they say of the goal."""
    of_winners = winners(ledger, which)
    hand = [row[which] for name, row in ledger.done.items() if name.startswith("hand-")]
    means = [fmean(scores) for scores in of_winners.values()]
    rows = [_row(ledger, seed, scores) for seed, scores in of_winners.items()]
    shown = table(["search seed", "seconds", "of one core", "its own comparison", f"{which} accuracy of its winner"], rows)
    error = (_error(means) ** 2 + _error(hand) ** 2) ** 0.5
    said = [f"Winners: {spread(means)} over {len(means)} searches. {BY_HAND}: {spread(hand)} over {len(hand)} seeds."]
    said.append(f"Winners less {BY_HAND}: {fmean(means) - fmean(hand):+.4f}, standard error {error:.4f}.")
    if (svm := ledger.done.get("svm")) is not None:
        less = fmean(means) - svm[which]
        said.append(
            f"SVM (C {svm['cost']:g}, gamma {svm['gamma']:g} of scale): {svm[which]:.4f}; winners less that: {less:+.4f}, "
            f"standard error {_error(means):.4f}."
        )
        met = fmean(means) - max(fmean(hand), svm[which]) >= GOAL
        said.append(f"Goal, {GOAL} above both: {'met' if met else 'not met'}.")
    load = f"Load meanwhile: {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores."
    return "\n\n".join((shown, " ".join((*said, load))))


def _row(ledger: Ledger, seed: int, scores: list[float]) -> list[object]:
    run = ledger.done[f"search-{seed}"]
    own = "-" if run["gain"] is None else f"{run['gain']:+.4f}, {'beats it' if run['beats'] else 'does not beat it'}"
    return [seed, f"{run['seconds']:.0f}", f"{run['core_seconds']:.0f}", own, spread(scores)]


def _error(values: list[float]) -> float:
    return stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--set", choices=tuple(SETS), default="digits")
    parser.add_argument("--data-dir")
    parser.add_argument("--first", type=int, default=0, help="the first seed; settings are tried on seeds from 100")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--trainings", type=int, default=3)
    parser.add_argument("--part", choices=("all", "search", "train", "hand", "svm", "record"), default="all")
    parser.add_argument("--validation", action="store_true", help="print the table of validation scores, and record nothing")
    asked = parser.parse_args()
    ledger = Ledger(asked.folder / asked.set)
    seeds, part = range(asked.first, asked.first + asked.seeds), asked.part
    for seed in seeds if part in ("all", "search", "train") else ():
        ledger.measure(f"search-{seed}", lambda seed=seed: search(asked, ledger.folder, seed))  # type: ignore[misc]
        for again in range(asked.trainings) if part != "search" else ():
            name = f"found-{seed}-{again}"
            ledger.measure(name, lambda seed=seed, again=again: found(asked, ledger.folder, seed, again))  # type: ignore[misc]
    for again in range(max(3, asked.trainings * min(asked.seeds, 3))) if part in ("all", "hand") else ():
        ledger.measure(f"hand-{again}", lambda again=again: by_hand(asked, ledger.folder, again))  # type: ignore[misc]
    if part in ("all", "svm") and not asked.validation:
        ledger.measure("svm", lambda: support_vectors(asked))
    if asked.validation:
        print(body(ledger, "validation"))
    elif part in ("all", "record"):
        where = f"tests/benchmarks/does_it_pay.py --set {asked.set} --seeds {asked.seeds} --trainings {asked.trainings}"
        record(f"Does the default search pay? {asked.set}", where, body(ledger), packages=("jax", "jaxlib", "scikit-learn"))


if __name__ == "__main__":
    main()
