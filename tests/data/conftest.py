"""Small data sets of every kind in temporary folders, and a separate cache for every test."""

import io
import json
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


def write_tfds(
    data_dir: Path, name: str, splits: Mapping[str, list[int]], *, shape: tuple[int | None, ...] = (4, 4, 3)
) -> Path:
    """Write a prepared TFDS set with these labels; image number i of a split is `colour_of(label, i)`. Needs no TensorFlow."""
    from array_record.python.array_record_module import ArrayRecordWriter
    from tensorflow_datasets.core import features

    folder = data_dir / name / "1.0.0"
    folder.mkdir(parents=True)
    table = features.FeaturesDict({"image": features.Image(shape=shape), "label": features.ClassLabel(names=list(CLASSES))})
    for split, labels in splits.items():
        writer = ArrayRecordWriter(str(folder / f"{name}-{split}.array_record-00000-of-00001"), "group_size:1")
        for number, label in enumerate(labels):
            image = io.BytesIO(encoded(colour_of(max(label, 0), number)))
            writer.write(table.serialize_example(table.encode_example({"image": image, "label": label})))
        writer.close()
    table.save_config(str(folder))
    described = {
        "name": name,
        "version": "1.0.0",
        "fileFormat": "array_record",
        "splits": [
            {
                "name": split,
                "shardLengths": [str(len(labels))],
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
