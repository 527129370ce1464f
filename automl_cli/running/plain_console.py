"""A Rich console that a text cannot command: the one place where text reaches a terminal."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from automl_cli.core.visible_text import visible


class PlainConsole(Console):
    """Prints every text as it reads; only the codes that Rich makes itself reach the terminal.

    Columns of tables are aligned by the text that is printed where the cells were made visible before (`console.table`).
    """

    def print(self, *objects: Any, **how: Any) -> None:
        """Print as Rich does; of a plain text nothing is left out."""
        super().print(*(visible(each) if isinstance(each, str) else each for each in objects), **how)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of a renderable, each text of them made visible."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)
