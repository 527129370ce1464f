"""Examines this installation and this machine for `automl doctor`. Nothing in here raises: what fails is a finding.

A finding is `broken` where the default search needs it and cannot have it, `absent` where something is not here that only some
commands need, and a `note` where results or times would not be what they are elsewhere.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from msgspec import Struct

from automl_cli.core.errors import UserError
from automl_cli.core.numbers import counted
from automl_cli.jobs import installation
from automl_cli.store.encoding import decode
from automl_cli.store.timing_tables import choose_table
from automl_cli.system.granted import Grant, granted_cores, granted_memory
from automl_cli.system.jax_settings import is_set_aside, settings_set_aside
from automl_cli.system.machine import allowed_cores, available_cores, cpu_model
from automl_cli.system.process import default_workers, machine_memory, users_environment, visible_gpus
from automl_cli.system.tuning import tuning_is_off

State = Literal["ok", "absent", "note", "broken"]

SELF_TEST = "from automl_cli.nn.self_test import main; main()"
PATIENCE_SECONDS = 8.0
"""How long the self-test may take; JAX alone takes one to three seconds to be imported."""

CHANGING = {
    "XLA_FLAGS": "how XLA compiles: other low bits",
    "AUTOML_NO_PROCESS_TUNING": "threads, heap and options as Python and JAX have them: equal bytes are not promised",
    "JAX_PLATFORMS": "which devices compute",
    "CUDA_VISIBLE_DEVICES": "which GPUs compute",
    "NVIDIA_TF32_OVERRIDE": "the precision of products on NVIDIA GPUs",
    "OPENBLAS_CORETYPE": "how NumPy multiplies matrices: other low bits",
    "NPY_DISABLE_CPU_FEATURES": "how NumPy computes: other low bits",
    "NPY_ENABLE_CPU_FEATURES": "how NumPy computes: other low bits",
}
"""Environment variables that change results, and what each decides."""


class Finding(Struct, frozen=True):
    """One thing that was looked at: where it belongs, its state, what was found, and the next step if there is one."""

    part: str
    name: str
    state: State
    found: str
    step: str = ""


class SelfTest(Struct, frozen=True):
    """Outcome of the self-test, as its process says it."""

    devices: list[str]
    right: bool
    off: float
    seconds: float


def examine() -> list[Finding]:
    """Return everything that was found. The self-test runs meanwhile, in a process of its own."""
    process, deadline = _started(), time.monotonic() + PATIENCE_SECONDS
    found: list[Finding] = []
    for part, look in PARTS.items():
        found += _guarded(part, look)
    return found + _guarded("self-test", lambda: _self_test(process, max(0.5, deadline - time.monotonic())))


def _guarded(part: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Return the findings, or one that says why there are none."""
    found: list[Finding] = []
    try:
        found.extend(look())
    except (Exception, SystemExit) as error:  # noqa: BLE001  a broken package may raise anything
        text = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        found.append(Finding(part, "examination", "note", f"could not be finished: {text}"))
    return found


def _machine() -> Iterator[Finding]:
    yield Finding("machine", "CPU", "ok", cpu_model())
    cores, memory = granted_cores(len(allowed_cores())), granted_memory(machine_memory())
    yield Finding("machine", "cores", "ok", f"{counted(available_cores(), 'core')} may be used here{_as_granted(cores)}")
    yield Finding("machine", "memory", "ok", f"{memory.amount / 2**30:,.1f} GiB{_as_granted(memory)}")
    gpus = visible_gpus()
    yield Finding("machine", "GPUs", "ok", f"{', '.join(gpus)}" if gpus else "none that JAX could use")
    yield from _timings()
    yield Finding("machine", "workers", "ok", f"a search has {default_workers()} at a time unless told otherwise")


def _timings() -> Iterator[Finding]:
    """Yield the table that forms of convolution are chosen by, and why."""
    chosen = choose_table()
    state: State = "note" if chosen.advice or chosen.problem else "ok"
    yield Finding("machine", "timing table", state, f"{chosen.table.name}: {chosen.reason}", chosen.problem or chosen.advice)


def _as_granted(grant: Grant) -> str:
    """Return who grants less than the machine has, if anybody does."""
    return f", as {grant.by} grants" if grant.by else ""


def _environment() -> Iterator[Finding]:
    """Yield the variables that change results, as far as they are set."""
    for name, aside in sorted(settings_set_aside().items()):
        yield Finding("environment", name, "note", f"{aside}; set aside where anything is computed")
    for name, what in CHANGING.items():
        value = os.environ.get(name)
        if value and (name != "AUTOML_NO_PROCESS_TUNING" or tuning_is_off()):
            yield Finding("environment", name, "note", f"{value}; it decides {what}")
    others = sorted(name for name in os.environ if name.startswith(("JAX_", "XLA_")) and name not in CHANGING)
    for name in others:
        yield Finding("environment", name, "ok", os.environ[name])


def _packages() -> Iterator[Finding]:
    yield Finding("packages", "Python", "ok", sys.version.partition(" ")[0])
    for row in installation.needed():
        if row.installed is None:
            state: State = "broken" if row.name in NEEDED_AT_ONCE else "absent"
            yield Finding("packages", row.name, state, f"missing; {row.wanted} is needed", installation.install_command(""))
        elif not row.fits:
            what = f"{row.installed}, and the tests were run with {row.wanted}"
            yield Finding("packages", row.name, "note", what, installation.install_command(""))
        elif row.name in SHOWN:
            yield Finding("packages", row.name, "ok", row.installed)


