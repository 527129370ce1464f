"""Scans of arrays of images from end to end, for extreme numbers and copies. What they find is kept in the cache."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from automl_cli.data.array_files import ArrayFiles
from automl_cli.data.cache import Layout, Write, key_of, load_or_prepare
from automl_cli.data.pixel_range import NONE_SEEN, Extremes, with_more
from automl_cli.data.survey import content_digest


def stamps_of(files: ArrayFiles) -> tuple[str, ...]:
    """Return what identifies the files of arrays: their place, names, sizes and times of change."""
    stamps = [f"{path.name}|{path.stat().st_size}|{path.stat().st_mtime_ns}" for path in files.files()]
    return (str(files.place.resolve()), *stamps)


def extremes_of(files: ArrayFiles, name: str) -> Extremes:
    """Return the smallest and largest number of an array, and which examples are not finite."""

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        seen, start = NONE_SEEN, 0
        for images in files.chunks(name):
            seen, start = with_more(seen, start, images), start + len(images)
        arrays["extremes"][:] = seen

    found = _kept(files, name, {"extremes": ((4,), "float64")}, write)["extremes"]
    return Extremes(float(found[0]), float(found[1]), int(found[2]), int(found[3]))


def repeated_in(files: ArrayFiles, name: str) -> np.ndarray:
    """Return a number for every example, int64 (examples,), alike for those with the same pixels, 0 for those like no other."""

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        digests = [content_digest(image.tobytes()) for images in files.chunks(name) for image in images]
        found, which, counts = np.unique(np.array(digests, np.int64), return_inverse=True, return_counts=True)
        arrays["contents"][:] = np.where(counts > 1, found, 0)[which]

    layout: Layout = {"contents": ((files.headers[name].shape[0],), "int64")}
    return _kept(files, name, layout, write)["contents"]


def _kept(files: ArrayFiles, name: str, layout: Layout, write: Write) -> Mapping[str, np.ndarray]:
    return load_or_prepare(files.place.stem, key_of((*layout, *stamps_of(files), name)), layout, write)
