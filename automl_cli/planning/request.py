"""Hold what a user asks of a search, by flags or in a file, before any of it is checked against the rest."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from automl_cli.core.errors import UserError
from automl_cli.core.flags import Request
from automl_cli.planning.flags import search_rows
from automl_cli.store.config_file import read_flags


class SearchRequest(Request, rows=search_rows):
    """A request for a search: `SearchRequest(trials=3, space="cnn")`."""


def read_request(path: Path) -> SearchRequest:
    """Return what a configuration file asks for: flags by name in TOML, such as `space-option = {layers = 4}`.

    Raises UserError, with the name of the file, for a value that can mean nothing.
    """
    request = SearchRequest(**read_flags(path, search_rows()))
    try:
        request.check()
    except UserError as error:
        raise UserError(f"{path}: {str(error).removeprefix('--')}") from error
    return request


def request_over(asked: SearchRequest, given: Mapping[str, Any]) -> SearchRequest:
    """Return the request with these values, by attribute, over what was asked for before; options one by one."""
    for name, row in SearchRequest.rows().items():
        value = given.get(name)
        if row.type is dict:
            value = {**(getattr(asked, name) or {}), **(value or {})} or None
        if value is not None:
            asked = asked.replaced(**{name: value})
    return asked


def typed(texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with texts read as what they look like: a number, true or false, or a word.

    >>> typed({"minibatch": "8", "learning_rate": "6e-4", "entropy": "false", "function": "one-max", "given": 3})
    {'minibatch': 8, 'learning_rate': 0.0006, 'entropy': False, 'function': 'one-max', 'given': 3}
    """
    return {name: _typed_value(text) if isinstance(text, str) else text for name, text in texts.items()}


def _typed_value(text: str) -> Any:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return {"true": True, "false": False}.get(text.lower(), text)
