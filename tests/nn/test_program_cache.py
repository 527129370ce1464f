"""Programs found on disk without being traced: the same bits, never a wrong program, never an error."""

import inspect
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from automl_cli.nn import compilation, ops, program_cache
from automl_cli.nn.augment.pipeline import whiten
from automl_cli.nn.compilation import compiled
from automl_cli.nn.engines import library
from automl_cli.nn.engines.blocks import _update as optimizer_of_blocks
from automl_cli.nn.engines.compiled_block import CompiledBlock
from automl_cli.nn.interpret.rule_programs import update
from automl_cli.nn.losses import CrossEntropy, WithAuxiliary
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.nn.program_cache import ProgramCache, current_program_cache
from automl_cli.values.expressions.evaluation import pointwise
from automl_cli.values.expressions.program import program_of
from automl_cli.values.expressions.rule_step import RuleStep
from automl_cli.values.operations import ConvolutionUnit, MaxPool, SeparableUnit

X = jnp.arange(6, dtype=jnp.float32)


class Function:
    """The function x -> (factor x, [x]), which counts its compilations."""

    def __init__(self, factor: float = 2.0) -> None:
        self.factor = factor
        self.compiled = 0

    def __call__(self) -> Any:
        self.compiled += 1
        return jax.jit(lambda x: (self.factor * x, [x])).lower(X).compile()


def values(program: Callable[..., Any]) -> list[float]:
    return np.asarray(program(X)[0]).tolist()


def test_a_program_is_compiled_once_and_then_read(tmp_path: Path):
    function, kept = Function(), ProgramCache(tmp_path, "here")
    first, second = (kept.obtain("double it", (X,), function) for _ in range(2))
    assert function.compiled == 1
    assert values(first) == values(second) == [0, 2, 4, 6, 8, 10]
    assert [file.name[:7] for file in tmp_path.iterdir()] == ["double-"]


@pytest.mark.parametrize(
    ("environment", "identity", "arguments"),
    [
        ("there", "double it", (X,)),
        ("here", "double that", (X,)),
        ("here", "double it", (X[:3],)),
        ("here", "double it", (X, X)),
    ],
)
def test_another_question_gets_another_program(tmp_path: Path, environment: str, identity: str, arguments: tuple):
    ProgramCache(tmp_path, "here").obtain("double it", (X,), Function())
    other = Function(3.0)
    ProgramCache(tmp_path, environment).obtain(identity, arguments, other)
    assert other.compiled == 1


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-100], lambda _: b"", lambda content: content[:500] + bytes(9) + content[509:]]
)
def test_a_damaged_file_is_compiled_again_and_replaced(tmp_path: Path, damage: Callable[[bytes], bytes]):
    function, kept = Function(), ProgramCache(tmp_path, "here")
    kept.obtain("double", (X,), function)
    (file,) = tmp_path.iterdir()
    sound = file.read_bytes()
    file.write_bytes(damage(sound))
    assert values(kept.obtain("double", (X,), function)) == [0, 2, 4, 6, 8, 10]
    assert values(kept.obtain("double", (X,), function)) == [0, 2, 4, 6, 8, 10]
    assert function.compiled == 2


