"""Pictures on disk as a source: a folder of class folders, folders of its splits, or a table that names the pictures.

All headers are looked at when the set is opened for the first time (`survey`): the set is grey if every picture is, else in
colour; pictures of one size keep it, others are brought to a size that is chosen by a rule, unless one is given. A file that
cannot be read refuses the set, all of them in one error, or is left out if so asked.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import counted
from automl_cli.data.copies import groups_of, is_copied, where_kept_together
from automl_cli.data.decoding import decode
from automl_cli.data.image_size import common_size
from automl_cli.data.listing import Listing, class_order
from automl_cli.data.picture_notes import Looked
from automl_cli.data.prefetch import prefetch_map
from automl_cli.data.resizing import colour_named, is_grey
from automl_cli.data.small_classes import note_on, small_classes, why_not_split
from automl_cli.data.source import Encoded, Part, Read, Rendering, Report, SourceDescription
from automl_cli.data.survey import AHEAD, BrokenPictures, Fault, faults_of, survey_of, whole_pictures
from automl_cli.system.machine import available_cores
from automl_cli.values.dataset import DatasetReference, extent_of

CHUNK = 256

PARTS: tuple[Part, ...] = ("train", "validation", "test")


class FolderSource:
    """Pictures on disk, looked at when the source is opened, decoded on demand. Raises DataError for a set that cannot be
    used."""

    def __init__(self, listing: Listing, name: str, reference: DatasetReference) -> None:
        self._listing, self._name, self._reference = listing, name, reference
        self._listed = [picture for part in PARTS for picture in listing.parts.get(part, ())]
        self._paths = [picture.path for picture in self._listed]
        self._names = [listing.name_of(path) for path in self._paths]
        self._parts = np.repeat(np.arange(len(PARTS)), [len(listing.parts.get(part, ())) for part in PARTS])
        self._check_labels()
        sizes, self._identity = self._stamped()
        self._survey = survey_of(self._paths, sizes, name=name, identity=self._identity)
        self._rendering = Rendering(colour_named(reference.background), self._survey.white)
        self._kept = self._readable()
        skipped = tuple(self._names[row] for row in np.flatnonzero(~self._kept))
        self._copied = is_copied(self._survey.content, self._parts, self._kept)
        self._kept = self._kept & ~self._copied
        self._classes, self._small = self._usable_classes()
        numbers = {label: number for number, label in enumerate(self._classes)}
        self._labels = np.array([numbers.get(picture.label, 0) for picture in self._listed], np.int32)
        shape = self._shape()
        self.description = SourceDescription(
            name=name,
            classes=self._classes,
            image_shape=shape,
            dtype="uint8",
            parts={part: len(self._rows(part)) for part in PARTS if part in listing.parts},
            mirror_safe=shape[2] == 3,
            skipped=skipped,
            why_not_split=self._why_not_split,
        )

    def check_pictures(self) -> None:
        """Decode all pictures once, in this set's life on this machine. Raises BrokenPictures with all that cannot be read."""
        if not whole_pictures(self._paths, name=self._name, identity=self._identity)[self._kept].all():
            raise self._broken()

    def identity(self) -> tuple[str, ...]:
        """Return the digest of all files with size and time of change, and how they are read."""
        reference = self._reference
        reading = (reference.resize, reference.background, f"{self._rendering.white}", f"{reference.skip_broken}")
        return (*self._identity, *reading, *self._classes)

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield the pictures, each with its part, class and group."""
        for picture, part in zip(self._listed, self._parts.tolist(), strict=True):
            yield f"{PARTS[part]}|{picture.label}|{picture.group}", picture.path

    def labels(self, part: Part, report: Report) -> np.ndarray:
        """Return the labels of a part, (examples,) int32."""
        labels: np.ndarray = self._labels[self._rows(part)]
        return labels

    def images(self, part: Part, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the pictures at these indices in chunks (examples, height, width, channels), uint8."""
        rows = self._rows(part)
        decoded = prefetch_map(rows[indices].tolist(), self._picture, threads=available_cores(), depth=AHEAD)
        for start in range(0, len(indices), CHUNK):
            yield np.stack([next(decoded) for _ in range(min(CHUNK, len(indices) - start))])

    def class_counts(self) -> tuple[int, ...]:
        """Return the number of pictures of every class in all parts together."""
        return tuple(np.bincount(self._labels[self._kept], minlength=len(self._classes)).tolist())

    def groups(self, part: Part) -> np.ndarray | None:
        """Return a number for every picture, int64 (examples,), alike for copies and for those of one group of a manifest."""
        rows = self._rows(part)
        content = where_kept_together(self._survey.content[rows], self._labels[rows])
        return groups_of(content, [self._listed[row].group for row in rows])

    def encoded(self, part: Part) -> Read:
        """Return a function from an index to the stored picture."""
        rows = self._rows(part)

        def read(index: int) -> Encoded:
            path = self._paths[rows[index]]
            return Encoded(_bytes_of(path), str(path), upright=True, rendering=self._rendering)

        return read

    def notes(self) -> tuple[str, ...]:
        """Return what was done to the pictures and what was left out, one sentence each."""
        looked = Looked(
            survey=self._survey,
            names=self._names,
            labels=[picture.label for picture in self._listed],
            kept=self._kept,
            copied=self._copied,
            skipped=self.description.skipped,
            shape=self.description.image_shape,
        )
        return (*looked.notes(self._reference), *self._notes_of_classes(), *self._listing.notes())

    def _rows(self, part: Part) -> np.ndarray:
        """Return the rows of the survey that are the examples of a part."""
        return np.flatnonzero(self._kept & (self._parts == PARTS.index(part)))

    def _stamped(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return the sizes of all files, and what identifies them: the folder, and all names, sizes and times of change."""
        digest, sizes = hashlib.blake2b(digest_size=16), np.zeros(len(self._listed), np.int64)
        for row, (picture, part) in enumerate(zip(self._listed, self._parts, strict=True)):
            stamp = "absent"
            try:
                status = picture.path.stat()
                closed = "" if os.access(picture.path, os.R_OK) else "|closed"
                sizes[row], stamp = status.st_size, f"{status.st_size}|{status.st_mtime_ns}{closed}"
            except OSError:  # the survey says why
                pass
            line = f"|{part}|{picture.label}|{picture.group}|{stamp}\n"
            digest.update(os.fsencode(picture.path.name) + os.fsencode(picture.path.parent.name) + line.encode())
        return sizes, ("folder", os.fsencode(self._listing.root.resolve()).hex(), digest.hexdigest())

    def _readable(self) -> np.ndarray:
        """Return which pictures can be read, as far as is known. Raises BrokenPictures for others, unless they are skipped."""
        readable = self._survey.readable
        if self._reference.skip_broken:
            whole = whole_pictures(self._paths, name=self._name, identity=self._identity)
            both: np.ndarray = readable & whole
            return both
        if self._listing.empty or not readable.all():
            raise self._broken()
        return readable

    def _broken(self) -> BrokenPictures:
        empty = [Fault(name, "a class folder without a picture") for name in self._listing.empty]
        return BrokenPictures(str(self._listing.place), [*faults_of(self._paths, self._names), *empty], len(self._paths))

    def _check_number(self, classes: Collection[str]) -> None:
        if len(classes) < 2:
            found = counted(len(classes), "class/classes")
            hint = (
                ""
                if classes
                else ", each a folder of pictures; they stand side by side, or in folders train, validation and test"
            )
            raise DataError(f"{self._listing.place} holds {found} with pictures; classification needs at least two{hint}")

    def _check_labels(self) -> None:
        known = {picture.label for picture in self._listing.parts["train"]}
        self._check_number(known)
        for part, listed in self._listing.parts.items():
            if unknown := [picture for picture in listed if picture.label not in known]:
                raise DataError(
                    f"{self._listing.place}: the {part} part has a class {unknown[0].label!r} that the train part lacks; "
                    f"allowed: {', '.join(class_order(known))}"
                )

    def _usable_classes(self) -> tuple[tuple[str, ...], dict[str, int]]:
        """Return the classes, and those that are too small with their numbers of pictures, which are left out if so asked."""
        train = [self._listed[row].label for row in np.flatnonzero(self._kept & (self._parts == 0))]
        counts = Counter(dict.fromkeys((picture.label for picture in self._listing.parts["train"]), 0))
        counts.update(train)
        skipped, place, parts = self._reference.skip_small_classes, self._listing.place, self._listing.parts
        small = small_classes(place, counts, parts) if skipped else {}
        self._why_not_split = None if skipped else why_not_split(place, counts, parts)
        classes = tuple(label for label in counts if label not in small)
        self._kept = self._kept & np.array([picture.label not in small for picture in self._listed], bool)
        return classes, small

    def _groups_in_several_parts(self) -> list[str]:
        parts: dict[str, set[int]] = {}
        for row in np.flatnonzero(self._kept).tolist():
            parts.setdefault(self._listed[row].group, set()).add(int(self._parts[row]))
        return [group for group, found in parts.items() if group and len(found) > 1]

    def _shape(self) -> tuple[int, int, int]:
        """Return the shape of the prepared pictures; see the top of the module."""
        survey, kept = self._survey, self._kept
        grey = bool(survey.trait("grey")[kept].all())
        laid = bool(survey.trait("transparent")[kept].any()) and not is_grey(self._rendering.background)
        channels = 1 if grey and not laid else 3
        return (*common_size(survey.traits[kept, :2], extent_of(self._reference.image_size)), channels)

    def _picture(self, row: int) -> np.ndarray:
        path, shape = self._paths[row], self.description.image_shape
        return decode(
            _bytes_of(path),
            str(path),
            channels=shape[2],
            size=shape[:2],
            upright=True,
            how=self._reference.resize,
            rendering=self._rendering,
        )

    def _notes_of_classes(self) -> Iterator[str]:
        if torn := self._groups_in_several_parts():
            verb = "stands" if len(torn) == 1 else "stand"
            yield f"{counted(len(torn), 'group')} {verb} in several splits, since the table names both ({torn[0]})"
        if len(self._listing.parts) > 1:
            counts = ", ".join(f"{part} {count:,}" for part, count in self.description.parts.items())
            yield f"the splits are those of the set: {counts}"
        if self._listing.empty:
            yield f"left out: class folders without a picture ({', '.join(self._listing.empty)})"
        if self._small:
            yield note_on(self._small)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error})") from error
