"""Finds what a user would type for what stands in a role: its name, its formula, or the file that it came from."""

from collections.abc import Callable, Iterable

from automl_cli.core.errors import UserError
from automl_cli.store.consistency import alike
from automl_cli.values.child import Filling


def text_that_gives(filling: Filling, flag: str, texts: Iterable[str | None], opened: Callable[[str], Filling | None]) -> str:
    """Return the first of these texts that the flag opens as this filling.

    Raises UserError where none does: what came from a file is on record whole, and the place of the file is not.
    """
    for text in texts:
        if gives(filling, text, opened):
            assert text is not None
            return text
    digest = "" if filling.digest is None else f" (SHA-256 {filling.digest[:12]}…)"
    raise UserError(f"--{flag} was a file{digest}, whose place is not on record; give it again: --{flag} FILE")


def gives(filling: Filling, text: str | None, opened: Callable[[str], Filling | None]) -> bool:
    """Return whether the text stands for what stands in the role."""
    try:
        return text is not None and alike(opened(text), filling)
    except UserError:
        return False
