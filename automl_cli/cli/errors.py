"""Reports errors to a user: one or two lines on stderr, and an exit code.

    0    done
    1    the work failed: `RunFailed`, or the system refused (disk full, no permission)
    2    the input is wrong: `UserError`, or a flag that does not exist or does not fit
    130  interrupted

Anything else is a defect and keeps its traceback, as does every error under `--debug`.
"""

import re
import sys
from collections.abc import Callable

import typer

from automl_cli.core.errors import AutomlError, UserError

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130

_EXPECTED = ("expected a number, such as 0.5", "expected a whole number in digits, such as 100000")
"""What is said of a text that is no number, and of one that is no whole number: typer's checks say it in words of pydantic."""


class Interrupted(Exception):
    """Ctrl-C. The text, if any, says how to go on: raise `KeyboardInterrupt(text)` where that is known."""


def report_error(error: Exception) -> int:
    """Print an error on stderr, and return the exit code. Raises an error again that is none of ours."""
    match error:
        case Interrupted():
            say(str(error) or "interrupted", label="")
            return INTERRUPTED
        case UserError():
            say(str(error))
            return WRONG_INPUT
        case typer.TyperException():
            say(usage_text(error))
            return error.exit_code
        case UnicodeEncodeError() if error.encoding == sys.getfilesystemencoding() != "utf-8":
            say(f"{error.object} has letters that this locale lacks; set PYTHONUTF8=1, or a locale with UTF-8")
            return WRONG_INPUT
        case BrokenPipeError():
            return FAILED
        case AutomlError() | OSError():
            say(str(error) if isinstance(error, AutomlError) else system_text(error))
            return FAILED
        case _:
            raise error


def warn_if_refused(what: str, check: Callable[[], object]) -> None:
    """Say in a warning why the work that is only planned would be refused, if the check refuses it."""
    try:
        check()
    except UserError as error:
        say(f"the {what} itself would be refused: {error}", label="warning")


def usage_text(error: typer.TyperException) -> str:
    """Return what is wrong with the command line, and the help that says what is right."""
    context, near = getattr(error, "ctx", None), getattr(error, "possibilities", None)
    text = " ".join(f"{error.message}. Did you mean {near[0]}?".split()) if near else " ".join(error.format_message().split())
    text = text.replace(": Value error, ", ": ", 1)  # typer's checks say so of every choice
    text = re.sub(r"Input should be a valid (?:number|(integer)).*", lambda found: _EXPECTED[found[1] is not None], text)
    hint = f"\nTry '{context.command_path} --help'" if context else ""
    return f"{text[:1].lower()}{text[1:].rstrip('.')}{hint}"


def system_text(error: OSError) -> str:
    """Return the text of an error of the system, with the file it is about.

    >>> system_text(PermissionError(13, "Permission denied", "runs/a"))
    'runs/a: Permission denied'
    """
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)


def say(text: str, *, label: str = "error") -> None:
    """Print the text on stderr, unwrapped, with its label in red where stderr shows colours."""
    try:
        from automl_cli.cli.console import talk_console
        from automl_cli.running.talk import say_labelled
    except OSError:  # no file can be opened any more, those of these modules included
        sys.stderr.write(f"{label}{': ' if label else ''}{text}\n")
        return
    say_labelled(talk_console(), text, label=label)
