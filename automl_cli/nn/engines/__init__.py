"""A child as compiled programs. Both engines compute the same loss and gradients (to float tolerance) from one description.

whole    the network as one program: for long trainings, export, GPUs
"""

from automl_cli.nn.engines.protocol import Engine, Loss
from automl_cli.nn.engines.whole import WholeEngine

__all__ = ["Engine", "Loss", "WholeEngine"]
