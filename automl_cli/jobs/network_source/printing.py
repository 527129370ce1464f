"""Prints Python as formatters leave it: what fits into a line stands in one, anything longer has one argument a line."""

from collections.abc import Iterator
from typing import NamedTuple

WIDTH = 88
"""Characters of a line: the default of formatters."""


class Called(NamedTuple):
    """A call, or a list where `head` is empty."""

    head: str
    arguments: "tuple[Code, ...]"


class Keyword(NamedTuple):
    """An argument by name."""

    name: str
    value: "Code"


class Sum(NamedTuple):
    """Terms that are added."""

    terms: "tuple[Code, ...]"


class Repeated(NamedTuple):
    """Arguments that are made several times, each time anew: `*(a for _ in range(3))`, of several `*[…]`."""

    made: "tuple[Code, ...]"
    times: int


Code = str | Called | Keyword | Sum | Repeated
"""An expression of Python; a text is printed as it is."""


def one_line(code: Code) -> str:
    """Return the expression in one line.

    >>> one_line(Called("f", ("x", Keyword("n", Sum(("1", "2"))))))
    'f(x, n=1 + 2)'
    """
    match code:
        case Called(head=head, arguments=arguments):
            left, right = _brackets(head)
            return f"{left}{', '.join(map(one_line, arguments))}{right}"
        case Keyword(name=name, value=value):
            return f"{name}={one_line(value)}"
        case Sum(terms=terms):
            return " + ".join(map(one_line, terms))
        case Repeated(made=made, times=times):
            if len(made) == 1:
                return f"*({one_line(made[0])} for _ in range({times}))"
            several = ", ".join(map(one_line, made))
            return f"*(each for _ in range({times}) for each in ({several}))"
    return code


def printed_lines(before: str, code: Code, after: str = "", *, indent: int = 0) -> list[str]:
    """Return the lines of a statement: the expression with what stands before and after it, so many spaces from the left."""
    return list(_lines(before, code, after, " " * indent))


def _lines(before: str, code: Code, after: str, margin: str) -> Iterator[str]:
    whole = f"{margin}{before}{one_line(code)}{after}"
    if len(whole) <= WIDTH or isinstance(code, str):
        yield whole
        return
    match code:
        case Keyword(name=name, value=value):
            yield from _lines(f"{before}{name}=", value, after, margin)
        case Called(head=head, arguments=arguments):
            left, right = _brackets(head)
            yield f"{margin}{before}{left}"
            alone = len(arguments) == 1 and not isinstance(arguments[0], Repeated) and left != "["
            for argument in arguments:
                yield from _lines("", argument, "" if alone else ",", f"{margin}    ")
            yield f"{margin}{right}{after}"
        case Sum(terms=terms):
            yield f"{margin}{before}("
            for at, term in enumerate(terms):
                yield from _lines("+ " if at else "", term, "", f"{margin}    ")
            yield f"{margin}){after}"
        case Repeated():
            yield from _repeated_lines(before, code, after, margin)


def _repeated_lines(before: str, code: Repeated, after: str, margin: str) -> Iterator[str]:
    yield f"{margin}{before}*("
    inner = f"{margin}    "
    if len(code.made) == 1:
        yield from _lines("", code.made[0], "", inner)
        yield f"{inner}for _ in range({code.times})"
    else:
        yield f"{inner}each"
        yield f"{inner}for _ in range({code.times})"
        yield from _lines("for each in ", Called("(", code.made), "", inner)
    yield f"{margin}){after}"


def _brackets(head: str) -> tuple[str, str]:
    if head in ("", "["):
        return "[", "]"
    return ("(", ")") if head == "(" else (f"{head}(", ")")
