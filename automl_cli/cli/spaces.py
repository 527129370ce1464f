"""`automl spaces`: list the search spaces, and how large each is."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any

import typer

from automl_cli.cli.options import Json, SpaceOptions, pairs
from automl_cli.core.decisions import Choice, DecisionList
from automl_cli.core.errors import UserError
from automl_cli.core.numbers import counted
from automl_cli.core.spaces import SearchSpace, SpaceOption

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="A space, or a file of your own that declares one.")]


def spaces(name: Name = None, *, space_option: SpaceOptions = None, json: Json = False) -> None:
    """List the search spaces, or the decisions of one.

    The size is exact: the number of genotypes of full length. Of a small space where several genotypes mean the same it is
    counted, too, how many are distinct, which takes some seconds. With --json, whole numbers beyond 2^53 are strings.

    Examples:
        automl spaces
        automl spaces cnn --space-option variant=strides --space-option layers=20
        automl spaces cnn --json
        automl spaces my_space.py
    """
    from automl_cli.cli.console import write_json
    from automl_cli.plugins.discovery import plugin_named, plugins
    from automl_cli.plugins.space_checks import check_space

    given = pairs(space_option, "--space-option")
    if name is None and given:
        raise UserError("--space-option needs the name of a space before it: automl spaces NAME --space-option …")
    if name is None:
        opened = [SearchSpace(plugin) for plugin in plugins().values()]
        write_json({"spaces": [_summary(space) for space in opened]}) if json else _print_list(opened)
        return
    plugin, file = plugin_named(name)
    space = SearchSpace(plugin, plugin.parse_options(given), place=None if file is None else name)
    check_space(space)
    write_json(_summary(space) | _details(space)) if json else _print_one(space)


def size_in_words(size: int) -> str:
    """Return a size in digits, or as a power of ten where it is long.

    >>> size_in_words(15625), size_in_words(2**195)
    ('15,625', '5.0e58')
    """
    return f"{size:,}" if size < 10**9 else f"{Decimal(size):.1e}".replace("e+", "e")


def decision_groups(decisions: DecisionList) -> list[tuple[str, int, tuple[Choice, ...]]]:
    """Group decisions whose names differ only in numbers, as (pattern, how many, choices)."""
    groups = Counter((re.sub(r"\d+", "#", decision.name), decision.choices) for decision in decisions.decisions)
    return [(pattern, count, choices) for (pattern, choices), count in groups.items()]


def _summary(space: SearchSpace) -> dict[str, Any]:
    plugin = space.plugin
    return {
        "name": plugin.name,
        "version": plugin.version,
        "command": plugin.command,
        "produces": plugin.produces,
        "summary": plugin.summary,
        "size": space.size,
        "options": space.options,
    }


def _details(space: SearchSpace) -> dict[str, Any]:
    return {
        "option_choices": {option.name: option.choices for option in space.plugin.options if option.choices},
        "presets": space.plugin.presets,
        "decisions": space.decisions.decisions,
        "distinct": _distinct(space),
    }


def _distinct(space: SearchSpace) -> int | None:
    """Count the genotypes that mean something of their own, and say meanwhile that this takes some seconds."""
    from automl_cli.cli.console import talk_console

    with talk_console().status("Counting which genotypes mean the same: some seconds"):
        return space.count_distinct()


def _print_list(opened: Iterable[SearchSpace]) -> None:
    from automl_cli.cli.console import data_console, table

    rows = [(space.plugin.name, space.plugin.command, size_in_words(space.size), space.plugin.summary) for space in opened]
    console = data_console()
    console.print(table(("space", "searched by", "size", "what it is"), rows, right=("size",)))
    console.print("\nMore of one: automl spaces NAME", style="dim")


def _print_one(space: SearchSpace) -> None:
    from automl_cli.cli.console import data_console, table

    plugin, console = space.plugin, data_console()
    console.print(f"{plugin.name} version {plugin.version}: {plugin.summary}", style="bold")
    console.print(f"searched by automl {plugin.command}, which finds: {plugin.produces}\n")
    groups = [(pattern, count, _listed(choices)) for pattern, count, choices in decision_groups(space.decisions)]
    console.print(table(("decision", "times", "choices"), groups, right=("times",)))
    console.print(f"\n{counted(len(space.decisions), 'decision')}; genotypes: {size_in_words(space.size)}, exactly:")
    console.print(str(space.size), soft_wrap=True)
    if (distinct := _distinct(space)) is not None:
        console.print(f"distinct: {distinct:,}; the others mean the same as one of these and are measured once")
    if plugin.options:
        console.print()
        console.print(table(("space option", "is", "help"), _option_rows(plugin.options, space.options)))


def _option_rows(options: Iterable[SpaceOption], settled: Mapping[str, Choice]) -> list[tuple[str, str, str]]:
    return [(option.name, str(settled[option.name]), option.help) for option in options]


def _listed(choices: Iterable[Choice]) -> str:
    words = {True: "yes", False: "no"}
    return ", ".join(words[choice] if isinstance(choice, bool) else str(choice) for choice in choices)
