"""Finds search spaces: the package `search_spaces` beside this one, then the entry-point group, then a file the user names.

Nothing imports a space by name; adding a space is adding a file.
"""

import importlib.util
import pkgutil
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import automl_cli
from automl_cli.core.errors import SpaceError, UserError, unknown_name
from automl_cli.core.plugin_calls import described, type_in_words
from automl_cli.core.spaces import Plugin, SearchSpace, SpaceReference
from automl_cli.plugins.registry import with_installed
from automl_cli.plugins.space_checks import check_plugin

ENTRY_POINT_GROUP = "automl_cli.search_spaces"

BUILT_IN = "search_spaces"
"""The package of the spaces that are built in, by the name it has unless another package of that name comes first."""

_NAME_BESIDE_ANOTHER = "automl_cli_search_spaces"


@cache
def plugins() -> Mapping[str, Plugin]:
    """Return all spaces found without being named, by name. A plug-in of an installed package may not hide one of ours."""
    package, found = _built_in_package(), {}
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if not module.name.startswith("_"):
            plugin = _plugin_of(import_module(f"{package.__name__}.{module.name}"), f"{BUILT_IN}/{module.name}.py")
            found[plugin.name] = plugin
    return with_installed(found, group=ENTRY_POINT_GROUP, what="space", check=_checked)


def plugin_named(name_or_file: str) -> tuple[Plugin, str | None]:
    """Return the plug-in of this name, or of this `.py` file (then also its absolute path)."""
    if name_or_file.endswith(".py"):
        path = Path(name_or_file).resolve()
        return _load_file(path, name_or_file), str(path)
    if name_or_file not in plugins():
        raise unknown_name("search space", name_or_file, plugins(), hint="A file of your own ends in .py")
    return plugins()[name_or_file], None


def open_space(reference: SpaceReference) -> SearchSpace:
    """Return the space that a study recorded. A file is imported only where the user gave it (see `SpaceReference`)."""
    plugin, _ = plugin_named(reference.file or reference.name)
    if (plugin.name, plugin.version) != (reference.name, reference.version):
        raise SpaceError(
            f"this was made with space {reference.name!r} version {reference.version}; "
            f"here is {plugin.name!r} version {plugin.version}. "
            "Use the version of automl-cli, or the file, that it was made with"
        )
    return SearchSpace(plugin, reference.options, place=reference.file)


def spaces_of(command: str) -> tuple[str, ...]:
    """Return the names of the discovered spaces that a search command can search."""
    return tuple(name for name, plugin in plugins().items() if plugin.command == command)


def _built_in_package() -> ModuleType:
    """Import the package beside `automl_cli`, wherever that is installed.

    A package or module of the user's own may have the same name and come first on Python's path. It keeps that name, and ours
    is imported under another, so that neither hides the other and no space is imported twice.
    """
    file = Path(automl_cli.__file__).resolve().parent.parent / BUILT_IN / "__init__.py"
    if not file.is_file():
        raise UserError(f"{file} is missing, so the built-in search spaces are; install automl-cli again")
    if _comes_first(file):
        return import_module(BUILT_IN)
    if (loaded := sys.modules.get(_NAME_BESIDE_ANOTHER)) is not None:
        return loaded
    return _imported(_NAME_BESIDE_ANOTHER, file, search=[str(file.parent)])


def _comes_first(file: Path) -> bool:
    """Return whether the name of the package stands for this file."""
    try:
        spec = importlib.util.find_spec(BUILT_IN)
    except (ImportError, ValueError):  # a module that was put into sys.modules by hand
        return False
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() == file


def _imported(name: str, file: Path, *, search: list[str] | None = None) -> ModuleType:
    """Import a file under this name; with folders to search it is a package."""
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise UserError(f"{file} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _load_file(path: Path, place: str) -> Plugin:
    if not path.is_file():
        raise UserError(f"no search-space file at {path}; give an existing .py file or one of: {', '.join(plugins())}")
    try:
        module = _imported(f"automl_space_{path.stem}", path)
    except (Exception, SystemExit) as error:
        within = str(path) if isinstance(error, UserError) else None  # ours is raised in our code; the fault is in the file
        raise UserError(f"search-space file {path} fails on import: {described(error, within)}") from error
    plugin = _plugin_of(module, place)
    commands = sorted({known.command for known in plugins().values()})
    if plugin.command not in commands:
        raise SpaceError(f"{place}: command of SPACE is {plugin.command!r}; it must be one of: {', '.join(commands)}")
    return plugin


def _plugin_of(module: ModuleType, place: str) -> Plugin:
    if not hasattr(module, "SPACE"):
        raise SpaceError(f"{place} declares no space: it needs a module-level SPACE = Plugin(...)")
    return _checked(module.SPACE, place)


def _checked(plugin: object, place: str) -> Plugin:
    """Return what was declared as a space, its declaration checked."""
    if not isinstance(plugin, Plugin):
        raise SpaceError(f"{place}: SPACE is {type_in_words(plugin)}; it must be a Plugin (automl_cli.core.spaces)")
    return check_plugin(plugin, place)
