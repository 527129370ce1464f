"""Packages as strangers write them, installed without pip: a folder on the path, with the files that pip would write beside."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import ROOT


def install(site: Path, package: Path, entry_points: str) -> Path:
    """Puts the package into a folder, with its entry points; the folder."""
    shutil.copytree(package, site / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    about = site / f"{package.name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package.name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(entry_points)
    return site


class Shell:
    """The command line in processes of its own, which find the installed packages."""

    def __init__(self, site: Path, folder: Path) -> None:
        self.folder = folder
        """Where commands run."""
        self._where = {"cwd": folder, "env": {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(site)))}}

    def __call__(self, *arguments: object) -> str:
        """What the command prints. Fails unless it ends with 0."""
        done = subprocess.run(self._line(arguments), capture_output=True, text=True, **self._where)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    def refused(self, *arguments: object) -> str:
        """The error of a command that must end with 2."""
        done = subprocess.run(self._line(arguments), capture_output=True, text=True, **self._where)  # type: ignore[call-overload]
        assert done.returncode == 2, (done.returncode, done.stderr)
        return str(done.stderr)

    def killed(self, *arguments: object, journal: Path, told: int, patience_seconds: float = 120.0) -> None:
        """Kill the command, as `kill -9` does, when its journal holds so many outcomes."""
        process = subprocess.Popen(self._line(arguments), **self._where)  # type: ignore[call-overload]
        give_up = time.monotonic() + patience_seconds
        while not (journal.is_file() and journal.read_bytes().count(b'"record":"told"') >= told):
            assert process.poll() is None, "the command ended before it could be killed"
            assert time.monotonic() < give_up, "the command told too few outcomes in time"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()

    @staticmethod
    def _line(arguments: tuple[object, ...]) -> list[str]:
        return [sys.executable, "-P", "-m", "automl_cli", *map(str, arguments)]
