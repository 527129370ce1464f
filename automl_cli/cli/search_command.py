"""Make search commands: flags from the rows of `planning.flags`, help from a docstring, work by `run_search`."""

from collections.abc import Callable
from typing import Any

import msgspec

from automl_cli.cli.signatures import taking
from automl_cli.core.flags import Flag
from automl_cli.planning.flags import DEFAULT_SPACES, flags_of


def search_command(name: str) -> Callable[[Callable[[], None]], Callable[..., None]]:
    """Return a decorator that makes a function with only a docstring the search command of this name."""

    def command(**given: Any) -> None:
        from automl_cli.cli.searching import search

        search(name, given)

    def described_by(function: Callable[[], None]) -> Callable[..., None]:
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        space = DEFAULT_SPACES[name]
        return taking(_with_default(row, space) if row.name == "space" else row for row in flags_of(name))(command)

    return described_by


def _with_default(row: Flag, space: str) -> Flag:
    return msgspec.structs.replace(row, help=f"{row.help} [default: {space}]")
