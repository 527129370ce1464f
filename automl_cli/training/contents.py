"""Digests of the examples that a model was trained and tested on, in a file beside it.

With them a later evaluation knows whether a data set is still that of the training, wherever it lies, and how many of its
examples were trained on. A model without the file is evaluated as well; nothing is said of either then.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from automl_cli.core.errors import ArtifactError
from automl_cli.store.file_names import CONTENTS_FILE
from automl_cli.store.weights import read_arrays, write_arrays

if TYPE_CHECKING:
    import numpy as np

    from automl_cli.data.contents import Contents

WEIGHTS = "weights"
"""The array that holds the digest of the weights, which says whose examples these are."""


def write_contents(directory: Path, *, trained: np.ndarray | None, tested: np.ndarray | None, weights_digest: str) -> None:
    """Write the digests of the examples of a training, (examples,) uint64 each, unless its problem knows none."""
    import numpy as np

    if trained is not None and tested is not None:
        weights = np.frombuffer(bytes.fromhex(weights_digest), np.uint8)
        write_arrays(directory / CONTENTS_FILE, {"trained": np.sort(trained), "tested": np.sort(tested), WEIGHTS: weights})


def read_contents(model: Path, weights_digest: str) -> Contents | None:
    """Return the digests beside the model in this file, or None where there are none of it."""
    try:
        arrays = read_arrays(model.parent / CONTENTS_FILE)
    except ArtifactError:
        return None
    if not {"trained", "tested", WEIGHTS} <= set(arrays) or arrays[WEIGHTS].tobytes().hex() != weights_digest:
        return None
    return {name: arrays[name] for name in ("trained", "tested")}
