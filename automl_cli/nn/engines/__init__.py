"""A child as compiled programs. Both engines compute the same loss and gradients (to float tolerance) from one description.

whole    the network as one program: for long trainings, GPUs and TPUs
blocks   the network as calls of shared blocks (tape: how; lowering, library: which; draws: what they drop): for short
         trainings on a CPU

`values.engine` says which of them is used.
"""

from automl_cli.nn.engines.blocks import BlocksEngine
from automl_cli.nn.engines.protocol import Engine, Moment
from automl_cli.nn.engines.whole import WholeEngine, named_arrays

__all__ = ["BlocksEngine", "Engine", "Moment", "WholeEngine", "named_arrays"]
