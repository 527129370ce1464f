"""Print tables of strategies and evaluators, and of the options of one."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from automl_cli.core.numbers import counted

if TYPE_CHECKING:
    from automl_cli.planning.option_tables import DescribedOption, DescribedPlugin


def show(what: str, found: "Iterable[DescribedPlugin]", *, one: bool, json: bool) -> None:
    """Print the plug-ins of a table: one in full, or all of them. With `json`, write them as one document."""
    from automl_cli.cli.console import write_json

    plugins = list(found)
    if json:
        write_json(plugins[0] if one else {what: plugins})
    elif one:
        _print_one(plugins[0])
    else:
        _print_all(what, plugins)


def _print_all(what: str, plugins: "list[DescribedPlugin]") -> None:
    from automl_cli.cli.console import data_console, table

    console, singular = data_console(), _singular(what)
    console.print(table((singular, "what it does"), ((each.name, each.problem or each.summary) for each in plugins)))
    for each in plugins:
        if each.options:
            console.print(f"\n{each.name}", style="bold")
            console.print(table(("option", "type", "default"), _short_rows(each.options)))
    console.print(f"\nMore of one: automl {what} NAME", style="dim")


def _print_one(plugin: "DescribedPlugin") -> None:
    from automl_cli.cli.console import data_console, table

    console = data_console()
    console.print(f"{plugin.name}: {plugin.summary}\n", style="bold")
    if plugin.options:
        paper = any(option.paper is not None for option in plugin.options)
        titles = ("option", "type", "default", *(("paper",) if paper else ()), "what it is")
        console.print(table(titles, _full_rows(plugin.options, paper=paper)))
    else:
        console.print("It takes no options.")
    if plugin.flags:
        console.print("\nIts settings are flags:\n")
        console.print(table(("flag", "what it is"), plugin.flags.items()))


def _short_rows(options: "Iterable[DescribedOption]") -> Iterator[tuple[str, ...]]:
    for option in options:
        yield option.name, _type(option), _default(option)


def _full_rows(options: "Iterable[DescribedOption]", *, paper: bool) -> Iterator[tuple[str, ...]]:
    for option in options:
        yield option.name, _type(option), _default(option), *((_value(option.paper),) if paper else ()), option.help


def _type(option: "DescribedOption") -> str:
    """Return the type with its bounds, or the words that may be given."""
    if option.choices:
        return " or ".join(option.choices)
    return f"{option.type}, {option.bounds}" if option.bounds else option.type


def _default(option: "DescribedOption") -> str:
    if option.budgets is not None:
        return ", ".join(f"{_value(value)} ({counted(int(trials), 'trial')})" for trials, value in option.budgets.items())
    return "by a rule" if option.default is None else _value(option.default)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else "none" if value in (None, [], (), {}) else str(value)


def _singular(what: str) -> str:
    """Return the singular of the name of a table.

    >>> _singular("strategies"), _singular("evaluators")
    ('strategy', 'evaluator')
    """
    return what.removesuffix("ies") + "y" if what.endswith("ies") else what.removesuffix("s")
