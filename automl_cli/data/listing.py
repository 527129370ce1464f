"""Lists the pictures of a folder by split and class: class folders, folders `train`, `val`, `test` of those, or `metadata`.

Nothing is opened here but tables. What is left out is counted by reason.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import counted
from automl_cli.data.manifest import ManifestRow, metadata_of, read_manifest
from automl_cli.data.paths import shown
from automl_cli.data.source import Part

SUFFIXES = frozenset({
    ".apng", ".avif", ".avifs", ".bmp", ".bw", ".dcx", ".dds", ".dib", ".gif", ".icns", ".ico", ".j2c", ".j2k", ".jfif",
    ".jp2", ".jpc", ".jpe", ".jpeg", ".jpf", ".jpg", ".jpx", ".mpo", ".pbm", ".pcx", ".pfm", ".pgm", ".png", ".pnm", ".ppm",
    ".psd", ".qoi", ".ras", ".rgb", ".rgba", ".sgi", ".tga", ".tif", ".tiff", ".webp", ".xbm", ".xpm",
})  # fmt: skip
"""Endings of the picture formats that are read; files of other formats are left out and counted."""

PART_NAMES: Mapping[str, Part] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
"""Names of folders and of splits in a manifest, in small letters."""


class Listed(NamedTuple):
    """A picture: its file, its class, and the group whose pictures stay in one split; "" for none."""

    path: Path
    label: str
    group: str = ""


@dataclass
class Listing:
    """Pictures of a set by part, those of a part by class. `root` is the folder that names are relative to, `place` what the
    user named; `empty` are class folders without pictures.

    `left_out` holds, by reason, how many files were left out and the first of them.
    """

    root: Path
    place: Path
    parts: dict[Part, list[Listed]] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    left_out: dict[str, tuple[int, str]] = field(default_factory=dict)

    def leave_out(self, reason: str, path: Path) -> None:
        """Count a file that is left out for this reason."""
        count, first = self.left_out.get(reason, (0, self.name_of(path)))
        self.left_out[reason] = (count + 1, first)

    def name_of(self, path: Path) -> str:
        """Return the name of a picture as it is shown: from the root on where it is below it."""
        return shown(path.relative_to(self.root) if path.is_relative_to(self.root) else path)

    def notes(self) -> tuple[str, ...]:
        """Return the kinds of files, if there are several, and what was left out, in words."""
        kinds = Counter(one.path.suffix.lower() for listed in self.parts.values() for one in listed).most_common()
        mixed = (f"files: {', '.join(f'{count:,} {suffix}' for suffix, count in kinds)}",) if len(kinds) > 1 else ()
        left_out = (f"left out: {counted(count, reason)} ({first})" for reason, (count, first) in self.left_out.items())
        return (*mixed, *left_out)


def list_folder(root: Path) -> Listing:
    """List the pictures of a folder. Raises DataError where two of its folders are the same part, and for broken tables."""
    listing = Listing(root, root)
    folders = _folders(root)
    parts = {name: PART_NAMES.get(name.lower()) for name in folders}
    if "train" not in parts.values() or None in parts.values():
        listing.parts["train"] = _of_part(listing, root)
        _check_mixture(root, [name for name, part in parts.items() if part is None], listing.empty)
        return listing
    rows = metadata_of(root)
    _count_beside(listing, root, "folders of the splits")
    for name, part in parts.items():
        if part is not None and part in listing.parts:
            raise DataError(f"{root} has two folders for its {part} part; keep one")
        if part is not None:
            own = None if rows is None else [row for row in rows if Path(row.file).parts[0] == name]
            listing.parts[part] = _of_part(listing, root / name) if own is None else _of_rows(listing, root, own)
    return listing


def list_manifest(path: Path) -> Listing:
    """List the pictures that a table `path,label[,split][,group]` names, relative to its folder. Raises DataError for a table
    that cannot be read."""
    listing = Listing(path.parent, path)
    rows = read_manifest(path)
    for row in rows:
        part = PART_NAMES.get(row.split.lower()) if row.split else "train"
        if part is None:
            raise DataError(f"{path}, line {row.line}: the split is {row.split!r}; it may be train, validation or test")
        listing.parts.setdefault(part, []).append(Listed(path.parent / row.file, row.label, row.group))
    if any(row.split for row in rows) and not all(row.split for row in rows):
        first = next(row for row in rows if not row.split)
        raise DataError(f"{path}, line {first.line}: no split is given, but others have one; give all or none")
    if "train" not in listing.parts:
        raise DataError(f"{path} has no line of split train to learn from")
    listing.parts = {part: _by_class(listed) for part, listed in listing.parts.items()}
    return listing


def class_order(labels: set[str]) -> list[str]:
    """Return class names in order: by number where all are whole numbers, else by text.

    >>> class_order({"10", "9"}), class_order({"10", "9", "b"})
    (['9', '10'], ['10', '9', 'b'])
    """
    return (
        sorted(labels, key=lambda label: (int(label), label)) if all(label.isdecimal() for label in labels) else sorted(labels)
    )


def _of_part(listing: Listing, folder: Path) -> list[Listed]:
    """Return the pictures of one part: those its metadata name, or those of its class folders."""
    if (rows := metadata_of(folder)) is not None:
        return _of_rows(listing, folder, rows)
    _count_beside(listing, folder, "class folders")
    return [picture for name in _folders(folder) for picture in _of_class(listing, folder, name)]


def _of_rows(listing: Listing, folder: Path, rows: list[ManifestRow]) -> list[Listed]:
    return _by_class([Listed(folder / row.file, row.label, row.group) for row in rows if _is_listed(listing, folder, row)])


def _check_mixture(root: Path, others: list[str], empty: list[str]) -> None:
    """Raise DataError for folders of splits beside other folders: those of splits hold no pictures themselves."""
    splits = [name for name in empty if name.lower() in PART_NAMES]
    if "train" in {PART_NAMES[name.lower()] for name in splits} and others:
        raise DataError(
            f"{root} holds folders of splits ({', '.join(splits)}) and others ({', '.join(map(shown, others))}); "
            "move the others elsewhere"
        )


def _is_listed(listing: Listing, folder: Path, row: ManifestRow) -> bool:
    if Path(row.file).suffix.lower() in SUFFIXES:
        return True
    listing.leave_out("file that is no picture/files that are no pictures", folder / row.file)
    return False


def _by_class(listed: list[Listed]) -> list[Listed]:
    rank = {label: number for number, label in enumerate(class_order({one.label for one in listed}))}
    return sorted(listed, key=lambda one: rank[one.label])


def _of_class(listing: Listing, folder: Path, name: str) -> list[Listed]:
    label = shown(name)
    found = [Listed(path, label) for path in _pictures(listing, folder / name)]
    if not found:
        listing.empty.append(listing.name_of(folder / name))
    return found


def _count_beside(listing: Listing, folder: Path, what: str) -> None:
    """Count the files beside these folders, which belong to no class."""
    with os.scandir(folder) as entries:
        for name in sorted(entry.name for entry in entries if not _is_folder(entry) and not entry.name.startswith(".")):
            listing.leave_out(f"file beside the {what}/files beside the {what}", folder / name)


def _folders(root: Path) -> list[str]:
    with os.scandir(root) as entries:
        return sorted(entry.name for entry in entries if _is_folder(entry) and not entry.name.startswith("."))


def _pictures(listing: Listing, folder: Path) -> Iterator[Path]:
    """Yield the pictures of a folder by name, links to nowhere among them; count what is left out."""
    with os.scandir(folder) as entries:
        found = sorted((entry.name, _is_folder(entry)) for entry in entries)
    for name, is_folder in found:
        path = folder / name
        if is_folder:
            listing.leave_out("folder inside a class folder/folders inside class folders", path)
        elif path.suffix.lower() not in SUFFIXES:
            listing.leave_out("file that is no picture/files that are no pictures", path)
        elif name.startswith("."):
            listing.leave_out("hidden file/hidden files", path)
        else:
            yield path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False
