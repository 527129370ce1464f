"""Settings of computing processes: all there, kept apart from the user's, and off by one variable."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli.core.errors import DataError, UserError
from automl_cli.data.cache import cache_folder
from automl_cli.data.paths import expanded
from automl_cli.executors import local
from automl_cli.jobs.caches import trim_programs
from automl_cli.system import machine, process
from automl_cli.system.process import compilation_cache, process_settings
from automl_cli.system.tuning import SWITCH


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_set_here", {})
    for name in ("JAX_PLATFORMS", "JAX_COMPILATION_CACHE_DIR", "CUDA_VISIBLE_DEVICES", SWITCH):
        monkeypatch.delenv(name, raising=False)


def test_a_process_on_the_cpu_has_one_thread_and_keeps_every_program() -> None:
    settings = process_settings()
    assert settings["PJRT_NPROC"] == settings["OMP_NUM_THREADS"] == settings["OPENBLAS_NUM_THREADS"] == "1"
    assert settings["JAX_PLATFORMS"] == "cpu"
    assert settings["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"
    assert settings["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] == "-1"
    assert settings["JAX_COMPILATION_CACHE_DIR"] == str(compilation_cache())


def test_jax_reads_the_settings() -> None:
    code = "import jax; c = jax.config; print(c.jax_compilation_cache_dir, c.jax_persistent_cache_min_compile_time_secs, \
c.jax_persistent_cache_min_entry_size_bytes, c.jax_platforms)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | process_settings(), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(compilation_cache()), "0.0", "-1", "cpu"]


@pytest.mark.parametrize(
    ("set_up", "cores", "expected"),
    [("set_up_this_process", 8, True), ("set_up_lone_process", 8, False), ("set_up_lone_process", 1, True)],
)
def test_a_process_of_a_search_has_one_thread_and_a_lone_one_those_of_its_cores(
    set_up: str, cores: int, expected: bool
) -> None:
    code = (
        "from automl_cli.system import linear_algebra, process\n"
        f"linear_algebra.available_cores = process.available_cores = lambda: {cores}\n"
        f"process.allowed_cores = lambda: set(range({cores}))\n"
        f"process.{set_up}()\n"
        "print(linear_algebra.has_one_thread())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PJRT_NPROC"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(expected)


def test_gpus_are_shared_by_their_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = process_settings("1", workers_of_gpu=2)
    assert settings["CUDA_VISIBLE_DEVICES"] == "1"
    assert settings["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.450"
    assert settings["JAX_PLATFORMS"] == "cuda,cpu"
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,3")
    assert process.visible_gpus() == ("0", "3")
    assert process.default_workers() == 2
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert process.visible_gpus() == ()


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("", ()),
        ("-1", ()),
        ("NoDevFiles", ()),
        ("2, 0", ("2", "0")),
        ("0,-1,1", ("0",)),
        ("0,,1", ("0",)),
        ("1,1", ("1",)),
        ("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6,3", ("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "3")),
        ("MIG-5c1c2f6a-1b1e-5c1e-8a2d-0f1e2d3c4b5a", ("MIG-5c1c2f6a-1b1e-5c1e-8a2d-0f1e2d3c4b5a",)),
        ("MIG-GPU-8932f937/1/0", ("MIG-GPU-8932f937/1/0",)),
    ],
)
def test_gpus_are_those_that_cuda_would_see(said: str, seen: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", said)
    assert process.visible_gpus() == seen
    dealt = [one.get("CUDA_VISIBLE_DEVICES") for one in local._environments(2)]
    assert dealt == [seen[at % len(seen)] if seen else None for at in (0, 1)]


@pytest.mark.parametrize(
    ("said", "share"), [({}, 0.45), ({"XLA_CLIENT_MEM_FRACTION": "0.5"}, 0.25), ({"XLA_PYTHON_CLIENT_MEM_FRACTION": "?"}, 0.45)]
)
def test_what_the_user_leaves_of_a_gpu_is_what_its_workers_share(
    said: dict[str, str], share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_MEM_FRACTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    settings = process_settings("0", workers_of_gpu=2)
    assert float(settings["XLA_PYTHON_CLIENT_MEM_FRACTION"]) == share
    assert settings["XLA_CLIENT_MEM_FRACTION"] == "", "JAX refuses both"


def test_a_driver_on_the_cpu_still_gives_its_workers_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(os, "environ", dict(os.environ))
    process.set_up_this_process()
    assert os.environ["JAX_PLATFORMS"] == "cpu"
    assert process.visible_gpus() == ("0", "1")
    environments = local._environments(3)
    assert [environment["CUDA_VISIBLE_DEVICES"] for environment in environments] == ["0", "1", "0"]
    assert {environment["JAX_PLATFORMS"] for environment in environments} == {"cuda,cpu"}


def test_another_process_can_have_the_environment_as_the_user_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"OMP_NUM_THREADS": "7", "HOME": "/home/me"})
    before = dict(os.environ)
    for _ in range(2):
        process.set_up_this_process()
    assert os.environ["OMP_NUM_THREADS"] == os.environ["PJRT_NPROC"] == "1"
    assert process.users_environment() == before


def test_what_the_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/elsewhere")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    settings = process_settings("0")
    assert settings["JAX_COMPILATION_CACHE_DIR"] == "/elsewhere"
    assert settings["JAX_PLATFORMS"] == "cpu"


@pytest.mark.parametrize("chosen", ["cuda", "tpu"])
def test_a_driver_computes_on_the_cpu_and_its_workers_where_the_user_said(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(os, "environ", {"JAX_PLATFORMS": chosen, "CUDA_VISIBLE_DEVICES": "0,1"})
    for _ in range(2):
        process.set_up_this_process()
    assert os.environ["JAX_PLATFORMS"] == "cpu"
    assert process.workers_have_accelerator()
    assert process.default_workers() == {"cuda": 2, "tpu": 1}[chosen]
    (environment,) = local._environments(1)
    assert environment["JAX_PLATFORMS"] == chosen
    assert process.users_environment()["JAX_PLATFORMS"] == chosen


def test_gpus_are_counted_as_cuda_counts_them_and_not_by_the_numbers_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(process, "_DEVICES", tmp_path)
    assert process.visible_gpus() == ()
    (tmp_path / "dxg").touch()  # Windows's, which stands for all
    assert process.visible_gpus() == ("0",)
    for name in ("nvidia3", "nvidia12", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert process.visible_gpus() == ("0", "1")


@pytest.mark.parametrize("set_up", [process.set_up_this_process, process.set_up_lone_process])
@pytest.mark.parametrize("chosen", ["cuda", "cuda,cpu", "tpu"])
def test_a_device_that_is_not_here_is_refused_by_name(
    set_up: Callable[[], None], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(os, "environ", {"JAX_PLATFORMS": chosen})
    with pytest.raises(UserError, match=f"JAX_PLATFORMS is {chosen}, and .* set it to cpu"):
        set_up()


def test_without_a_home_folder_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(*_: object) -> None:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(process.platformdirs, "user_cache_path", no_home)
    assert "JAX_COMPILATION_CACHE_DIR" not in process_settings()
    assert trim_programs() == 0
    with pytest.raises(UserError, match="XDG_CACHE_HOME"):
        process.compilation_caches()
    monkeypatch.delenv("AUTOML_CACHE_DIR", raising=False)
    with pytest.raises(DataError, match="AUTOML_CACHE_DIR"):
        cache_folder()
    monkeypatch.setenv("AUTOML_CACHE_DIR", "/prepared")
    assert cache_folder() == Path("/prepared/data")


def test_a_path_that_begins_at_home_needs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.expanduser", lambda path: path.replace("~", "/home/me"))
    assert expanded("~/photos") == Path("/home/me/photos")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert expanded("/photos") == Path("/photos")
    with pytest.raises(DataError, match="no home folder for ~/photos; give a path without ~"):
        expanded("~/photos")


def test_one_variable_switches_the_settings_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "1")
    assert process_settings() == {"JAX_PLATFORMS": "cpu"}
    monkeypatch.setenv(SWITCH, "0")
    assert "PJRT_NPROC" in process_settings()


def test_the_cache_stands_under_the_users_cache_directory_by_jaxlib_and_cpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = compilation_cache()
    assert first.is_relative_to(tmp_path / "automl")
    monkeypatch.setattr(process, "cpu_model", lambda: "another CPU")
    second = compilation_cache()
    monkeypatch.setattr(process, "installed_version", lambda package: "9.9")
    assert len({first, second, compilation_cache()}) == 3


@pytest.mark.parametrize(("printed", "model"), [("Apple M2 Pro\n", "Apple M2 Pro"), (None, "arm")])
def test_chips_of_apple_have_names(printed: str | None, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if printed is None:
            raise FileNotFoundError(command[0])
        return subprocess.CompletedProcess(command, 0, stdout=printed)

    monkeypatch.setattr(machine, "cpu_fields", dict)
    monkeypatch.setattr(machine.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(machine.platform, "processor", lambda: "arm")
    monkeypatch.setattr(machine.subprocess, "run", run)
    machine.cpu_brand.cache_clear()
    try:
        assert machine.cpu_model() == model
    finally:
        machine.cpu_brand.cache_clear()


def test_memory_is_measured() -> None:
    assert 10 * 2**20 < process.resident_bytes() < process.memory_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are those of glibc")
def test_large_blocks_come_from_a_kept_heap_unless_switched_off() -> None:
    code = """
