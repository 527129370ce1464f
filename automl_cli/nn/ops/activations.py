"""What activation functions are to networks: functions of arrays, with parameters that are trained or without."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jax import Array


@dataclass(frozen=True)
class Activation:
    """A function with trained parameters, one number of each per channel; or one that is data to the programs which take it.

    `function` takes x (height, width, batch, channels) and the parameters (betas, channels), and with a code that as well, int32
    of a fixed length; it returns the shape of x. Equal `identity` and `starts` mean the same function, since they are part of the
    keys of programs; the code is not.
    """

    identity: str
    function: Callable[..., Array] = field(compare=False)
    starts: tuple[float, ...] = ()
    code: np.ndarray | None = field(default=None, compare=False)

    def __call__(self, x: Array, betas: Array, code: Array | None = None) -> Array:
        return self.function(x, betas) if code is None else self.function(x, betas, code)
