"""Every error that `automl` raises on purpose, under one root.

The command line turns `UserError` into exit code 2 and `RunFailed` into exit code 1, one or two lines each; anything else is a
defect and keeps its traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class AutomlError(Exception):
    """Root of the tree. The text is what the user reads: what, where, what is allowed, next step."""


class UserError(AutomlError, ValueError):
    """The input is wrong and the user can mend it: an option, a file, a data set, a name. Exit code 2.

    Also a ValueError, so that a value refused while a file is decoded is reported with its path inside the file.
    """


class ArtifactError(UserError):
    """A file is not the artifact it should be. The text names the file and the failing path inside it."""


class DataError(UserError):
    """A data set is missing, broken, or cannot be read here."""


class SpaceError(UserError):
    """A search space, an option of it or a genotype does not fit."""


class RunInUse(UserError):
    """Another process holds the run directory."""


class RunFailed(AutomlError):
    """The work itself failed: no successful trial, a full disk, too many failures in a row. Exit code 1."""


def unknown_name(what: str, name: str, known: Iterable[str], *, hint: str = "") -> UserError:
    """Return the error for a name that no table holds, with the nearest one and all known ones.

    Where none is known, the hint says what else there is to give.

    >>> str(unknown_name("search space", "cn", ["cnn", "nasnet"]))
    "unknown search space 'cn'. Did you mean 'cnn'? Known: cnn, nasnet"
    >>> str(unknown_name("setting of strategy 'random':", "depth", []))
    "unknown setting of strategy 'random': 'depth'. There is none; leave it out"
    """
    table = sorted(known)
    rest = ". ".join(part for part in (f"Known: {', '.join(table)}" if table else "", hint.rstrip(".")) if part)
    return UserError(f"unknown {what} {name!r}.{_suggestion(name, table)} {rest or 'There is none; leave it out'}")


def unknown_option(name: str, owner: str, known: Iterable[str], *, hint: str = "") -> UserError:
    """Return the error for an option that its owner, such as "strategy ppo", does not have.

    >>> str(unknown_option("layrs", "space cnn", ["layers", "filters"]))
    "unknown option 'layrs' of space cnn. Did you mean 'layers'? It takes: filters, layers"
    >>> str(unknown_option("size", "strategy random", []))
    "unknown option 'size' of strategy random. It takes no options"
    """
    table = sorted(known)
    listing = f" It takes: {', '.join(table)}" if table else " It takes no options"
    return UserError(f"unknown option {name!r} of {owner}.{_suggestion(name, table)}{listing}{'. ' + hint if hint else ''}")


def _suggestion(name: str, table: list[str]) -> str:
    near = get_close_matches(name, table, n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""
