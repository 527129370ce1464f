"""What a user asks of a training, before anything is known to fit."""

from automl_cli.core.flags import Request
from automl_cli.training.flags import training_rows


class TrainingRequest(Request, rows=training_rows):
    """What a user asked of a training: `TrainingRequest(epochs=3, learning_rate=0.1)`."""
