"""`automl doctor`: examines the installation and the machine, and says what is missing and what to do."""

from typing import TYPE_CHECKING

import typer

from automl_cli.cli.errors import FAILED
from automl_cli.cli.options import Json

if TYPE_CHECKING:
    from automl_cli.jobs.doctor import Finding


def doctor(*, json: Json = False) -> None:
    """Examine this machine and this installation, and compile and run a small program.

    Cores, memory and devices; packages with their versions, and what is missing for each extra; caches and data that are here;
    environment variables that change results. What only some commands need is absent and no fault. Exits with 1 where something
    is broken that the default search needs. Nothing is written, and it takes less than ten seconds.

    Examples:
        automl doctor
        automl doctor --json
    """
    from automl_cli.cli.console import write_json
    from automl_cli.jobs.doctor import examine

    found = examine()
    usable = all(each.state != "broken" for each in found)
    if json:
        write_json({"usable": usable, "findings": found})
    else:
        _print(found)
    if not usable:
        raise typer.Exit(FAILED)


def _print(found: "list[Finding]") -> None:
    """Print the findings by part, then what there is to do."""
    from automl_cli.cli.console import data_console, table, talk_console

    console = data_console()
    for part in dict.fromkeys(each.part for each in found):
        rows = [(each.name, _said(each)) for each in found if each.part == part]
        console.print(table((part, ""), rows))
        console.print()
    broken = [each for each in found if each.state == "broken"]
    for each in found:
        if each.step:
            talk_console().print(f"{each.name}: {each.step}", style="dim", soft_wrap=True)
    words = ", ".join(each.name for each in broken)
    console.print(
        f"broken: {words}; the default search needs it" if broken else "nothing is broken that the default search needs"
    )


def _said(finding: "Finding") -> str:
    """Return what was found, with its state where that is worth a word."""
    return finding.found if finding.state in ("ok", "absent") else f"{finding.state.upper()}: {finding.found}"
