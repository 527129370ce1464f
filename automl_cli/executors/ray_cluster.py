"""Start a Ray cluster of this machine's own, or join the one at an address, and ask what it grants. Ray stays silent.

Ray is imported here first, since some of its settings must stand in the environment before that. It reports no usage, starts
no dashboard, and prints nothing: standard output belongs to results. A cluster of our own ends with this process, however that
ends.
"""

import contextlib
import importlib.util
import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import filelock

from automl_cli.core.errors import RunFailed, UserError
from automl_cli.core.trials import Cluster
from automl_cli.system.machine import available_cores
from automl_cli.system.process import visible_gpus

ADDRESS = "RAY_ADDRESS"
"""The variable by which Ray names a cluster. `--ray-address` comes before it."""

OWN = "local"
"""The address by which Ray names a new cluster of this machine."""

STORE_BYTES = 80 * 2**20
"""Shared memory for Ray's objects, about the least it takes. Messages are smaller than what it keeps there."""

STARTS = 3
"""Ray gives up on its own processes after half a minute, which a busy machine may need."""

PROBE_SECONDS = 10.0
"""How long an address may take to answer at all."""

ABANDONED_SECONDS = 60.0
"""A folder of a cluster that nobody holds is removed when it is older: one that just starts may not be held yet."""

_PREFIX = "automl-ray-"

_OWN_SETTINGS = {"RAY_gcs_rpc_server_reconnect_timeout_s": "20"}
"""Ray's agents outlive a process that was killed for as long as they look for its cluster: by default a minute and more."""

_SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
"""No reports over the network; and what is Ray's default by now for actors without a GPU, about which it warns otherwise."""


def check_ray() -> None:
    """Raise UserError where Ray is not installed, so that it is said before anything else."""
    spec = importlib.util.find_spec("ray")
    if spec is None or spec.origin is None:  # without one it is a folder that happens to have this name
        raise UserError("--executor ray needs another package: pip install 'automl-cli[ray]'")


def address_of(cluster: Cluster) -> str | None:
    """Return the address of the cluster to join; None where one of this machine's own is to be started. Raises UserError for
    the address of a Ray client, whose driver is another process on another machine."""
    address = cluster.address or os.environ.get(ADDRESS) or OWN
    if "://" in address:
        raise UserError(
            f"{address} is an address for Ray clients; run the search on a machine of the cluster, with --ray-address auto or "
            "HOST:PORT as `ray start --head` prints it"
        )
    return None if address == OWN else address


def granted_workers(cluster: Cluster) -> int:
    """Return how many workers the cluster has room for: by the cores and GPUs of its machines, whoever uses them now.

    Raises UserError where it has room for none.
    """
    if address_of(cluster) is None:
        cpus, gpus = available_cores(), len(visible_gpus())
        room, where = cluster.room(cpus, gpus), f"this machine has {cpus} cores and {gpus} GPUs"
    else:
        connect(cluster)
        offers = [node["Resources"] for node in import_module("ray").nodes() if node["Alive"]]
        sums = [int(sum(offer.get(kind, 0) for offer in offers)) for kind in ("CPU", "GPU")]
        room = sum(cluster.room(offer.get("CPU", 0), offer.get("GPU", 0)) for offer in offers)
        where = f"the machines of the cluster, {len(offers)} now, have {sums[0]} cores and {sums[1]} GPUs"
    if not room:
        raise UserError(
            f"--child-cpus {cluster.child_cpus} --child-gpus {cluster.child_gpus:g} leaves room for no worker: {where}. Ask "
            "for less, or give --workers to wait for machines that join later"
        )
    return room


def connect(cluster: Cluster, *, workers: int = 1) -> Any:
    """Start or join the cluster, unless this process is connected already, and return the module `ray`.

    A cluster of our own has cores for so many workers, even where the machine has fewer. Raises UserError where the cluster
    cannot be joined.
    """
    global _connection
    check_ray()
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    ray = import_module("ray")
    if not ray.is_initialized():
        address = address_of(cluster)
        with _signals_kept():
            _connection = _Connection(ray)
            if address is None:
                _connection.start(cluster, workers)
            else:
                _connection.join(address)
    return ray


