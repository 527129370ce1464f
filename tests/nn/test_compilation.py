"""Compiled programs give the same bits, whether compiled, read from disk or evicted in between; a process keeps few."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import optax
import pytest

from automl_cli.nn import compilation
from automl_cli.nn.engines import BlocksEngine, WholeEngine
from automl_cli.nn.networks import build_network
from automl_cli.system.process import process_settings
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, MaxPool, Network

ENGINES = (WholeEngine, BlocksEngine)
RULE = optax.trace(0.9)

NETWORK = Network(
    blocks=(
        Block("a", ConvolutionUnit(kernel=(3, 5), filters=4), (IMAGE,)),
        Block("b", MaxPool(window=(2, 2), stride=(2, 2)), ("a",)),
        Block("c", ConvolutionUnit(kernel=(1, 3), filters=4), ("b", "a")),
    ),
    outputs=("c", "b"),
)


def loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def digest(engine_class: type) -> str:
    """Return a digest of the state after two steps."""
    random = np.random.default_rng(0)
    images = jnp.asarray(random.normal(size=(5, 6, 7, 2)), jnp.float32)
    labels = jnp.asarray(random.integers(0, 3, 5), jnp.int32)
    engine = engine_class(build_network(NETWORK, (6, 7, 2), 3, seed=1), loss=loss, update_rule=optax.trace(0.9))
    state = engine.initial()
    for _ in range(2):
        state, _ = engine.step(state, images, labels, 0.1)
    return hashlib.sha256(b"".join(array.tobytes() for _, array in sorted(engine.arrays(state).items()))).hexdigest()


def test_a_cached_program_and_a_fresh_one_give_the_same_bits_in_every_process(tmp_path: Path):
    environment = {**os.environ, **process_settings(), "JAX_COMPILATION_CACHE_DIR": str(tmp_path)}
    code = "import test_compilation as t; print(*map(t.digest, t.ENGINES))"
    found = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=Path(__file__).parent, env=environment, capture_output=True, text=True, check=True
        )
        found.append(
            (done.stdout, len(list(tmp_path.glob("*-cache"))), sorted(file.name for file in tmp_path.glob("*/*.program")))
        )
    assert any(name.startswith("jit_step-") for name in found[0][2])
    assert any(name.startswith("backward_") for name in found[0][2])
    assert found[0] == found[1] == found[2]


def test_programs_that_were_dropped_give_the_same_bits_when_they_come_back(monkeypatch: pytest.MonkeyPatch):
    expected = digest(BlocksEngine)
    for program in compilation._library:
        program._programs.clear()
    monkeypatch.setattr(compilation, "LARGEST_LIBRARY", 3)
    assert digest(BlocksEngine) == expected
    assert sum(map(len, compilation._library)) <= 3


def test_a_process_keeps_no_more_programs_than_allowed_and_drops_the_one_unused_for_longest(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compilation, "_library", type(compilation._library)())
    monkeypatch.setattr(compilation, "LARGEST_LIBRARY", 3)
    doubled, negated = compilation.compiled(lambda x: 2 * x), compilation.compiled(lambda x: -x)
    for size in (1, 2):
        doubled(jnp.ones(size))
    negated(jnp.ones(1))
    doubled(jnp.ones(1))
    negated(jnp.ones(2))
    assert (len(doubled), len(negated)) == (1, 2)
    doubled(jnp.ones(1))
    assert (len(doubled), len(negated)) == (1, 2)


def test_programs_outlive_the_clearing_of_what_jax_keeps(monkeypatch: pytest.MonkeyPatch):
    program = compilation.compiled(lambda x: x + 1)
    program(jnp.ones(3))
    monkeypatch.setattr(compilation, "CHILDREN_BETWEEN_CLEARINGS", 1)
    compilation.begin_child()
    assert len(program) == 1
    assert (np.asarray(program(jnp.ones(3))) == 2).all()


@contextmanager
def compilations() -> Iterator[list[str]]:
    """Yield the list to which an event is added for every program that XLA compiles meanwhile."""
    found: list[str] = []

    def listen(event: str, seconds: float, **_: object) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def trained_and_scored(engine_class: type, network: Network) -> None:
    engine = engine_class(build_network(network, (6, 7, 2), 3, seed=1), loss=loss, update_rule=RULE)
    images, labels = np.ones((5, 6, 7, 2), np.float32), np.zeros(5, np.int32)
    state = engine.state(engine.arrays(engine.initial()))
    state, _ = engine.step(state, images, labels, 0.1)
    engine.outputs(state, images)


@pytest.mark.parametrize("engine_class", ENGINES)
def test_making_a_network_of_new_shapes_compiles_nothing(engine_class: type):
    trained_and_scored(engine_class, NETWORK)  # the state of the update rule, and programs of JAX's own
    wider = msgspec.structs.replace(
        NETWORK, blocks=(Block("a", ConvolutionUnit(kernel=(1, 5), filters=11), (IMAGE,)), *NETWORK.blocks[1:])
    )
    with compilations() as found:
        engine = engine_class(build_network(wider, (6, 7, 2), 3, seed=1), loss=loss, update_rule=optax.identity())
        engine.state(engine.arrays(engine.initial()))
    assert not found


def test_a_second_network_of_the_same_shapes_compiles_nothing():
    trained_and_scored(BlocksEngine, NETWORK)
    with compilations() as found:
        trained_and_scored(BlocksEngine, NETWORK)
    assert not found


def test_scoring_a_network_compiles_only_what_makes_logits_of_the_sum_of_the_shares():
    engine = BlocksEngine(build_network(NETWORK, (6, 7, 2), 3, seed=1), loss=loss, update_rule=RULE)
    images, labels = np.ones((4, 6, 7, 2), np.float32), np.zeros(4, np.int32)
    state, _ = engine.step(engine.initial(), images, labels, 0.1)
    with compilations() as found:
        engine.outputs(state, images)
    assert len(found) == 1


def test_only_programs_that_loop_over_large_maps_have_the_fusion_emitters(monkeypatch: pytest.MonkeyPatch):
    asked: list[dict[str, bool | int]] = []
    monkeypatch.setattr(compilation, "current_program_cache", asked.append)
    monkeypatch.setattr(compilation, "LARGE", 16)
    small, large = jnp.ones((1, 3, 5, 1)), jnp.ones((2, 2, 2, 2))
    for options in ({}, {"loops": True}, {"long": True}):
        for x in (small, large):
            compilation.compiled(lambda x: x + 1, **options)(x)
    without = [options.get("xla_cpu_use_fusion_emitters") is False for options in asked]
    assert without == [True, True, True, False, False, False]
