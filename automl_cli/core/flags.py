"""Flags as data: one row describes one flag completely, and a request holds the values that a user gave for some rows.

The command line, the configuration file, the bounds and what a resumed run may be told all derive from the rows. The room that
reads a setting declares its row: `planning.flags` for searches, `training.flags` for a training, an evaluator or a problem for
itself.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, ClassVar, Self

from msgspec import Struct

from automl_cli.core.bounds import Bounds
from automl_cli.core.errors import UserError, unknown_name
from automl_cli.core.numbers import check_whole

GENERAL = "Options"
"""The panel of flags that every command has."""


def unchanged(value: Any) -> Any:
    """Return the value itself."""
    return value


def said_or_none(said: str) -> str | None:
    """Return what is recorded of a flag that may be `none`."""
    return None if said == "none" else said


class Flag(Struct, frozen=True, kw_only=True):
    """One flag of a command.

    name          as it is typed, without the dashes in front
    type          int, float, str, bool or Path; `list` for texts and `dict` for NAME=VALUE, both given more than once
    help, panel   what it does, and the title that it stands under
    metavar       what stands for its value in the help; without one, the choices do
    at_least …    bounds of a number, which must be finite
    choices       the texts it takes; none listed means any
    in_file       the type of its value in a configuration file, where that is not `type`
    negatable     whether there is a --no-… as well
    short         a second name, such as -v
    envvar        the variable that speaks where the flag is silent
    default       what a command gets where nothing is said
    changeable    whether it may say something new when a run is resumed
    recorded      where the settings of a run hold its value, such as "limits.max_parameters"
    as_recorded   from what was said to what is recorded of it, such as an absolute path
    as_said       from what is recorded to what would be said of it in a file of flags
    of_children   whether it means something only where children are trained
    of_evaluator  the evaluator that it is about, if it is about one
    """

    name: str
    type: Any
    help: str
    panel: str
    metavar: str | None = None
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    in_file: Any = None
    negatable: bool = False
    short: str | None = None
    envvar: str | None = None
    default: Any = None
    changeable: bool = False
    recorded: str | None = None
    as_recorded: Callable[[Any], Any] = unchanged
    as_said: Callable[[Any], Any] = unchanged
    of_children: bool = False
    of_evaluator: str | None = None

    @property
    def attribute(self) -> str:
        """The name as Python spells it, such as `train_examples`."""
        return self.name.replace("-", "_")

    @property
    def bounds(self) -> Bounds:
        """The bounds of the flag's value."""
        return Bounds(at_least=self.at_least, above=self.above, at_most=self.at_most, below=self.below)

    def check(self, value: Any) -> None:
        """Raise UserError for a value outside choices or bounds, naming the flag and what is allowed.

        >>> Flag(name="trials", type=int, help="", panel="", at_least=1).check(0)
        Traceback (most recent call last):
        automl_cli.core.errors.UserError: --trials is 0; it must be at least 1
        """
        check_whole(self.name, value)
        if self.choices and value not in self.choices:
            raise unknown_name(self.name, str(value), self.choices)
        if self.type in (int, float) and (allowed := self.bounds.broken_by(value)) is not None:
            raise UserError(f"--{self.name} is {value if self.type is int else format(value, 'g')}; it must be {allowed}")

    def recorded_in(self, settings: Any) -> Any:
        """Return the flag's value as the settings of a run record it, or None where a step of the path `recorded` is missing.

        >>> Flag(name="table", type=str, help="", panel="", recorded="settings.file").recorded_in({"settings": {"file": "a"}})
        'a'
        """
        for step in (self.recorded or "").split("."):
            settings = settings.get(step) if isinstance(settings, Mapping) else getattr(settings, step, None)
        return settings


class Request:
    """The values that a user gave to a command, by flags or in a file; None for a flag that was not given.

    A subclass names its rows: `class SearchRequest(Request, rows=search_rows)`. `rows` is a function, so that plug-ins are
    looked for only when their rows are needed. Values are given and read by attribute, such as `request.train_examples`.
    """

    _rows: ClassVar[Callable[[], Iterable[Flag]]]

    def __init_subclass__(cls, *, rows: Callable[[], Iterable[Flag]]) -> None:
        cls._rows = staticmethod(rows)

    def __init__(self, **values: Any) -> None:
        for name in values:
            if name not in self.rows():
                raise TypeError(f"no flag of {type(self).__name__} is called {name!r}")
        self._values = {name: value for name, value in values.items() if value is not None}

    @classmethod
    def rows(cls) -> Mapping[str, Flag]:
        """Return the rows by attribute, in the order of the command's help."""
        return _by_attribute(cls._rows)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.rows():
            raise AttributeError(f"no flag of {type(self).__name__} is called {name!r}")
        return self._values.get(name)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.given() == other.given()

    def __hash__(self) -> int:
        return hash(frozenset(self._values))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"

    def given(self) -> dict[str, Any]:
        """Return the values that were given, by the flags' names without leading dashes, in the order of the rows."""
        return {row.name: self._values[name] for name, row in self.rows().items() if name in self._values}

    def replaced(self, **changes: Any) -> Self:
        """Return the same request with other values for these flags; None means that the flag was not given."""
        return type(self)(**{**self._values, **changes})

    def check(self) -> None:
        """Raise UserError for the first value outside the choices or bounds of its flag."""
        for name, row in self.rows().items():
            if name in self._values:
                row.check(self._values[name])


@cache
def _by_attribute(rows: Callable[[], Iterable[Flag]]) -> Mapping[str, Flag]:
    return {row.attribute: row for row in rows()}
