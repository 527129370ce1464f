"""Turn rows of flags into the signature that typer reads."""

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

import typer

from automl_cli.core.flags import GENERAL, Flag


def taking(rows: Iterable[Flag]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that makes a function of any keywords a command with these flags, given by attribute."""
    parameters = _parameters(rows)

    def command(function: Callable[..., None]) -> Callable[..., None]:
        function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return function

    return command


def taking_also(rows: Iterable[Flag]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds these flags to a function's own parameters; it is given them as further keywords."""
    added = _parameters(rows)

    def command(function: Callable[..., None]) -> Callable[..., None]:
        variable = inspect.Parameter.VAR_KEYWORD
        own = [parameter for parameter in inspect.signature(function).parameters.values() if parameter.kind != variable]
        function.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *added)}
        function.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
        return function

    return command


def _parameters(rows: Iterable[Flag]) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(row.attribute, inspect.Parameter.KEYWORD_ONLY, default=row.default, annotation=_annotation(row))
        for row in rows
    ]


def _annotation(row: Flag) -> Any:
    """Return the type of the parameter, with all that typer should know of the flag."""
    option = typer.Option(
        *_names(row),
        metavar=row.metavar,
        envvar=row.envvar,
        help=row.help,
        rich_help_panel=None if row.panel == GENERAL else row.panel,
        show_default=False,
    )
    return Annotated[_type(row), option]


def _names(row: Flag) -> list[str]:
    long = f"--{row.name}/--no-{row.name}" if row.negatable else f"--{row.name}"
    return [long] if row.short is None else [long, f"-{row.short}"]


def _type(row: Flag) -> Any:
    """Return the type that typer checks. Choices behind a metavar are checked by the row alone."""
    if row.default is not None:
        return row.type
    if row.type in (list, dict):
        return list[str] | None
    if row.choices and row.metavar is None:
        return Literal[row.choices] | None
    return row.type | None
