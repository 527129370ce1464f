"""Tables of names and the code that they stand for, imported on first use: built-in rows, then those of installed packages.

A row maps a name to "module:attribute". Listing a table imports none of them. An installed package adds rows by entry points,
which are read when a table is first asked, so `--help` pays for none of this:

    [project.entry-points."automl_cli.strategies"]
    hill-climbing = "my_package.climbing:HillClimbing"
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import import_module
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from automl_cli.core.errors import UserError, unknown_name
from automl_cli.core.plugin_calls import described


class Table:
    """A table of the code that can be named for one purpose. `needs` lists the attributes that the code must have.

    `what` names the table in errors. `internal` rows are loaded by the tool itself; nobody can name them.
    """

    def __init__(
        self,
        what: str,
        *,
        group: str,
        built_in: Mapping[str, str],
        needs: tuple[str, ...],
        internal: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.what = what
        self.group = group
        self._built_in = built_in
        self._internal = internal
        self._needs = needs

    def names(self) -> tuple[str, ...]:
        """Return all names, the built-in ones first. Raises UserError where an installed package hides one."""
        return tuple(self._targets)

    @property
    def built_in(self) -> tuple[str, ...]:
        """The names of the built-in rows, whatever is installed."""
        return tuple(self._built_in)

    def check(self, name: str) -> str:
        """Return the name itself. Raises UserError with the nearest known name where the table has none."""
        if name not in self._targets:
            raise unknown_name(self.what, name, self._targets)
        return name

    def load(self, name: str) -> Any:
        """Return the code of this name. Raises UserError where that of an installed package cannot be imported or used."""
        if (target := self._built_in.get(name) or self._internal.get(name)) is not None:
            return attribute(target)
        target = self._targets[self.check(name)]
        found = _installed_attribute(self.what, name, target)
        if missing := [need for need in self._needs if getattr(found, need, None) is None]:
            raise UserError(
                f"{self.what} {name!r}, which is the installed plug-in {target!r}, does not have {', '.join(missing)}; "
                "automl_cli.core.protocols says what each is"
            )
        return found

    @cached_property
    def _targets(self) -> Mapping[str, str]:
        return {**self._built_in, **installed(self.group, self.what, self._built_in)}


def installed(group: str, what: str, built_in: Mapping[str, str]) -> dict[str, str]:
    """Return the rows that installed packages add by the entry points of this group, by name; nothing is imported.

    Raises UserError where one has the name of a built-in row or of another package's.
    """
    rows: dict[str, str] = {}
    for name, target in _entries(group):
        if (taken := {**built_in, **rows}.get(name)) is not None:
            whose = "built in" if name in built_in else "an installed plug-in as well"
            raise UserError(
                f"the installed plug-in {target!r} names its {what} {name!r}, but {taken!r}, which is {whose}, has "
                "that name; rename it, or uninstall its package"
            )
        rows[name] = target
    return rows


def with_installed(
    built_in: Mapping[str, Any],
    *,
    group: str,
    what: str,
    check: Callable[[Any, str], Any] = lambda row, place: row,
    broken: dict[str, UserError] | None = None,
) -> Mapping[str, Any]:
    """Return rows that know their names: those built in, then those of the entry points of this group, imported.

    `check` takes a row and the place it is from, and raises UserError for what is none. Raises UserError where a row cannot be
    imported, or has a name that exists already. Where `broken` is given, a row that cannot be imported is left out, and its
    error stands there by name.
    """
    rows = dict(built_in)
    for name, target in _entries(group):
        try:
            row = check(_installed_attribute(what, name, target), f"the installed plug-in {target!r}")
        except UserError as error:
            if broken is None:
                raise
            broken[name] = error
            continue
        if row.name in rows:
            raise UserError(f"the installed plug-in {target!r} names its {what} {row.name!r}, which exists already; rename it")
        rows[row.name] = row
    return MappingProxyType(rows)


def _entries(group: str) -> list[tuple[str, str]]:
    """Return name and "module:attribute" of every entry point of the group, in order."""
    from importlib.metadata import entry_points

    return sorted((entry.name, entry.value) for entry in entry_points(group=group))


def _installed_attribute(what: str, name: str, target: str) -> Any:
    try:
        return attribute(target)
    except Exception as error:
        raise UserError(
            f"{what} {name!r} cannot be loaded from the installed plug-in {target!r}: {described(error)}. Mend that "
            "package, or uninstall it"
        ) from error


def attribute(target: str) -> Any:
    """Import and return what a "module:attribute" names."""
    module, _, name = target.partition(":")
    return attrgetter(name)(import_module(module))


STRATEGIES = Table(
    "strategy",
    group="automl_cli.strategies",
    built_in={
        "random": "automl_cli.strategies.random_search:RandomSearch",
        "reinforce": "automl_cli.strategies.reinforce:REINFORCE",
        "ppo": "automl_cli.strategies.ppo:PPO",
        "evolution": "automl_cli.strategies.evolution:Evolution",
        "local-search": "automl_cli.strategies.local_search:LocalSearch",
        "surrogate": "automl_cli.strategies.surrogate:Surrogate",
        "exhaustive": "automl_cli.strategies.exhaustive:Exhaustive",
    },
    needs=("summary", "settings", "starts_from_genotypes", "earlier", "small_spaces_only", "draws", "resolve"),
)
EVALUATORS = Table(
    "evaluator",
    group="automl_cli.evaluators",
    built_in={
        "trained": "automl_cli.evaluators.trained:TrainedEvaluator",
        "density": "automl_cli.evaluators.density:DensityEvaluator",
        "table": "automl_cli.evaluators.table:TableEvaluator",
        "analytic": "automl_cli.evaluators.analytic:AnalyticEvaluator",
    },
    internal={
        "compared": "automl_cli.evaluators.compared:ComparedEvaluator",
        "own": "automl_cli.evaluators.own:OwnEvaluator",
    },
    needs=(
        "summary",
        "trains",
        "instant",
        "unused",
        "flags",
        "options",
        "settings",
        "resolve",
        "check",
        "prepare",
        "together",
        "noisy",
        "costs",
        "sizes",
        "describe",
        "seconds",
    ),
)
EXECUTORS = Table(
    "executor",
    group="automl_cli.executors",
    built_in={
        "serial": "automl_cli.executors.serial:SerialExecutor",
        "local": "automl_cli.executors.local:LocalExecutor",
        "ray": "automl_cli.executors.ray_executor:RayExecutor",
    },
    needs=("submit", "wait", "close"),
)
