"""Names of files that are made of other names: short enough, and as different as those."""

from pathlib import Path

import pytest

from automl_cli.jobs.picture_files import PictureFile
from automl_cli.store.files import replace_file
from automl_cli.store.short_names import LONGEST_NAME, MOST_BYTES, short_name

LONG = ["花" * 85, "ä" * 127 + "x", "x" * 255, "🐈" * 63, "\udcff" * 255]


@pytest.mark.parametrize("name", LONG, ids=["three bytes", "two bytes", "one byte", "four bytes", "no text"])
def test_a_long_name_is_cut_between_characters_and_stays_different_from_others(name: str) -> None:
    cut = short_name(name)
    assert len(cut.encode(errors="surrogateescape")) <= MOST_BYTES
    assert cut != short_name(f"{name}.")
    assert short_name(cut) == cut


@pytest.mark.parametrize("name", LONG[:4])
def test_a_file_may_have_the_longest_name_that_there_is(name: str, tmp_path: Path) -> None:
    replace_file(tmp_path / name, b"whole")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_copies_of_pictures_with_long_names_have_names_that_files_can_have() -> None:
    names = ["花" * 83 + ".png", "花" * 82 + "草.png", "short.png"]
    pictures = [PictureFile(path=Path(name), name=f"cats/{name}", size=(8, 8), mode="RGB", format="PNG") for name in names]
    copies = {picture.copy_name(number) for picture in pictures for number in (1, 100_000)}
    assert len(copies) == 6
    assert max(len(Path(copy).name.encode()) for copy in copies) <= LONGEST_NAME
    assert {"cats/short-1.png", "cats/short-100000.png"} <= copies
