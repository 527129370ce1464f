"""The content of a set is the same wherever it lies, and another where a byte, a class or a part is another."""

import io
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from automl_cli.data import identity
from automl_cli.data.identity import content_of
from automl_cli.data.opening import open_source
from automl_cli.values.dataset import DatasetReference


def content(path: object) -> str | None:
    return content_of(open_source(DatasetReference(source=str(path))))


def folder_of_pictures(root: Path) -> Path:
    random = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for number in range(4):
            Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).save(root / label / f"{number}.png")
    return root


def folder_of_arrays(root: Path) -> Path:
    root.mkdir()
    random = np.random.default_rng(0)
    np.save(root / "images.npy", random.integers(0, 256, (16, 8, 8, 3), np.uint8))
    np.save(root / "labels.npy", np.arange(16) % 2)
    return root


def archive(root: Path) -> Path:
    made = folder_of_arrays(root)
    np.savez(root / "set.npz", images=np.load(made / "images.npy"), labels=np.load(made / "labels.npy"))
    return root / "set.npz"


def manifest(root: Path) -> Path:
    folder_of_pictures(root)
    rows = [f"{label}/{number}.png,{label}" for label in ("cat", "dog") for number in range(4)]
    (root / "set.csv").write_text("\n".join(["path,label", *rows]))
    return root / "set.csv"


MADE: tuple[Callable[[Path], Path], ...] = (folder_of_pictures, folder_of_arrays, archive, manifest)


@pytest.mark.parametrize("make", MADE)
def test_a_set_that_is_copied_elsewhere_with_other_dates_has_the_same_content(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    made = make(tmp_path / "here")
    before = content(made)
    there = tmp_path / "elsewhere" / "other name"
    shutil.copytree(tmp_path / "here", there)
    for path in there.rglob("*"):
        os.utime(path, (1, 1))
    assert content(there / made.relative_to(tmp_path / "here")) == before is not None


@pytest.mark.parametrize("make", MADE)
def test_one_other_byte_is_another_content(make: Callable[[Path], Path], tmp_path: Path) -> None:
    made = make(tmp_path / "here")
    before = content(made)
    if made.suffix == ".npz":
        np.savez(made, images=np.load(tmp_path / "here" / "images.npy") ^ 1, labels=np.arange(16) % 2)
    elif (pixels := tmp_path / "here" / "images.npy").exists():
        np.save(pixels, np.load(pixels) ^ 1)
    else:
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "here" / "cat" / "0.png")
    assert content(made) != before


def test_two_classes_that_change_places_are_another_content(tmp_path: Path) -> None:
    made = folder_of_pictures(tmp_path / "here")
    before = content(made)
    (made / "cat").rename(made / "x")
    (made / "dog").rename(made / "cat")
    (made / "x").rename(made / "dog")
    assert content(made) != before


def test_the_embedded_set_needs_no_digest() -> None:
    assert content("digits") is None


def test_of_a_large_set_sizes_and_both_ends_of_each_file_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "ENDS", 8)
    path = tmp_path / "pixels.npy"

    def digest(data: bytes, *, whole: bool) -> bytes:
        path.write_bytes(data)
        return identity.digest_of([identity.Stamped("", path, len(data), 0)], whole=whole)

    data, inside = bytes(1000), bytes(500) + b"x" + bytes(499)
    assert digest(data, whole=False) == digest(inside, whole=False) != digest(data + b"x", whole=False)
    assert digest(data, whole=True) != digest(inside, whole=True)
    assert len({digest(end, whole=False) for end in (data, b"x" + data[1:], data[1:] + b"x")}) == 3


def test_an_archive_of_the_same_arrays_has_the_same_content_however_and_whenever_it_is_written(tmp_path: Path) -> None:
    made = archive(tmp_path / "here")
    before, arrays = content(made), dict(np.load(made))
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for name in sorted(arrays):
            member = io.BytesIO()
            np.save(member, arrays[name])
            opened.writestr(zipfile.ZipInfo(f"{name}.npy", (1999, 1, 1, 0, 0, 0)), member.getvalue())
    assert content(made) == before


def test_a_set_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = archive(tmp_path / "here")
    before = content(made)
    monkeypatch.setattr(identity, "digest_of", lambda *args, **kwargs: pytest.fail("read again"))
    assert content(made) == before
