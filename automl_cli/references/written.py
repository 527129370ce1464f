"""Values that are written out where a name or a file could stand: formulas such as `x * sigmoid(2 * x)`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from automl_cli.core.errors import UserError
from automl_cli.plugins.kind import Kind
from automl_cli.values.expressions.parser import FormulaError


def written_value(text: str, rows: Sequence[Kind]) -> tuple[Kind, Any] | None:
    """Return what a text writes out, with its kind: the one of these whose language reads it. None where the text has no
    operator, or is a path.

    Names and paths have - and / as well: with those alone, a text that cannot be read as a formula is one of them. Raises
    UserError for a formula that no language reads, with the column, and for one that several do.
    """
    languages = [kind for kind in rows if kind.written is not None]
    if not languages or not text.strip() or not re.search(r"[- ()*+/^]", text) or is_there(text):
        return None
    found, refused = [], list[UserError]()
    for kind in languages:
        assert kind.written is not None
        try:
            found.append((kind, kind.written(text)))
        except UserError as error:
            refused.append(error)
    if len(found) > 1:
        names = " and of ".join(kind.name for kind, _ in found)
        raise UserError(f"{text!r} is a formula of {names} alike; write an operand into it that only one of them has")
    if not found and re.search(r"[ ()*+^]", text):
        raise _furthest(refused)
    return found[0] if found else None


def _furthest(refused: Sequence[UserError]) -> UserError:
    """Return the error of the language that reads most of the text; where several do, the errors of all of them."""
    columns = [error.column if isinstance(error, FormulaError) else 0 for error in refused]
    return UserError("; or ".join(str(error) for error, at in zip(refused, columns, strict=True) if at == max(columns)))


def is_there(text: str) -> bool:
    """Return whether a text is the path of something; one that is longer than a path can be is not."""
    try:
        return Path(text).exists()
    except OSError:
        return False
