"""Arrays on disk as safetensors files, whole or absent. The artifact that names a file holds the SHA-256 of its bytes."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from automl_cli.core.errors import ArtifactError
from automl_cli.store.files import replace_file

if TYPE_CHECKING:
    import numpy as np


def write_arrays(path: Path, arrays: "Mapping[str, np.ndarray]") -> str:
    """Replace the file in one step and return the digest of its bytes, which are the same for the same arrays."""
    import numpy as np
    from safetensors.numpy import save

    data = save({name: np.asarray(array, order="C") for name, array in sorted(arrays.items())})
    replace_file(path, data)
    return hashlib.sha256(data).hexdigest()


def read_arrays(path: Path, *, digest: str | None = None) -> "dict[str, np.ndarray]":
    """Read the arrays of a file. Raises ArtifactError when it is missing, damaged, or not the file with this digest."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    data = _read(path)
    if digest is not None and hashlib.sha256(data).hexdigest() != digest:
        raise ArtifactError(f"{path}: its SHA-256 is not the one that the model names; put the weights of that training there")
    try:
        return dict(load(data))
    except (SafetensorError, ValueError, KeyError) as error:
        raise ArtifactError(f"{path}: not a whole safetensors file ({error})") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ArtifactError(f"{path}: no such file; the weights belong beside the artifact that names them") from None
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from error
