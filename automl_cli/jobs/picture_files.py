"""Pictures of a folder and its subfolders, checked by decoding each; how they are opened, named and written again."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import counted
from automl_cli.store.short_names import LONGEST_NAME, short_name

if TYPE_CHECKING:
    from PIL import Image

ENDINGS = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg")}
"""The formats that copies are written in, with the endings of their names; other pictures become PNG."""

JPEG_QUALITY = 95

SHOWN = 10
"""How many problems are listed."""


class PictureFile(Struct, frozen=True, kw_only=True):
    """A picture: its name below the folder, its (width, height) upright, the mode that it is augmented in, how it is written.

    `conversion` says in words what becomes of a picture whose own mode is no such one; "" where nothing does.
    """

    path: Path
    name: str
    size: tuple[int, int]
    mode: str
    format: str
    conversion: str = ""

    def copy_name(self, number: int | None) -> str:
        """Return the name of a copy: that of the picture, a number before its ending, another ending where the format changes.

        >>> PictureFile(path=Path("a.bmp"), name="cats/a.bmp", size=(8, 8), mode="RGB", format="PNG").copy_name(2)
        'cats/a.bmp-2.png'
        """
        path = Path(self.name)
        suits = path.suffix.lower() in ENDINGS[self.format]
        stem, ending = (path.stem, path.suffix) if suits else (path.name, ENDINGS[self.format][0])
        rest = f"{'' if number is None else f'-{number}'}{ending}"
        return (path.parent / f"{short_name(stem, LONGEST_NAME - len(rest.encode(errors='surrogateescape')))}{rest}").as_posix()


def pictures_in(folder: Path, *, any_mode: bool = False) -> tuple[PictureFile, ...]:
    """Return all pictures below a folder, by name. With `any_mode` they are taken as they are, as masks are.

    Raises DataError where there is none, and one that lists all that cannot be read.
    """
    from automl_cli.data.listing import SUFFIXES

    if not folder.is_dir():
        raise DataError(f"no folder at {folder}; give a folder of pictures")
    paths = sorted(
        path
        for place, folders, names in os.walk(folder)
        for path in map(Path(place).joinpath, names)
        if path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not paths:
        raise DataError(f"{folder} holds no picture ({', '.join(sorted(SUFFIXES))})")
    found: list[PictureFile] = []
    broken: list[str] = []
    for path in paths:
        try:
            found.append(_picture_file(path, folder, any_mode=any_mode))
        except DataError as error:
            broken.append(str(error))
    if broken:
        raise DataError(f"{counted(len(broken), 'picture')} of {len(paths)} cannot be used: {listed(broken)}")
    return tuple(found)


def _picture_file(path: Path, folder: Path, *, any_mode: bool) -> PictureFile:
    """Return a picture, decoded once to see that it can be. Raises DataError if not."""
    from automl_cli.data.decoding import read_picture

    picture, format_ = read_picture(path)
    if not any_mode and picture.mode in _DEEP_MODES:
        raise DataError(f"{path} has more than 8 bits a channel (mode {picture.mode}); convert it to 8 bits")
    mode = picture.mode if any_mode else _mode_for(picture)
    return PictureFile(
        path=path,
        name=path.relative_to(folder).as_posix(),
        size=picture.size,
        mode=mode,
        format=format_ if format_ in ENDINGS else "PNG",
        conversion="" if mode == picture.mode else f"{_WORDS.get(picture.mode, picture.mode)} to {mode}",
    )


_DEEP_MODES = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
"""Modes of more than 8 bits a channel, which policies do not take."""

_WORDS = {"P": "palette", "PA": "palette", "1": "black and white"}


def _mode_for(picture: "Image.Image") -> str:
    """Return the mode that a picture is augmented in: its own where a policy takes it, else the nearest."""
    from automl_cli.data.pillow_policy import MODES

    if picture.mode in MODES:
        return picture.mode
    if picture.mode == "1":
        return "L"
    return "RGBA" if picture.has_transparency_data else "RGB"


def upright(path: Path, mode: str | None = None) -> "Image.Image":
    """Return a picture turned as its camera recorded, the first frame of an animated one, in this mode or its own."""
    from automl_cli.data.decoding import read_picture

    picture, _ = read_picture(path)
    return picture if mode in (None, picture.mode) else picture.convert(mode)


def encoded(picture: "Image.Image", format: str) -> bytes:  # noqa: A002
    """Return the picture as the bytes of a file, a JPEG with little loss."""
    data = io.BytesIO()
    settings = {"quality": JPEG_QUALITY, "subsampling": 0} if format == "JPEG" else {}
    picture.save(data, format=format, **settings)
    return data.getvalue()


def listed(problems: list[str]) -> str:
    """Return problems as one line, the first ten of them.

    >>> listed(["a.png is broken", "b.png is broken"])
    'a.png is broken; b.png is broken'
    """
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return "; ".join(problems[:SHOWN]) + more
