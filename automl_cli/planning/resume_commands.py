"""Print commands that continue searches."""

from pathlib import Path

from automl_cli.core.shell_commands import command_line
from automl_cli.store.study import StudySettings


def resume_search_command(settings: StudySettings, path: Path) -> str:
    """Return the command that continues the search in this directory. It names a space's own file again."""
    file = ("--space", settings.space.file) if settings.space.file else ()
    return command_line(settings.command, "--out", path, "--resume", *file)
