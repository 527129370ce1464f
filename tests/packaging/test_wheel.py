"""The wheel: what is in it, and that it runs outside the checkout. Built and installed without the network. The source
distribution: whether its pages are whole."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli import __version__
from tests.contracts.test_every_command import LINKS, TEXTS
from tests.tables import PLUGINS, ROOT

OUR_PACKAGES = ("automl_cli", "search_spaces")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder)]
    subprocess.run([*pip, str(ROOT)], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site_packages(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an environment in which the wheel is installed; our dependencies are lent by the environment of the tests."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*pip, str(wheel)], check=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return packages


@pytest.fixture
def installed(site_packages: Path, tmp_path: Path) -> Callable[..., str]:
    """Runs the installed program in a directory that is not the checkout; what it wrote to stdout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*command: str) -> str:
        program = [str(site_packages.parents[2] / "bin" / command[0]), *command[1:]]
        done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_wheel_holds_both_packages_whole_and_nothing_else(wheel: Path) -> None:
    listed = subprocess.run(["git", "ls-files", *OUR_PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True)
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert set(listed.stdout.split()) <= held
    assert {name.partition("/")[0] for name in held} == set(OUR_PACKAGES)


def test_wheel_names_license_and_python(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_source_distribution_holds_every_page_and_what_it_links_to(tmp_path: Path) -> None:
    build = "import sys, hatchling.build; hatchling.build.build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (built,) = tmp_path.iterdir()
    with tarfile.open(built) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    linked = {(ROOT / page).parent.joinpath(target).resolve().relative_to(ROOT.resolve()) for page, target in LINKS}
    wanted = {*TEXTS, *(str(path) for path in linked)}
    assert [path for path in wanted if path not in held and not any(name.startswith(f"{path}/") for name in held)] == []


def test_installed_program_runs_outside_the_checkout(installed: Callable[..., str], site_packages: Path) -> None:
    assert installed("automl", "--version") == f"automl-cli {__version__}\n"
    found = installed("python", "-c", "import automl_cli, search_spaces; print(automl_cli.__file__, search_spaces.__file__)")
    assert all(path.startswith(str(site_packages)) for path in found.split())
    listed = json.loads(installed("automl", "spaces", "--json"))["spaces"]
    assert [space["name"] for space in listed] == list(PLUGINS)


def test_installed_program_searches(installed: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text((ROOT / "tests" / "tiny_space.py").read_text())
    flags = ("--strategy", "random", "--evaluator", "analytic", "--trials", "6", "--executor", "serial", "--out", "first")
    assert installed("automl", "search-arch", "--space", "mine.py", *flags) == "first/best.json\n"
    assert json.loads(installed("automl", "report", "first", "--json"))["runs"][0]["trials"] == 6


def test_another_package_adds_a_space_by_its_entry_point(installed: Callable[..., str], site_packages: Path) -> None:
    (site_packages / "their_space.py").write_text((ROOT / "tests" / "tiny_space.py").read_text())
    record = site_packages / "theirs-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text("[automl_cli.search_spaces]\ntiny = their_space:SPACE\n")
    assert json.loads(installed("automl", "spaces", "tiny", "--json"))["size"] == 3**4
