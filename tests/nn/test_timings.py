"""Two timing tables that choose different forms, in one process and in one folder of programs: none is mixed up."""

from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from automl_cli.nn.compilation import compiled
from automl_cli.nn.engines import library
from automl_cli.nn.engines.compiled_block import CompiledBlock
from automl_cli.nn.ops.convolution import convolution
from automl_cli.nn.ops.dispatch import choose_form
from automl_cli.nn.ops.no_inline import outlined
from automl_cli.nn.program_cache import FOLDER
from automl_cli.store.timing_tables import measured_tables
from automl_cli.store.timings_in_force import timings_restored, use_timings
from automl_cli.values.operations import ConvolutionUnit
from automl_cli.values.timings import TimingTable, calibrated

UNIT, CHANNELS, SIZE, BATCH = ConvolutionUnit(kernel=(3, 3), filters=16), 8, (8, 8), 4
FIRST = measured_tables()["amd-zen-4"]


def form_by(table: TimingTable) -> str:
    with timings_restored():
        use_timings(table)
        return choose_form((*SIZE, BATCH, CHANNELS), (*UNIT.kernel, CHANNELS, UNIT.filters), (1, 1))


def without(form: str) -> TimingTable:
    """The same table with a form that is far too slow."""
    rows = {
        name: tuple(1e6 * number for number in row) if name.startswith(form) else row
        for name, row in FIRST.coefficients.items()
    }
    return calibrated("none", rows)


SECOND = next(table for table in map(without, FIRST.coefficients) if form_by(table) != form_by(FIRST))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    """JAX's compilation cache in a folder of its own, and the table in force as it was afterwards."""
    names = {"jax_compilation_cache_dir": str(tmp_path), "jax_persistent_cache_min_compile_time_secs": 0.0}
    usual = {name: jax.config.values[name] for name in names}
    with timings_restored():
        for settings in (names, usual):
            for name, value in settings.items():
                jax.config.update(name, value)
            compilation_cache.reset_cache()
            if settings is names:
                yield tmp_path


def gradients(table: TimingTable, block: CompiledBlock | None = None) -> list[bytes]:
    """The output of a block with a convolution, and its gradients, by a table: the bits."""
    use_timings(table)
    block = block or fresh_block()
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=(*SIZE, BATCH, CHANNELS)), jnp.float32)
    page, offset = jnp.asarray(random.normal(size=block.size), jnp.float32), jnp.int32(0)
    output, _, kept = block.forward(page, offset, ((x,),), ())
    inputs, added = block.backward(page, offset, ((x,),), (), output, kept, (output,), jnp.zeros(block.size))
    return [np.asarray(array).tobytes() for array in (output, inputs[0], added)]


def fresh_block() -> CompiledBlock:
    return library.part.__wrapped__(UNIT, CHANNELS, SIZE, None)


def test_the_tables_choose_other_forms_and_other_bits() -> None:
    assert form_by(FIRST) != form_by(SECOND)
    assert gradients(FIRST)[0] != gradients(SECOND)[0]


def test_a_block_in_one_process_and_its_programs_on_disk_are_those_of_the_table_in_force(folder: Path) -> None:
    alone = [gradients(table) for table in (FIRST, SECOND)]
    files = {file.name for file in (folder / FOLDER).iterdir()}
    assert len(files) == 4  # forward and backward, by each table
    kept = fresh_block()
    for block in (None, kept, kept):  # found on disk, found on disk, kept
        assert [gradients(table, block) for table in (FIRST, SECOND, FIRST)] == [*alone, alone[0]]
    assert {file.name for file in (folder / FOLDER).iterdir()} == files


def test_a_gradient_belongs_to_the_forward_program_of_its_table_though_that_one_came_from_disk(folder: Path) -> None:
    programs, block = folder / FOLDER, fresh_block()
    alone = gradients(SECOND)
    for file in programs.glob("backward*"):
        file.unlink()
    gradients(FIRST, block)  # traced forward and backward
    assert gradients(SECOND, block) == alone


def test_a_trace_inside_another_program_is_made_anew() -> None:
    outer = compiled(outlined(convolution))
    random = np.random.default_rng(0)
    shapes = (*SIZE, BATCH, CHANNELS), (*UNIT.kernel, CHANNELS, UNIT.filters)
    x, kernel = (jnp.asarray(random.normal(size=shape), jnp.float32) for shape in shapes)
    found = []
    for table in (FIRST, SECOND, FIRST):
        use_timings(table)
        found.append(np.asarray(outer(x, kernel)).tobytes())
    assert found[0] == found[2] != found[1]
