"""Functions of the user's own that score children: how they are named, where their source is, and how they are imported.

    path/score.py:accuracy       a function in a file
    package.module:accuracy      one in a module that Python can import
    <here>:accuracy              one that this process holds: of a notebook, of a script, or without a name to import it by

The first two go to worker processes by name. Planning reads their source and imports none of it; a recorded name is imported
only where the user gives it again, since a file may name anything.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from msgspec import Meta, Struct

from automl_cli.core.errors import UserError
from automl_cli.core.plugin_calls import described, type_in_words

HERE = "<here>"
"""Stands for a module where a function is held by this process alone."""

FORM = "FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION"

FITTING = "give a function of one child that returns its score"


class OwnFunction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The function that scores the children of a study. `digest` is the SHA-256 of its file, or of its own text where this
    process holds it; exactly one of `file` and `module` is given unless it does."""

    function: Annotated[str, Meta(description="The name of the function.")]
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 of its source.")]
    file: Annotated[str | None, Meta(description="The file it is in.")] = None
    module: Annotated[str | None, Meta(description="The module it is in.")] = None

    @property
    def is_here(self) -> bool:
        """Return whether only the process that was given the function holds it."""
        return self.file is None and self.module is None

    @property
    def reference(self) -> str:
        """The function as `--evaluator` names it."""
        return f"{self.file or self.module or HERE}:{self.function}"


def is_reference(text: str) -> bool:
    """Return whether a text names a function rather than an evaluator.

    >>> is_reference("score.py:accuracy"), is_reference("my.module:accuracy"), is_reference("trained")
    (True, True, False)
    """
    return ":" in text or text.endswith(".py")


def own_function(reference: str) -> OwnFunction:
    """Return the function that a text names, its source read and not imported. Raises UserError where there is none."""
    place, colon, name = reference.rpartition(":")
    if not (place and colon and name.isidentifier()):
        raise UserError(f"--evaluator {reference} names no function; give {FORM}")
    if place == HERE:
        return _held(name)
    if place.endswith(".py"):
        file = Path(place).expanduser().resolve()
        if not file.is_file():
            raise UserError(f"--evaluator {reference}: there is no file {file}; give {FORM}")
        return OwnFunction(function=name, digest=_digest_of(file, name), file=str(file))
    return OwnFunction(function=name, digest=_digest_of(_file_of(place, reference), name), module=place)


def hold(function: Any) -> str:
    """Keep a function of this process for evaluators that are built here, and return the text that names it.

    One that every process can import goes by the name of its module. Raises UserError for what cannot be called, and for a
    function whose source nobody can see: a resumed search could not tell whether it has changed.
    """
    name = getattr(function, "__name__", "")
    if not callable(function) or not name.isidentifier():
        raise UserError(
            f"evaluator is {type_in_words(function)}; give a function of one child that returns its score, or {FORM}"
        )
    if (module := _importable(function)) is not None:
        return f"{module}:{name}"
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError) as error:
        raise UserError(
            f"the source of evaluator {name} cannot be read, so that a resumed search could not tell whether it has changed; "
            "write it into a file and give FILE.py:FUNCTION"
        ) from error
    _HELD[name] = (function, hashlib.sha256(source.encode()).hexdigest())
    return f"{HERE}:{name}"


def imported(found: OwnFunction) -> Callable[[Any], Any]:
    """Import and return the function. Raises UserError for a file that fails on import, and for a source that has changed since
    the search was started: a worker may be started late."""
    now = own_function(found.reference)
    if now.digest != found.digest:
        raise UserError(f"the source of evaluator {found.reference} has changed while the search ran; put it back and resume")
    if found.is_here:
        return _HELD[found.function][0]
    try:
        module = import_module(found.module) if found.module is not None else _from_file(Path(found.file or ""))
        function: Any = getattr(module, found.function, None)
    except (Exception, SystemExit) as error:
        raise UserError(f"evaluator {found.reference} fails on import: {described(error, found.file)}") from error
    if not callable(function):
        raise UserError(f"evaluator {found.reference} is {type_in_words(function)}; it must be a function of one child")
    return function  # type: ignore[no-any-return]


