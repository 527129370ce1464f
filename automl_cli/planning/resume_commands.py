"""Commands that go on with searches, as they are printed."""

from pathlib import Path

from automl_cli.core.shell_commands import command_line
from automl_cli.store.study import StudySettings


def resume_search_command(settings: StudySettings, path: Path) -> str:
    """What continues the search in this directory. A space from a file is given again."""
    file = ("--space", settings.space.file) if settings.space.file else ()
    return command_line(settings.command, "--out", path, "--resume", *file)
