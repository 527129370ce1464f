"""Calls functions that a plug-in brings, and turns what they raise or return by mistake into errors that its author can use."""

from collections.abc import Callable
from types import TracebackType
from typing import Any

from automl_cli.core.errors import AutomlError, SpaceError

_SHOWN_INDICES = 8


def call(place: str, name: str, function: Callable[..., Any], *arguments: Any, given: str) -> Any:
    """Return what the function of the plug-in returns. `given` says in words what it was called with.

    Raises SpaceError naming the plug-in's place, the function, and where in its file any other exception was raised. Errors of
    ours pass unchanged: functions of a space raise them on purpose.
    """
    try:
        return function(*arguments)
    except AutomlError:
        raise
    except Exception as error:
        raise SpaceError(f"{place}: {name} fails for {given}: {described(error, file_of(function))}") from error


def file_of(function: Callable[..., Any]) -> str | None:
    """Return the file that a function of Python is written in, or None for other callables."""
    return getattr(getattr(function, "__code__", None), "co_filename", None)


def raised_in(error: BaseException, file: str | None) -> bool:
    """Return whether the statement that raised the exception stands in this file."""
    return [frame[0] for frame in _frames(error.__traceback__)][-1:] == [file]


def described(error: BaseException, file: str | None = None) -> str:
    """Return type and text of an exception, with file, line and function of the innermost frame in this file.

    Without a file, or where no frame is in it, the innermost frame of all is named. A SyntaxError says itself where it is.
    """
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error}"
    frames = list(_frames(error.__traceback__))
    own = [frame for frame in frames if frame[0] == file] or frames
    text = str(error) if isinstance(error, AutomlError) else f"{type(error).__name__}: {error}".removesuffix(": ")
    return f"{text} ({own[-1][0]}, line {own[-1][1]}, in {own[-1][2]})" if own else text


def shown_genotype(genotype: tuple[int, ...]) -> str:
    """Return the genotype as text, cut after some indices.

    >>> shown_genotype((3, 1)), shown_genotype(tuple(range(20)))
    ('genotype (3, 1)', 'genotype (0, 1, 2, 3, 4, 5, 6, 7, …)')
    """
    listed = [*map(str, genotype[:_SHOWN_INDICES]), *(["…"] if len(genotype) > _SHOWN_INDICES else [])]
    return f"genotype ({', '.join(listed)}{',' if len(listed) == 1 else ''})"


def type_in_words(value: object) -> str:
    """Return the name of the value's type with its article, or "None".

    >>> type_in_words([1]), type_in_words(1), type_in_words(None)
    ('a list', 'an int', 'None')
    """
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _frames(traceback: TracebackType | None) -> "list[tuple[str, int, str]]":
    """Return file, line and function of every frame, the outermost first."""
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append((code.co_filename, traceback.tb_lineno, code.co_name))
        traceback = traceback.tb_next
    return frames
