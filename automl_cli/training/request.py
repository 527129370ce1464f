"""Hold what a user asks of a training, before any of it is checked against the rest."""

from automl_cli.core.flags import Request
from automl_cli.training.flags import training_rows


class TrainingRequest(Request, rows=training_rows):
    """A request for a training: `TrainingRequest(epochs=3, learning_rate=0.1)`."""
