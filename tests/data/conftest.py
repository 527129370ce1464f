"""Small data sets of every kind in temporary folders, and a separate cache for every test."""

import io
import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CLASSES = ("cat", "dog", "owl")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of prepared arrays, empty at first."""
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data"


def colour_of(label: int, number: int, blue: int = 200) -> np.ndarray:
    """Return an image (4, 4, 3) of one colour, which identifies it."""
    return np.broadcast_to(np.array([label, number, blue], np.uint8), (4, 4, 3))


def encoded(image: np.ndarray, kind: str = "png") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


def crc_32c(data: bytes) -> int:
    """Return the CRC-32C of some bytes, bit by bit, as its definition has it."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def in_tfrecord(data: bytes) -> bytes:
    """Return a record as it stands in a TFRecord file."""

    def masked(part: bytes) -> bytes:
        value = crc_32c(part)
        return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def write_records(path: Path, records: list[bytes]) -> None:
    """Write a shard in the format that its name says."""
    from array_record.python.array_record_module import ArrayRecordWriter

    if ".tfrecord" in path.name:
        path.write_bytes(b"".join(map(in_tfrecord, records)))
        return
    writer = ArrayRecordWriter(str(path), "group_size:1")
    for record in records:
        writer.write(record)
    writer.close()


def write_tfds(
    data_dir: Path,
    name: str,
    splits: Mapping[str, list[int]],
    *,
    shape: tuple[int | None, ...] = (4, 4, 3),
    file_format: str = "array_record",
) -> Path:
    """Write a prepared TFDS set with these labels; image number i of a split is `colour_of(label, i)`. Needs no TensorFlow."""
    from tensorflow_datasets.core import features

    folder = data_dir / name / "1.0.0"
    folder.mkdir(parents=True)
    table = features.FeaturesDict({"image": features.Image(shape=shape), "label": features.ClassLabel(names=list(CLASSES))})
    for split, labels in splits.items():
        examples = [
            {"image": io.BytesIO(encoded(colour_of(max(label, 0), number))), "label": label}
            for number, label in enumerate(labels)
        ]
        records = [table.serialize_example(table.encode_example(example)) for example in examples]
        half = len(records) // 2
        write_records(folder / f"{name}-{split}.{file_format}-00000-of-00002", records[:half])
        write_records(folder / f"{name}-{split}.{file_format}-00001-of-00002", records[half:])
    table.save_config(str(folder))
    described = {
        "name": name,
        "version": "1.0.0",
        "fileFormat": file_format,
        "splits": [
            {
                "name": split,
                "shardLengths": [str(len(labels) // 2), str(len(labels) - len(labels) // 2)],
                "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
            }
            for split, labels in splits.items()
        ],
    }
    (folder / "dataset_info.json").write_text(json.dumps(described))
    return folder


@pytest.fixture
def tiny_tfds(tmp_path: Path) -> Path:
    """Return a data directory with `tiny_pictures`: 24 training and 6 test examples."""
    data_dir = tmp_path / "tfds"
    write_tfds(data_dir, "tiny_pictures", {"train": [i % 3 for i in range(24)], "test": [i % 3 for i in range(6)]})
    return data_dir


Pictures = Callable[..., Path]


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    """Return a function that writes a folder of class folders with `count` PNG pictures each, and returns it."""

    def write(root: Path = tmp_path / "pictures", classes: tuple[str, ...] = CLASSES, count: int = 10, blue: int = 200) -> Path:
        for label, name in enumerate(classes):
            (root / name).mkdir(parents=True)
            for number in range(count):
                (root / name / f"{number:03}.png").write_bytes(encoded(colour_of(label, number, blue)))
        return root

    return write