def test_a_program_without_a_name_is_kept_by_its_text_and_replaced_when_it_is_torn(folder: Path):
    rule = optax.trace(0.9)
    state = optax.TraceState(X)

    def updated() -> tuple[Any, Path]:
        found = compiled(rule.update)(X, state)
        (file,) = (folder / program_cache.FOLDER).iterdir()
        return found, file

    (fresh, _), file = updated()
    assert not list(folder.glob("*update*-cache"))
    sound = file.read_bytes()
    for content in (sound, sound[: len(sound) // 2], b""):
        file.write_bytes(content)
        (values, after), file = updated()
        assert (np.asarray(values) == np.asarray(fresh)).all()
        assert type(after) is type(state)
        assert len(file.read_bytes()) == len(sound)
    compiled(lambda x, state: rule.update(2 * x, state))(X, state)
    assert len(list((folder / program_cache.FOLDER).iterdir())) == 2


def test_programs_that_read_other_arguments_of_the_same_shapes_are_others(folder: Path):
    def reading(place: int) -> Callable[..., Any]:
        def step(*arguments: jax.Array) -> jax.Array:
            return 2 * arguments[place]

        return step

    found = [np.asarray(compiled(reading(place))(X, X + 1)).tolist() for place in (0, 1, 0)]
    assert found == [[0, 2, 4, 6, 8, 10], [2, 4, 6, 8, 10, 12], [0, 2, 4, 6, 8, 10]]
    assert len(list((folder / program_cache.FOLDER).iterdir())) == 2


def test_a_program_that_cannot_be_kept_is_compiled_and_runs(folder: Path):
    seen: list[float] = []

    def told(x: jax.Array) -> jax.Array:
        jax.debug.callback(lambda value: seen.append(float(value)), x[1])
        return 2 * x

    for count in (1, 2):
        assert np.asarray(compiled(told)(X)).tolist() == [0, 2, 4, 6, 8, 10]
        jax.effects_barrier()
        assert seen == [1.0] * count
    assert not list((folder / program_cache.FOLDER).glob("*.program"))


def test_where_nothing_can_be_kept_programs_are_compiled(tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    function = Function()
    for _ in range(2):
        assert values(ProgramCache(blocked, "here").obtain("double", (X,), function)) == [0, 2, 4, 6, 8, 10]
    assert function.compiled == 2


def test_who_wants_what_another_compiles_waits_for_it(tmp_path: Path):
    inside, function = threading.Event(), Function()

    def slowly() -> Any:
        inside.set()
        time.sleep(0.3)
        return function()

    one = threading.Thread(target=lambda: ProgramCache(tmp_path, "here").obtain("double", (X,), slowly))
    one.start()
    assert inside.wait(30)
    assert values(ProgramCache(tmp_path, "here").obtain("double", (X,), function)) == [0, 2, 4, 6, 8, 10]
    one.join()
    assert function.compiled == 1
    assert [file.suffix for file in tmp_path.iterdir()] == [".program"]


def test_a_file_under_another_name_is_not_believed(tmp_path: Path):
    kept, other = ProgramCache(tmp_path, "here"), Function(3.0)
    kept.obtain("double", (X,), Function())
    kept.obtain("treble", (X,), other)
    double, treble = sorted(tmp_path.iterdir())
    treble.write_bytes(double.read_bytes())
    assert values(kept.obtain("treble", (X,), other)) == [0, 3, 6, 9, 12, 15]
    assert other.compiled == 2


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert values(ProgramCache(tmp_path, "here").obtain("double", (X,), Function())) == [0, 2, 4, 6, 8, 10]
    assert list(tmp_path.iterdir()) == []


def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept, function = ProgramCache(tmp_path, "here"), Function()
    kept.obtain("double", (X,), function)
    (file,) = tmp_path.iterdir()
    file.unlink()
    monkeypatch.setattr(program_cache, "LOCK_TIMEOUT_SECONDS", 0.05)
    with filelock.FileLock(file.with_suffix(".lock")):
        assert values(kept.obtain("double", (X,), function)) == [0, 2, 4, 6, 8, 10]
    assert function.compiled == 2


def test_weakly_typed_arguments_are_another_question(tmp_path: Path):
    kept = ProgramCache(tmp_path, "here")
    weak, strong = jax.jit(lambda: 1.0)(), jnp.float32(1.0)
    assert weak.dtype == strong.dtype
    assert kept._file("f", jax.tree.structure((weak,)), (weak,)) != kept._file("f", jax.tree.structure((strong,)), (strong,))


@pytest.mark.parametrize("setting", ["jax_threefry_partitionable", "jax_enable_x64", "jax_disable_most_optimizations"])
def test_programs_made_under_other_settings_of_jax_are_others(folder: Path, setting: str):
    usual, options = current_program_cache({}), jax.config.values[setting]
    assert usual is not None
    jax.config.update(setting, not options)
    try:
        assert current_program_cache({}) != usual
    finally:
        jax.config.update(setting, options)
    assert current_program_cache({}) == usual
    assert current_program_cache({"level": 1}) != usual


def test_there_is_no_cache_for_several_devices_or_far_away(folder: Path, monkeypatch: pytest.MonkeyPatch):
    assert current_program_cache({}) is not None
    jax.config.update("jax_compilation_cache_dir", "gs://bucket/programs")
    assert current_program_cache({}) is None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    monkeypatch.setattr(jax, "device_count", lambda: 2)
    assert current_program_cache({}) is None


def test_a_program_that_jax_has_in_its_cache_is_kept_whole(folder: Path):
    function, kept = Function(5.0), ProgramCache(folder / "ours", "here")
    function()
    assert list(folder.glob("*-cache"))
    kept.obtain("multiply", (X,), function)
    assert values(kept.obtain("multiply", (X,), function)) == [0, 5, 10, 15, 20, 25]
    assert function.compiled == 2


def test_jax_keeps_no_second_copy_and_its_cache_goes_on(folder: Path):
    ProgramCache(folder / "ours", "here").obtain("multiply", (X,), Function(6.0))
    assert not list(folder.glob("*-cache"))
    Function(7.0)()
    assert list(folder.glob("*-cache"))


@pytest.fixture
def folder(tmp_path: Path):
    """JAX's compilation cache in a folder of its own, as a worker has it."""
    names = {"jax_compilation_cache_dir": str(tmp_path), "jax_persistent_cache_min_compile_time_secs": 0.0}
    usual = {name: jax.config.values[name] for name in names}
    for settings in (names, usual):
        for name, value in settings.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        if settings is names:
            yield tmp_path


def gradients(block: CompiledBlock) -> list[np.ndarray]:
    """Return the gradients of one call of a max pool."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 4, 2, 3)), jnp.float32)
    places, nothing = ((x,),), np.float32(0)
    output, _, kept = block.forward(nothing, nothing, places, ())
    inputs, _ = block.backward(nothing, nothing, places, (), output, kept, (output,), nothing)
    return [np.asarray(output), np.asarray(inputs[0])]


@pytest.mark.parametrize("missing", ["forward", "backward", "nothing"])
def test_blocks_work_with_any_of_their_programs_from_disk(folder: Path, missing: str):
    pool = MaxPool(window=(2, 2), stride=(2, 2))
    make = library.pool.__wrapped__
    expected = gradients(make(pool, (4, 4)))
    files = {file.name.split("-")[0]: file for file in (folder / program_cache.FOLDER).iterdir()}
    assert set(files) == {"forward_max_pool", "backward_max_pool"}
    if missing in ("forward", "backward"):
        files[f"{missing}_max_pool"].unlink()
    for found, wanted in zip(gradients(make(pool, (4, 4))), expected, strict=True):
        assert (found == wanted).all()


def test_what_was_found_is_not_traced(folder: Path, monkeypatch: pytest.MonkeyPatch):
    pool = MaxPool(window=(2, 2), stride=(2, 2))
    make = library.pool.__wrapped__
    gradients(make(pool, (4, 4)))

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("traced")

    monkeypatch.setattr(compilation.jax, "jit", never)
    gradients(make(pool, (4, 4)))


UNIT = ConvolutionUnit(kernel=(3, 3), filters=4)


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (library.part, {"unit": UNIT, "channels": 3, "size": (4, 4), "activation": None}),
        (library.norm, {"filters": 4, "activation": relu}),
        (library.unit, {"unit": SeparableUnit(kernel=3, filters=4), "channels": 3, "activation": relu}),
        (library.pool, {"pool": MaxPool(window=(2, 2), stride=(2, 2)), "size": (4, 4)}),
        (library.activation, {"size": (4, 4), "channels": 3, "activation": relu}),
        (library.gather, {"size": (4, 4), "are_examples": (True, False)}),
        (library.drop, {}),
        (library.share, {"channels": 3, "classes": 10, "size": (4, 4), "dropped": True}),
        (library.logits, {"classes": 10}),
        (library.loss, {"classes": 10, "loss": WithAuxiliary(CrossEntropy((3, 1), smoothing=0.1), 0.4)}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_identity_of_a_block_holds_all_that_its_function_closes_over(
    make: Callable[..., CompiledBlock], settings: dict[str, Any]
):
    assert set(settings) == set(inspect.signature(make).parameters)
    assert make(**settings)._settings == tuple("relu" if value is relu else value for value in settings.values())


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (library.part, (UNIT, 3, (4, 4))),
        (library.norm, (4,)),
        (library.unit, (SeparableUnit(kernel=3, filters=4), 3)),
        (library.activation, ((4, 4),)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_programs_of_other_functions_than_relu_have_no_name_on_disk(
    make: Callable[..., CompiledBlock], settings: tuple[Any, ...]
):
    class LikeAnyOther:
        def __call__(self, x: jax.Array) -> jax.Array:
            return x

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 0

    assert make(*settings, relu)._settings is not None
    for function in (jnp.tanh, jax.nn.relu, LikeAnyOther()):
        assert make.__wrapped__(*settings, function)._settings is None


def test_only_a_loss_whose_text_tells_what_it_computes_is_kept_on_disk():
    @dataclass(frozen=True)
    class Other(CrossEntropy):
        pass

    for loss in (lambda logits, _: logits.mean(), WithAuxiliary(lambda logits, _: logits.mean(), 0.4), Other()):
        assert library.loss(10, loss)._settings is None
    texts = {repr(loss) for loss in (CrossEntropy(), CrossEntropy((3, 1)), CrossEntropy(smoothing=0.1))}
    assert len(texts | {repr(WithAuxiliary(CrossEntropy(), weight)) for weight in (0.1, 0.4)}) == 5


def test_every_source_that_programs_are_traced_from_is_part_of_their_names(tmp_path: Path):
    package = Path(program_cache.__file__).parents[1]
    copies = {tmp_path / file.relative_to(package): file for file in package.rglob("*.py")}
    for copy, file in copies.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    usual = program_cache._sources(tmp_path)
    assert usual == program_cache._SOURCES
    makers = (
        library.loss,
        CrossEntropy,
        WithAuxiliary,
        SeparableUnit,
        ops.convolution,
        optimizer_of_blocks,
        whiten,
        pointwise,
        program_of,
        RuleStep,
        update,
    )
    for file in {Path(inspect.getfile(inspect.unwrap(maker))) for maker in makers}:
        copy = tmp_path / file.relative_to(package)
        copy.write_bytes(file.read_bytes() + b"#")
        assert program_cache._sources(tmp_path) != usual, file
        copy.write_bytes(file.read_bytes())
    assert program_cache._sources(tmp_path) == usual


def test_what_moves_from_one_source_to_another_changes_the_names(tmp_path: Path):
    (tmp_path / "core").mkdir()
    digests = set()
    for one, other in (("a = 1\nb = 2\n", ""), ("a = 1\n", "b = 2\n")):
        (tmp_path / "core" / "one.py").write_text(one, encoding="utf-8")
        (tmp_path / "core" / "other.py").write_text(other, encoding="utf-8")
        digests.add(program_cache._sources(tmp_path))
    assert len(digests) == 2


def test_without_readable_sources_there_is_no_cache(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert program_cache._sources(tmp_path / "automl.zip") is None
    monkeypatch.setattr(program_cache, "_SOURCES", None)
    assert current_program_cache({}) is None


@pytest.mark.parametrize("package", ["jax", "jaxlib", "optax", "numpy"])
def test_programs_of_another_version_are_others(folder: Path, package: str, monkeypatch: pytest.MonkeyPatch):
    usual, version = current_program_cache({}), program_cache.version
    monkeypatch.setattr(program_cache, "version", lambda name: "0.0" if name == package else version(name))
    program_cache._machine.cache_clear()
    try:
        assert current_program_cache({}) != usual
    finally:
        program_cache._machine.cache_clear()
