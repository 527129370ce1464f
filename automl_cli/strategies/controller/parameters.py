"""The parameters of a controller: an LSTM over the decisions of a space (NAS, arXiv 1611.01578, sections 3.1 to 3.3).

    x_t = embedding of the decision before        h_t = LSTM(x_t, h_(t-1))
    softmax decision:    P(choice) = softmax(W_t h_t + b_t)
    anchor i, item j:    P(j in the set of i) = sigmoid(v^T tanh(W_prev h_j + W_curr h_i))

Every decision has a softmax and an embedding of its own, as in the paper. Our choices for details that the paper omits: the
first input is a trained vector; after an anchor the input is the mean of the states of the selected anchors, zero if none was
selected (ENAS, arXiv 1802.03268, section 2.1), so embeddings are as wide as the LSTM.
"""

import numpy as np
from numpy.typing import NDArray

from automl_cli.core.random_streams import stream_seed
from automl_cli.strategies.controller.layout import StepLayout

Floats = NDArray[np.float64]

Parameters = dict[str, Floats]
"""Arrays by name. With R choices in all and L layers of H units: `start` (H,), the first input; for each layer `kernel n` (2H,
4H), whose first H rows are for the input, and `offset n` (4H,); `embedding` (R, H), `head` (R, H) and `bias` (R,) where there
are softmax decisions; `previous` (H, H), `current` (H, H) and `score` (H,) where there are anchors."""


def initial_parameters(layout: StepLayout, *, layers: int, units: int, scale: float, seed: int) -> Parameters:
    """Return parameters uniform in [-scale, scale]."""
    random = np.random.Generator(np.random.Philox(key=stream_seed(seed, "controller")))

    def drawn(*shape: int) -> Floats:
        return random.uniform(-scale, scale, shape).astype(np.float32).astype(np.float64)

    softmax, anchors = layout.rows > 0, layout.anchors > 0
    found = {"bias": drawn(layout.rows)} if softmax else {}
    for layer in range(layers):
        found[f"offset {layer}"] = drawn(4 * units)
        of_state, of_input = drawn(units, 4 * units), drawn(units, 4 * units)
        found[f"kernel {layer}"] = np.concatenate([of_input, of_state])
    if anchors:
        found["current"] = drawn(units, units)
    if softmax:
        found |= {"embedding": drawn(layout.rows, units), "head": drawn(layout.rows, units)}
    if anchors:
        found |= {"previous": drawn(units, units), "score": drawn(units)}
    return found | {"start": drawn(units)}
