"""Shows progress in the output of a notebook's cell: one bar that is replaced. It needs IPython, which every notebook has, and
no widgets; a saved notebook keeps the last bar."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from importlib import import_module
from typing import Any

REFRESH_SECONDS = 0.25
"""The least time between two bars, but for the last."""


def bar_html(share: float, words: str) -> str:
    """Return a bar with words beside it as HTML.

    >>> bar_html(0.5, "trial 1/2 <b>")
    '<progress value="0.5000" max="1"></progress> <code>trial 1/2 &lt;b&gt;</code>'
    """
    return f'<progress value="{share:.4f}" max="1"></progress> <code>{escape(words)}</code>'


@contextmanager
def in_cell(bar: Callable[[], tuple[float, str]]) -> Iterator[Callable[[], None]]:
    """Show a bar while the context lasts. `bar` gives the share done and words; yields the function that shows it anew."""
    shown: Any = import_module("IPython.display")  # by name: its functions have no types, and many machines lack it
    handle, shown_at = shown.display(shown.HTML(bar_html(*bar())), display_id=True), time.monotonic()

    def refresh() -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= REFRESH_SECONDS:
            shown_at = time.monotonic()
            handle.update(shown.HTML(bar_html(*bar())))

    try:
        yield refresh
    finally:
        handle.update(shown.HTML(bar_html(*bar())))
