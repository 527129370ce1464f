"""Compiled programs on disk, most of which are found without being traced.

JAX's own compilation cache is asked with the text of a program, so that a program has to be traced and lowered before it is
fetched: three quarters of the 40 ms that this takes for an operation of a cell. Here a program is asked for by what it was
made from: its name and settings, the shapes of its arguments, and everything else that decides what comes out of a
compilation (our own sources, versions, CPU, options, number of threads). Programs whose functions have no name that says all,
such as a network as a whole, are asked for by their text here, too. One process compiles; others that want the same program
wait for it.

A file that is torn, damaged or written by something else is compiled again and replaced (JAX would compile it again for ever).
Where the folder cannot be written to, programs are compiled and not kept. Only on a CPU that JAX sees as one device: elsewhere
JAX's cache serves.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import filelock
import jax
import msgspec
from jax.experimental import serialize_executable
from jax.experimental.compilation_cache import compilation_cache
from jax.tree_util import PyTreeDef, default_registry

from automl_cli.system.machine import allowed_cores, available_cores, cpu_features, cpu_model

FOLDER = "programs"
"""Below the folder of JAX's compilation cache."""

DECIDING = ("jax", "jaxlib", "optax", "numpy")
"""Packages that decide what a program is, besides our own: NumPy works out the matrices that some hold."""

ENDING = ".program"

TEMPORARY = ".tmp"

POLL = 0.005
"""Seconds between two looks whether another process has compiled what this one waits for: a tenth of what that takes."""

PATIENCE = 90.0
"""Seconds after which it compiles for itself, twice what a large network takes: the other one may have been suspended."""


class _File(msgspec.Struct, frozen=True):
    """What a file holds: whose program it is, the program, the structure of what it returns (nothing where that is known
    without it), and a digest of all that."""

    name: str
    executable: bytes
    outputs: bytes
    digest: bytes


@dataclass(frozen=True)
class ProgramCache:
    """A folder of programs that were compiled under the same circumstances (a text)."""

    folder: Path
    circumstances: str

    def obtain(
        self, identity: str, arguments: tuple[Any, ...], compile_it: Callable[[], Any], *, outputs: PyTreeDef | None = None
    ) -> Any:
        """The program from the folder, or compiled and kept there.

        `identity` names the function with all its settings; with the shapes of the arguments it must decide the program.
        `outputs` is the structure of what the program returns, if it is known without the program. A structure with types of
        its own, as the states of optimizers have, must be given: it cannot be kept.
        """
        structure = jax.tree.structure((arguments, {}))
        file = self._file(identity, structure, arguments)
        if (found := _read(file, structure, outputs)) is not None:
            return found
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            lock = file.with_suffix(".lock")
            with filelock.FileLock(lock).acquire(PATIENCE, POLL):
                found = _read(file, structure, outputs)  # written by whoever held the lock
                program = found if found is not None else _kept(file, compile_it, outputs)
                with suppress(OSError):
                    lock.unlink()  # those who wait for it look at the file first
                return program
        except (OSError, NotImplementedError):  # no place to write to, a file system without locks, or patience is at its end
            return compile_it()

    def _file(self, identity: str, structure: PyTreeDef, arguments: tuple[Any, ...]) -> Path:
        shapes = [repr(jax.typeof(leaf)) for leaf in jax.tree.leaves(arguments)]
        digest = hashlib.sha256(repr((self.circumstances, identity, str(structure), shapes)).encode()).hexdigest()
        return self.folder / f"{identity.split()[0]}-{digest[:32]}{ENDING}"


def identity_of(lowered: Any) -> str:
    """What names a program by its text (a `jax.stages.Lowered`)."""
    text = lowered.as_text()
    name = re.match(r"module @(\w+)", text)
    return f"{name[1] if name else 'program'} {hashlib.sha256(text.encode()).hexdigest()}"


