"""`automl cache`: what is kept between runs to save time, how large it is, and how to be rid of it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from automl_cli.cli.options import Json

Clear = Annotated[bool, typer.Option("--clear", help="Remove what is kept. It is made again when it is needed.")]


def cache(*, clear: Clear = False, json: Json = False) -> None:
    """Show what is kept in the user's cache folder, and its size.

    Compiled programs, a folder for each version of jaxlib and each kind of CPU, of which only the present one is of use here;
    and data sets as arrays. A search that is running when they are removed compiles again, or fails where it maps an array.

    Examples:
        automl cache
        automl cache --clear
        automl cache --json
    """
    from automl_cli.cli.console import data_console, table, talk_console, write_json

    found = _entries()
    if clear:
        _remove(found)
    if json:
        write_json({"cleared": clear, "bytes": sum(entry["bytes"] for entry in found), "entries": found})
        return
    if clear:
        talk_console().print(f"removed {_megabytes(sum(entry['bytes'] for entry in found))} MB", soft_wrap=True)
        return
    rows = [(entry["kind"], entry["path"], f"{entry['files']:,}", _megabytes(entry["bytes"])) for entry in found]
    data_console().print(table(("kept", "in", "files", "MB"), rows, right=("files", "MB")))


def _entries() -> list[dict[str, Any]]:
    """Every folder of either cache, with what it holds."""
    from automl_cli.data.cache import cache_folder
    from automl_cli.executors.process import compilation_cache, compilation_caches

    folders = [("programs", path) for path in _folders(compilation_caches())]
    folders += [("data", path) for path in _folders(cache_folder())]
    return [
        {
            "kind": kind,
            "path": str(path),
            "files": len(sizes := [file.stat().st_size for file in path.rglob("*") if file.is_file()]),
            "bytes": sum(sizes),
            "in_use": kind == "data" or path == compilation_cache(),
        }
        for kind, path in folders
    ]


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def _remove(entries: list[dict[str, Any]]) -> None:
    import shutil

    for entry in entries:
        shutil.rmtree(entry["path"], ignore_errors=True)


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.1f}"
