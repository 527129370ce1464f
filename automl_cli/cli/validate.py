"""`automl validate`: checks that files are sound and agree with themselves."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automl_cli.cli.errors import WRONG_INPUT, say
from automl_cli.cli.options import Json

if TYPE_CHECKING:
    from automl_cli.jobs.validation import ValidationResult

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Artifacts, journals, directories of searches or trainings.")
]


def validate(files: Files, *, json: Json = False) -> None:
    """Check that files are sound artifacts.

    An artifact must have the fields of its kind and agree with itself: a genotype must decode to the value beside it, costs
    must be those of the network, scores must give the reward, weights must have the digest that their model names. Of a run
    directory everything is checked: its journal line by line against study.json (order, genotypes, epochs, seeds), best.json
    against the journal. Exits with 2 when any file is not sound.

    Examples:
        automl validate runs/first/best.json
        automl validate runs/first
        automl validate *.json --json
    """
    from automl_cli.cli.console import write_json, write_words
    from automl_cli.jobs.validation import check_file, files_in

    verdicts = [check_file(path) for file in files for path in files_in(file)]
    if json:
        write_json({"files": verdicts})
    for verdict in verdicts:
        if verdict.problem is not None:
            say(verdict.problem)
        elif not json:
            write_words(f"{verdict.file}: {_in_words(verdict)}")
    if any(verdict.problem is not None for verdict in verdicts):
        raise typer.Exit(WRONG_INPUT)


def _in_words(verdict: "ValidationResult") -> str:
    """Return what a sound file holds, and what was not checked of it."""
    if verdict.holds is None:
        return f"not checked: {verdict.unchecked}"
    return f"sound {verdict.holds}" + (f" (not checked: {verdict.unchecked})" if verdict.unchecked else "")
