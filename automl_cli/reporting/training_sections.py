"""Describes trainings as blocks of words and figures, as `sections` describes searches."""

from collections.abc import Iterator

from automl_cli.core.numbers import counted, duration
from automl_cli.kinds.training import recipe_in_words
from automl_cli.reporting.figures import size
from automl_cli.store.reports import TrainingSummary
from automl_cli.values.sheet import Curves, Facts, Heading, Part


def training_blocks(training: TrainingSummary) -> Iterator[Part]:
    """Yield the blocks about one training: its result, its curve, how it was trained, and what it cost."""
    yield Heading(training.name, f"training of {training.trained}, seed {training.seed}: {training.state}")
    yield Facts(tuple(_result(training)))
    if len(training.curve) > 1:
        yield training_curves(training)
    yield Facts((*training.roles.items(), ("recipe", recipe_in_words(training.recipe))))
    yield Facts(tuple(_cost(training)))


def training_curves(training: TrainingSummary) -> Curves:
    """Return loss and score of every epoch as curves."""
    points = training.curve
    series = (
        ("loss", tuple(point.loss for point in points)),
        (score_name(training), tuple(point.score for point in points)),
    )
    return Curves("", tuple(float(point.epoch) for point in points), series, axis="epoch")


def score_name(training: TrainingSummary) -> str:
    """Return the name of the score after each epoch, which is no validation where the network has seen the examples."""
    return f"{'seen examples' if training.with_validation else 'validation'}, {training.metric.replace('-', ' ')}"


def _result(training: TrainingSummary) -> Iterator[tuple[str, str]]:
    for name, score in training.scores.items():
        if name.startswith("test_"):
            yield name.replace("_", " "), f"{score:.4f}"
    if training.curve:
        last = training.curve[-1]
        yield score_name(training), f"{last.score:.4f} after epoch {last.epoch}, loss {last.loss:.4f}"
    elif "validation_score" in training.scores:
        yield score_name(training), f"{training.scores['validation_score']:.4f}"
    yield "epochs", f"{training.epochs:,} of {training.planned_epochs:,}"
    if not training.curve:
        kept = "was kept: it was trained by an earlier version" if training.state == "finished" else "is on record yet"
        yield "curve", f"none {kept}"
    if training.resume is not None:
        yield "go on with", training.resume


def _cost(training: TrainingSummary) -> Iterator[tuple[str, str]]:
    if training.parameters is not None and training.multiply_adds is not None:
        yield "network", f"{size(training.parameters, training.multiply_adds)} for one example"
    if training.sessions:
        each = counted(training.steps_per_epoch, "batch/batches")
        sessions = counted(training.sessions, "session")
        yield "spent", f"{duration(training.wall_seconds)} by the clock in {sessions}, epochs of {each}"
