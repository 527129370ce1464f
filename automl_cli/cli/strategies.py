"""`automl strategies`: list the strategies of searches, and their options."""

from typing import Annotated

import typer

from automl_cli.cli.options import Json

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="One of them, with all there is to say of its options.")]


def strategies(name: Name = None, *, json: Json = False) -> None:
    """List the strategies that propose what is tried, or the options of one.

    Options are given with --strategy-option NAME=VALUE. Where a default follows from the number of trials, it is shown for
    two of them; --strategy-option constants=paper takes the values of the paper instead. Strategies of installed packages
    are listed, too. With --strategy auto a search chooses one by its budget, its space, and whether scores have noise.

    Examples:
        automl strategies
        automl strategies evolution
        automl strategies ppo --json
    """
    from automl_cli.cli.option_tables import show
    from automl_cli.planning.option_tables import described_strategies, described_strategy

    found = described_strategies() if name is None else [described_strategy(name)]
    show("strategies", found, one=name is not None, json=json)
