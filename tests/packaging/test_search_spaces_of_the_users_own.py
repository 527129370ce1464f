"""Something else named `search_spaces` that comes first on Python's path hides no built-in space, and is hidden by none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.tables import PLUGINS

HIDING = {
    "an empty package": {"search_spaces/__init__.py": ""},
    "a package with a space of the same name": {"search_spaces/__init__.py": "", "search_spaces/cnn.py": "1 / 0\n"},
    "a module": {"search_spaces.py": "MARK = 'mine'\n"},
    "a package that fails": {"search_spaces/__init__.py": "raise RuntimeError('not to be imported')\n"},
    "a folder without __init__": {"search_spaces/notes.txt": ""},
}


def python(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in the project's folder, which comes before the checkout on the path."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(project), str(ROOT)))}
    return subprocess.run([sys.executable, *arguments], cwd=project, env=environment, capture_output=True, text=True)


@pytest.fixture(params=HIDING.values(), ids=HIDING.keys())
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with something named `search_spaces` in it."""
    for name, text in request.param.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_built_in_spaces_are_all_found(project: Path) -> None:
    done = python(project, "-m", "automl_cli", "spaces", "--json")
    assert done.returncode == 0, done.stderr
    assert [space["name"] for space in json.loads(done.stdout)["spaces"]] == list(PLUGINS)


def test_worker_processes_find_the_built_in_spaces(tmp_path: Path) -> None:
    (tmp_path / "search_spaces.py").write_text("raise RuntimeError('not to be imported')\n")
    flags = (
        "--evaluator",
        "analytic",
        "--strategy",
        "random",
        "--trials",
        "2",
        "--executor",
        "local",
        "--workers",
        "1",
        "--out",
        "run",
    )
    done = python(tmp_path, "-m", "automl_cli", "search-arch", *flags)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "best.json").read_bytes())["body"]["found"]["space"]["name"] == "cnn"


def test_a_space_of_ones_own_still_imports_the_users_module(tmp_path: Path) -> None:
    (tmp_path / "search_spaces.py").write_text("NAME = 'from-the-users-module'\n")
    source = (ROOT / "tests" / "tiny_space.py").read_text()
    (tmp_path / "mine.py").write_text(f"import search_spaces\n{source}".replace('name="tiny"', "name=search_spaces.NAME"))
    done = python(tmp_path, "-m", "automl_cli", "spaces", "mine.py", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "from-the-users-module"


@pytest.mark.parametrize("hidden", [False, True])
def test_no_space_is_imported_twice(tmp_path: Path, hidden: bool) -> None:
    if hidden:
        (tmp_path / "search_spaces.py").write_text("")
    program = (
        "import collections, sys\n"
        "from automl_cli.plugins.discovery import plugins\n"
        "plugins(), plugins.__wrapped__()\n"
        "files = collections.Counter(getattr(m, '__file__', None) for n, m in sys.modules.items() if 'search_spaces' in n)\n"
        "assert len(files) > 3 and set(files.values()) == {1}, files\n"
        f"assert ('search_spaces.cnn' in sys.modules) is {not hidden}\n"
    )
    done = python(tmp_path, "-c", program)
    assert done.returncode == 0, done.stderr
