"""Parquet files of encoded pictures and labels as a data set.

As of pictures on disk, all headers are looked at when the set is opened for the first time; what is found is kept in the cache.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import counted
from automl_cli.data.array_labels import classes_of, indices_in
from automl_cli.data.copies import groups_of, is_copied, where_kept_together
from automl_cli.data.decoding import BrokenPicture, Traits, decode, traits
from automl_cli.data.image_size import common_size
from automl_cli.data.parquet_files import ParquetFiles
from automl_cli.data.paths import shown
from automl_cli.data.picture_notes import Looked
from automl_cli.data.prefetch import prefetch_map
from automl_cli.data.resizing import colour_named, is_grey
from automl_cli.data.small_classes import note_on, small_classes, why_not_split
from automl_cli.data.source import Encoded, Part, Read, Rendering, Report, SourceDescription
from automl_cli.data.survey import AHEAD, BYTE_RANGE, BrokenPictures, Fault, Survey, content_digest, levels_of, survey_kept
from automl_cli.system.machine import available_cores
from automl_cli.values.dataset import DatasetReference, extent_of

CHUNK = 256
PARTS: tuple[Part, ...] = ("train", "validation", "test")


class ParquetSource:
    """Pictures in Parquet files, looked at when the source is opened, decoded on demand. Raises DataError for a set that cannot
    be used."""

    def __init__(self, place: Path, reference: DatasetReference) -> None:
        self._files, self._reference = ParquetFiles(place), reference
        self._parts = [part for part in PARTS if part in self._files.files]
        stored = {part: self._files.labels(part) for part in self._parts}
        values = classes_of(stored["train"], str(place))
        self._labels = {part: indices_in(values, labels, f"{place}, {part} part") for part, labels in stored.items()}
        names = self._class_names(values.tolist())
        self._surveys = _with_copies({part: self._survey_of(part) for part in self._parts})
        readable = {part: self._readable(part) for part in self._parts}
        self._copied = self._copied_in_later_parts(readable)
        self._kept = {part: readable[part] & ~self._copied[part] for part in self._parts}
        classes = self._leave_out_small(names)
        every = _joined(list(self._surveys.values()))
        self._rendering = Rendering(colour_named(reference.background), every.white)
        shape = self._shape(every, np.concatenate(list(self._kept.values())))
        self.description = SourceDescription(
            name=shown(place.stem if place.is_file() else place.resolve().name),
            classes=classes,
            image_shape=shape,
            dtype="uint8",
            parts={part: int(self._kept[part].sum()) for part in self._parts},
            mirror_safe=shape[2] == 3,
            skipped=tuple(self._where(part, row) for part in self._parts for row in np.flatnonzero(~readable[part]).tolist()),
            why_not_split=self._why_not_split,
        )

    def check_pictures(self) -> None:
        """Check nothing: every picture was decoded when the set was looked at."""

    def identity(self) -> tuple[str, ...]:
        """Return the files with their size and time of change, and how they are read."""
        reference = self._reference
        return (
            *self._stamps(),
            reference.resize,
            reference.background,
            f"{self._rendering.white} {reference.skip_broken}",
            *self._small,
        )

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield the files, each with its part."""
        for part in self._parts:
            yield from ((part, path) for path in self._files.files[part])

    def labels(self, part: Part, report: Report) -> np.ndarray:
        """Return the labels of a part, (examples,) int32."""
        labels: np.ndarray = self._labels[part][self._kept[part]]
        return labels

    def images(self, part: Part, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the pictures at these indices in chunks (examples, height, width, channels), uint8."""
        rows = np.flatnonzero(self._kept[part])[indices]
        stored = zip(rows.tolist(), self._files.pictures(part, rows), strict=True)
        decoded = prefetch_map(stored, lambda pair: self._decoded(part, *pair), threads=available_cores(), depth=AHEAD)
        for start in range(0, len(indices), CHUNK):
            yield np.stack([next(decoded) for _ in range(min(CHUNK, len(indices) - start))])

    def class_counts(self) -> tuple[int, ...]:
        """Return the number of pictures of every class in all parts together."""
        labels = np.concatenate([self.labels(part, lambda count: None) for part in self._parts])
        return tuple(np.bincount(labels, minlength=len(self.description.classes)).tolist())

    def groups(self, part: Part) -> np.ndarray | None:
        """Return a number for every picture, int64 (examples,), alike for copies; None where there are none."""
        kept = self._kept[part]
        content = where_kept_together(self._surveys[part].content[kept], self.labels(part, lambda count: None))
        return groups_of(content, [""] * len(content))

    def encoded(self, part: Part) -> Read:
        """Return a function from an index to the stored picture. The files of the part are held in memory for it."""
        rows, picture = np.flatnonzero(self._kept[part]), self._files.any_picture(part)

        def read(index: int) -> Encoded:
            row = int(rows[index])
            return Encoded(picture(row), self._where(part, row), upright=True, rendering=self._rendering)

        return read

    def notes(self) -> tuple[str, ...]:
        """Return what was done to the pictures and what was left out, one sentence each."""
        kept = np.concatenate(list(self._kept.values()))
        looked = Looked(
            survey=_joined(list(self._surveys.values())),
            names=[self._where(part, row) for part in self._parts for row in range(len(self._kept[part]))],
            labels=np.concatenate(list(self._labels.values())).astype(str).tolist(),
            kept=kept,
            copied=np.concatenate(list(self._copied.values())),
            skipped=self.description.skipped,
            shape=self.description.image_shape,
        )
        return (*looked.notes(self._reference), *((note_on(self._small),) if self._small else ()))

    def _where(self, part: Part, row: int) -> str:
        return f"row {row} of the {part} part"

    def _stamps(self) -> tuple[str, ...]:
        paths = [(part, path) for part in self._parts for path in self._files.files[part]]
        stamps = [f"{part}|{path.name}|{path.stat().st_size}|{path.stat().st_mtime_ns}" for part, path in paths]
        return ("parquet", str(self._files.place.resolve()), *stamps)

    def _survey_of(self, part: Part) -> Survey:
        """Look at all pictures of a part, once in its life on this machine."""
        count = self._files.count(part)

        def write(arrays: Mapping[str, np.ndarray]) -> None:
            stored = enumerate(self._files.pictures(part, np.arange(count)))
            looks = prefetch_map(stored, lambda pair: _look(pair[1]), threads=available_cores(), depth=AHEAD)
            for row, (found, content, extremes) in enumerate(looks):
                arrays["readable"][row], arrays["traits"][row] = found is not None, found or 0
                arrays["content"][row], arrays["ranges"][row] = content, extremes

        return survey_kept(self._files.place.stem, (*self._stamps(), part, "survey with digests"), count, write)

    def _readable(self, part: Part) -> np.ndarray:
        """Return which pictures of a part can be read. Raises BrokenPictures for others, unless they are skipped."""
        if self._reference.skip_broken or all(survey.readable.all() for survey in self._surveys.values()):
            return self._surveys[part].readable
        faults = [fault for part in self._parts for fault in self._faults(part)]
        raise BrokenPictures(str(self._files.place), faults, sum(map(self._files.count, self._parts)))

    def _class_names(self, values: list[object]) -> tuple[str, ...]:
        """Return the names of the classes with these labels. Raises DataError for numbers beyond the names in the file."""
        names = self._files.class_names
        if names is None:
            return tuple(map(str, values))
        if beyond := [value for value in values if not (isinstance(value, int) and value < len(names))]:
            raise DataError(
                f"{self._files.place} holds the labels {', '.join(map(str, beyond))}, but names of "
                f"{counted(len(names), 'class/classes')}, for the labels 0 to {len(names) - 1}; correct the labels or the names"
            )
        return tuple(names[int(str(value))] for value in values)

    def _copied_in_later_parts(self, readable: Mapping[Part, np.ndarray]) -> dict[Part, np.ndarray]:
        """Return by part which pictures have a copy in a later one, (pictures,) bool."""
        content = np.concatenate([self._surveys[part].content for part in self._parts])
        ends = np.cumsum([len(rows) for rows in readable.values()])
        parts = np.repeat(np.arange(len(self._parts)), np.diff(ends, prepend=0))
        copied = is_copied(content, parts, np.concatenate(list(readable.values())))
        return dict(zip(self._parts, np.split(copied, ends[:-1]), strict=True))

    def _leave_out_small(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Leave out the classes that are too small, if so asked; return the others. Raises DataError if not."""
        counts = np.bincount(self._labels["train"][self._kept["train"]], minlength=len(names)).tolist()
        by_name = dict(zip(names, counts, strict=True))
        skipped, place = self._reference.skip_small_classes, self._files.place
        self._small = small_classes(place, by_name, self._parts) if skipped else {}
        self._why_not_split = None if skipped else why_not_split(place, by_name, self._parts)
        large = np.array([name not in self._small for name in names])
        numbers = np.cumsum(large) - 1
        for part, labels in self._labels.items():
            self._kept[part] = self._kept[part] & large[labels]
            self._labels[part] = numbers[labels].astype(np.int32)
        return tuple(name for name in names if name not in self._small)

    def _faults(self, part: Part) -> Iterator[Fault]:
        rows = np.flatnonzero(~self._surveys[part].readable)
        for row, data in zip(rows.tolist(), self._files.pictures(part, rows), strict=True):
            try:
                _traits_of(data, self._where(part, row))
            except BrokenPicture as broken:
                yield Fault(self._where(part, row), broken.reason)

    def _shape(self, survey: Survey, kept: np.ndarray) -> tuple[int, int, int]:
        grey = bool(survey.trait("grey")[kept].all())
        laid = bool(survey.trait("transparent")[kept].any()) and not is_grey(self._rendering.background)
        return (*common_size(survey.traits[kept, :2], extent_of(self._reference.image_size)), 1 if grey and not laid else 3)

    def _decoded(self, part: Part, row: int, data: bytes) -> np.ndarray:
        height, width, channels = self.description.image_shape
        return decode(
            data,
            self._where(part, row),
            channels=channels,
            size=(height, width),
            upright=True,
            how=self._reference.resize,
            rendering=self._rendering,
        )


def _look(data: bytes) -> tuple[Traits | None, int, tuple[float, float]]:
    try:
        found, extremes = _traits_of(data, "")
    except BrokenPicture:
        return None, 0, BYTE_RANGE
    return found, content_digest(data), extremes


def _traits_of(data: bytes, where: str) -> tuple[Traits, tuple[float, float]]:
    """Return what a picture is, and the extremes of a floating-point one, after decoding it. Raises BrokenPicture."""
    if not data:
        raise BrokenPicture(where, "there is no picture")
    return traits(io.BytesIO(data), where), levels_of(data, where)


def _with_copies(surveys: dict[Part, Survey]) -> dict[Part, Survey]:
    """Return the surveys with a content of 0 for pictures that are unlike any other, of all parts."""
    content = np.concatenate([survey.content for survey in surveys.values()])
    found, which, counts = np.unique(content, return_inverse=True, return_counts=True)
    known = np.split(
        np.where(counts > 1, found, 0)[which], np.cumsum([len(survey.content) for survey in surveys.values()])[:-1]
    )
    return {part: replace(survey, content=own) for (part, survey), own in zip(surveys.items(), known, strict=True)}


def _joined(surveys: list[Survey]) -> Survey:
    return Survey(
        traits=np.concatenate([survey.traits for survey in surveys]),
        readable=np.concatenate([survey.readable for survey in surveys]),
        content=np.concatenate([survey.content for survey in surveys]),
        ranges=np.concatenate([survey.ranges for survey in surveys]),
    )
