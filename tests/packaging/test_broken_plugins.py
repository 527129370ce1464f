"""Installed packages that cannot be loaded: they disturb nobody who does not name them, and say why to those who do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.outside import Shell

GROUPS = {"strategies": "strategy", "evaluators": "evaluator", "kinds": "kind", "problems": "problem"}


@pytest.fixture
def broken(tmp_path: Path) -> Callable[..., Shell]:
    """Installs a package whose module is missing, by entry points of these groups; gives the command line."""

    def installed(*groups: str, name: str = "lost") -> Shell:
        about = tmp_path / "site" / "lost-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lost\nVersion: 1.0\n")
        entries = [f"[automl_cli.{group}]\n{name} = no_such_module:LOST\n" for group in groups]
        (about / "entry_points.txt").write_text("\n".join(entries))
        return Shell(tmp_path / "site", tmp_path)

    return installed


def test_the_help_of_a_search_and_a_plan_do_not_need_them(broken: Callable[..., Shell]) -> None:
    automl = broken(*GROUPS)
    assert "exhaustive, lost; see `automl strategies`" in " ".join(automl("search-arch", "--help").split())
    assert "--metric" in automl("train", "--help")
    assert "strategy" in automl("search-arch", "--dry-run")


@pytest.mark.parametrize("command", ["strategies", "evaluators"])
def test_a_list_says_why_one_cannot_be_loaded(command: str, broken: Callable[..., Shell]) -> None:
    automl = broken(command)
    words = f"{GROUPS[command]} 'lost' cannot be loaded from the installed plug-in 'no_such_module:LOST': ModuleNotFoundError"
    assert words in " ".join(automl(command).split())
    assert words in automl.refused(command, "lost")
    assert words in automl.refused("search-arch", f"--{GROUPS[command]}", "lost")


@pytest.mark.parametrize("group", ["strategies", "evaluators"])
def test_one_that_takes_the_name_of_a_built_in_one_leaves_the_help_alone(group: str, broken: Callable[..., Shell]) -> None:
    name = {"strategies": "ppo", "evaluators": "table"}[group]
    automl = broken(group, name=name)
    assert "--reward-column" in automl("search-arch", "--help")
    assert "which is built in, has that name" in automl.refused("search-arch", f"--{GROUPS[group]}", name)
