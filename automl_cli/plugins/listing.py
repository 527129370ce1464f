"""Finds kinds and problems by listing a package of ours and an entry-point group. To add one, add a file or install a
package."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

import msgspec

from automl_cli.core.errors import ArtifactError, UserError, unknown_name
from automl_cli.core.flags import Flag
from automl_cli.plugins.kind import Kind
from automl_cli.plugins.registry import with_installed


@cache
def kinds() -> Mapping[str, Kind]:
    """Return all kinds by name: those of `automl_cli.kinds`, then those of installed packages that can be loaded."""
    return _rows("automl_cli.kinds", "KIND", what="kind", broken=_broken_kinds)


@cache
def problems() -> Mapping[str, Any]:
    """Return all problems by name: those of `automl_cli.problems`, then those of installed packages that can be loaded."""
    return _rows("automl_cli.problems", "PROBLEM", what="problem", broken=_broken_problems)


_broken_kinds: dict[str, UserError] = {}
_broken_problems: dict[str, UserError] = {}
"""Why rows of installed packages cannot be loaded, by name. They disturb nobody who does not name them."""


def problem_rows(panel: str, **more: Any) -> tuple[Flag, ...]:
    """Return the flags of all problems, each name once, for a command that shows them under this panel."""
    rows: dict[str, Flag] = {}
    for problem in problems().values():
        for row in problem.flags:
            rows.setdefault(row.name, msgspec.structs.replace(row, panel=panel, **more))
    return tuple(rows.values())


def kind_named(name: str) -> Kind:
    """Return the kind of this name. Raises UserError where there is none."""
    if name not in kinds():
        raise _broken_kinds.get(name) or unknown_name("kind", name, kinds())
    return kinds()[name]


def problem_named(name: str) -> Any:
    """Return the problem of this name, a `core.problem.Problem`. Raises UserError where there is none."""
    if name not in problems():
        raise _broken_problems.get(name) or unknown_name("problem", name, problems())
    return problems()[name]


@cache
def bodies() -> Mapping[str, Any]:
    """Return the bodies of all kinds of artifact, by the names in their schemas."""
    return {kind.body.SCHEMA.name: kind.body for kind in kinds().values() if kind.body is not None}


def kind_of(body: Any) -> Kind:
    """Return the kind that has this body, or a body of this type."""
    wanted = body if isinstance(body, type) else type(body)
    return next(kind for kind in kinds().values() if kind.body is wanted)


def held_by(body: Any) -> Any:
    """Return what an artifact with this body holds: its value, or the body itself where its kind has no values."""
    return body.value if kind_of(body).is_found else body


def standing_kind(kind: Kind) -> Kind:
    """Return the kind of what stands in a child's role for values of this kind: for a cell, the architecture stacked from
    it."""
    return kind if kind.stands_as is None else kind_named(kind.stands_as)


def kinds_of_role(role: str) -> tuple[Kind, ...]:
    """Return the kinds whose values fill this role."""
    return tuple(kind for kind in kinds().values() if kind.role == role)


def kinds_of_flag(flag: str) -> tuple[Kind, ...]:
    """Return the kinds whose artifacts this flag takes."""
    return tuple(kind for kind in kinds().values() if kind.flag == flag)


def _rows(package: str, attribute: str, *, what: str, broken: dict[str, UserError]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for module in sorted(pkgutil.iter_modules(import_module(package).__path__), key=lambda module: module.name):
        if module.name.endswith(("_flags", "_learning")):  # parts of a problem, in files of their own
            continue
        row = getattr(import_module(f"{package}.{module.name}"), attribute, None)
        if row is None:
            raise ArtifactError(f"{package}.{module.name} declares no {what}: it needs a module-level {attribute}")
        found[row.name] = row
    return with_installed(found, group=package, what=what, broken=broken)
