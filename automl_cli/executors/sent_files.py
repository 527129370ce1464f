"""The user's own files, a space or a function that scores, sent to other machines as they are.

A machine that has the same file at the same place, as with a shared file system, uses that one, and what stands beside it can
be imported. Elsewhere the file stands alone, in a folder of the cache that is named after its content.
"""

import hashlib
from pathlib import Path

import msgspec
from msgspec import Struct

from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import EvaluatorSpec
from automl_cli.store.files import replace_file
from automl_cli.system.process import compilation_caches


class SentFile(Struct, frozen=True):
    """A file of Python: its place on the machine that sends it, and its bytes."""

    path: str
    data: bytes


def own_files(setup: EvaluatorSetup) -> tuple[SentFile, ...]:
    """Return the files of Python that the setup names by their places."""
    named = [setup.space.file, setup.evaluator.settings.get("file")]
    paths = {path for path in named if isinstance(path, str) and path.endswith(".py")}
    return tuple(SentFile(path, Path(path).read_bytes()) for path in sorted(paths))


def at_hand(setup: EvaluatorSetup, files: tuple[SentFile, ...]) -> EvaluatorSetup:
    """Return the setup with the places that the files have on this machine; those that it lacks are written."""
    places = {file.path: str(_place(file)) for file in files}
    evaluator, space = setup.evaluator, setup.space
    if (path := evaluator.settings.get("file")) in places:
        evaluator = EvaluatorSpec(evaluator.name, {**evaluator.settings, "file": places[path]})
    if space.file in places:
        space = msgspec.structs.replace(space, file=places[space.file])
    return msgspec.structs.replace(setup, evaluator=evaluator, space=space)


def _place(file: SentFile) -> Path:
    there = Path(file.path)
    if _holds(there, file.data):
        return there
    kept = compilation_caches().parent / "sent" / hashlib.sha256(file.data).hexdigest()[:16] / there.name
    if not _holds(kept, file.data):
        kept.parent.mkdir(parents=True, exist_ok=True)
        replace_file(kept, file.data)
    return kept


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False
