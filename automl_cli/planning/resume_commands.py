"""Print commands that continue searches."""

from pathlib import Path

import msgspec

from automl_cli.core.shell_commands import command_line
from automl_cli.evaluators.own import NAME
from automl_cli.evaluators.own_function import OwnFunction
from automl_cli.store.study import StudySettings


def resume_search_command(settings: StudySettings, path: Path) -> str:
    """Return the command that continues the search in this directory. It names a space's own file, and a function of the user's
    own, again; where only a program holds that function, it is a call of Python."""
    file = ("--space", settings.space.file) if settings.space.file else ()
    if settings.evaluator.name != NAME:
        return command_line(settings.command, "--out", path, "--resume", *file)
    own = msgspec.convert(settings.evaluator.settings, OwnFunction)
    if own.is_here:
        return _call(settings, path, own.function)
    return command_line(settings.command, "--out", path, "--resume", *file, "--evaluator", own.reference)


def _call(settings: StudySettings, path: Path, function: str) -> str:
    """Return the call of Python that continues a search whose function only a program holds."""
    space = f", space={settings.space.file!r}" if settings.space.file else ""
    what = settings.command.removeprefix("search-")
    return f"automl_cli.search({what!r}, out={str(path)!r}, resume=True, evaluator={function}{space})"
