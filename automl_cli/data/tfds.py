"""Prepared sets of TensorFlow Datasets, array_record or tfrecord, read by name without TensorFlow and without a network.

Every check that needs no decoding is made when the source is opened, in the order in which the causes depend on each other: the
packages, the prepared folder, its format, its features, its splits, its files.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.data.catalogue import MIRROR_SENSITIVE, UNLABELLED_TEST, base_name
from automl_cli.data.decoding import decode
from automl_cli.data.image_size import size_by_first
from automl_cli.data.published import published_facts
from automl_cli.data.resizing import Resizing
from automl_cli.data.source import Colour, Encoded, Part, Read, Rendering, Report, SourceDescription
from automl_cli.data.tfrecord import TfRecords
from automl_cli.values.dataset import DatasetReference

CHUNK = 256
LOOKED_AT = 256
"""Pictures whose sizes decide to which size all are brought where none is given."""
LABEL_CHUNK = 1024
"""Examples whose labels are read at a time, with their pictures: 110 MB of ImageNet."""
FORMATS = ("array_record", "tfrecord")
"""Formats of files that are read, best first."""
PACKAGES = {"tensorflow_datasets": "tensorflow-datasets", "array_record": "array_record", "PIL": "pillow"}
"""Module -> package that reading needs."""


class TfdsSource:
    """A prepared image-classification set. Raises DataError if it is missing or cannot be used."""

    def __init__(
        self, name: str, data_dir: Path, *, image_size: tuple[int, int] | None, resize: Resizing, background: Colour
    ) -> None:
        self._name, self._data_dir, self._size = name, data_dir, image_size
        self._resize, self._rendering = resize, Rendering(background)
        self._notes: tuple[str, ...] = ()
        _check_packages()
        self._info = self._open_info()
        self._image_key, self._label_key = self._feature_keys()
        self._splits = self._split_names()
        self._check_files()
        shape = self._image_shape()
        label = self._info.features[self._label_key]
        self.description = SourceDescription(
            name=name,
            classes=tuple(label.names or map(str, range(label.num_classes))),
            image_shape=shape,
            dtype="uint8",
            parts={part: self._info.splits[split].num_examples for part, split in self._splits.items()},
            mirror_safe=base_name(name) not in MIRROR_SENSITIVE,
        )

    def identity(self) -> tuple[str, ...]:
        """Return the full name of the set, its folder, and its files with size and time of change."""
        stamps = [f"{path.name}|{path.stat().st_size}|{path.stat().st_mtime_ns}" for _, path in self.files()]
        return (
            "tfds",
            self._info.full_name,
            str(Path(self._info.data_dir).resolve()),
            *stamps,
            *map(str, self._rendering.background),
            self._resize,
        )

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield the files of records, each with its part and name."""
        for part, split in self._splits.items():
            yield from ((f"{part}|{path.name}", path) for path in self._files(split))

    def labels(self, part: Part, report: Report) -> np.ndarray:
        """Return the labels of a part, (examples,) int32. Raises DataError if one is missing."""
        records = self._records(part)
        labels = np.empty(len(records), np.int32)
        for start in range(0, len(records), LABEL_CHUNK):
            examples = self._read_many(records, list(range(len(records))[start : start + LABEL_CHUNK]))
            labels[start : start + len(examples)] = [example[self._label_key] for example in examples]
            report(len(examples))
        if labels.min() < 0:
            raise DataError(
                f"the split {self._splits[part]!r} of {self._name} has examples without a label; it cannot serve as {part} part"
            )
        return labels

    def images(self, part: Part, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the images at these indices in chunks (examples, height, width, channels), uint8."""
        records = self._records(part)
        for start in range(0, len(indices), CHUNK):
            rows = indices[start : start + CHUNK].tolist()
            examples = self._read_many(records, rows)
            yield np.stack([self._picture(part, row, example) for row, example in zip(rows, examples, strict=True)])

    def check_pictures(self) -> None:
        """Check nothing: a broken one is named when it is decoded."""

    def class_counts(self) -> None:
        """Return None: the labels stand beside the pictures, and are read with them."""

    def groups(self, part: Part) -> None:
        """Return None: no examples belong together."""

    def notes(self) -> tuple[str, ...]:
        """Return the size that was chosen for pictures of several sizes; nothing else is looked at before it is decoded."""
        return self._notes

    def encoded(self, part: Part) -> Read:
        """Return a function from an index to the stored picture."""
        records = self._records(part)

        def read(row: int) -> Encoded:
            (example,) = self._read(lambda: [records[row]])
            return Encoded(example[self._image_key], self._example_name(part, row), upright=False, rendering=self._rendering)

        return read

    def _example_name(self, part: Part, row: int) -> str:
        return f"example {row} of split {self._splits[part]!r} of {self._name}"

    def _picture(self, part: Part, row: int, example: dict[str, Any]) -> np.ndarray:
        where = self._example_name(part, row)
        shape = self.description.image_shape
        picture = decode(
            example[self._image_key],
            where,
            channels=shape[2],
            size=self._size,
            how=self._resize,
            rendering=self._rendering,
        )
        if picture.shape != shape:
            raise DataError(
                f"{where} has shape {picture.shape}, its description says {shape}; give --image-size, or prepare the set again"
            )
        return picture

    def _records(self, part: Part) -> Any:
        import tensorflow_datasets as tfds

        # Images stay encoded: labels alone are read five times faster so, and Pillow decodes what is needed.
        skip = {self._image_key: tfds.decode.SkipDecoding()}
        if self._format == "tfrecord":
            return self._tfrecords(part, partial(self._info.features.deserialize_example_np, decoders=skip))
        return self._builder.as_data_source(self._splits[part], decoders=skip, file_format="array_record")

    def _tfrecords(self, part: Part, parse: Callable[[bytes], Any]) -> TfRecords:
        """Return the records of a part. Raises DataError where they are not as many as they should be."""
        records = TfRecords(self._files(self._splits[part]), parse)
        try:
            found = len(records)
        except (OSError, ValueError) as error:
            raise self._damaged(str(error)) from error
        if found != (right := self._info.splits[self._splits[part]].num_examples):
            raise self._damaged(f"split {self._splits[part]!r} holds {found} examples, its description says {right}")
        return records

    def _read_many(self, records: Any, rows: list[int]) -> list[dict[str, Any]]:
        return self._read(lambda: list(records.__getitems__(rows)))

    def _read(self, fetch: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        try:
            examples = fetch()
        except (RuntimeError, OSError, ValueError, IndexError) as error:
            raise self._damaged(str(error)) from error
        # A file that was cut short is read as empty records.
        if any(example[self._image_key] is None or example[self._label_key] is None for example in examples):
            raise self._damaged("it holds fewer examples than its description says")
        return examples

    def _damaged(self, problem: str) -> DataError:
        return DataError(f"{self._info.data_dir}: a file of {self._name} cannot be read ({problem}); prepare the set again")

    def _open_info(self) -> Any:
        from tensorflow_datasets.core import read_only_builder, registered

        try:
            self._builder = read_only_builder.builder_from_files(self._name, data_dir=str(self._data_dir))
        except registered.DatasetNotFoundError as error:
            raise self._not_prepared() from error
        except Exception as error:  # TFDS parses the metadata with several libraries, each with errors of its own.
            message = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DataError(
                f"the metadata of {self._name} under {self._data_dir} cannot be read ({message}); prepare the set again"
            ) from error
        info = self._builder.info
        stored = {found.value for found in info.available_file_formats()}
        if not (readable := [name for name in FORMATS if name in stored]):
            raise DataError(
                f"{self._name} under {info.data_dir} is stored as {', '.join(sorted(stored)) or 'nothing known'}; "
                f"{' and '.join(FORMATS)} are read here; prepare it so: {self._recipe()}"
            )
        self._format = readable[0]
        return info

    def _not_prepared(self) -> DataError:
        found = sorted(path.parent.name for path in (self._data_dir / base_name(self._name)).glob("*/dataset_info.json"))
        there = f" (there: {', '.join(found)})" if found else ""
        return DataError(
            f"{self._name} is not prepared under {self._data_dir}{there}. Nothing is downloaded here: "
            f"name another folder with --data-dir, or prepare the set once, where TensorFlow is installed: {self._recipe()}"
        )

    def _recipe(self) -> str:
        return shlex.join(["tfds", "build", self._name, "--file_format=array_record", f"--data_dir={self._data_dir}"])

    def _feature_keys(self) -> tuple[str, str]:
        """Return the names of the image and of the label among the features."""
        from tensorflow_datasets.core import features

        table = self._info.features
        images = [key for key, feature in table.items() if type(feature) is features.Image]
        labels = [key for key, feature in table.items() if type(feature) is features.ClassLabel]
        supervised = self._info.supervised_keys
        if supervised and len(supervised) == 2 and supervised[0] in images and supervised[1] in labels:
            return supervised[0], supervised[1]
        if len(images) == 1 and len(labels) == 1:
            return images[0], labels[0]
        raise DataError(
            f"{self._name} is no image-classification set: its features are {', '.join(table)}; "
            "one image and one label are needed"
        )

    def _split_names(self) -> dict[Part, str]:
        """Return the split of each part; the test part is `test`, else `validation` (see `splits.py` for the rest)."""
        known = {name for name, split in self._info.splits.items() if split.num_examples}
        if "train" not in known:
            raise DataError(f"{self._name} has no split 'train' to learn from; it has {', '.join(sorted(known)) or 'none'}")
        names: dict[Part, str] = {"train": "train"}
        if "test" in known and base_name(self._name) not in UNLABELLED_TEST:
            names["test"] = "test"
            if "validation" in known:
                names["validation"] = "validation"
        elif "validation" in known:
            names["test"] = "validation"
        return names

    def _check_files(self) -> None:
        for split in self._splits.values():
            if missing := [path for path in self._files(split) if not path.is_file()]:
                raise DataError(
                    f"{missing[0]} is missing ({len(missing)} files of split {split!r} of {self._name}); "
                    f"copy it there, or prepare the set again: {self._recipe()}"
                )

    def _files(self, split: str) -> list[Path]:
        return [Path(path).with_name(_in_format(path.name, self._format)) for path in self._info.splits[split].filepaths]

    def _image_shape(self) -> tuple[int, int, int]:
        feature = self._info.features[self._image_key]
        (height, width, channels), numbers = feature.shape, np.dtype(feature.np_dtype)
        if numbers != np.uint8 or channels not in (1, 3, None):
            found = f"images of {numbers.name} with {channels} channels"
            raise DataError(f"{self._name} holds {found}; 8-bit grey or colour images can be read")
        if self._size is not None:
            return (*self._size, channels or 3)
        if height is None or width is None:
            height, width = self._size = self._chosen_size()
        return (height, width, channels or 3)

    def _chosen_size(self) -> tuple[int, int]:
        """Return the size by the rule for pictures of several sizes, from the first ones.

        Raises DataError for a well-known set, which has a usual size.
        """
        if published_facts(DatasetReference(source=self._name)) is not None:
            raise DataError(f"the pictures of {self._name} differ in size; give --image-size to bring them to one size")
        records = self._records("train")
        examples = self._read_many(records, list(range(min(len(records), LOOKED_AT))))
        size, note = size_by_first([example[self._image_key] for example in examples])
        self._notes = (note,)
        return size


def _in_format(file_name: str, file_format: str) -> str:
    """Return the name of a shard in another format, for a set that exists in several.

    >>> _in_format("mnist-train.tfrecord-00000-of-00001", "array_record")
    'mnist-train.array_record-00000-of-00001'
    """
    head, dot, tail = file_name.rpartition(".")
    _, dash, shard = tail.partition("-")
    return f"{head}{dot}{file_format}{dash}{shard}"


def _check_packages() -> None:
    for module, package in PACKAGES.items():
        if find_spec(module) is None:
            raise DataError(
                f"reading TFDS sets needs the package {package!r}, which is not installed here; pip install {package}"
            )
