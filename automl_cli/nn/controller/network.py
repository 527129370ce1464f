"""The controller as a Flax module: an LSTM over the decisions of a space (NAS, arXiv 1611.01578, sections 3.1 to 3.3).

    x_t = embedding of the decision before        h_t = LSTM(x_t, h_(t-1))
    softmax decision:    P(choice) = softmax(W_t h_t + b_t)
    anchor i, item j:    P(j in the set of i) = sigmoid(v^T tanh(W_prev h_j + W_curr h_i))

Every decision has a softmax and an embedding of its own, as in the paper. Our choices for details that the paper omits: the
first input is a trained vector; after an anchor the input is the mean of the states of the selected anchors, zero if none was
selected (ENAS, arXiv 1802.03268, section 2.1), so embeddings are as wide as the LSTM.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from automl_cli.core.random_streams import stream_seed
from automl_cli.nn.controller.layout import StepLayout

State = nnx.State
Carry = tuple[tuple[jax.Array, jax.Array], ...]


class Controller(nnx.Module):
    """Parameters of the controller, and one step of its LSTM.

    With R choices in all, L layers of H units, and anchors, it has H + R(2H + 1) + 4LH(2H + 1) + 2H^2 + H parameters. Without
    anchors the last two terms are missing.
    """

    def __init__(self, layout: StepLayout, *, layers: int, units: int, rngs: nnx.Rngs) -> None:
        self.units = units
        self.start = nnx.Param(jnp.zeros(units))
        self.cells = nnx.List([nnx.OptimizedLSTMCell(units, units, rngs=rngs) for _ in range(layers)])
        if layout.has_softmax:
            self.embedding = nnx.Param(jnp.zeros((layout.rows, units)))
            self.head = nnx.Param(jnp.zeros((layout.rows, units)))
            self.bias = nnx.Param(jnp.zeros(layout.rows))
        if layout.has_anchors:
            self.previous = nnx.Param(jnp.zeros((units, units)))
            self.current = nnx.Param(jnp.zeros((units, units)))
            self.score = nnx.Param(jnp.zeros(units))

    def first_carry(self, batch: int) -> Carry:
        """Return zero memory and zero state for every layer, (batch, units) each."""
        zeros = jnp.zeros((batch, self.units))
        return tuple((zeros, zeros) for _ in self.cells)

    def advance(self, carry: Carry, inputs: jax.Array) -> tuple[Carry, jax.Array]:
        """Advance all layers by one step: inputs (batch, units) -> new carry, and the state of the top layer (batch, units)."""
        after = []
        for cell, before in zip(self.cells, carry, strict=True):
            memory, inputs = cell(before, inputs)
            after.append(memory)
        return tuple(after), inputs


def initial_state(
    layout: StepLayout, *, layers: int, units: int, scale: float, seed: int
) -> tuple[nnx.GraphDef[Controller], State]:
    """Return a controller, split into graph and state, with every parameter uniform in [-scale, scale].

    Parameters are drawn with NumPy over the abstract module: Flax's own initialisers would compile one program per shape.
    """
    abstract = nnx.eval_shape(lambda: Controller(layout, layers=layers, units=units, rngs=nnx.Rngs(0)))
    graph, shapes = nnx.split(abstract)
    random = np.random.Generator(np.random.Philox(key=stream_seed(seed, "controller")))

    def draw(leaf: jax.ShapeDtypeStruct) -> jax.Array:
        dtype: DTypeLike = leaf.dtype
        return jnp.asarray(random.uniform(-scale, scale, leaf.shape).astype(dtype))

    return graph, jax.tree.map(draw, shapes)
