"""Arrays of pixels and of labels as a data set: an `.npz` file, or `.npy` files in one folder.

`array_names` says which array is what, `array_axes` where the channels stand, `pixel_range` which numbers are black and white,
`array_labels` which labels there are. Pixels become bytes. The labels of all parts are read and checked at once, and so are
the smallest and the largest number of pixels that are not bytes: facts like the shapes, which reveal nothing about test scores.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import by_times, counted
from automl_cli.data.array_axes import ArrayLayout, layout_of, picture_shape
from automl_cli.data.array_files import ArrayFiles, NpyFolder, NpzFile
from automl_cli.data.array_labels import NamedLabels, check_labels, classes_of, indices_in, named_labels
from automl_cli.data.array_names import ArrayPair, meaning_of, pairs_of
from automl_cli.data.array_scans import extremes_of, repeated_in, stamps_of
from automl_cli.data.copies import groups_of, where_kept_together
from automl_cli.data.paths import expanded, shown
from automl_cli.data.picture_notes import HOW
from automl_cli.data.pixel_range import NONE_SEEN, Extremes, as_bytes, range_of
from automl_cli.data.resizing import colour_named, fit, grey_level
from automl_cli.data.small_classes import note_on, small_classes, why_not_split
from automl_cli.data.source import Part, Read, Report, SourceDescription, no_pictures_error
from automl_cli.values.dataset import DatasetReference, extent_of

CHUNK = 1024


def open_arrays(reference: DatasetReference) -> ArraySource:
    """Open an `.npz` file, an `.npy` file of images with those beside it, or a folder of `.npy` files. Raises DataError for
    arrays that cannot be used."""
    path = expanded(reference.source)
    if path.suffix.lower() == ".npz":
        return ArraySource(NpzFile(path), shown(path.stem), reference)
    if path.suffix.lower() != ".npy":
        return ArraySource(NpyFolder(path), shown(path.resolve().name), reference)
    if not path.is_file():
        raise DataError(f"no file at {path}; give an existing .npy file of images that stands beside one of labels")
    if (meaning := meaning_of(path.stem)) is None or meaning.holds != "images":
        raise DataError(f"{path} has no usual name of images, such as images.npy, X.npy or x_train.npy; rename it")
    return ArraySource(NpyFolder(path.parent), path.resolve().parent.name, reference)


class ArraySource:
    """A data set of arrays. Raises DataError for arrays that cannot be used."""

    def __init__(self, files: ArrayFiles, name: str, reference: DatasetReference) -> None:
        self._files, self._reference, self._size = files, reference, extent_of(reference.image_size)
        self._keys, self._left_over = pairs_of(files.headers, str(files.place))
        self._layout = self._check_images()
        self._stored = {part: self._read_labels(pair) for part, pair in self._keys.items()}
        self._classes = classes_of(self._stored["train"].labels, self._where(self._keys["train"].labels))
        self._all_labels = {part: self._indices_of(part) for part in self._keys}
        self._small = self._leave_out_small_classes()
        self._range = self._find_range()
        shape = self._picture_shape(self._keys["train"])
        colour = colour_named(reference.background)
        self._margin = colour if shape[2] == 3 else (grey_level(colour),) * shape[2]
        self.description = SourceDescription(
            name=name,
            classes=tuple(map(str, self._classes.tolist())),
            image_shape=shape if self._size is None else (*self._size, shape[2]),
            dtype="uint8",
            parts={part: len(rows) for part, rows in self._rows.items()},
            mirror_safe=shape[2] > 1,
            why_not_split=self._why_not_split,
        )

    def identity(self) -> tuple[str, ...]:
        """Return the files with their size and time of change, and how they are read."""
        left_out = " ".join(self._small)
        read = f"{self._layout} {self._range} {self._reference.resize} {self._reference.background} {left_out}"
        return ("arrays", *stamps_of(self._files), read)

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield the files; those in a folder with their names, which say what they hold."""
        for path in self._files.files():
            yield "" if path == self._files.place else path.name, path

    def labels(self, part: Part, report: Report) -> np.ndarray:
        """Return the labels of a part, (examples,) int32."""
        labels: np.ndarray = self._all_labels[part][self._rows[part]]
        return labels

    def images(self, part: Part, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the images at these indices in chunks (examples, height, width, channels), uint8."""
        start, rows = 0, self._rows[part][indices]
        for stored in self._files.chunks(self._keys[part].images):
            first, last = np.searchsorted(rows, (start, start + len(stored)))
            for at in range(first, last, CHUNK):
                yield self._prepared(stored[rows[at : min(at + CHUNK, last)] - start])
            start += len(stored)

    def encoded(self, part: Part) -> Read:
        """Refuse: the arrays are no encoded pictures. Raises DataError."""
        raise no_pictures_error(str(self._files.place))

    def notes(self) -> tuple[str, ...]:
        """Return what was found out about the arrays, one sentence each."""
        about_pixels = (self._note_on_layout(), self._note_on_range(), self._note_on_size(), self._note_on_copies())
        return (*(note for note in about_pixels if note), *self._notes_on_labels())

    def check_pictures(self) -> None:
        """Check nothing: all arrays were checked when the source was opened."""

    def class_counts(self) -> tuple[int, ...]:
        """Return the number of examples of every class in all parts together."""
        labels = np.concatenate([self.labels(part, lambda count: None) for part in self._keys])
        return tuple(np.bincount(labels, minlength=len(self._classes)).tolist())

    def groups(self, part: Part) -> np.ndarray | None:
        """Return a number for every example, int64 (examples,), alike for those with the same pixels; None where there are no
        such."""
        contents = repeated_in(self._files, self._keys[part].images)[self._rows[part]]
        contents = where_kept_together(contents, self.labels(part, lambda count: None))
        return groups_of(contents, [""] * len(contents))

    def _prepared(self, stored: np.ndarray) -> np.ndarray:
        images = stored.transpose(0, 2, 3, 1) if self._layout == "nchw" and stored.ndim == 4 else stored
        images = images.reshape(*images.shape[:3], -1)
        images = images if self._range is None else as_bytes(images, self._range)
        how, margin = self._reference.resize, self._margin
        return np.stack([fit(image, self._size, how=how, margin=margin) for image in np.ascontiguousarray(images)])

    def _where(self, key: str) -> str:
        return f"{self._files.place}: {key}"

    def _picture_shape(self, pair: ArrayPair) -> tuple[int, int, int]:
        return picture_shape(self._files.headers[pair.images].shape, self._layout)

    def _check_images(self) -> ArrayLayout:
        """Check shapes and types of the images, and return their layout."""
        kinds = {}
        for pair in self._keys.values():
            shape, dtype, _ = self._files.headers[pair.images]
            if len(shape) not in (3, 4) or 0 in shape:
                raise DataError(
                    f"{self._where(pair.images)} has shape {shape}; images are (examples, height, width), "
                    "(examples, height, width, channels) or (examples, channels, height, width)"
                )
            if dtype.hasobject or dtype.kind not in "biuf":
                what = "Python objects" if dtype.hasobject else str(dtype)
                raise DataError(f"{self._where(pair.images)} holds {what}; images are numbers, all of one size")
            kinds[pair.images] = (shape[1:], "uint8" if dtype == np.uint8 else {"f": "float"}.get(dtype.kind, "whole"))
        if len(set(kinds.values())) > 1:
            listed = ", ".join(f"{key} {by_times(shape)} {kind}" for key, (shape, kind) in kinds.items())
            raise DataError(f"{self._files.place}: the parts hold images of different shape or type: {listed}")
        first = self._keys["train"].images
        return layout_of(self._files.headers[first].shape, self._reference.layout, self._where(first))

    def _read_labels(self, pair: ArrayPair) -> NamedLabels:
        header, count = self._files.headers[pair.labels], self._files.headers[pair.images].shape[0]
        check_labels(header.shape, header.dtype, count, self._where(pair.labels))  # before they are unpacked
        stored = self._files.read(pair.labels)
        return named_labels(stored, count, self._where(pair.labels))

    def _indices_of(self, part: Part) -> np.ndarray:
        return indices_in(self._classes, self._stored[part].labels, self._where(self._keys[part].labels))

    def _leave_out_small_classes(self) -> dict[str, int]:
        """Choose the rows that are used, and return the classes that are too small, with their numbers of examples."""
        counts = np.bincount(self._all_labels["train"], minlength=len(self._classes)).tolist()
        names = [str(value) for value in self._classes.tolist()]
        by_name, place = dict(zip(names, counts, strict=True)), self._files.place
        skipped = self._reference.skip_small_classes
        small = small_classes(place, by_name, self._keys) if skipped else {}
        self._why_not_split = None if skipped else why_not_split(place, by_name, self._keys)
        kept = np.array([name not in small for name in names])
        self._rows = {part: np.flatnonzero(kept[labels]) for part, labels in self._all_labels.items()}
        numbers = np.cumsum(kept) - 1
        self._all_labels = {part: numbers[labels].astype(np.int32) for part, labels in self._all_labels.items()}
        self._classes = self._classes[kept]
        return small

    def _find_range(self) -> tuple[float, float] | None:
        """Return the numbers that are black and white, None for bytes. Raises DataError for NaN, and for an unknown range."""
        first = self._files.headers[self._keys["train"].images].dtype
        self._extremes: Extremes | None = None
        if first.kind == "b":
            return 0.0, 1.0
        if first == np.uint8:
            return self._reference.pixel_range
        self._extremes = self._seen()
        if self._reference.pixel_range is not None:
            return self._reference.pixel_range
        return range_of(self._extremes.low, self._extremes.high, first, str(self._files.place))

    def _seen(self) -> Extremes:
        """Return the extremes of all parts. Raises DataError for pictures with NaN or infinity."""
        seen = NONE_SEEN
        for pair in self._keys.values():
            here = extremes_of(self._files, pair.images)
            if here.not_finite:
                others = "" if here.not_finite == 1 else f", and {counted(here.not_finite - 1, 'other picture')} as well"
                raise DataError(
                    f"{self._where(pair.images)}: picture {here.first_not_finite} holds NaN or infinity{others}; "
                    "replace or remove it"
                )
            seen = seen._replace(low=min(seen.low, here.low), high=max(seen.high, here.high))
        return seen

    def _note_on_layout(self) -> str | None:
        shape = self._files.headers[self._keys["train"].images].shape
        if len(shape) == 3 or (self._layout == "nhwc" and self._reference.layout is None):
            return None
        height, width, channels = self._picture_shape(self._keys["train"])
        first = "first" if self._layout == "nchw" else "last"
        return f"channels come {first}: {by_times(shape[1:])} is {height}×{width} pixels of {counted(channels, 'channel')}"

    def _note_on_range(self) -> str | None:
        if self._range is None:
            return None
        low, high = self._range
        dtype = self._files.headers[self._keys["train"].images].dtype
        seen = self._extremes
        cut = seen is not None and (seen.low < low or seen.high > high)
        beyond = f"; those beyond, from {seen.low:g} to {seen.high:g}, are cut off" if cut and seen is not None else ""
        return f"numbers ({dtype}) from {low:g} to {high:g} became bytes from 0 to 255, rounded, in all parts{beyond}"

    def _note_on_size(self) -> str | None:
        height, width, _ = self._picture_shape(self._keys["train"])
        if self._size in (None, (height, width)):
            return None
        across, down = self.description.image_shape[1], self.description.image_shape[0]
        how = "" if height * across == width * down else f", {HOW[self._reference.resize]}"
        return f"pictures of {height}×{width} pixels were brought to {down}×{across}{how}"

    def _note_on_copies(self) -> str | None:
        """Return how many images of the training part repeat an earlier one, where splits are drawn from it."""
        if {"validation", "test"} <= set(self._keys):
            return None
        contents = repeated_in(self._files, self._keys["train"].images)
        copies = int(np.count_nonzero(contents)) - len(np.unique(contents[contents != 0]))
        verb = "has" if copies == 1 else "have"
        return f"{counted(copies, 'image')} {verb} the pixels of an earlier one; copies stay in one split" if copies else None

    def _notes_on_labels(self) -> Iterator[str]:
        if (form := self._stored["train"].form) not in ("whole numbers", "text"):
            yield f"labels are {form}"
        names = self.description.classes
        if names != tuple(map(str, range(len(names)))) and self._stored["train"].form != "text":
            yield f"classes keep the labels as names: {', '.join(names[:8])}{', …' if len(names) > 8 else ''}"
        if self._small:
            yield note_on(self._small)
        if self._left_over:
            yield f"not used: {', '.join(self._left_over)}"
