"""Lays out help: plain text with groups of options and of commands, and examples as they are typed.

Typer's own layout by Rich takes 0.15 s to import, half of what `automl --help` may take in all.
"""

import inspect
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from typer.core import TyperCommand, TyperGroup

from automl_cli.cli.console import for_stdout

EXAMPLES = "Examples:"
"""The line of a command's docstring behind which every line is shown as it stands."""

CONTEXT_SETTINGS: dict[str, Any] = {"max_content_width": 100, "help_option_names": ["-h", "--help"]}
"""Help is at most this wide; `-h` asks for it too."""


class Command(TyperCommand):
    """A command whose options are shown by `rich_help_panel`, and whose docstring may end in examples."""

    def get_help(self, ctx: Any) -> str:
        """Return the help in the characters that stdout has."""
        return for_stdout(super().get_help(ctx))

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write the prose of the docstring."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(self._prose_and_examples()[0])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples of the docstring."""
        if examples := self._prose_and_examples()[1]:
            with formatter.section(EXAMPLES.rstrip(":")):
                formatter.write("".join(f"  {line}\n" for line in examples))

    def _prose_and_examples(self) -> tuple[str, list[str]]:
        prose, _, examples = inspect.cleandoc(self.help or "").partition(f"\n{EXAMPLES}\n")
        return prose.strip(), [line.strip() for line in examples.splitlines()]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options under their titles."""
        arguments = [parameter for parameter in self.get_params(ctx) if parameter.param_type_name == "argument"]
        options = [parameter for parameter in self.get_params(ctx) if parameter.param_type_name == "option"]
        _write_section(formatter, "Arguments", (parameter.get_help_record(ctx) for parameter in arguments))
        for title, group in _by_panel(options):
            _write_section(formatter, title or "Options", (parameter.get_help_record(ctx) for parameter in group))


class CommandGroup(TyperGroup):
    """A group whose commands are shown by `rich_help_panel`."""

    def get_help(self, ctx: Any) -> str:
        """Return the help in the characters that stdout has."""
        return for_stdout(super().get_help(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands under their titles."""
        names = self.list_commands(ctx)
        width = max(map(len, names))
        for title, group in _by_panel(self.get_command(ctx, name) for name in names):
            _write_section(formatter, title or "Commands", ((f"{command.name:<{width}}", command.help) for command in group))


def _by_panel(things: Iterable[Any]) -> list[tuple[str | None, list[Any]]]:
    """Return things by panel: those without one first, then the panels in order of first appearance."""
    things = list(things)
    order = [None, *dict.fromkeys(thing.rich_help_panel for thing in things if thing.rich_help_panel)]
    in_order = sorted(things, key=lambda thing: order.index(thing.rich_help_panel))
    return [(panel, list(group)) for panel, group in groupby(in_order, key=lambda thing: thing.rich_help_panel)]


def _write_section(formatter: Any, title: str, rows: Iterable[Any]) -> None:
    shown = [row for row in rows if row is not None]
    if shown:
        with formatter.section(title):
            formatter.write_dl(shown)
