"""Writes `automl` commands for the user to type."""

import shlex

from automl_cli.core.visible_text import visible


def command_line(command: str, *arguments: object) -> str:
    r"""Return the command with its arguments, quoted for a shell. Characters that would not show are written as escapes.

    >>> command_line("report", "my runs/first", "--top", 3)
    "automl report 'my runs/first' --top 3"
    >>> print(command_line("report", "runs/\x1b[2J"))
    automl report $'runs/\x1b[2J'
    """
    return " ".join(["automl", command, *(quoted(str(argument)) for argument in arguments)])


def quoted(text: str) -> str:
    r"""Return the text as one word of a shell command; bash and zsh read the escapes in $'…'.

    >>> print(quoted("plain"), quoted("it's"), quoted("a\u202e'b\n"))
    plain 'it'"'"'s' $'a\u202e\'b\n'
    """
    if visible(text, lines=False) == text:
        return shlex.quote(text)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{visible(escaped, lines=False)}'"
