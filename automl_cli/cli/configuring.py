"""Writes what a command is asked for as a file of flags: `--write-config`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_cli.cli.console import talk_console, write_json, write_line
from automl_cli.core.shell_commands import command_line

if TYPE_CHECKING:
    from automl_cli.planning.asked import AskedSearch


def write_config(asked: "AskedSearch", path: Path, *, json: bool, plan_follows: bool = False) -> None:
    """Write the flags that ask for this search to a new file. What does not fit is refused before.

    Its path goes to stdout, or to stderr where a plan follows."""
    from msgspec.structs import replace

    from automl_cli.planning.as_flags import flags_for
    from automl_cli.store.config_file import check_new_file, write_flags

    check_new_file(path)
    settings, _ = asked.settled(data_needed=False)
    request = asked.request
    if asked.recorded is not None:
        told = asked.recorded.settings.taken_over  # by the runs that it is from, not by the journal of this one
        settings = replace(settings, taken_over=told)
        request = flags_for(settings, request, default_space=asked.default_space)
    values, repeats = request.given(), asked.repeats(None)
    again = command_line(asked.command, "--config", path, *(() if repeats is None else ("--repeat", repeats)))
    write_flags(path, values, command=again)
    say_written(path, values, again, json=json, plan_follows=plan_follows)


def say_written(path: Path, values: Mapping[str, Any], again: str, *, json: bool, plan_follows: bool) -> None:
    """Say which file of flags was written, and the command that takes it."""
    if plan_follows:
        talk_console().print(f"{path}: take it with: {again}", style="dim", soft_wrap=True)
    elif json:
        write_json({"config": str(path), "command": again, "flags": values})
    else:
        write_line(str(path))
        talk_console().print(f"take it with: {again}", style="dim", soft_wrap=True)