_HELD: dict[str, tuple[Callable[..., Any], str]] = {}
"""The functions that this process was given, by name, each with the digest of its source."""


def _held(name: str) -> OwnFunction:
    if name not in _HELD:
        raise UserError(
            f"the function {name!r} is not held by this process: it was given to automl_cli.search in a notebook or a script; "
            "give it there again"
        )
    function, digest = _HELD[name]
    if (problem := _misfit_of_held(function)) is not None:
        raise UserError(f"evaluator {name} {problem}; {FITTING}")
    return OwnFunction(function=name, digest=digest)


def _misfit_of_held(function: Callable[..., Any]) -> str | None:
    """Return what is wrong with a function of this process, where it cannot be called with one child."""
    if inspect.isclass(function):
        return "is a class"
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return "does not take exactly one argument"
    except ValueError:  # nobody can see what it takes
        return None
    return None


def _importable(function: Any) -> str | None:
    """Return the module by which a fresh process can import the function; None where there is none."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if module in (None, "__main__") or not name.isidentifier() or not inspect.isfunction(function):
        return None
    spec = None
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # made by hand
        return None
    known = spec is not None and spec.origin is not None and Path(spec.origin).is_file()
    return module if known and getattr(sys.modules.get(module), name, None) is function else None


def _file_of(module: str, reference: str) -> Path:
    """Return the file of a module, found as Python would find it; only packages above it are imported."""
    try:
        spec = importlib.util.find_spec(module)
    except (Exception, SystemExit) as error:
        raise UserError(f"--evaluator {reference}: module {module} cannot be found: {described(error)}") from error
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise UserError(
            f"--evaluator {reference}: Python finds no module {module!r} written in Python; install its package, or give "
            "FILE.py:FUNCTION"
        )
    return Path(spec.origin)


def _digest_of(file: Path, name: str) -> str:
    """Return the digest of a file. Raises UserError where it is no Python, or nothing in it has this name."""
    data = file.read_bytes()
    try:
        tree = ast.parse(data, filename=str(file))
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{file} is no Python: {error}") from error
    if name not in (names := set(_names_in(tree.body))):
        public = sorted(known for known in names if not known.startswith("_"))
        raise UserError(f"{file} defines no {name!r}; it defines: {', '.join(public) or 'nothing'}")
    problems = [_misfit(statement, name) for statement in tree.body if name in _names_in([statement])]
    if problems[-1] is not None:  # what is bound last counts
        raise UserError(f"{name!r} in {file} {problems[-1]}; {FITTING}")
    return hashlib.sha256(data).hexdigest()


def _misfit(statement: ast.stmt, name: str) -> str | None:
    """Return what is wrong with what a statement binds to a name, where it surely cannot be called with one child."""
    match statement:
        case ast.ClassDef():
            return "is a class"
        case ast.FunctionDef(args=taken, decorator_list=[]):
            by_place = len(taken.posonlyargs) + len(taken.args)
            takes_one = by_place - len(taken.defaults) <= 1 and (by_place > 0 or taken.vararg is not None)
            fits = takes_one and None not in taken.kw_defaults
            return None if fits else "does not take exactly one argument"
        case ast.Assign(targets=[ast.Name(id=bound)], value=value) | ast.AnnAssign(target=ast.Name(id=bound), value=value):
            return "is no function" if bound == name and isinstance(value, _PLAIN) else None
    return None


_PLAIN = (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
"""Expressions whose value nobody can call."""


def _names_in(body: list[ast.stmt]) -> list[str]:
    """Return the names that statements bind, those inside of `if` and `try` too."""
    names: list[str] = []
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names.append(statement.name)
            continue
        if isinstance(statement, ast.Import | ast.ImportFrom):
            names += [(alias.asname or alias.name).partition(".")[0] for alias in statement.names]
        for field in ("body", "orelse", "handlers", "finalbody"):
            names += _names_in(getattr(statement, field, []))
        names += [node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return names


def _from_file(file: Path) -> ModuleType:
    """Import a file under a name of its own; what stands beside it can be imported from there."""
    name = f"automl_evaluator_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UserError(f"{file} cannot be imported as Python")
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
