"""Print commands that continue searches."""

from pathlib import Path

import msgspec

from automl_cli.core.shell_commands import command_line
from automl_cli.evaluators.own import NAME
from automl_cli.evaluators.own_function import OwnFunction
from automl_cli.store.study import StudySettings


def resume_search_command(settings: StudySettings, path: Path) -> str:
    """Return the command that continues the search in this directory. It names a space's own file, and a function of the user's
    own, again."""
    file = ("--space", settings.space.file) if settings.space.file else ()
    function: tuple[str, ...] = ()
    if settings.evaluator.name == NAME:
        function = ("--evaluator", msgspec.convert(settings.evaluator.settings, OwnFunction).reference)
    return command_line(settings.command, "--out", path, "--resume", *file, *function)
