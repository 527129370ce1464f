"""`automl doctor`: examines the installation and the machine, and says what is missing and what to do."""

from typing import TYPE_CHECKING, Annotated

import typer

from automl_cli.cli.errors import FAILED
from automl_cli.cli.options import Json
from automl_cli.core.errors import UserError

if TYPE_CHECKING:
    from automl_cli.jobs.doctor import Finding

Calibrate = Annotated[
    bool,
    typer.Option(
        "--calibrate", help="Measure how long the forms of a convolution take here, and choose by that from now on: minutes."
    ),
]
ForgetCalibration = Annotated[
    bool, typer.Option("--forget-calibration", help="Choose by the table of this family of CPUs again.")
]


def doctor(*, calibrate: Calibrate = False, forget_calibration: ForgetCalibration = False, json: Json = False) -> None:
    """Examine this machine and this installation, and compile and run a small program.

    Cores, memory and devices; packages with their versions, and what is missing for each extra; caches and data that are here;
    environment variables that change results. What only some commands need is absent and no fault. Exits with 1 where something
    is broken that the default search needs. Nothing is written, and it takes less than ten seconds.

    With --calibrate it measures this machine instead, best while nothing else runs, and keeps the timing table in the user's
    folder of configuration. Runs that are on record keep the table that they were started with.

    Examples:
        automl doctor
        automl doctor --json
        automl doctor --calibrate
        automl doctor --forget-calibration
    """
    from automl_cli.cli.console import write_json
    from automl_cli.jobs.doctor import examine

    if calibrate and forget_calibration:
        raise UserError("--calibrate keeps a calibration and --forget-calibration removes it; give one of them")
    if calibrate:
        _calibrate(json=json)
        return
    if forget_calibration:
        _forget(json=json)
        return
    found = examine()
    usable = all(each.state != "broken" for each in found)
    if json:
        write_json({"usable": usable, "findings": found})
    else:
        _print(found)
    if not usable:
        raise typer.Exit(FAILED)


def _calibrate(*, json: bool) -> None:
    """Measure this machine, on a terminal with a progress bar, and say where its table is."""
    from rich.progress import Progress

    from automl_cli.cli.console import talk_console, write_json, write_line
    from automl_cli.jobs.calibration import calibrate
    from automl_cli.system.process import set_up_this_process

    set_up_this_process()
    console = talk_console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("measuring this machine", total=None)

        def show(done: int, total: int) -> None:
            if not (done or console.is_terminal):
                console.print("measuring this machine takes a minute or two")
            bar.update(task, completed=done, total=total)

        kept = calibrate(show)
    if json:
        write_json(kept)
        return
    console.print(
        f"forms of convolution are chosen by {kept.table.name} on this machine from now on; automl doctor --forget-calibration "
        "takes that back. Runs on record keep their table",
        soft_wrap=True,
    )
    write_line(kept.file)


def _forget(*, json: bool) -> None:
    """Remove the calibration of this machine, and say which table is used again."""
    from automl_cli.cli.console import talk_console, write_json
    from automl_cli.jobs.calibration import forget
    from automl_cli.store.timing_tables import choose_table

    removed = forget()
    if json:
        write_json(removed)
        return
    what = "this machine was not calibrated" if removed.file is None else f"removed {removed.file}"
    talk_console().print(f"{what}; forms of convolution are chosen by {choose_table().table.name}", soft_wrap=True)


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
