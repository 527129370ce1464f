"""Digests of the examples that a model was trained and tested on, in a file beside it.

With them a later evaluation knows whether a data set is still that of the training, wherever it lies, and how many of its
examples were trained on. A model without the file is evaluated as well; nothing is said of either then.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from automl_cli.core.errors import ArtifactError
from automl_cli.kinds.training import TrainingSettings
from automl_cli.plugins.listing import problem_named
from automl_cli.store.file_names import CONTENTS_FILE
from automl_cli.store.weights import read_arrays, write_arrays
from automl_cli.values.child import Child

if TYPE_CHECKING:
    import numpy as np

    from automl_cli.data.contents import Contents

WEIGHTS = "weights"
"""The array that holds the digest of the weights, which says whose examples these are."""


def write_contents(directory: Path, training: TrainingSettings, weights_digest: str) -> None:
    """Write the digests of the examples of a training, unless its problem knows none."""
    import numpy as np

    found = {
        "trained": contents_of_part(training.child, "merged" if training.with_validation else "train"),
        "tested": contents_of_part(training.child, "test"),
    }
    known = {name: np.sort(digests) for name, digests in found.items() if digests is not None}
    if len(known) == len(found):
        write_arrays(directory / CONTENTS_FILE, {**known, WEIGHTS: np.frombuffer(bytes.fromhex(weights_digest), np.uint8)})


def read_contents(model: Path, weights_digest: str) -> Contents | None:
    """Return the digests beside the model in this file, or None where there are none of it."""
    try:
        arrays = read_arrays(model.parent / CONTENTS_FILE)
    except ArtifactError:
        return None
    if {"trained", "tested", WEIGHTS} > set(arrays) or arrays[WEIGHTS].tobytes().hex() != weights_digest:
        return None
    return {name: arrays[name] for name in ("trained", "tested")}


def contents_of_part(child: Child, part: str) -> np.ndarray | None:
    """Return the digests of a part of a child's data, (examples,) uint64, or None where its problem knows none."""
    found: np.ndarray | None = problem_named(child.problem.name).contents(child, part)
    return found
