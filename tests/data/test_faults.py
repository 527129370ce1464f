"""Faults of sets of pictures: all are named at once, left out if so asked, and nothing is left out without a word."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from automl_cli.core.errors import DataError
from automl_cli.data import check_source, image_facts, load_images, load_streamed, load_test_split
from automl_cli.data.account import account_of
from automl_cli.data.decoding import Traits
from automl_cli.data.listing import class_order
from automl_cli.data.opening import open_source
from automl_cli.data.survey import BrokenPictures
from automl_cli.values.dataset import DatasetReference
from tests.data.conftest import colour_of, encoded

BREAK = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:50]),
    "empty": lambda path: path.write_bytes(b""),
    "page": lambda path: path.write_text("<html>404</html>"),
    "link": lambda path: (path.unlink(), path.symlink_to("/nowhere/there.png")),
    "circle": lambda path: (path.unlink(), path.symlink_to(path)),
    "signed": lambda path: (path.unlink(), Image.fromarray(np.zeros((4, 4), np.int32)).save(path.with_suffix(".tiff"))),
}
"""Six sorts of broken files."""


def reference(root: Path, **given) -> DatasetReference:
    return DatasetReference(source=str(root), **given)


def broken(root: Path, count: int) -> list[str]:
    """Break pictures of a folder in turn, each sort in turn; return their names."""
    names = []
    for number in range(count):
        path = root / ("cat", "dog", "owl")[number % 3] / f"{number // 3:03}.png"
        sort = list(BREAK)[number % 6]
        BREAK[sort](path)
        names.append(f"{path.parent.name}/{path.with_suffix('.tiff').name if sort == 'signed' else path.name}")
    return sorted(names)


@pytest.mark.parametrize("streamed", [False, True])
def test_twenty_broken_files_of_six_sorts_are_named_at_once(pictures, streamed):
    root = pictures(count=20)
    names = broken(root, 20)
    with pytest.raises(BrokenPictures) as refused:
        check_source(reference(root), streamed=streamed)
    assert sorted(fault.file for fault in refused.value.faults) == names
    lines = str(refused.value).splitlines()
    assert lines[0] == f"{root}, 60 pictures: 20 faults"
    assert sorted(line.split(":")[0].strip() for line in lines[1:-1]) == names
    assert lines[-1] == "Mend or remove them, or leave them out with --skip-broken"


def test_of_more_than_twenty_faults_the_rest_is_counted(pictures):
    root = pictures(count=20)
    broken(root, 24)
    with pytest.raises(BrokenPictures) as refused:
        image_facts(reference(root))
    assert len(refused.value.faults) == 24
    assert str(refused.value).splitlines()[21] == "  and 4 more"


def test_broken_pictures_are_left_out_if_so_asked_and_recorded(pictures):
    root = pictures(count=20)
    broken(root, 20)
    given = reference(root, skip_broken=True)
    check_source(given, streamed=False)
    facts, data, test = image_facts(given), load_images(given), load_test_split(given)
    assert facts.skipped_pictures == 20
    assert facts.train_examples + facts.validation_examples + facts.test_examples == 40
    seen = {tuple(image[0, 0]) for split in (data.train, data.validation, test) for image in split.images}
    assert seen == {tuple(colour_of(label, number)[0, 0]) for label in range(3) for number in range(20)} - {
        tuple(colour_of(number % 3, number // 3)[0, 0]) for number in range(20)
    }
    assert len(load_streamed(given).train) == facts.train_examples
    assert any(note.startswith("left out: 20 broken pictures (cat/") for note in account_of(given))
    BREAK["empty"](root / "owl" / "019.png")
    again = image_facts(given)
    assert (again.skipped_pictures, again.skipped_digest != facts.skipped_digest) == (21, True)


def test_another_list_of_as_many_broken_pictures_has_another_digest(pictures):
    root = pictures()
    BREAK["page"](root / "cat" / "003.png")
    first = image_facts(reference(root, skip_broken=True))
    (root / "cat" / "003.png").write_bytes(encoded(colour_of(0, 3)))
    BREAK["page"](root / "cat" / "004.png")
    second = image_facts(reference(root, skip_broken=True))
    assert first.skipped_pictures == second.skipped_pictures == 1
    assert first.skipped_digest != second.skipped_digest


def test_an_empty_class_folder_is_a_fault_and_left_out_if_so_asked(pictures):
    root = pictures()
    (root / "wolf").mkdir()
    with pytest.raises(BrokenPictures, match="wolf: a class folder without a picture"):
        image_facts(reference(root))
    assert image_facts(reference(root, skip_broken=True)).classes == ("cat", "dog", "owl")
    assert "left out: class folders without a picture (wolf)" in account_of(reference(root, skip_broken=True))


def test_nothing_is_left_out_without_a_word(pictures):
    root = pictures()
    (root / "cat" / "notes.txt").write_text("")
    (root / "dog" / "photo.heic").write_text("")
    (root / "dog" / "more").mkdir()
    (root / "dog" / ".hidden.png").write_text("")
    (root / "README.md").write_text("")
    (root / "owl" / "010.jfif").write_bytes(encoded(colour_of(2, 50), "jpeg"))
    notes = account_of(reference(root))
    assert "left out: 2 files that are no pictures (cat/notes.txt)" in notes
    assert "left out: 1 folder inside a class folder (dog/more)" in notes
    assert "left out: 1 hidden file (dog/.hidden.png)" in notes
    assert "left out: 1 file beside the class folders (README.md)" in notes
    assert "files: 30 .png, 1 .jfif" in notes


def test_names_that_are_no_utf8_are_read_and_shown(pictures):
    root = pictures()
    (root / "cat" / "005.png").rename(root / "cat" / os.fsdecode(b"\xe4.png"))
    (root / "dog").rename(root / os.fsdecode(b"d\xf6g"))
    facts = image_facts(reference(root))
    assert facts.classes == ("cat", r"d\xf6g", "owl")
    assert len(load_images(reference(root)).train) == facts.train_examples
    (root / "cat" / os.fsdecode(b"\xe4.png")).write_bytes(b"")
    with pytest.raises(BrokenPictures, match=r"cat/\\xe4\.png: the file is empty"):
        image_facts(reference(root))
    with pytest.raises(DataError, match=r"the name ./\\xe4 is no UTF-8"):
        image_facts(DatasetReference(source=os.fsdecode(b"./\xe4")))


def test_classes_too_small_for_every_split_are_named_with_their_numbers(pictures):
    root = pictures(classes=("cat", "dog", "owl", "wolf"))
    for name, kept in (("cat", 2), ("owl", 1)):
        for number in range(kept, 10):
            (root / name / f"{number:03}.png").unlink()
    with pytest.raises(DataError, match=r"2 classes of fewer than 3 pictures, .*: cat 2, owl 1.*--skip-small-classes"):
        image_facts(reference(root))
    given = reference(root, skip_small_classes=True)
    assert image_facts(given).classes == ("dog", "wolf")
    assert set(load_images(given).train.labels.tolist()) == {0, 1}
    assert "left out: classes with too few pictures (cat 2, owl 1)" in account_of(given)


def test_one_class_is_refused(pictures):
    with pytest.raises(DataError, match="holds 1 class with pictures; classification needs at least two"):
        image_facts(reference(pictures(classes=("cat",))))


def test_copies_of_a_picture_stay_in_one_split(pictures):
    root = pictures()
    (root / "owl" / "copy.png").write_bytes((root / "owl" / "003.png").read_bytes())
    groups = open_source(reference(root)).groups("train")
    assert groups is not None
    assert len(set(groups.tolist())) == 30
    assert groups[23] == groups[30]
    notes = account_of(reference(root))
    assert "1 picture found more than once; copies stay in one split (owl/003.png and owl/copy.png)" in notes
    assert open_source(reference(pictures(root.parent / "other"))).groups("train") is None


def test_the_same_picture_in_two_classes_is_said(pictures):
    root = pictures()
    (root / "owl" / "copy.png").write_bytes((root / "cat" / "003.png").read_bytes())
    assert "the same picture stands in two classes: cat/003.png and owl/copy.png" in account_of(reference(root))


def test_no_training_picture_is_a_copy_of_a_test_picture(pictures, tmp_path):
    root = tmp_path / "set"
    pictures(root / "Train")
    pictures(root / "TEST", count=4, blue=7)
    (root / "Train" / "cat" / "copy.png").write_bytes((root / "TEST" / "cat" / "002.png").read_bytes())
    given = reference(root)
    facts = image_facts(given)
    assert (facts.train_examples + facts.validation_examples, facts.test_examples) == (30, 12)
    assert (load_images(given).train.images[..., 2] == 200).all()
    assert "left out: 1 copy of pictures that stand in a later split (Train/cat/copy.png)" in account_of(given)


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Train", "Validation", "TEST"), ("training", "valid", "Testing")])
def test_folders_of_splits_are_known_in_any_spelling(pictures, tmp_path, names):
    for blue, name in enumerate(names):
        pictures(tmp_path / "set" / name, count=3 + blue, blue=blue)
    facts = image_facts(reference(tmp_path / "set"))
    assert (facts.train_examples, facts.validation_examples, facts.test_examples) == (9, 12, 15)
    assert "the splits are those of the set: train 9, validation 12, test 15" in account_of(reference(tmp_path / "set"))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_image_folder_with_metadata_is_read(tmp_path, kind):
    for blue, split in enumerate(("train", "test")):
        folder = tmp_path / "set" / split
        (folder / "deep").mkdir(parents=True)
        rows = [(f"deep/{label}-{number}.png", 9 + label) for label in range(2) for number in range(8)]
        for number, (name, label) in enumerate(rows):
            (folder / name).write_bytes(encoded(colour_of(label, number, blue)))
        csv = "\n".join(["file_name,label", *(f"{name},{label}" for name, label in rows)])
        lines = "\n".join(f'{{"file_name": "{name}", "label": {label}}}' for name, label in rows)
        (folder / f"metadata.{kind}").write_text(csv if kind == "csv" else lines)
    given = reference(tmp_path / "set")
    facts, data = image_facts(given), load_images(given)
    assert (facts.classes, facts.test_examples) == (("9", "10"), 16)
    assert (data.train.images[:, 0, 0, 0] == data.train.labels + 9).all()


def test_a_manifest_names_pictures_classes_splits_and_groups(pictures, tmp_path):
    root = pictures(tmp_path / "somewhere", count=8)
    rows = [
        f"somewhere/{name}/{number:03}.png,{name}y,{'Test' if number > 5 else 'train'},patient {number // 2}"
        for number in range(8)
        for name in ("cat", "dog", "owl")
    ]
    (tmp_path / "set.csv").write_text("\n".join(["Path,Label,Split,Group", *rows]))
    given = reference(tmp_path / "set.csv")
    facts, data, source = image_facts(given), load_images(given), open_source(given)
    assert facts.classes == ("caty", "dogy", "owly")
    assert facts.test_examples == 6
    assert (data.train.images[:, 0, 0, 0] == data.train.labels).all()
    groups = source.groups("train")
    assert groups is not None
    assert len(set(groups.tolist())) == 3
    assert groups.tolist() == [0, 0, 2, 2, 4, 4] * 3
    (root / "cat" / "000.png").unlink()
    with pytest.raises(BrokenPictures, match=r"somewhere/cat/000\.png: there is no such file"):
        image_facts(given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no picture"),
        ("name,kind\na.png,cat", "has the columns name, kind; it needs path"),
        ("path,label\na.png,cat\nb.png,", "line 3: label is empty; every picture needs one"),
        ("path,label,split\na.png,cat,holdout", "line 2: the split is 'holdout'; it may be train, validation or test"),
        ("path,label,split\na.png,cat,train\nb.png,dog,", "line 3: no split is given, but others have one"),
        ("path,label,split\na.png,cat,test", "has no line of split train to learn from"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_where(tmp_path, text, message):
    (tmp_path / "set.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        image_facts(reference(tmp_path / "set.csv"))


def test_a_file_that_is_no_data_set_is_not_called_a_missing_folder(tmp_path):
    (tmp_path / "set.tar").write_text("")
    with pytest.raises(DataError, match=r"set\.tar is a file, but no data set; one is a folder of class folders"):
        image_facts(reference(tmp_path / "set.tar"))
    with pytest.raises(DataError, match=r"no file at .*absent\.csv"):
        image_facts(reference(tmp_path / "absent.csv"))


def test_a_refused_set_leaves_no_lock_in_the_cache(pictures, cache):
    root = pictures()
    BREAK["cut"](root / "cat" / "003.png")
    with pytest.raises(DataError):
        load_images(reference(root))
    with pytest.raises(DataError):
        load_test_split(reference(root, background="no colour"))
    locks = {path.stem for path in cache.glob("*.lock")}
    assert locks == {path.name for path in cache.iterdir() if path.is_dir()}


def test_what_the_headers_say_is_looked_at_once(pictures, monkeypatch):
    root = pictures()
    facts = image_facts(reference(root))
    monkeypatch.delattr("automl_cli.data.survey.traits")
    assert image_facts(reference(root)) == facts
    (root / "cat" / "003.png").write_bytes(encoded(colour_of(0, 99)))
    with pytest.raises(NameError):
        image_facts(reference(root))


def test_a_resizing_that_windows_would_ignore_is_refused(pictures):
    with pytest.raises(DataError, match="--resize pad does not go with --augment inception"):
        check_source(reference(pictures(), resize="pad"), streamed=True)


def test_folders_of_splits_beside_others_are_not_taken_for_classes(pictures, tmp_path):
    for name in ("train", "test", "spare"):
        pictures(tmp_path / "set" / name)
    with pytest.raises(DataError, match=r"holds folders of splits \(test, train\) and others \(spare\); move the others"):
        image_facts(reference(tmp_path / "set"))


def test_a_picture_that_could_not_be_opened_is_looked_at_again_once_it_can(pictures, monkeypatch):
    """Permissions change no time of change, so that what was found is kept under another name."""
    root, closed = pictures(), "cat/003.png"
    with monkeypatch.context() as without_permission:
        opened, access = Path.open, os.access
        denied = PermissionError(13, "Permission denied")

        def refuse(path: Path, *given, **more):
            if str(path).endswith(closed):
                raise denied
            return opened(path, *given, **more)

        without_permission.setattr(Path, "open", refuse)
        without_permission.setattr(os, "access", lambda path, mode: not str(path).endswith(closed) and access(path, mode))
        with pytest.raises(BrokenPictures, match=r"1 fault\n  cat/003.png: Permission denied"):
            check_source(reference(root), streamed=False)
    check_source(reference(root), streamed=False)


def test_pictures_are_looked_at_again_by_another_version_of_the_decoder(pictures, monkeypatch):
    root = pictures()
    check_source(reference(root), streamed=False)
    (root / "cat" / "000.png").write_bytes(b"GIF89a")
    with pytest.raises(BrokenPictures):
        open_source(reference(root))
    monkeypatch.setattr("PIL.__version__", "1000.0")
    monkeypatch.setattr("automl_cli.data.survey.traits", lambda path, where: Traits(4, 4, False, False, False, False, False))
    assert open_source(reference(root)).description.parts == {"train": 30}


def test_classes_that_are_the_same_number_have_an_order_of_their_own():
    assert class_order({"1", "01", "001", "2"}) == ["001", "01", "1", "2"]


def manifest(root: Path, rows: list[str], *, name: str = "set.csv", first: str = "path,label") -> DatasetReference:
    (root / name).write_text("\n".join([first, *rows]))
    return reference(root / name)


def rows_of(root: Path, *more: str) -> list[str]:
    """Return a line for every picture of a folder, with further columns made of its number."""
    return [
        ",".join([f"{path.parent.name}/{path.name}", path.parent.name, *(text.format(int(path.stem)) for text in more)])
        for path in sorted(root.glob("*/*.png"))
    ]


def test_a_zero_byte_in_a_name_is_refused_with_its_line(pictures):
    root = pictures()
    with pytest.raises(DataError, match=r"line 32: .* zero byte"):
        open_source(manifest(root, [*rows_of(root), "cat/\0.png,cat"]))


def test_a_table_in_capitals_is_a_table(pictures):
    root = pictures()
    assert image_facts(manifest(root, rows_of(root), name="SET.CSV")).classes == ("cat", "dog", "owl")


def test_a_table_of_semicolons_is_told_what_separates_columns(pictures):
    with pytest.raises(DataError, match=r"path;label; .*separated by commas"):
        open_source(manifest(pictures(), ["cat/000.png;cat"], first="path;label"))


def test_a_group_in_two_splits_of_a_table_is_said(pictures):
    root = pictures()
    lines = [f"{row},{'test' if number % 10 > 6 else 'train'},g{number % 10 // 3}" for number, row in enumerate(rows_of(root))]
    notes = account_of(manifest(root, lines, first="path,label,split,group"))
    assert "1 group stands in several splits, since the table names both (g2)" in notes


def test_groups_that_cannot_be_divided_further_are_said(pictures):
    root = pictures()
    with pytest.raises(DataError, match=r"15 examples are to be divided between two splits, but are all of one group"):
        image_facts(manifest(root, [f"{row},g{n % 2}" for n, row in enumerate(rows_of(root))], first="path,label,group"))


def test_a_folder_without_class_folders_is_told_where_they_stand(pictures, tmp_path):
    pictures(tmp_path / "set" / "photos")
    with pytest.raises(DataError, match=r"0 classes with pictures; .* each a folder of pictures"):
        open_source(reference(tmp_path / "set"))


def test_metadata_above_the_folders_of_splits_name_the_pictures_of_each(pictures, tmp_path):
    root = tmp_path / "set"
    for part in ("train", "test"):
        pictures(root / part, classes=("some",), count=8)
    lines = [f"{part}/some/{number:03}.png,{'ab'[number % 2]}" for part in ("train", "test") for number in range(8)]
    for number in range(8):  # no copies
        (root / "test" / "some" / f"{number:03}.png").write_bytes(encoded(colour_of(7, number)))
    (root / "metadata.csv").write_text("\n".join(["file_name,label", *lines]))
    source = open_source(reference(root))
    assert (source.description.classes, dict(source.description.parts)) == (("a", "b"), {"train": 8, "test": 8})


@pytest.mark.parametrize("flag", [{"layout": "nchw"}, {"pixel_range": (0.0, 9.0)}])
def test_flags_of_arrays_are_refused_for_pictures(pictures, flag):
    with pytest.raises(DataError, match=f"--{next(iter(flag)).replace('_', '-')} is about arrays"):
        open_source(reference(pictures(), **flag))


def test_a_share_that_leaves_nothing_to_train_on_is_refused(pictures):
    with pytest.raises(DataError, match=r"--validation-share 0.9 of .* is 27 examples, but 24 are there"):
        image_facts(reference(pictures(), validation_share=0.9))


def test_the_sizes_that_are_said_are_those_of_the_pictures_that_are_changed(pictures):
    root = pictures()
    Image.fromarray(np.zeros((40, 80, 3), np.uint8)).save(root / "cat" / "000.png")
    notes = account_of(reference(root, image_size=4))
    assert "brought to 4×4: 1 picture of 40×80 pixels (cat/000.png)" in notes


def test_a_picture_of_too_many_pixels_is_a_fault(pictures):
    root = pictures()
    header = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    (root / "cat" / "000.png").write_bytes(header + png_chunk(b"IDAT", zlib.compress(bytes(100))))
    with pytest.raises(BrokenPictures, match=r"cat/000.png: it has more than 178,956,970 pixels"):
        open_source(reference(root))


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
