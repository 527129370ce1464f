"""Settings that a user gave JAX for other programs change nothing here, and are there again afterwards."""

import os
import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import pytest

import automl_cli as automl
from automl_cli.system import jax_settings, process
from automl_cli.system.jax_settings import is_set_aside, set_settings_aside, settings_in_force, usual_jax
from automl_cli.system.machine import current_environment, environment_changes
from automl_cli.system.tuning import SWITCH

ASIDE = [
    "JAX_ENABLE_X64",
    "JAX_DEFAULT_MATMUL_PRECISION",
    "JAX_DISABLE_JIT",
    "JAX_DEBUG_NANS",
    "JAX_NUMPY_DTYPE_PROMOTION",
    "JAX_THREEFRY_PARTITIONABLE",
    "JAX_DEFAULT_PRNG_IMPL",
    "JAX_NUM_CPU_DEVICES",
    "JAX_WHAT_A_LATER_VERSION_KNOWS",
    "FLAX_NNX_GRAPH_MODE",
]
LEFT = ["JAX_PLATFORMS", "JAX_COMPILATION_CACHE_DIR", "JAX_LOG_COMPILES", "JAX_TRACEBACK_FILTERING", "XLA_FLAGS", "HOME"]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_set_here", {})
    monkeypatch.setattr(jax_settings, "_set_aside", {})
    monkeypatch.delenv(SWITCH, raising=False)


def test_what_decides_numbers_is_set_aside_and_nothing_else() -> None:
    assert [name for name in (*ASIDE, *LEFT) if is_set_aside(name)] == ASIDE


def test_with_tuning_off_only_that_is_set_aside_with_which_nothing_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "1")
    assert is_set_aside("JAX_ENABLE_X64")
    assert not is_set_aside("JAX_DEFAULT_MATMUL_PRECISION")
    given = {"JAX_ENABLE_X64": "1", "JAX_DEFAULT_MATMUL_PRECISION": "highest", "JAX_LOG_COMPILES": "1", SWITCH: "1"}
    assert settings_in_force(given) == {"JAX_DEFAULT_MATMUL_PRECISION": "highest", SWITCH: "1"}


def test_a_process_sets_them_aside_and_gives_them_on_to_one_that_sets_itself_up(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {"JAX_ENABLE_X64": "1", "JAX_NUM_CPU_DEVICES": "8", "HOME": "/home/me"}
    monkeypatch.setattr(os, "environ", dict(before))
    for _ in range(2):
        process.set_up_this_process()
    assert not {"JAX_ENABLE_X64", "JAX_NUM_CPU_DEVICES"} & os.environ.keys()
    assert process.users_environment() == before


def test_what_stays_in_force_is_on_record_and_a_change_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    recorded = current_environment()
    assert recorded.settings == {"XLA_FLAGS": "--xla_cpu_enable_fast_math=true"}
    monkeypatch.delenv("XLA_FLAGS")
    assert list(environment_changes(recorded)) == ["XLA_FLAGS --xla_cpu_enable_fast_math=true, now not set"]


def test_inside_a_call_jax_computes_by_its_defaults_in_that_thread_alone() -> None:
    def dtype() -> str:
        return str(jnp.arange(3).dtype)

    elsewhere: list[str] = []
    with jax.enable_x64(True), jax.debug_nans(True), jax.default_prng_impl("rbg"):
        with usual_jax():
            assert (dtype(), jnp.isnan(jnp.log(-1.0)), jax.random.key(0).shape) == ("int32", True, ())
            assert str(jax.random.key_impl(jax.random.key(0))) == "threefry2x32"
            other = threading.Thread(target=lambda: elsewhere.append(dtype()))
            jax.config.update("jax_enable_x64", True)
            try:
                other.start()
                other.join()
            finally:
                jax.config.update("jax_enable_x64", False)
        assert dtype() == "int64"
    assert elsewhere == ["int64"]


def test_a_policy_proposes_the_same_in_a_program_that_computes_in_64_bits() -> None:
    def proposed() -> list[tuple[int, ...]]:
        searcher = automl.AskTell("reinforce", space="cnn", trials=4, space_option={"layers": 2})
        asked = [searcher.ask() for _ in range(2)]
        for one in asked:
            searcher.tell(one, 0.5)
        return [one.genotype for one in (*asked, searcher.ask())]

    usual = proposed()
    with jax.enable_x64(True), jax.debug_nans(True), jax.numpy_dtype_promotion("strict"):
        assert proposed() == usual


PROGRAM = """
import os, sys
import automl_cli as automl
before = dict(os.environ)
automl.AskTell("random", space="cnn", trials=2).ask()
import jax
print(jax.config.jax_enable_x64, dict(os.environ) == before)
"""


def test_a_program_has_its_own_settings_behind_a_call_that_came_before_jax() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=os.environ | {"JAX_ENABLE_X64": "1"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]


def test_nothing_is_set_aside_twice_or_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    set_settings_aside()
    assert jax_settings.settings_set_aside() == {"JAX_ENABLE_X64": "1"}
    jax_settings.give_settings_back()
    assert os.environ["JAX_ENABLE_X64"] == "1"
