"""Reads what the installed package says of itself: which packages it needs, which extras it has, and what of them is here."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires
from typing import Any

from msgspec import Struct

from automl_cli.core.errors import UserError
from automl_cli.system.machine import installed_version

PACKAGE = "automl-cli"

FOR_DEVELOPERS = frozenset({"dev", "bench"})
"""Extras that no command needs."""


class Requirement(Struct, frozen=True):
    """A package that is wanted, with the versions that are, and the version that is installed; None for none."""

    name: str
    wanted: str
    installed: str | None
    fits: bool


def needed() -> list[Requirement]:
    """Return what the package needs anyway. UserError where it is not installed as a package."""
    return [row for extra, row in _requirements() if extra is None]


def extras() -> dict[str, list[Requirement]]:
    """Return the extras that commands may need, each with its packages."""
    rows = list(_requirements())
    known = [name for name in metadata(PACKAGE).get_all("Provides-Extra") or () if name not in FOR_DEVELOPERS]
    return {name: [row for extra, row in rows if extra == name] for name in known}


def install_command(extra: str) -> str:
    """Return the command that installs what an extra needs, or all that is needed anyway.

    >>> install_command("ray"), install_command("")
    ("pip install 'automl-cli[ray]'", 'pip install --upgrade automl-cli')
    """
    return f"pip install '{PACKAGE}[{extra}]'" if extra else f"pip install --upgrade {PACKAGE}"


def _requirements() -> Iterator[tuple[str | None, Requirement]]:
    """Yield what the package asks for, each with the extra that it is part of."""
    from packaging.requirements import Requirement as Parsed

    try:
        texts = requires(PACKAGE) or ()
    except PackageNotFoundError:
        raise UserError(f"{PACKAGE} is not installed as a package, so what it needs is not known") from None
    for text in texts:
        parsed = Parsed(text)
        found = re.search(r"""extra\s*==\s*["']([^"']+)["']""", text)
        extra = None if found is None else found[1]
        if parsed.marker is not None and not parsed.marker.evaluate({"extra": extra or ""}):
            continue
        yield extra, _looked_at(parsed)
        for wanted in sorted(parsed.extras):
            yield from ((extra, row) for row in _of_extra(parsed.name, wanted))


def _of_extra(package: str, extra: str) -> Iterator[Requirement]:
    """Yield what an installed package of others needs for an extra of its own, such as `jax[cuda12]`."""
    from packaging.requirements import Requirement as Parsed

    for parsed in map(Parsed, (requires(package) or ()) if installed_version(package) else ()):
        if parsed.marker is not None and parsed.marker.evaluate({"extra": extra}) and not parsed.marker.evaluate({"extra": ""}):
            yield _looked_at(parsed)


def _looked_at(parsed: Any) -> Requirement:
    installed = installed_version(parsed.name)
    fits = installed is not None and parsed.specifier.contains(installed, prereleases=True)
    return Requirement(parsed.name, str(parsed.specifier), installed, fits)
