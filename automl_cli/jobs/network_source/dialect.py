"""The words of a library of networks: what a source says in PyTorch, and what in Flax."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from msgspec import Struct

from automl_cli.jobs.network_source.printing import Code
from automl_cli.jobs.network_source.units import Argument
from automl_cli.values.activation import ActivationFunction


class Convolved(Struct, frozen=True, kw_only=True):
    """The arguments of a convolution as expressions of Python; None where the default serves. `depthwise` has one kernel per
    channel."""

    channels: Argument
    filters: Argument
    kernel: Argument = (1, 1)
    stride: Argument | None = None
    dilation: Argument | None = None
    rule: str = "half"
    depthwise: bool = False


class NetworkDialect(Protocol):
    """One library: how modules are declared, made and called.

    imports    the lines that import, by the name that stands in the text
    helpers    definitions by name, each with the names of helpers that it needs itself
    base       the class of modules
    method     the name of the method that calls one
    array      the type of arrays
    rngs       whether modules are made with random streams
    sequence   the class of modules that run behind each other
    listing    the class of lists of modules
    relu       the function, and as a module `relu_module`
    """

    imports: ClassVar[Mapping[str, str]]
    helpers: ClassVar[Mapping[str, str]]
    base: ClassVar[str]
    method: ClassVar[str]
    array: ClassVar[str]
    rngs: ClassVar[bool]
    sequence: ClassVar[str]
    listing: ClassVar[str]
    relu: ClassVar[str]
    relu_module: ClassVar[str]

    def convolution(self, convolved: Convolved) -> Code:
        """Return a convolution without bias."""
        ...

    def norm(self, channels: Argument) -> Code:
        """Return batch norm."""
        ...

    def linear(self, features: int, classes: int) -> Code:
        """Return a linear layer."""
        ...

    def concatenated(self, terms: Sequence[Code], *, padded: bool) -> Code:
        """Return the concatenation along the channels, of terms of any size where `padded`."""
        ...

    def pooled(self, family: str, rule: str) -> str:
        """Return the body of a pooling class, behind `x`: an expression of `self.window` and `self.stride`."""
        ...

    def features(self, name: str) -> str:
        """Return global average pooling of a variable."""
        ...

    def odd_pixels(self, name: str) -> str:
        """Return the pixels at odd rows and columns and what lies behind them, zeros where the image ends."""
        ...

    def subsampled(self, name: str) -> str:
        """Return the statements that return every `self.step`-th pixel of a variable, with `self.more` channels of zeros."""
        ...

    def activation(self, function: ActivationFunction) -> str:
        """Return the class `Activation` of a function, which is made with channels where it has trained parameters."""
        ...
