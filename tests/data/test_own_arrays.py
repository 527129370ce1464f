"""Arrays that a program holds as a data set: kept once under their content, refused where they are none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_cli.core.errors import DataError
from automl_cli.data.images import load_images
from automl_cli.data.own_arrays import is_arrays, kept_arrays
from automl_cli.values.dataset import DatasetReference

X = np.arange(40 * 16, dtype=np.uint8).reshape(40, 4, 4)
Y = np.arange(40) % 2


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(tmp_path))
    return tmp_path


def test_the_same_numbers_are_the_same_file_however_they_lie_in_memory() -> None:
    file = kept_arrays((X, Y))
    written = file.stat().st_mtime_ns
    for same in ((np.asfortranarray(X), Y), (X.tolist(), Y), [X[:, ::-1][:, ::-1], np.repeat(Y, 2)[::2]]):
        images, labels = same
        assert kept_arrays((np.asarray(images, np.uint8), labels)) == file
    assert file.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    "other", [(X + 1, Y), (X, 1 - Y), (X.astype(np.int64), Y), (X.reshape(40, 2, 8), Y), {"train": (X, Y)}]
)
def test_other_numbers_types_shapes_or_parts_are_another_file(other: Any) -> None:
    assert kept_arrays(other) != kept_arrays((X, Y))


def test_what_is_kept_is_read_as_it_was_given() -> None:
    parts = {"train": (X[:20], Y[:20]), "validation": (X[20:30], Y[20:30]), "test": (X[30:], Y[30:])}
    data = load_images(DatasetReference(source=str(kept_arrays(parts))))
    assert np.array_equal(np.asarray(data.train.images)[..., 0], X[:20])
    assert np.array_equal(data.validation.labels, Y[20:30])
    assert data.facts.test_examples == 10


@pytest.mark.parametrize(
    ("dataset", "problem"),
    [
        ((X,), r"dataset is a tuple; give \(images, labels\)"),
        (X, "dataset is a ndarray"),
        ({"test": (X, Y)}, 'dataset has no part "train"'),
        ({"train": (X, Y), "tset": (X, Y)}, "dataset has a part 'tset'; its parts are: train, validation, test"),
        ({"train": X}, r"dataset\['train'\] is a ndarray"),
        ((np.array([None, X], dtype=object), Y), "the images are Python objects"),
    ],
)
def test_what_is_no_data_set_is_said(dataset: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        kept_arrays(dataset)


def test_names_and_paths_are_no_arrays(cache: Path) -> None:
    assert not is_arrays("digits")
    assert not is_arrays(cache)
    assert is_arrays((X, Y))


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"the arrays cannot be kept in .*; set AUTOML_CACHE_DIR to another folder"):
        kept_arrays((X, Y))