def disconnect() -> None:
    """Leave the cluster, and end it if it is our own. A connection that the user's program made stays."""
    global _connection
    if _connection is not None:
        _connection.end()
        _connection = None


class _Connection:
    """A connection that was made here. A cluster of our own keeps its files in a folder that goes with it."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._folder: Path | None = None
        self._lock: filelock.FileLock | None = None
        logging.getLogger("ray").setLevel(logging.CRITICAL)
        # Nothing public keeps Ray from printing what happens to workers to standard output.
        vars(import_module("ray._private.worker"))["_worker_logs_enabled"] = False

    def start(self, cluster: Cluster, workers: int) -> None:
        """Start a cluster of this machine alone. Raises RunFailed where Ray cannot."""
        _set_token()
        for name, value in _OWN_SETTINGS.items():
            os.environ.setdefault(name, value)
        for left in reversed(range(STARTS)):
            try:
                self._start(max(available_cores(), workers * cluster.child_cpus), len(visible_gpus()))
            except Exception as error:  # Ray raises what it likes: of its own, of gRPC, of the system
                self.end()
                if not left:
                    raise RunFailed(f"Ray cannot start a cluster on this machine: {_first_line(error)}") from error
            else:
                return

    def _start(self, cores: int, gpus: int) -> None:
        base = Path(os.environ.get("RAY_TMPDIR") or "/tmp")  # its sockets need a short path
        _remove_abandoned(base)
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        self._lock = filelock.FileLock(self._folder / "held.lock")
        self._lock.acquire()
        with warnings.catch_warnings():  # JAX warns of forks; what Ray forks becomes another program at once
            warnings.filterwarnings("ignore", message=r"os\.fork\(\) was called", category=RuntimeWarning)
            self._ray.init(
                address=OWN,
                num_cpus=cores,
                num_gpus=gpus,
                object_store_memory=STORE_BYTES,
                include_dashboard=False,
                _temp_dir=str(self._folder),
                **_SILENT,
            )

    def join(self, address: str) -> None:
        """Join the cluster at this address. Raises UserError where there is none, or it does not take this process."""
        _probe(address)
        try:
            self._ray.init(address=address, **_SILENT)
        except Exception as error:  # Ray raises what it likes: of its own, of gRPC, of the system
            raise UserError(
                f"the Ray cluster at {address} cannot be joined: {_first_line(error)}. The search runs on a machine of the "
                "cluster, with the same versions of Ray and Python; `ray status` there shows the cluster"
            ) from error

    def end(self) -> None:
        """Leave the cluster, and remove what one of our own kept on disk."""
        with _signals_kept():
            self._ray.shutdown()
        if self._lock is not None:
            self._lock.release()
        if self._folder is not None:
            _kill_processes_of(self._folder)
            shutil.rmtree(self._folder, ignore_errors=True)


_connection: _Connection | None = None

_SILENT = {"log_to_driver": False, "configure_logging": False}


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep this process's own handler of SIGTERM, which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _set_token() -> None:
    """Protect a cluster of our own by a secret of its own, which Ray would write to the home folder otherwise."""
    if not any(name in os.environ for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _probe(address: str) -> None:
    """Raise UserError where nothing answers at the address: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    if not host or not port.isdigit():
        raise UserError(f"--ray-address {address} is no HOST:PORT; give one as `ray start --head` prints it, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"no Ray cluster answers at {address}: {error}. `ray start --head` starts one and prints its address"
        ) from error


def _kill_processes_of(folder: Path) -> None:
    """Kill what is left of an own cluster: Ray forgets processes where it could not start all of them, and its agents take
    their time. It names the folder to each. Does nothing where the platform does not show processes as files."""
    for commands in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in commands.read_bytes():
                os.kill(int(commands.parent.name), signal.SIGKILL)


def _remove_abandoned(base: Path) -> None:
    """Remove the folders of own clusters whose process was killed."""
    for folder in base.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError, filelock.Timeout):
            if folder.stat().st_uid == os.getuid() and time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
                with filelock.FileLock(folder / "held.lock", timeout=0):
                    shutil.rmtree(folder, ignore_errors=True)
