"""Shows one training on a page: its result and curve, the network drawn, and the commands that take it further."""

from automl_cli.plugins.listing import kind_of
from automl_cli.reporting.markup import commands, laid_out
from automl_cli.reporting.next_steps import steps_after_training
from automl_cli.reporting.training_sections import training_blocks
from automl_cli.reporting.trainings import TrainingHistory
from automl_cli.reporting.view import Chapter, Section
from automl_cli.reporting.winner_view import drawings_in_html
from automl_cli.store.reports import TrainingSummary
from automl_cli.values.sheet import Heading


def training_chapter(history: TrainingHistory, training: TrainingSummary) -> Chapter:
    """Return the chapter about one training."""
    first, *parts = training_blocks(training)
    assert isinstance(first, Heading)
    sections = [Section("", "".join(laid_out(part, caption=first.name) for part in parts))]
    if steps := list(steps_after_training(history)):
        sections.append(Section("Take it further", commands(steps)))
    if drawn := "".join(drawings_in_html(kind_of(history.settings), history.settings)):
        sections.append(Section("The network", drawn))
    return Chapter(first.name, first.rest, tuple(sections))
