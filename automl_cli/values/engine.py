"""Chooses the engine that computes with a network, and says why. `nn.engines` describes the engines.

    whole    one program for the network: a long compilation; trains for long, and on GPUs and TPUs
    blocks   programs that all networks share, and NumPy: little to compile for one more network; trains for a short while on a
             CPU, and for any time where NumPy computes the convolutions on one thread

A GPU or TPU always gets `whole`, since it would wait for the calls of hundreds of small programs. A CPU gets `blocks`, unless
there are so many steps that faster ones make up for the compilation. Both compilation and the time that a step gains grow with
the network, so their ratio, and with it the rule, depends little on its depth. Measured in seconds of one core (AMD Zen 4,
batches of 32; `tests/benchmarks/engines.py`), cold with an empty cache, warm with all blocks in it:

                                               compilation      whole pays after
                                           whole  cold  warm    cold       warm
    NASNet-A 1@264, 224 x 224, 152 blocks  41 s  24 s  1.5 s    40 to 85   100 to 230 steps
    NASNet-A 1@264, 32 x 32, 112 blocks    33 s  17 s  1.2 s    270        640 steps, or never

The ranges are those of repeated measurements: a step of the whole is a quarter faster at 224 x 224, at 32 x 32 by no more than
the machine's other work disturbs.

Networks of convolutions and max pools are NumPy's in `blocks`, on one thread. A step of eight of cnn at 32 x 32 takes as long
as one of the whole or up to 40 % less. At 8 x 8 the whole takes some 10 % less for most, and pays after 2,000 to 3,500 steps,
if it does. Where a process has several threads, programs compute large maps, since NumPy would use one.

The choice fixes the low bits of a training, so it is recorded in the settings and a resumed training keeps it.
"""

from typing import Literal, NamedTuple

from automl_cli.core.numbers import counted
from automl_cli.values.network import Block, Network
from automl_cli.values.operations import ConvolutionUnit, Identity, MaxPool

EngineName = Literal["whole", "blocks"]

STEPS_THAT_PAY = 450
"""A training on a CPU is faster as one program from this many steps on."""

BATCHES_THAT_PAY = 100
"""Scoring with a trained network is faster as one program from this many batches on: compiling takes 5 s (32 x 32) or 8 s (224
x 224), and each batch then 40 or 80 ms less than block by block."""


SMALL = 2**17
"""Numbers of a map of all examples up to which NumPy computes any operation. It takes up to a quarter longer for them than
compiled programs do, which over the few hundred steps of a child is less than it takes to compile those. On larger maps it
computes convolutions only, and only where programs have one thread, too."""


class EngineChoice(NamedTuple):
    """An engine, and the reason in words."""

    engine: EngineName
    reason: str


def numpy_computes(block: Block) -> bool:
    """Return whether NumPy computes all of a block of a network (`nn.numpy_ops`), if the activation function is ReLU and paths
    are not dropped."""
    match block.operation:
        case ConvolutionUnit(order=order, padding=padding, dilation=dilation):
            return order != "act-conv-bn" and padding == "half" and dilation == 1
        case Identity() | MaxPool():
            return block.join == "concatenate"
    return False


def numpy_computes_network(network: object) -> bool:
    """Return whether NumPy computes all blocks of a network, under the same conditions."""
    return isinstance(network, Network) and not network.auxiliary and all(map(numpy_computes, network.blocks))


def engine_for_training(
    steps: int, *, accelerated: bool, needs_whole: str | None = None, by_numpy: bool = False
) -> EngineChoice:
    """Choose the engine for trainings of so many steps, on an accelerator (GPU or TPU) or on a CPU.

    `needs_whole` names what works on whole arrays, such as an optimizer, if anything does. `by_numpy` says that NumPy computes
    the networks, each on one thread.

    >>> engine_for_training(26, accelerated=False).reason
    'block by block, with programs that other networks share: one of its own pays from 450 steps on a CPU, these are 26'
    """
    if accelerated:
        return EngineChoice("whole", "as one program, as always on a GPU or TPU")
    if needs_whole is not None:
        return EngineChoice("whole", f"as one program: {needs_whole} works on whole arrays")
    if by_numpy:
        return EngineChoice("blocks", "block by block: NumPy computes the convolutions, in less time than a program")
    if steps >= STEPS_THAT_PAY:
        return EngineChoice("whole", f"as one program: {counted(steps, 'step')} make up for compiling it")
    return EngineChoice(
        "blocks",
        f"block by block, with programs that other networks share: one of its own pays from {STEPS_THAT_PAY} steps on a CPU, "
        f"these are {steps}",
    )


def engine_for_prediction(batches: int, *, trained: EngineName, accelerated: bool) -> EngineName:
    """Choose the engine for scoring so many batches with a network that was trained by this engine. `blocks` is chosen only
    where the validation of that training has already compiled its programs, or NumPy computed it."""
    return "blocks" if trained == "blocks" and batches < BATCHES_THAT_PAY and not accelerated else "whole"