import resource
from automl_cli.system.process import keep_heap
print(keep_heap())
bytearray(2**26)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    bytearray(2**26)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

    def run(off: str) -> list[str]:
        environment = os.environ | {SWITCH: off}
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        ).stdout.split()

    kept, faults = run("0")
    if kept != "True":
        pytest.skip("the C library here is not glibc")
    assert int(faults) < 1_000, "64 MB are 16,384 pages"
    not_kept, faults = run("1")
    assert not_kept == "False"
    assert int(faults) > 10_000


def test_an_accelerator_is_seen_unless_another_platform_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "visible_gpus", tuple)
    for platform, there in (("cpu", False), ("tpu", True), ("tpu,cpu", True)):
        monkeypatch.setenv("JAX_PLATFORMS", platform)
        assert process.has_accelerator() == there
    monkeypatch.setattr(process, "visible_gpus", lambda: ("0",))
    assert process.has_accelerator()


@pytest.mark.parametrize("chosen", ["cuda", "gpu", "tpu", "cdua", "cuda,cpu"])
def test_a_device_that_is_not_here_is_refused_before_a_child_fails_by_it(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(process, "entry_points", lambda **_: ())
    monkeypatch.setattr(os, "environ", {"JAX_PLATFORMS": chosen})
    with pytest.raises(UserError, match=f"JAX_PLATFORMS is {chosen}, and JAX finds no such device here"):
        process.set_up_this_process()
    monkeypatch.setattr(process, "entry_points", lambda **_: ("a plug-in",))
    if chosen == "cdua":
        process.set_up_this_process()
