"""An evaluator of one's own: it scores a network without training it.

    automl search-arch --evaluator examples/python/separability.py:separability --space-option layers=2 --trials 8

The score says how well a linear classifier tells the classes apart by what the untrained network makes of the images. Such a
function takes one child and returns its score; docs/python.md says what a child has.
"""

import numpy as np
from sklearn.linear_model import RidgeClassifier

EXAMPLES = 300


def separability(child):
    """Return the validation accuracy of a linear classifier on the outputs of the untrained network, and their spread."""
    from flax import nnx

    network, data = child.build(), child.data()
    outputs = nnx.jit(lambda network, images: network(images, train=False))

    def seen(split):
        return np.asarray(outputs(network, np.float32(split.images[:EXAMPLES]) / 255))

    classifier = RidgeClassifier().fit(seen(data.train), data.train.labels[:EXAMPLES])
    accuracy = classifier.score(seen(data.validation), data.validation.labels[:EXAMPLES])
    return {"score": accuracy, "spread": seen(data.validation).std()}
