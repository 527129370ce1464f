"""Writes `automl` commands for the user to type."""

import shlex


def command_line(command: str, *arguments: object) -> str:
    """Return the command with its arguments, quoted for a shell.

    >>> command_line("report", "my runs/first", "--top", 3)
    "automl report 'my runs/first' --top 3"
    """
    return shlex.join(["automl", command, *map(str, arguments)])
