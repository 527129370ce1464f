"""Files of images: by the ending of their name, and never in the place of anything else."""

from collections.abc import Sequence
from pathlib import Path

from automl_cli.core.errors import UserError

BEGINNINGS = {".svg": b"<svg", ".png": b"\x89PNG"}
"""The formats by their ending, with the bytes that such a file begins with."""


def check_image_file(path: Path, endings: Sequence[str] = tuple(BEGINNINGS), *, what: str = "") -> None:
    """Check that an image can be written there. `what` is said of it where its ending is not one of these.

    Raises UserError for another ending, where a file of that name is there which is no such image, and where the directory is
    missing.
    """
    ending = path.suffix.lower()
    if ending not in endings:
        raise UserError(f"--image {path} must end in {' or '.join(endings)}, which says the format{what}")
    if path.exists() and not (path.is_file() and path.read_bytes().startswith(BEGINNINGS[ending])):
        raise UserError(f"{path} is no {path.suffix[1:].upper()} image, so it stays; name another file")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UserError(f"--image {path} cannot be made, since there is no directory {folder}; name a file in one")
