"""Reads a journal that is being written: each time only what was added."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from automl_cli.core.errors import ArtifactError
from automl_cli.store import encoding
from automl_cli.store.journal import check_regular


class JournalTail:
    """The records of one kind in a journal, from its beginning, as they are added. `path` need not exist yet.

    A last line that is no whole record is left until more has been written: it is being written, or a crash left it there and
    it will be cut.
    """

    def __init__(self, path: Path, kind: Any) -> None:
        self.path = path
        self._kind = kind
        self._place = 0
        self._lines = 0
        self._file: int | None = None

    def is_replaced(self) -> bool:
        """Return whether another journal stands there than the one that was read, as after `--overwrite`."""
        try:
            found = self.path.stat()
        except OSError:
            return self._file is not None
        return self._file is not None and (found.st_ino != self._file or found.st_size < self._place)

    def added(self) -> Iterator[tuple[str, Any]]:
        """Yield the records that were added since the last time, each behind its `file:line`.

        Raises ArtifactError, naming file and line, for a line before the last that is no record; and where no regular file
        stands there.
        """
        lines = self._new_lines()
        for number, line in enumerate(lines, start=1):
            place = f"{self.path}:{self._lines + 1}"
            try:
                record = encoding.decode_record(line, self._kind, place)
            except ArtifactError:
                if number == len(lines):
                    return
                raise
            self._lines += 1
            self._place += len(line)
            yield place, record

    def _new_lines(self) -> list[bytes]:
        """Return the whole lines behind those that were read."""
        check_regular(self.path)
        try:
            with self.path.open("rb") as file:
                file.seek(self._place)
                data = file.read()
                self._file = self.path.stat().st_ino
        except OSError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        return [line + b"\n" for line in whole.split(b"\n")[:-1]]
