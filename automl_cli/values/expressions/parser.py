"""Reads the printed form of expressions, without `eval`: numbers, names, calls, + - * / ^ and parentheses.

`^` binds strongest and to the right, then the minus sign, then * and /, then + and -. A minus directly before a literal makes a
negative number, unless `^` follows the literal.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple, NoReturn

from automl_cli.core.errors import UserError, unknown_name
from automl_cli.values.expressions.tree import FUNCTIONS, NEGATION, POWER, Call, Expression, Language, Name, Number, number_text

_TOKEN = re.compile(r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<symbol>[-+*/^(),]))")
_INFIX = {row.infix: (name, row.binding) for name, row in FUNCTIONS.items() if row.infix is not None and row.arity == 2}
DEEPEST = 100
"""Levels of nesting that are read: more than any rule has, and fewer than would exhaust the interpreter."""


class FormulaError(UserError):
    """A text is no expression of a language from this column on, counted from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


def parse(text: str, language: Language) -> Expression:
    """Return the expression that a text stands for. Raises UserError with the column (from 1) of what cannot be read."""
    reader = _Reader(text, language)
    expression = reader.expression(0, 0)
    if (token := reader.peek()).kind != "end":
        reader.refuse(token, "expected an operator or the end")
    return expression


class _Reader:
    """Reads tokens from left to right, by precedence climbing."""

    def __init__(self, text: str, language: Language) -> None:
        self._text = text
        self._language = language
        self._tokens = self._split(text)
        self._next = 0

    def peek(self, ahead: int = 0) -> _Token:
        """Return the token to be read next, or one behind it."""
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def refuse(self, token: _Token, problem: str) -> NoReturn:
        """Raise UserError about a token."""
        shown = "the end" if token.kind == "end" else repr(token.text)
        place = f"{self._language.what} {self._text!r}, column {token.column}"
        raise FormulaError(f"{place}: {problem}, found {shown}", token.column)

    def expression(self, weakest: int, depth: int) -> Expression:
        """Return the longest expression whose operators bind at least as strongly as `weakest`."""
        if depth > DEEPEST:
            self.refuse(self.peek(), f"nested more than {DEEPEST} deep")
        left = self._operand(depth)
        while (token := self.peek()).text in _INFIX and token.kind == "symbol":
            function, binding = _INFIX[token.text]
            if binding < weakest:
                return left
            self._take()
            depth += 1  # of the expression so far, which becomes the first argument
            left = Call(function, (left, self.expression(binding if binding == POWER else binding + 1, depth)))
            self._allowed(function, token)
        return left

    def _operand(self, depth: int) -> Expression:
        token = self._take()
        if token.kind == "number":
            return self._number(token, 1)
        if token.kind == "name":
            return self._call(token, depth) if self.peek().text == "(" else self._name(token)
        if token.text == "-":
            if self.peek().kind == "number" and self.peek(1).text != "^":
                return self._number(self._take(), -1)
            return Call("negate", (self.expression(NEGATION, depth + 1),))
        if token.text != "(":
            self.refuse(token, "expected a number, a name, a function or '('")
        inner = self.expression(0, depth + 1)
        self._expect(")")
        return inner

    def _number(self, token: _Token, sign: int) -> Number:
        try:
            return Number(sign * float(token.text))
        except UserError:
            self.refuse(token, "expected a finite number")

    def _name(self, token: _Token) -> Name:
        if token.text not in self._language.names:
            self._unknown("operand", token, self._language.names)
        return Name(token.text)

    def _call(self, token: _Token, depth: int) -> Call:
        self._allowed(token.text, token)
        row = FUNCTIONS[token.text]
        self._expect("(")
        arguments = [self._argument(token.text, 0, depth)]
        while self.peek().text == ",":
            comma = self._take()
            if len(arguments) == row.arity:
                self.refuse(comma, f"{token.text} takes {row.arity} argument{'s' * (row.arity > 1)}; expected ')'")
            arguments.append(self._argument(token.text, len(arguments), depth))
        if len(arguments) < row.arity:
            self.refuse(self.peek(), f"{token.text} takes {row.arity} arguments; expected ','")
        self._expect(")")
        return Call(token.text, tuple(arguments))

    def _argument(self, function: str, position: int, depth: int) -> Expression:
        row, start = FUNCTIONS[function], self.peek()
        argument = self.expression(0, depth + 1)
        if position not in row.constant:
            return argument
        if isinstance(argument, Number) and (broken := row.bounds.broken_by(argument.value)) is not None:
            self.refuse(start._replace(text=number_text(argument.value)), f"expected a number {broken} for {function}")
        if not isinstance(argument, Number) and not (isinstance(argument, Name) and argument.name in self._language.settings):
            settings = "".join(f" or {name}" for name in self._language.settings)
            self.refuse(start, f"expected a number{settings}")
        return argument

    def _allowed(self, function: str, token: _Token) -> None:
        if function not in self._language.functions:
            named = [name for name in self._language.functions if FUNCTIONS[name].infix is None]
            self._unknown("function", token, named)

    def _unknown(self, what: str, token: _Token, known: Iterable[str]) -> NoReturn:
        place = f"{self._language.what} {self._text!r}, column {token.column}"
        raise FormulaError(f"{place}: {unknown_name(what, token.text, known)}", token.column)

    def _expect(self, symbol: str) -> None:
        token = self._take()
        if token.text != symbol:
            self.refuse(token, f"expected {symbol!r}")

    def _take(self) -> _Token:
        token = self.peek()
        self._next += 1
        return token

    def _split(self, text: str) -> list[_Token]:
        tokens: list[_Token] = []
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                bad = len(text) - len(text[place:].lstrip())
                self.refuse(_Token("symbol", text[bad], bad + 1), "expected a number, a name or an operator")
            kind = match.lastgroup or ""
            tokens.append(_Token(kind, match[kind], match.start(kind) + 1))
            place = match.end()
        return [*tokens, _Token("end", "", len(text) + 1)]