SHOWN = ("jax", "flax", "optax", "numpy", "scikit-learn", "tensorflow-datasets")
"""Packages whose versions are shown where they are as they should be."""

NEEDED_AT_ONCE = frozenset({
    "jax", "flax", "optax", "numpy", "scipy", "scikit-learn", "msgspec", "orjson", "filelock", "platformdirs", "rich", "typer",
    "threadpoolctl",
})  # fmt: skip
"""Packages without which the default search does not run."""


def _extras() -> Iterator[Finding]:
    for name, rows in installation.extras().items():
        missing = [row.name for row in rows if row.installed is None]
        unfit = [f"{row.name} {row.installed}, not {row.wanted}" for row in rows if row.installed is not None and not row.fits]
        if not (missing or unfit):
            yield Finding("extras", name, "ok", ", ".join(f"{row.name} {row.installed}" for row in rows))
            continue
        said = "; ".join([*([f"not installed: {', '.join(missing)}"] if missing else []), *unfit])
        yield Finding("extras", name, "absent" if missing else "note", said, installation.install_command(name))


def _caches() -> Iterator[Finding]:
    from automl_cli.jobs.caches import kept_folders, root_folders

    try:
        programs, data = root_folders()
    except UserError as error:
        yield Finding("caches", "folders", "broken", str(error))
        return
    kept, unwritable = kept_folders(), "may not be written, so"
    for kind, root in (("programs", programs), ("data", data)):
        size = sum(folder.bytes for folder in kept if folder.kind == kind)
        if _is_writable(root):
            yield Finding("caches", kind, "ok", f"{size / 2**20:,.1f} MB in {root}")
        elif kind == "programs":
            step = "set XDG_CACHE_HOME to a folder that may be written"
            yield Finding("caches", kind, "note", f"{root} {unwritable} every search compiles anew", step)
        else:
            step = "set AUTOML_CACHE_DIR to a folder that may be written"
            if _nearest(root).is_dir():
                yield Finding("caches", kind, "note", f"{root} {unwritable} data are prepared among temporary files", step)
            else:
                yield Finding("caches", kind, "broken", f"{root} {unwritable} no data can be prepared", step)


def _is_writable(path: Path) -> bool:
    """Return whether files can be made in a folder, or the folder itself."""
    there = _nearest(path)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _nearest(path: Path) -> Path:
    """Return the path, or the nearest place above it that is there."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())


def _data() -> Iterator[Finding]:
    from automl_cli.data.available import datasets_here

    for listed in datasets_here(None):
        if listed.facts is not None:
            examples = f"{listed.facts.train_examples + listed.facts.validation_examples:,} to train and validate"
            yield Finding("data", listed.name, "ok", f"{examples}, {listed.facts.test_examples:,} to test")
        else:
            state: State = "broken" if listed.kind == "embedded" else "absent"
            yield Finding("data", listed.name, state, listed.problem or "cannot be used")


def _working_directory() -> Iterator[Finding]:
    runs = Path("runs")
    if _is_writable(runs):
        yield Finding("working directory", "runs", "ok", f"are written to {runs.absolute()} unless --out says otherwise")
    else:
        step = "go to a folder that may be written, or give --out"
        yield Finding("working directory", "runs", "note", f"cannot be written to {runs.absolute()}", step)


PARTS: dict[str, Callable[[], Iterable[Finding]]] = {
    "machine": _machine,
    "working directory": _working_directory,
    "packages": _packages,
    "extras": _extras,
    "caches": _caches,
    "data": _data,
    "environment": _environment,
}
"""What is looked at, in this order."""


def _started() -> "subprocess.Popen[bytes] | OSError":
    """Start the process of the self-test, on the devices that JAX finds."""
    environment = {name: value for name, value in users_environment().items() if not is_set_aside(name)} | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", SELF_TEST], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError as error:
        return error


def _self_test(process: "subprocess.Popen[bytes] | OSError", patience_seconds: float) -> Iterator[Finding]:
    if isinstance(process, OSError):
        yield Finding("self-test", "program", "broken", f"no process could be started: {process.strerror or process}")
        return
    try:
        out, said = process.communicate(timeout=patience_seconds)
    except subprocess.TimeoutExpired:
        yield _too_slow(process)
        return
    if process.returncode != 0:
        whole = f"the whole of it: {sys.executable} -c '{SELF_TEST}'"
        yield Finding("self-test", "program", "broken", _last_words(said, process.returncode), whole)
        return
    test = decode(out, SelfTest, "the self-test")
    yield Finding("self-test", "devices", "ok", ", ".join(test.devices))
    took = f"compiled and ran in {test.seconds:.2f} s"
    if test.right:
        yield Finding("self-test", "program", "ok", took)
    else:
        yield Finding("self-test", "program", "broken", f"{took}, and is off by {test.off:.1%} of NumPy's result")


def _too_slow(process: "subprocess.Popen[bytes]") -> Finding:
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=1.0)
    found = f"did not end within {PATIENCE_SECONDS:g} s: the machine is busy, or a device does not answer"
    return Finding("self-test", "program", "note", found, "try again; JAX_PLATFORMS=cpu leaves other devices alone")


def _last_words(said: bytes, code: int) -> str:
    """Return the last line that a process wrote on stderr, or how it ended."""
    lines = [text for text in said.decode(errors="replace").splitlines() if text.strip()]
    return lines[-1] if lines else f"its process ended with exit code {code}"
