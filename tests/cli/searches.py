"""Searches as a user types them, on the tiny space and without training."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SPACE = Path(__file__).parent.parent / "tiny_space.py"


def search(*more: object, space: object = SPACE, **flags: Any) -> list[str]:
    """The arguments of a search by formula."""
    arguments = ["search-arch", "--space", space, "--evaluator", "analytic"]
    for name, value in flags.items():
        arguments += [f"--{name.replace('_', '-')}", value]
    return [str(argument) for argument in (*arguments, *more)]


def start(arguments: list[str], *, before: str = "", **more: Any) -> subprocess.Popen[str]:
    """The command in a process of its own, in a process group of its own; `before` is Python that runs first."""
    code = f"{before}\nfrom automl_cli.__main__ import main\nmain()"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | more.pop("environment", {})
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, text=True, start_new_session=True, **streams
    )
