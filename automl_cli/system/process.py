"""Sets up processes that compute: one thread, a tuned heap, a persistent compilation cache, and an end with the parent process.

Everything here is harmless where the platform lacks it, and `AUTOML_NO_PROCESS_TUNING=1` switches all of it off except dying
with the parent. Then nothing promises that different numbers of workers give the same bits.

A process gets one thread, because the low bits of a result depend on the number of threads, and because a search has more
children than a machine has cores. It is not pinned to a core: one thread gives the same bits on any core, and searches that pin
their workers may crowd one core while others idle. The settings are environment variables, since they must be there before JAX
starts.
"""

import hashlib
import importlib.util
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import entry_points
from itertools import takewhile
from pathlib import Path

import platformdirs

from automl_cli.core.errors import UserError
from automl_cli.system.granted import granted_memory
from automl_cli.system.jax_settings import give_settings_back, set_settings_aside, settings_set_aside, usual_jax
from automl_cli.system.machine import allowed_cores, available_cores, cpu_features, cpu_model, installed_version
from automl_cli.system.tuning import tuning_is_off

_THREAD_COUNTS = ("PJRT_NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_GPU_MEMORY_SHARE = 0.9
_GPU_MEMORY = "XLA_PYTHON_CLIENT_MEM_FRACTION"
_GPU_MEMORY_TOO = "XLA_CLIENT_MEM_FRACTION"
"""Two names of one variable. JAX refuses to start where both are set."""

BYTES_OF_A_DRIVER, BYTES_OF_A_WORKER = 640 * 2**20, 1024 * 2**20
"""The memory that a search on a small data set takes itself, and in each of its worker processes."""


def process_settings(gpu: str | None = None, *, workers_of_gpu: int = 1) -> dict[str, str]:
    """Return environment variables for a computing process: on the CPU, or on one GPU shared with `workers_of_gpu` - 1 others.

    Values that the user set for JAX's platform or compilation cache take precedence.
    """
    settings = {} if tuning_is_off() else dict.fromkeys(_THREAD_COUNTS, "1") | _cache_settings()
    settings["JAX_PLATFORMS"] = "cpu" if gpu is None else "cuda,cpu"
    if gpu is not None:
        settings["CUDA_VISIBLE_DEVICES"] = gpu
        settings |= {_GPU_MEMORY: f"{_gpu_memory_share() / workers_of_gpu:.3f}", _GPU_MEMORY_TOO: ""}
    return settings | {name: given for name in _USERS_CHOICE if (given := _given(name)) is not None}


def _gpu_memory_share() -> float:
    """Return the share of a GPU's memory that all workers on it take together: what the user said to JAX, or nearly all."""
    for name in (_GPU_MEMORY_TOO, _GPU_MEMORY):
        with suppress(ValueError):
            if 0 < (share := float(_given(name) or "")) <= 1:
                return share
    return _GPU_MEMORY_SHARE


def set_up_this_process() -> None:
    """Apply the settings to this process, which leaves GPUs and TPUs to workers. Call this before JAX is imported. Raises
    UserError for a device that the user chose and that is not here."""
    _check_platform()
    settings = process_settings() | {"JAX_PLATFORMS": "cpu"}
    for name in settings:
        _set_here.setdefault(name, os.environ.get(name))
    os.environ.update(settings)
    set_settings_aside()
    keep_heap()


@contextmanager
def set_up_for_a_while() -> Iterator[None]:
    """Apply the settings to this process while the context lasts, and give it back its environment then.

    For programs of the user's own: JAX takes the settings if it starts meanwhile, and the user's if it starts later. It
    computes by its defaults meanwhile, and keeps what the user set for it.
    """
    try:
        set_up_this_process()
        with usual_jax():
            yield
    finally:
        give_settings_back()
        for name, value in _set_here.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _set_here.clear()


def users_environment() -> dict[str, str]:
    """Return the environment as the user set it, for a process that sets itself up."""
    here = os.environ | settings_set_aside()
    return {name: value for name in here if (value := _set_here.get(name, here[name])) is not None}


def keep_heap() -> bool:
    """Keep freed memory instead of giving it back to the system, where the C library is glibc. Call this before JAX is
    imported.

    XLA allocates the temporaries of a program at every execution. Above glibc's limit for large blocks that is a fresh mapping,
    cleared page by page, each time: a tenth to a third of a training step. All three settings are needed; memory then stays
    with the process until it ends. Returns whether they were accepted.
    """
    if sys.platform != "linux" or tuning_is_off():
        return False
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    trim_threshold, mmap_max, arena_max = -1, -4, -8
    settings = ((arena_max, 1), (mmap_max, 0), (trim_threshold, 2**31 - 1))
    return mallopt is not None and all(mallopt(parameter, value) for parameter, value in settings)


def set_up_lone_process() -> None:
    """Apply compilation cache and heap to a process that computes by itself, with as many threads as cores are granted and on
    any device it finds. Call this before JAX is imported. Raises UserError for a device that the user chose and that is not
    here."""
    _check_platform()
    keep_heap()
    if not tuning_is_off():
        settings = _cache_settings()
        if (cores := available_cores()) < len(allowed_cores()):  # JAX counts the cores of the machine
            settings |= dict.fromkeys(_THREAD_COUNTS, str(cores))
        for name, value in settings.items():
            os.environ.setdefault(name, value)


def visible_gpus() -> tuple[str, ...]:
    """Return the GPUs that JAX could use here, as CUDA_VISIBLE_DEVICES names them: by number, or by name as `GPU-…` and the
    part `MIG-…` of one; none without JAX's CUDA plug-in. What stands behind the first that is no name CUDA does not see."""
    if (_given("JAX_PLATFORMS") or "cuda") not in ("cuda", "gpu", "cuda,cpu"):
        return ()
    if not any(importlib.util.find_spec(f"jax_cuda{version}_plugin") for version in (12, 13)):
        return ()
    if (given := _given("CUDA_VISIBLE_DEVICES")) is not None:
        named = (part.strip() for part in given.split(","))
        return tuple(dict.fromkeys(takewhile(lambda name: name[:1].isdigit() or name.startswith(("GPU-", "MIG-")), named)))
    # CUDA counts those that this container has from 0; their files have the numbers of the machine. Windows has one for all.
    files = [*_DEVICES.glob("nvidia[0-9]*")] or [*_DEVICES.glob("dxg")]
    return tuple(str(number) for number in range(len(files)))


def _check_platform() -> None:
    """Raise UserError where JAX_PLATFORMS asks for a device that is not here. JAX itself says so late and in a traceback."""
    chosen = _given("JAX_PLATFORMS") or ""
    first = chosen.partition(",")[0]
    here = {"": True, "cpu": True, "cuda": bool(visible_gpus()), "tpu": importlib.util.find_spec("libtpu") is not None}
    if not (here[first] if first in here else bool(visible_gpus() and first == "gpu") or _has_plugins()):
        raise UserError(
            f"JAX_PLATFORMS is {chosen}, and JAX finds no such device here; unset it to compute on what is here, or set it "
            "to cpu"
        )


def _has_plugins() -> bool:
    """Return whether JAX has plug-ins here, each of which may bring devices of any name."""
    return bool(entry_points(group="jax_plugins")) or importlib.util.find_spec("jax_plugins") is not None


def workers_have_accelerator() -> bool:
    """Return whether worker processes compute on GPUs or, as the user chose, on a TPU."""
    return bool(visible_gpus()) or _tpu_chosen()


def has_accelerator() -> bool:
    """Return whether JAX computes on a GPU or TPU in a process that takes what it finds."""
    if workers_have_accelerator():
        return True
    if _given("JAX_PLATFORMS") is not None:
        return False
    devices = (*_DEVICES.glob("accel[0-9]*"), *_DEVICES.glob("vfio/[0-9]*"))
    return importlib.util.find_spec("libtpu") is not None and bool(devices)


def _tpu_chosen() -> bool:
    return (_given("JAX_PLATFORMS") or "").startswith("tpu")


_DEVICES = Path("/dev")

_USERS_CHOICE = ("JAX_PLATFORMS", "JAX_COMPILATION_CACHE_DIR")

_set_here: dict[str, str | None] = {}
"""Variables that this process set itself, with their values before: what it set must not be taken for the user's choice."""


def _given(name: str) -> str | None:
    """Return the value that the user gave to an environment variable, or None."""
    return _set_here[name] if name in _set_here else os.environ.get(name)


def default_workers(bytes_of_worker: int | None = None) -> int:
    """Return the default number of workers: one per GPU, one for a TPU (a process has it for itself), or else one per core, as
    far as there is memory for so many."""
    return len(visible_gpus()) or (1 if _tpu_chosen() else min(available_cores(), workers_with_room(bytes_of_worker)))


def workers_with_room(bytes_of_worker: int | None = None) -> int:
    """Return how many workers there is memory for beside this process, each of which takes so many bytes, and at least one."""
    return max(1, (memory_bytes() - BYTES_OF_A_DRIVER) // (bytes_of_worker or BYTES_OF_A_WORKER))


LEFT_TO_THE_PARENT = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""Signals that ask a search to end: its worker processes leave them to it."""


@contextmanager
def held_back(signals: Iterable[signal.Signals]) -> Iterator[None]:
    """Hold these signals back while the context lasts, and in processes that are started in it until they let them through."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends, in whatever way; do nothing where there is no such call.

    The worker also watches its input, which ends with the parent on every platform.
    """
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def die_first() -> None:
    """Have the kernel, where memory runs out, rather kill this process and what it starts than its parent; do nothing where
    there is no such choice."""
    if sys.platform == "linux":
        adjustment = Path("/proc/self/oom_score_adj")
        with suppress(OSError, ValueError):
            adjustment.write_text(str(max(int(adjustment.read_text()), _FIRST_TO_DIE)))


_FIRST_TO_DIE = 300
"""In thousandths of the memory there is: as if it held so much more."""


def resident_bytes() -> int:
    """Return the bytes of memory that this process holds now, or its peak where the platform tells no more."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def memory_bytes() -> int:
    """Return the bytes of memory of this machine, or what a container or Slurm grants, if that is less."""
    return int(granted_memory(machine_memory()).amount)


def machine_memory() -> int:
    """Return the bytes of memory of the whole machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def compilation_cache() -> Path:
    """Return the folder of compiled programs. Each jaxlib version and CPU has its own: a program for another CPU may crash
    here."""
    cpu = hashlib.sha256(f"{cpu_model()} {cpu_features()}".encode()).hexdigest()[:12]
    return compilation_caches() / f"jaxlib-{installed_version('jaxlib')}-{cpu}"


def compilation_caches() -> Path:
    """Return the folder of the compilation caches of all versions and CPUs, under $XDG_CACHE_HOME/automl. Raises UserError for
    an account without a home folder."""
    try:
        return platformdirs.user_cache_path("automl") / "programs"
    except RuntimeError as error:
        raise UserError("there is no home folder to keep compiled programs in; set XDG_CACHE_HOME to a folder") from error


def _cache_settings() -> dict[str, str]:
    """Return the variables that make JAX keep every program, where there is a folder for them. No size limit is set: with one,
    parallel writers block each other."""
    settings = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}
    with suppress(UserError):
        settings["JAX_COMPILATION_CACHE_DIR"] = str(compilation_cache())
    return settings
