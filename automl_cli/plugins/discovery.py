"""Finds search spaces: the package `search_spaces`, then the entry-point group, then a file the user names.

Nothing imports a space by name; adding a space is adding a file.
"""

import importlib.util
import pkgutil
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

import search_spaces
from automl_cli.core.errors import SpaceError, UserError, unknown_name
from automl_cli.core.spaces import Plugin, SearchSpace, SpaceReference
from automl_cli.plugins.registry import with_installed

ENTRY_POINT_GROUP = "automl_cli.search_spaces"


@cache
def plugins() -> Mapping[str, Plugin]:
    """All spaces found without being named, by name. A plug-in of an installed package may not hide one of ours."""
    found: dict[str, Plugin] = {}
    for module in sorted(pkgutil.iter_modules(search_spaces.__path__), key=lambda module: module.name):
        if not module.name.startswith("_"):
            plugin = _plugin_of(import_module(f"search_spaces.{module.name}"), f"search_spaces/{module.name}.py")
            found[plugin.name] = plugin
    return with_installed(found, group=ENTRY_POINT_GROUP, what="space")


def plugin_named(name_or_file: str) -> tuple[Plugin, str | None]:
    """The plug-in of this name, or of this `.py` file (then also its absolute path)."""
    if name_or_file.endswith(".py"):
        path = Path(name_or_file).resolve()
        return _load_file(path), str(path)
    if name_or_file not in plugins():
        raise unknown_name("search space", name_or_file, plugins(), hint="A file of your own ends in .py")
    return plugins()[name_or_file], None


def open_space(reference: SpaceReference) -> SearchSpace:
    """The space that a study recorded. A file is imported only where the user gave it (see `SpaceReference`)."""
    plugin, _ = plugin_named(reference.file or reference.name)
    if (plugin.name, plugin.version) != (reference.name, reference.version):
        raise SpaceError(
            f"this was made with space {reference.name!r} version {reference.version}; "
            f"here is {plugin.name!r} version {plugin.version}. "
            "Use the version of automl-cli, or the file, that it was made with"
        )
    return SearchSpace(plugin, reference.options)


def spaces_of(command: str) -> tuple[str, ...]:
    """Names of the discovered spaces that a search command can search."""
    return tuple(name for name, plugin in plugins().items() if plugin.command == command)


def _load_file(path: Path) -> Plugin:
    if not path.is_file():
        raise UserError(f"no search-space file at {path}; give an existing .py file or one of: {', '.join(plugins())}")
    spec = importlib.util.spec_from_file_location(f"automl_space_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"search-space file {path} fails on import: {type(error).__name__}: {error}") from error
    return _plugin_of(module, str(path))


def _plugin_of(module: object, place: str) -> Plugin:
    plugin = getattr(module, "SPACE", None)
    if not isinstance(plugin, Plugin):
        raise SpaceError(f"{place} declares no space: it needs a module-level SPACE = Plugin(...)")
    return plugin
