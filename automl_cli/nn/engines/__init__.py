"""Engines: a child as something that can be trained and evaluated.

Both compute the same loss and gradients, to float tolerance, from one description of the network. `values.engine` chooses one.

    protocol        the interface of an engine to the training loop
    whole           the network as one program: for long trainings, GPUs and TPUs
    blocks          the network as calls of shared blocks, compiled or by NumPy: for short trainings on a CPU
    lowering        from a network to a graph of such blocks
    graph           a network as calls of such blocks, and where their parameters stand
    library         the blocks themselves, each made once per process
    compiled_block  a block that XLA computes
    numpy_block     a block that NumPy computes: on small maps, and convolutions
    tape            runs a graph of blocks forward and backward
    pages           flat arrays that hold the parameters
    drop_masks      random factors for dropped paths and features in a step of `blocks`
    ema             the exponential moving average of the parameters
"""

from automl_cli.nn.engines.blocks import BlocksEngine
from automl_cli.nn.engines.protocol import Engine, StepContext
from automl_cli.nn.engines.whole import WholeEngine, named_arrays

__all__ = ["BlocksEngine", "Engine", "StepContext", "WholeEngine", "named_arrays"]
