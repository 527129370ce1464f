"""Compiled programs on disk, most of which are found without being traced.

JAX's own compilation cache is looked up by the text of a program, so a program must be traced and lowered before it can be
fetched: three quarters of the 40 ms that fetching an operation of a cell takes. Here a program is looked up by everything that
determines it: its name and settings, the shapes of its arguments, our own sources, the timing table that forms of convolution
are chosen by, package versions, CPU, compiler options and number of threads. A program whose function has no complete
description, such as a whole network, is looked up by its text here, too. One process compiles a program, and others that need
it wait.

A file that is truncated, damaged or foreign is compiled again and replaced (JAX would compile it again every time). If the
folder cannot be written, programs are compiled and not stored. This cache serves only a CPU that JAX sees as one device;
elsewhere JAX's own cache is used.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import msgspec
from jax.experimental import serialize_executable
from jax.experimental.compilation_cache import compilation_cache
from jax.tree_util import PyTreeDef, default_registry

from automl_cli.store.timings_in_force import digest_in_force
from automl_cli.system.locks import holding, remove_lock
from automl_cli.system.machine import allowed_cores, available_cores, cpu_features, cpu_model

FOLDER = "programs"
"""Name of the folder inside that of JAX's compilation cache."""

VERSIONED_PACKAGES = ("jax", "jaxlib", "optax", "numpy")
"""Packages whose versions are part of a program's key, besides our own sources: NumPy computes matrices that some programs
hold."""

ENDING = ".program"

TEMPORARY = ".tmp"

LOCK_POLL_SECONDS = 0.005
"""Seconds between two attempts to take the lock of a program that another process compiles: a tenth of a compilation."""

LOCK_TIMEOUT_SECONDS = 90.0
"""Seconds to wait for another process before compiling anyway, twice the compile time of a large network: that process may
have been suspended."""


class _File(msgspec.Struct, frozen=True):
    """Contents of a file: name of the program, the program, the serialised structure of its result (empty if the caller
    knows it), and a digest of these three."""

    name: str
    executable: bytes
    outputs: bytes
    digest: bytes


@dataclass(frozen=True)
class ProgramCache:
    """A folder of programs that were compiled in the same environment, which is described by a text."""

    folder: Path
    environment: str

    def obtain(
        self, identity: str, arguments: tuple[Any, ...], compile_it: Callable[[], Any], *, outputs: PyTreeDef | None = None
    ) -> Any:
        """Return the program from the folder; otherwise compile and store it.

        `identity` names the function with all its settings; together with the argument shapes it must determine the program.
        `outputs` is the structure of the program's result, if the caller knows it. A structure with custom node types, such as
        the state of an optimizer, must be passed, since it cannot be stored.
        """
        structure = jax.tree.structure((arguments, {}))
        file = self._file(identity, structure, arguments)
        if (found := _read(file, structure, outputs)) is not None:
            return found
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            lock = file.with_suffix(".lock")
            with holding(lock, patience_seconds=LOCK_TIMEOUT_SECONDS, poll_seconds=LOCK_POLL_SECONDS):
                found = _read(file, structure, outputs)  # written by the process that held the lock
                program = found if found is not None else _compile_and_store(file, compile_it, outputs)
                remove_lock(lock)  # those who wait for it look at the file first
                return program
        except OSError:  # no place to write to, or patience is at its end
            return compile_it()

    def _file(self, identity: str, structure: PyTreeDef, arguments: tuple[Any, ...]) -> Path:
        shapes = [repr(jax.typeof(leaf)) for leaf in jax.tree.leaves(arguments)]
        digest = hashlib.sha256(repr((self.environment, identity, str(structure), shapes)).encode()).hexdigest()
        return self.folder / f"{identity.split()[0]}-{digest[:32]}{ENDING}"


def identity_of(lowered: Any) -> str:
    """Return a name for a program derived from its text (a `jax.stages.Lowered`)."""
    text = lowered.as_text()
    name = re.match(r"module @(\w+)", text)
    return f"{name[1] if name else 'program'} {hashlib.sha256(text.encode()).hexdigest()}"


