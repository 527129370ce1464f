"""A child as compiled programs. Both engines compute the same loss and gradients (to float tolerance) from one description;
`values.engine` says which of them is used.

    protocol    what the training loop asks of an engine
    whole       the network as one program: for long trainings, GPUs and TPUs
    blocks      the network as calls of shared blocks: for short trainings on a CPU
    lowering    from a network to a graph of such blocks
    library     the blocks themselves, each made once per process
    tape        runs a graph of blocks forward and backward
    drop_masks  what a step of `blocks` drops
    ema         the exponential moving average of the parameters
"""

from automl_cli.nn.engines.blocks import BlocksEngine
from automl_cli.nn.engines.protocol import Engine, StepContext
from automl_cli.nn.engines.whole import WholeEngine, named_arrays

__all__ = ["BlocksEngine", "Engine", "StepContext", "WholeEngine", "named_arrays"]
