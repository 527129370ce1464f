"""Starts the two sides of a comparison on one core each and talks to them. They work in turn, never at the same time."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from automl_cli.system.process import process_settings

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OURS = str(HERE / "our_side.py")


class Side:
    """A process that answers jobs."""

    def __init__(self, command: list[str], *, core: int, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "BENCHMARK_CORE": str(core), **environment},
        )
        self.greeting = self._answer()

    def ask(self, **job: Any) -> dict[str, Any]:
        """The result of one job."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a side of the comparison ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def ours(core: int, programs: Path, data: Path) -> Side:
    """Our side with its compilation cache, and its prepared data, in folders of their own."""
    os.environ["XDG_CACHE_HOME"] = str(programs)  # decides where the settings put the compilation cache
    environment = {**process_settings(), "AUTOML_CACHE_DIR": str(data)}
    # As a worker does, before JAX is imported.
    keep_heap = "from automl_cli.system.process import keep_heap; keep_heap()"
    start = f"{keep_heap}; import runpy, sys; sys.path.append({str(HERE)!r}); runpy.run_path({OURS!r}, None, '__main__')"
    return Side([sys.executable, "-c", start], core=core, environment=environment)


def pytorch(python: str, core: int, *, keeps_heap: bool = False, compiles: Path | None = None) -> Side:
    """PyTorch's side, run by the interpreter of its environment. One that compiles keeps its programs in the folder `compiles`
    and compiles in its own process, one program after the other."""
    environment = {"OMP_NUM_THREADS": "1"}
    if keeps_heap:
        environment["BENCHMARK_KEEPS_HEAP"] = "1"
    if compiles is not None:
        folder, threads = {"TORCHINDUCTOR_CACHE_DIR": str(compiles)}, {"TORCHINDUCTOR_COMPILE_THREADS": "1"}
        environment |= {"BENCHMARK_COMPILES": "1", **folder, **threads}
    return Side([python, str(HERE / "pytorch_side.py")], core=core, environment=environment)


def has_compiler() -> bool:
    """Whether there is a C++ compiler for `torch.compile`."""
    return any(map(shutil.which, filter(None, (os.environ.get("CXX"), "g++", "clang++"))))


def all_sides(asked: argparse.Namespace, folder: Path, fill: Iterable[dict[str, Any]]) -> dict[str, Side]:
    """Ours three times, PyTorch three times. `warm` has done the jobs `fill`, with a compilation cache below the folder; `disk`
    has a copy of that cache, which does not get what the first one compiles later; `cold` starts with an empty one.
    `torch_heap` has our setting of the heap; `torch_compile` compiles, and is there where a compiler is."""
    running = {"warm": ours(asked.core, folder / "disk", folder / "data")}
    for job in fill:
        running["warm"].ask(**job)
    shutil.copytree(folder / "disk", folder / "copy")
    running["disk"] = ours(asked.core, folder / "copy", folder / "data")
    running["cold"] = ours(asked.core, folder / "cold", folder / "data")
    running["torch"] = pytorch(asked.torch_python, asked.core)
    running["torch_heap"] = pytorch(asked.torch_python, asked.core, keeps_heap=True)
    if has_compiler():
        running["torch_compile"] = pytorch(asked.torch_python, asked.core, compiles=folder / "inductor")
    return running


def imports(running: dict[str, Side]) -> dict[str, float]:
    """Seconds of computing that each framework took to be ready for its first job."""
    return {"torch": running["torch"].greeting["imports"], "ours": running["warm"].greeting["imports"]}