def current_program_cache(options: dict[str, bool | int]) -> ProgramCache | None:
    """Return the cache of programs compiled with these options on this machine, or None if programs are not stored here."""
    folder, enabled = (jax.config.values[f"jax_{name}"] for name in ("compilation_cache_dir", "enable_compilation_cache"))
    local = bool(folder) and "://" not in str(folder)
    if not local or not enabled or _SOURCES is None or jax.default_backend() != "cpu" or jax.device_count() != 1:
        return None
    settings = {name: value for name, value in jax.config.values.items() if not name.startswith(_IGNORED_SETTINGS)}
    environment = (
        _SOURCES,
        digest_in_force(),
        *_machine(),
        os.environ.get("XLA_FLAGS"),
        sorted(settings.items()),
        sorted(options.items()),
    )
    return ProgramCache(Path(str(folder)) / FOLDER, repr(environment))


_IGNORED_SETTINGS = ("jax_compilation_cache", "jax_persistent_cache", "jax_enable_compilation_cache", "jax_log")
"""Prefixes of the settings of JAX that do not affect a program. All other settings are part of the key."""


@cache
def _machine() -> tuple[object, ...]:
    """Return what a compilation depends on besides the program: package versions, CPU and number of threads."""
    threads = os.environ.get("PJRT_NPROC") or (len(allowed_cores()), available_cores())
    return *map(version, VERSIONED_PACKAGES), cpu_model(), cpu_features(), threads


def _sources(package: Path) -> str | None:
    """Return a digest of our code that programs are traced from; None if it cannot be read, as in a zip file."""
    files = {
        str(file.relative_to(package)): file
        for file in (*package.glob("nn/**/*.py"), *package.glob("core/*.py"), *package.glob("values/**/*.py"))
    }
    if not files:
        return None
    contents = {name: hashlib.sha256(files[name].read_bytes()).hexdigest() for name in sorted(files)}
    return hashlib.sha256(repr(contents).encode()).hexdigest()


_SOURCES = _sources(Path(__file__).parents[1])
"""Computed when this module is imported, since the files may be replaced while the process runs."""


def sources() -> str | None:
    """Return a digest of our code that programs are traced from; None if it cannot be read."""
    return _SOURCES


def _read(file: Path, structure: PyTreeDef, outputs: PyTreeDef | None) -> Any | None:
    """Return the program in a file, or None if the file has no usable one."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    try:
        stored = msgspec.msgpack.decode(content, type=_File)
        if stored.name != file.name or stored.digest != _digest(file.name.encode(), stored.executable, stored.outputs):
            return None
        if outputs is None:
            outputs = PyTreeDef.deserialize_using_proto(default_registry, stored.outputs)
        program = serialize_executable.deserialize_and_load(stored.executable, structure, outputs)
    except Exception:  # noqa: BLE001 - whatever the matter is with it, it can be compiled
        return None
    with suppress(OSError):
        os.utime(file)  # the cache is trimmed by time of last use
    return program


def _compile_and_store(file: Path, compile_it: Callable[[], Any], outputs: PyTreeDef | None) -> Any:
    """Compile a program and store it in a file if possible. The caller holds the lock."""
    with _jax_cache_disabled():
        program = compile_it()
    # What calls back, or returns a structure with names of its own, cannot be kept; nothing can be on a full disk.
    with suppress(Exception):
        executable, _, returned = serialize_executable.serialize(program)
        structure = b"" if outputs is not None else returned.serialize_using_proto()
        stored = _File(file.name, executable, structure, _digest(file.name.encode(), executable, structure))
        _write(file, msgspec.msgpack.encode(stored))
    return program


def _write(file: Path, content: bytes) -> None:
    """Write a file atomically, readable as the umask says. Raises OSError, and leaves nothing behind, if the disk is full."""
    draft = file.with_name(f"{secrets.token_hex(8)}{TEMPORARY}")
    try:
        with draft.open("xb") as stream:
            stream.write(content)
        draft.replace(file)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def _jax_cache_disabled() -> Iterator[None]:
    """Disable JAX's own compilation cache inside the context.

    It would store the program a second time, and a program that JAX read from its cache cannot be serialised again: the file is
    written, but its functions are missing when it is run.
    """
    name = "jax_enable_compilation_cache"
    previous = jax.config.values[name]
    jax.config.update(name, False)
    compilation_cache.reset_cache()  # JAX looks at the setting once
    try:
        yield
    finally:
        jax.config.update(name, previous)
        compilation_cache.reset_cache()


def _digest(*parts: bytes) -> bytes:
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()
