"""`automl cache`: shows the caches that save time between runs, and removes them on request."""

from typing import Annotated

import typer

from automl_cli.cli.options import Json

Clear = Annotated[bool, typer.Option("--clear", help="Remove what is kept. It is made again when it is needed.")]


def cache(*, clear: Clear = False, json: Json = False) -> None:
    """Show what is kept in the user's cache folder, and its size.

    Compiled programs, a folder for each version of jaxlib and each kind of CPU, of which only the present one is of use here;
    and data sets as arrays. A search that is running when they are removed compiles again, or fails where it maps an array. Of
    programs at most 4 GiB are kept: a search or a training that finds more removes those used longest ago.

    Examples:
        automl cache
        automl cache --clear
        automl cache --json
    """
    from automl_cli.cli.console import print_unbroken, talk_console, write_json, write_words
    from automl_cli.jobs import caches

    found = caches.kept_folders()
    total = sum(folder.bytes for folder in found)
    if clear:
        caches.clear(found)
    if json:
        write_json({"cleared": clear, "bytes": total, "entries": found})
    elif clear:
        talk_console().print(f"removed {_megabytes(total)} MB", soft_wrap=True)
    elif not found:
        programs, data = caches.root_folders()
        write_words(f"nothing is kept: no compiled programs in {programs}, no prepared data in {data}")
    else:
        rows = [(folder.kind, folder.files, _megabytes(folder.bytes), folder.path) for folder in found]
        print_unbroken(("kept", "files", "MB", "in"), rows, right=("files", "MB"))


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.1f}"
