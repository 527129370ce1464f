"""The same pictures in every form of arrays and tables: searched and trained as one set, whatever the form, cold or warm."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.cli.searches import SPACE
from tests.data.conftest import write_tfds

RANDOM = np.random.default_rng(5)
LABELS = np.arange(72) % 3
IMAGES = (RANDOM.integers(0, 200, (72, 8, 9, 3)) + LABELS[:, None, None, None] * 25).astype(np.uint8)
IMAGES[0, 0, 0], IMAGES[0, 0, 1] = 0, 255
TRAIN, TEST = slice(0, 60), slice(60, 72)


def arrays(images: np.ndarray, labels: np.ndarray, names: str = "x_train y_train x_test y_test") -> dict[str, np.ndarray]:
    return dict(zip(names.split(), (images[TRAIN], labels[TRAIN], images[TEST], labels[TEST]), strict=True))


NPZ = {
    "plain": arrays(IMAGES, LABELS),
    "channels-first": arrays(IMAGES.transpose(0, 3, 1, 2), LABELS),
    "fractions": arrays(IMAGES / 255, LABELS, "train_images train_labels test_images test_labels"),
    "around-0": arrays((IMAGES.transpose(0, 3, 1, 2) / 127.5 - 1).astype(np.float32), np.eye(3)[LABELS]),
}


def write_npz(folder: Path, form: str) -> Path:
    np.savez(folder / f"{form}.npz", **NPZ[form])
    return folder / f"{form}.npz"


def write_npy(folder: Path) -> Path:
    (folder / "npy").mkdir()
    for name, array in arrays(IMAGES, LABELS).items():
        np.save(folder / "npy" / f"{name}.npy", array)
    return folder / "npy"


def write_parquet(folder: Path) -> Path:
    (folder / "table").mkdir()
    for part, rows in (("train", TRAIN), ("test", TEST)):
        cells = []
        for image in IMAGES[rows]:
            Image.fromarray(image).save(buffer := io.BytesIO(), "png")
            cells.append({"bytes": buffer.getvalue(), "path": None})
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        pq.write_table(pa.table({"image": pa.array(cells, kind), "label": LABELS[rows]}), folder / "table" / f"{part}.parquet")
    return folder / "table"


def search(automl: Callable, dataset: Path, out: Path) -> dict:
    """Search the set with two trials; return what was found."""
    tiny = ("--space", SPACE, "--trials", "2", "--epochs", "1", "--executor", "serial")
    done = automl("search-arch", "--dataset", dataset, *tiny, "--out", out)
    assert done.code == 0, done.stderr
    return json.loads((out / "best.json").read_text())["body"]


def test_the_form_of_a_set_changes_nothing_that_is_found(tmp_path, automl):
    sets = [write_npz(tmp_path, "plain"), write_npz(tmp_path, "around-0"), write_npy(tmp_path), write_parquet(tmp_path)]
    found = {path.stem: search(automl, path, tmp_path / "runs" / path.stem) for path in sets}
    scores = {name: (body["found"]["genotype"], body["found"]["reward"]) for name, body in found.items()}
    assert scores == dict.fromkeys(scores, scores["plain"])


@pytest.mark.parametrize("form", ["around-0", "table", "tfrecord"])
def test_a_set_is_searched_trained_and_evaluated(tmp_path, form, automl, monkeypatch):
    if form == "tfrecord":
        write_tfds(
            tmp_path / "tfds", "tiny", {"train": list(LABELS[TRAIN]), "test": list(LABELS[TEST])}, file_format="tfrecord"
        )
        monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
        dataset = Path("tiny")
    else:
        dataset = write_parquet(tmp_path) if form == "table" else write_npz(tmp_path, form)
    search(automl, dataset, tmp_path / "run")
    trained = automl("train", "--arch", tmp_path / "run", "--epochs", "1", "--out", tmp_path / "final")
    assert trained.code == 0, trained.stderr
    evaluated = automl("evaluate", tmp_path / "final", "--json")
    assert evaluated.code == 0
    scores = json.loads((tmp_path / "final" / "model.json").read_text())["body"]["scores"]
    assert json.loads(evaluated.stdout)["test_accuracy"] == scores["test_accuracy"]


def test_the_bytes_of_best_json_are_the_same_with_the_cache_cold_warm_and_partly_removed(tmp_path, automl, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(cache))
    dataset = write_npz(tmp_path, "fractions")
    for run in ("cold", "warm"):
        search(automl, dataset, tmp_path / run)
    entries = sorted(path for path in (cache / "data").iterdir() if path.is_dir())
    for entry in entries[::2]:
        shutil.rmtree(entry)
    search(automl, dataset, tmp_path / "removed")
    cold, warm, removed = ((tmp_path / run / "best.json").read_bytes() for run in ("cold", "warm", "removed"))
    assert cold == warm == removed


def test_the_plan_says_how_arrays_are_read(tmp_path, automl):
    done = automl("search-arch", "--dataset", write_npz(tmp_path, "channels-first"), "--dry-run")
    assert done.code == 0
    assert "channels come first: 3×8×9 is 8×9 pixels of 3 channels" in done.stdout + done.stderr


def test_an_unknown_range_of_pixels_is_refused_and_searched_with_the_flag(tmp_path, automl):
    np.savez(tmp_path / "deep.npz", **arrays(IMAGES.astype(np.uint16) * 16, LABELS))
    asked = (
        "search-arch",
        "--space",
        SPACE,
        "--dataset",
        tmp_path / "deep.npz",
        "--trials",
        "1",
        "--epochs",
        "1",
        "--executor",
        "serial",
    )
    refused = automl(*asked, "--out", tmp_path / "a")
    assert refused.code == 2
    assert "such as --pixel-range 0,4080" in refused.stderr
    done = automl(*asked, "--pixel-range", "0,4080", "--out", tmp_path / "a")
    assert done.code == 0
    study = json.loads((tmp_path / "a" / "study.json").read_text())
    assert '"pixel_range": [0.0, 4080.0]' in json.dumps(study)