def current_program_cache(options: dict[str, bool | int]) -> ProgramCache | None:
    """Return the cache of programs compiled with these options on this machine, or None where nothing is kept."""
    folder, enabled = (jax.config.values[f"jax_{name}"] for name in ("compilation_cache_dir", "enable_compilation_cache"))
    local = bool(folder) and "://" not in str(folder)
    if not local or not enabled or _SOURCES is None or jax.default_backend() != "cpu" or jax.device_count() != 1:
        return None
    settings = {name: value for name, value in jax.config.values.items() if not name.startswith(_WITHOUT_EFFECT)}
    circumstances = (_SOURCES, *_machine(), os.environ.get("XLA_FLAGS"), sorted(settings.items()), sorted(options.items()))
    return ProgramCache(Path(str(folder)) / FOLDER, repr(circumstances))


_WITHOUT_EFFECT = ("jax_compilation_cache", "jax_persistent_cache", "jax_enable_compilation_cache", "jax_log")
"""Settings of JAX that decide nothing about a program begin with these. All others are taken to decide something."""


@cache
def _machine() -> tuple[object, ...]:
    """What else decides, besides a program itself, what comes out of its compilation."""
    threads = os.environ.get("PJRT_NPROC") or (len(allowed_cores()), available_cores())
    return *map(version, DECIDING), cpu_model(), cpu_features(), threads


def _sources(package: Path) -> str | None:
    """A digest of all of our code that programs are traced from; None where it cannot be read, as in a zip file."""
    files = {
        str(file.relative_to(package)): file
        for file in (*package.glob("nn/**/*.py"), *package.glob("core/*.py"), *package.glob("values/*.py"))
    }
    if not files:
        return None
    contents = {name: hashlib.sha256(files[name].read_bytes()).hexdigest() for name in sorted(files)}
    return hashlib.sha256(repr(contents).encode()).hexdigest()


_SOURCES = _sources(Path(__file__).parents[1])
"""Worked out as this module is imported, with the code that it stands for: the files may be replaced while a process runs."""


def _read(file: Path, structure: PyTreeDef, outputs: PyTreeDef | None) -> Any | None:
    """The program in a file; None if there is none that can be used."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    try:
        held = msgspec.msgpack.decode(content, type=_File)
        if held.name != file.name or held.digest != _digest(file.name.encode(), held.executable, held.outputs):
            return None
        if outputs is None:
            outputs = PyTreeDef.deserialize_using_proto(default_registry, held.outputs)
        program = serialize_executable.deserialize_and_load(held.executable, structure, outputs)
    except Exception:  # noqa: BLE001 - whatever the matter is with it, it can be compiled
        return None
    with suppress(OSError):
        os.utime(file)  # for whoever removes what was not used for longest
    return program


def _kept(file: Path, compile_it: Callable[[], Any], outputs: PyTreeDef | None) -> Any:
    """A new program, kept in a file where that is possible. The caller holds the lock."""
    with _without_cache():
        program = compile_it()
    # What calls back, or returns a structure with names of its own, cannot be kept; nothing can be on a full disk.
    with suppress(Exception):
        executable, _, returned = serialize_executable.serialize(program)
        structure = b"" if outputs is not None else returned.serialize_using_proto()
        held = _File(file.name, executable, structure, _digest(file.name.encode(), executable, structure))
        _write(file, msgspec.msgpack.encode(held))
    return program


def _write(file: Path, content: bytes) -> None:
    """Write a file that is whole or absent. OSError, with nothing left behind, if the disk is full."""
    descriptor, name = tempfile.mkstemp(TEMPORARY, dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as beside:
            beside.write(content)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _without_cache() -> Iterator[None]:
    """Have JAX compile, and neither read its own cache nor write to it: it would keep the program a second time, and what it
    read from there it cannot serialise again (the file is written, and its functions are not found when it is run)."""
    name = "jax_enable_compilation_cache"
    usual = jax.config.values[name]
    jax.config.update(name, False)
    compilation_cache.reset_cache()  # JAX looks at the setting once
    try:
        yield
    finally:
        jax.config.update(name, usual)
        compilation_cache.reset_cache()


def _digest(*parts: bytes) -> bytes:
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()
