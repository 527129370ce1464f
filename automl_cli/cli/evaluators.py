"""`automl evaluators`: list the evaluators of searches, and their options."""

from typing import Annotated

import typer

from automl_cli.cli.options import Json

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="One of them, with all there is to say of its options.")]


def evaluators(name: Name = None, *, json: Json = False) -> None:
    """List the ways to score a child, or the options of one.

    Options are given with --evaluator-option NAME=VALUE. Evaluators of installed packages are listed, too.

    Examples:
        automl evaluators
        automl evaluators trained
        automl evaluators table --json
    """
    from automl_cli.cli.option_tables import show
    from automl_cli.planning.option_tables import described_evaluator, described_evaluators

    found = described_evaluators() if name is None else [described_evaluator(name)]
    show("evaluators", found, one=name is not None, json=json)
