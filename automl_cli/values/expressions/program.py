"""Expressions as straight-line programs: data for an interpreter that was compiled once (`nn.interpret`).

An instruction applies one function to registers and puts the result into the next one. The first registers hold the operands,
in a fixed order, those behind them constants. A subexpression that stands twice is computed once.
"""

from typing import NamedTuple

from automl_cli.core.errors import UserError
from automl_cli.values.expressions.rule_step import averages, kept_average, start_of
from automl_cli.values.expressions.tree import STATEFUL, Expression, Name, Number, printed


class Instruction(NamedTuple):
    """One step: a function, the registers that it reads (the second is the first where it takes one), and for averages the slot
    of the state that it reads or writes."""

    function: str
    first: int
    second: int
    slot: int = 0


class ProgramSizes(NamedTuple):
    """Room of a program: numbers of constants, instructions, and averages."""

    constants: int
    instructions: int
    averages: int


class ExpressionProgram(NamedTuple):
    """A program; `starts` are what its averages start from, `results` the registers of its results."""

    constants: tuple[float, ...]
    instructions: tuple[Instruction, ...]
    starts: tuple[float, ...]
    results: tuple[int, ...]


def program_of(expressions: tuple[Expression, ...], operands: tuple[str, ...], sizes: ProgramSizes) -> ExpressionProgram:
    """Return the program that computes several expressions over the same operands.

    The constants take the registers behind the operands, all of `sizes.constants`; instructions come behind those. Raises
    UserError where the expressions do not fit the sizes.
    """
    slots = tuple(dict.fromkeys(slot for expression in expressions for slot in averages(expression)))
    return _Assembler(operands, sizes, slots).program(expressions)


class _Assembler:
    def __init__(self, operands: tuple[str, ...], sizes: ProgramSizes, slots: tuple[str, ...]) -> None:
        self._operands = operands
        self._sizes = sizes
        self._slots = slots
        self._constants: list[float] = []
        self._instructions: list[Instruction] = []
        self._places: dict[Expression, int] = {}

    def program(self, expressions: tuple[Expression, ...]) -> ExpressionProgram:
        """Return the program of the expressions."""
        results = tuple(map(self._place, expressions))
        for count, limit, what in zip(
            (len(self._constants), len(self._instructions), len(self._slots)), self._sizes, ProgramSizes._fields, strict=True
        ):
            if count > limit:
                raise UserError(f"{printed(expressions[0])} needs {count} {what}, and the interpreter has room for {limit}")
        starts = tuple(map(start_of, self._slots))
        return ExpressionProgram(tuple(self._constants), tuple(self._instructions), starts, results)

    def _result(self, number: int) -> int:
        return len(self._operands) + self._sizes.constants + number

    def _place(self, part: Expression) -> int:
        if part not in self._places:
            self._places[part] = self._new_place(part)
        return self._places[part]

    def _new_place(self, part: Expression) -> int:
        match part:
            case Name(name=name):
                return self._operands.index(name)
            case Number(value=value):
                if value not in self._constants:
                    self._constants.append(value)
                return len(self._operands) + self._constants.index(value)
        places = [self._place(argument) for argument in part.arguments]
        slot = self._slots.index(printed(kept_average(part))) if part.function in STATEFUL else 0
        if part.function == "previous_ema":
            self._place(kept_average(part))
        self._instructions.append(Instruction(part.function, places[0], places[-1], slot))
        return self._result(len(self._instructions) - 1)
