"""Lists the runs below a directory, with figures of each."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import msgspec

from automl_cli.core.errors import UserError
from automl_cli.core.rewards import Direction
from automl_cli.kinds.training import TrainingSettings, network_in_words
from automl_cli.plugins.discovery import plugins
from automl_cli.reporting.followed_searches import FollowedComparison, FollowedSearch
from automl_cli.reporting.followed_trainings import FollowedTraining
from automl_cli.reporting.following import followed_in
from automl_cli.reporting.runs import is_run, last_write
from automl_cli.reporting.states import ORDER
from automl_cli.reporting.trainings import metric_of
from automl_cli.store.artifact import read_artifact
from automl_cli.store.file_names import BEST_FILE, STUDY_FILE, TRAINING_FILE
from automl_cli.store.files import file_digest
from automl_cli.store.listings import ListedRun, RunList, What
from automl_cli.store.study import StudySettings

DEPTH = 4
"""How many levels below a directory are looked through for runs."""

LOWER_IS_BETTER = ("perplexity", "bits_per_character")
"""The ends of names of test scores of which the lower is better."""


def runs_below(directory: Path, *, depth: int = DEPTH) -> Iterator[Path]:
    """Yield the directories of runs below this one, in the order of their names. One inside another run is not looked for.

    A directory that was seen already, by whatever link, is passed over.
    """
    yield from _runs_below(directory, depth, set())


def _runs_below(directory: Path, depth: int, seen: set[Path]) -> Iterator[Path]:
    try:
        entries = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return
    for path in (directory / name for name in entries):
        if (resolved := path.resolve()) in seen:
            continue
        seen.add(resolved)
        if is_run(path):
            yield path
        elif depth > 1:
            yield from _runs_below(path, depth - 1, seen)


def list_runs(directories: Sequence[Path], *, clock: Callable[[], float] = time.time) -> RunList:
    """Return the runs below these directories; one of them that is a run itself is listed too."""
    now = clock()
    rows = [row for directory in directories for path in _named(directory) for row in _rows(path, directory, now)]
    unique = {row.path: row for row in rows}
    return RunList(directories=tuple(map(str, directories)), runs=tuple(_sorted(_with_trained(list(unique.values())))))


def _named(directory: Path) -> Iterable[Path]:
    return (directory,) if is_run(directory) else runs_below(directory)


def _rows(path: Path, root: Path, now: float) -> Iterator[ListedRun]:
    """Yield a row for the run in this directory, and one for the training of its scaled winner."""
    try:
        followed = list(followed_in(path))
        for one in followed:
            one.refresh()
        searches = [one for one in followed if isinstance(one, FollowedSearch)]
        if searches:
            yield _of_search(searches, path, root, now)
        for one in followed:
            if isinstance(one, FollowedTraining):
                yield _of_training(one, root, now)
            elif isinstance(one, FollowedComparison):
                yield _of_comparison(one, root, now)
    except UserError as error:
        yield _unreadable(path, root, now, str(error))


def _of_search(repeats: Sequence[FollowedSearch], path: Path, root: Path, now: float) -> ListedRun:
    settings, scores = repeats[0].settings, [one.course.best_score for one in repeats if one.course.best_score is not None]
    plugin = plugins().get(settings.space.name) if settings.space.file is None else None
    return ListedRun(
        **_place(path, root, now),
        what="search",
        command=settings.command,
        subject=settings.space.name,
        kind=None if plugin is None else plugin.produces,
        strategy=settings.strategy,
        dataset=settings.source,
        metric=_metric_of_search(settings),
        seed=settings.seed,
        repeats=len(repeats),
        done=sum(one.course.told - one.course.over_limit.count for one in repeats),
        planned=sum(one.settings.trials for one in repeats),
        score=mean(scores) if scores else None,
        better=settings.reward.better,
        state=min((one.state for one in repeats), key=ORDER.index),
    )


def _metric_of_search(settings: StudySettings) -> str:
    if settings.child is None:
        return str(settings.evaluator.settings.get("reward_column") or settings.evaluator.name)
    return str(settings.child.problem.dataset.get("metric") or "score")


def _of_training(one: FollowedTraining, root: Path, now: float) -> ListedRun:
    training, scores = one.settings, {} if one.model is None else one.model.scores
    test = tested_score(scores, metric_of(training))
    return ListedRun(
        **_place(one.path, root, now),
        what="training",
        command="train",
        subject=network_in_words(training),
        kind=training.child.roles["network"].kind,
        dataset=training.child.problem.source,
        metric=metric_of(training),
        seed=training.seed,
        done=one.done,
        planned=training.epochs,
        score=None if training.with_validation else one.last,
        better=_better(None if test is None else test[0]),
        test_score=None if test is None else test[1],
        test_name=None if test is None else test[0],
        state=one.state,
    )


def _of_comparison(one: FollowedComparison, root: Path, now: float) -> ListedRun:
    settings = one.settings
    return ListedRun(
        **_place(one.path, root, now),
        what="comparison",
        command="compare",
        subject=f"{len(settings.values)} of {settings.role}",
        dataset=settings.child.problem.source,
        metric=str(settings.child.problem.dataset.get("metric") or "score"),
        seed=settings.seed,
        done=one.done,
        planned=one.planned,
        state=one.state,
    )


def _unreadable(path: Path, root: Path, now: float, problem: str) -> ListedRun:
    what: What = "search" if (path / STUDY_FILE).is_file() else "training" if (path / TRAINING_FILE).is_file() else "comparison"
    return ListedRun(
        **_place(path, root, now),
        what=what,
        state="unreadable",
        problem=problem,
    )


def _place(path: Path, root: Path, now: float) -> dict[str, Any]:
    """Return the fields that say where a run is, and how old."""
    written = last_write(path)
    name = path.name if path == root else str(path.relative_to(root))
    return {"name": name, "path": str(path), "written_at": written, "age_seconds": max(0.0, now - written)}


def tested_score(scores: dict[str, float], metric: str) -> tuple[str, float] | None:
    """Return the name and the value of the test score that goes with the metric of the validation, or else of the first."""
    wanted = f"test_{metric}".replace("-", "_")
    known = {name: score for name, score in scores.items() if name.startswith("test_")}
    name = wanted if wanted in known else next(iter(known), None)
    return None if name is None else (name, known[name])


def _better(name: str | None) -> Direction:
    return "lower" if name is not None and name.endswith(LOWER_IS_BETTER) else "higher"


def _with_trained(rows: Sequence[ListedRun]) -> Iterator[ListedRun]:
    """Yield the rows; a search whose winner was trained on the same data has the test score of the last of these models."""
    models: dict[tuple[str, str | None], ListedRun] = {}
    for row in sorted(rows, key=lambda row: row.written_at):
        if row.test_score is not None and (digest := _trained_from(Path(row.path))) is not None:
            models[digest, row.dataset] = row
    for row in rows:
        best = Path(row.path) / BEST_FILE
        model = models.get((file_digest(best), row.dataset)) if row.what == "search" and models and best.is_file() else None
        if model is None:
            yield row
        else:
            yield msgspec.structs.replace(row, test_score=model.test_score, test_name=model.test_name, trained_as=model.name)


def _trained_from(path: Path) -> str | None:
    """Return the digest of the artifact whose network was trained in this directory."""
    return read_artifact(path / TRAINING_FILE, TrainingSettings).inputs.get("network")


def group_of(row: ListedRun) -> tuple[str, str]:
    """Return what rows must have in common for their scores to be compared: the data set, or else the space, and the metric."""
    return row.dataset or row.subject, row.metric


def _sorted(rows: Iterable[ListedRun]) -> list[ListedRun]:
    """Return the rows group by group: those with a test score by that, then those with a score by that, then the newest."""

    def key(row: ListedRun) -> tuple[object, ...]:
        sign = -1 if row.better == "higher" else 1
        test, score = (0.0 if value is None else sign * value for value in (row.test_score, row.score))
        known = row.test_score is None, row.score is None
        return row.state == "unreadable", group_of(row), known[0], test, known[1], score, row.age_seconds, row.name

    return sorted(rows, key=key)
