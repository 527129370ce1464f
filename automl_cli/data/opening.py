"""Opens the source that a data set reference names."""

from __future__ import annotations

import os
from pathlib import Path

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import by_times
from automl_cli.data.catalogue import EMBEDDED, TFDS_IMAGE_SETS, base_name, canonical_name, unknown_dataset
from automl_cli.data.paths import expanded, shown
from automl_cli.data.source import Source
from automl_cli.values.dataset import SIZE_LIMITS, DatasetReference, extent_of

ARRAY_SUFFIXES = (".npz", ".npy")


def open_source(reference: DatasetReference) -> Source:
    """Open and check the source that a reference names. Raises DataError with what, where, what is allowed, and the next step.

    A path (`./set`, `set.npz`) is a path; a name is looked up among the embedded sets, then in TFDS (its own list, or a folder
    under the data directory), and is a folder in the working directory only if no set has that name.
    """
    check_numbers(reference)
    text = reference.source
    if not text:
        raise unknown_dataset(text)
    if text.lower().endswith(ARRAY_SUFFIXES):
        from automl_cli.data.arrays import open_arrays

        return open_arrays(reference)
    if text.lower().endswith((".parquet", ".csv")):
        _check_flags_of_arrays(reference)
    if text.lower().endswith(".parquet"):
        from automl_cli.data.parquet import ParquetSource

        return ParquetSource(expanded(text), reference)
    if text.lower().endswith(".csv"):
        return _open_manifest(expanded(text), reference)
    if text.startswith((".", "~", os.sep)):
        return _open_folder(reference)
    return _open_named(reference)


def _open_named(reference: DatasetReference) -> Source:
    """Open an embedded set, one of TFDS, or a folder in the working directory, by its name."""
    name, size = canonical_name(reference.source), extent_of(reference.image_size)
    if name in EMBEDDED:
        from automl_cli.data.digits import DigitsSource

        _check_flags_of_arrays(reference)
        return DigitsSource(image_size=size)
    data_dir = tfds_folder(reference.data_dir)
    if base_name(name) in TFDS_IMAGE_SETS or (base_name(name) and (data_dir / base_name(name)).is_dir()):
        from automl_cli.data.resizing import colour_named
        from automl_cli.data.tfds import TfdsSource

        _check_flags_of_arrays(reference)
        background = colour_named(reference.background)
        return TfdsSource(name, data_dir, image_size=size, resize=reference.resize, background=background)
    if Path(reference.source).exists():
        return _open_folder(reference)
    raise unknown_dataset(reference.source)


def tfds_folder(data_dir: str | None) -> Path:
    """Return the folder of prepared TFDS sets: `--data-dir`, else TFDS_DATA_DIR, else TFDS's own default."""
    return expanded(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")


def _open_folder(reference: DatasetReference) -> Source:
    root = expanded(reference.source)
    if holds_arrays(reference.source):
        from automl_cli.data.arrays import open_arrays

        return open_arrays(reference)
    _check_flags_of_arrays(reference)
    if any(next(place.glob("*.parquet"), None) for place in (root, root / "data")):
        from automl_cli.data.parquet import ParquetSource

        return ParquetSource(root, reference)
    from automl_cli.data.folder import FolderSource
    from automl_cli.data.listing import list_folder

    if not root.exists():
        raise DataError(f"no folder at {root}; give a folder that holds one folder of pictures for each class")
    if not root.is_dir():
        raise DataError(
            f"{root} is a file, but no data set; one is a folder of class folders, an .npz or .npy file of arrays, or a .csv "
            "file of lines path,label"
        )
    return FolderSource(list_folder(root), shown(root.resolve().name), reference)


def _check_flags_of_arrays(reference: DatasetReference) -> None:
    """Raise DataError for flags that say how arrays are read, at a path of pictures."""
    for flag, value in (("layout", reference.layout), ("pixel-range", reference.pixel_range)):
        if value is not None:
            raise DataError(f"--{flag} is about arrays in .npz and .npy files, and {reference.source} holds none; leave it out")


def holds_arrays(source: str) -> bool:
    """Return whether a source is a file of arrays, or a folder with `.npy` files of images."""
    from automl_cli.data.array_names import meaning_of

    meanings = (meaning_of(path.stem) for path in expanded(source).glob("*.npy"))
    return source.lower().endswith(ARRAY_SUFFIXES) or any(
        meaning is not None and meaning.holds == "images" for meaning in meanings
    )


def _open_manifest(path: Path, reference: DatasetReference) -> Source:
    from automl_cli.data.folder import FolderSource
    from automl_cli.data.listing import list_manifest

    if not path.is_file():
        raise DataError(f"no file at {path}; give an existing .csv file of lines path,label")
    return FolderSource(list_manifest(path), shown(path.stem), reference)


def check_numbers(reference: DatasetReference) -> None:
    """Check the numbers of a reference. Raises DataError for numbers that fit no data set."""
    least, most = SIZE_LIMITS
    if (size := extent_of(reference.image_size)) is not None and not least <= min(size) <= max(size) <= most:
        given = size[0] if size[0] == size[1] else by_times(size)
        raise DataError(f"--image-size is {given}; it may be {least} to {most} pixels")
    if shown(reference.source) != reference.source:
        raise DataError(f"the name {shown(reference.source)} is no UTF-8, so no file could record it; rename it, or link to it")
    if reference.train_examples is not None and reference.train_examples < 2:
        raise DataError(f"--train-examples is {reference.train_examples}; it must be at least 2")
