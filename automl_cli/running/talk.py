"""Says how a search or a training goes: on the stderr of a command, or in the output of a notebook's cell."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from automl_cli.core.visible_text import visible
from automl_cli.system.jax_settings import settings_set_aside

if TYPE_CHECKING:
    from rich.console import Console

    from automl_cli.store.run_directory import RunDirectory
    from automl_cli.system.machine import Environment
    from automl_cli.values.timings import TimingTable


class Talk(NamedTuple):
    """The place where a search or a training is followed, and how much is said there.

    `verbose` says a line for every trial, `quiet` nothing but warnings; `log_file` gets a line for every trial. `events` says
    whether the curves are written for TensorBoard.
    """

    console: "Console"
    verbose: bool = False
    quiet: bool = False
    log_file: Path | None = None
    events: bool = False

    def say(self, text: str) -> None:
        """Print a line, unless nothing is to be said."""
        if not self.quiet:
            self.console.print(text, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a warning, whatever else is said."""
        say_labelled(self.console, text, label="warning")


def say_labelled(console: "Console", text: str, *, label: str) -> None:
    """Print the text unwrapped, with its label in red where the console shows colours; none where the label is empty."""
    from rich.text import Text

    parts = [(f"{label}: ", "bold red"), visible(text)] if label else [visible(text)]
    console.print(Text.assemble(*parts), soft_wrap=True)


def warn_of_environment(recorded: "Environment", what: str, talk: Talk) -> None:
    """Warn of versions and CPUs that are not those on record."""
    from automl_cli.system.machine import environment_changes

    if changes := ", ".join(environment_changes(recorded)):
        talk.console.print(f"warning: not as {what} was started: {changes}; scores may differ in low bits", soft_wrap=True)


def warn_of_timings(recorded: "TimingTable | None", what: str, talk: Talk) -> None:
    """Warn of a timing table on record that this version of automl cannot choose by."""
    from automl_cli.store.timing_tables import is_of_this_version
    from automl_cli.store.timings_in_force import settled

    if recorded is not None and not is_of_this_version(recorded):
        talk.warn(
            f"not as {what} was started: its timing table, {recorded.name}, is of another version of automl, and "
            f"{settled(recorded).name} is used; scores may differ in low bits"
        )


def warn_of_set_aside(talk: Talk) -> None:
    """Warn of settings that the user gave JAX and that do not hold here."""
    if names := ", ".join(settings_set_aside()):
        talk.warn(f"set aside, so that one seed gives one result whatever JAX is told elsewhere: {names}")


def say_timings(table: "TimingTable | None", talk: Talk) -> None:
    """Say which timing table is used where it is not that of this machine, or where this kind of CPU was not measured. On GPUs
    and TPUs none is used."""
    from automl_cli.store.timing_tables import choose_table
    from automl_cli.system.process import has_accelerator

    if table is None or has_accelerator():
        return
    here = choose_table()
    if here.problem:
        talk.warn(here.problem)
    if table.digest != here.table.digest:
        talk.say(f"forms of convolution are chosen by the timing table on record, {table.name}; here it is {here.table.name}")
    elif here.advice:
        talk.say(f"{here.reason}; {here.advice}")


def warn_of_marker(run: "RunDirectory", talk: Talk) -> None:
    """Warn where a marker stands for the lock of a run directory."""
    if run.has_marker:
        talk.warn(f"files cannot be locked in {run.path}, so a marker file keeps other processes away")


@contextmanager
def goes_on_with(command: str) -> Iterator[None]:
    """Give an interruption inside the context the command that continues the work."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; continue with: {command}") from None
