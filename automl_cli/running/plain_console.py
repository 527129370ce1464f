"""A Rich console that a text cannot command: the one place where text reaches a terminal."""

from collections.abc import Iterable
from typing import IO, Any, cast

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from automl_cli.core.encodable_text import encodable
from automl_cli.core.visible_text import visible


class PlainConsole(Console):
    """Prints every text as it reads, in the characters that the output has; only the codes that Rich makes itself reach the
    terminal. What cannot be written on stderr is lost, and the work goes on: a full disk, a pipe that nobody reads.

    Columns of tables are aligned by the text that is printed where the cells were made visible before (`console.table`).
    """

    def print(self, *objects: Any, **how: Any) -> None:
        """Print as Rich does; of a plain text nothing is left out."""
        super().print(*map(self._fitting, objects), **how)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of a renderable, each text of them made visible."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(self._shown(segment.text), segment.style)

    def _shown(self, text: str) -> str:
        return encodable(visible(text), self.encoding)

    def _fitting(self, each: Any) -> Any:
        """Return what is to be printed in the characters of the output, before Rich measures, wraps and aligns it."""
        if isinstance(each, str):
            return self._shown(each)
        if not self.encoding.startswith("utf"):
            match each:
                case Text():
                    return Text.assemble(*((self._shown(part.text), part.style or "") for part in each.render(self)))
                case Group():
                    return Group(*map(self._fitting, each.renderables))
                case Padding():
                    each.renderable = self._fitting(each.renderable)
                case Table():
                    for column in each.columns:
                        column.header = self._fitting(column.header)
                        column._cells[:] = map(self._fitting, column._cells)  # noqa: SLF001  Rich has no other way to them
        return each

    @property
    def file(self) -> IO[str]:
        """The stream that is written to: one whose errors harm no work, or name stdout."""
        return cast("IO[str]", _StreamOfConsole(super().file, talk=self.stderr))

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file


class _StreamOfConsole:
    """A stream with its errors dealt with, and everything else as it is."""

    def __init__(self, stream: IO[str], *, talk: bool) -> None:
        self._stream = stream
        self._talk = talk

    def write(self, text: str) -> None:
        self._attempt(lambda: self._stream.write(text))

    def flush(self) -> None:
        self._attempt(self._stream.flush)

    def _attempt(self, act: Any) -> None:
        try:
            act()
        except OSError as error:
            if not self._talk:
                error.filename = error.filename or "stdout"
                raise
        except ValueError:  # closed
            if not self._talk:
                raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
