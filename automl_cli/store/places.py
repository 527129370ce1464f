"""Places that a user chose for output, checked before the work for it begins."""

from pathlib import Path
from tempfile import TemporaryFile

from automl_cli.core.errors import UserError


def check_directory(path: Path) -> None:
    """Check that a directory is there or can be made. Raises UserError where a file is in the way, or nothing can be written.

    A file without a name is opened in the nearest directory that is there, and nothing is left behind. What happens later,
    such as a full disk, is still an error then.
    """
    for place in (path, *path.parents):
        if _is_there(place, path):
            _check_writable(place, path)
            return


def check_file(path: Path, *, overwrite: bool) -> None:
    """Check that a file can be written. Raises UserError where something else is there, or the file and it is not to be
    replaced."""
    if _is_there(path, path):
        if not path.is_file():
            raise UserError(f"--out {path}: this is no file that could be replaced; choose another --out")
        if not overwrite:
            raise UserError(f"{path} exists already: replace it with --overwrite, or choose another --out")
    check_directory(path.parent)


def _is_there(place: Path, wanted: Path) -> bool:
    """Return whether something is at a place. Raises UserError for a place that cannot be."""
    try:
        place.stat()
    except (FileNotFoundError, NotADirectoryError):
        if place.is_symlink():
            raise UserError(f"--out {wanted}: {place} is a link to nowhere; choose another --out") from None
        return False
    except OSError as error:
        raise UserError(f"--out {wanted}: nothing can be written there ({error.strerror or error}); choose another") from error
    return True


def _check_writable(place: Path, wanted: Path) -> None:
    if not place.is_dir():
        raise UserError(f"--out {wanted}: {place} is a file and no directory; choose another --out")
    try:
        TemporaryFile(dir=place).close()
    except OSError as error:
        raise UserError(
            f"--out {wanted}: nothing can be written in {place} ({error.strerror or error}); make that possible, or choose "
            "another --out"
        ) from error
