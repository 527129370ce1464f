"""Laws that hold for every kind: where it stands, which role it fills, what its row names, and how its artifacts are shown."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from automl_cli.core.spaces import Plugin
from automl_cli.plugins.kind import Kind
from automl_cli.plugins.listing import kind_of, standing_kind
from automl_cli.plugins.registry import attribute
from automl_cli.plugins.roles import by_names, filling_of, named, value_of, words_of
from automl_cli.store.artifact import artifact_of, read_artifact, write_artifact
from automl_cli.store.encoding import decode, line
from automl_cli.store.study import FoundBody
from automl_cli.values.child import ROLES, Filling
from tests.store import samples
from tests.tables import KINDS, PLUGINS, ROOT

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
every_found_kind = pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=name) for name, kind in KINDS.items() if kind.is_found]
)
every_body = pytest.mark.parametrize("kind", [pytest.param(kind, id=name) for name, kind in KINDS.items() if kind.body])


@every_kind
def test_it_stands_in_a_file_of_its_name(kind: Kind) -> None:
    assert KINDS[kind.name] is kind
    assert (ROOT / "automl_cli" / "kinds" / f"{kind.name.replace('-', '_')}.py").is_file()


@every_kind
def test_its_artifacts_bear_its_name(kind: Kind) -> None:
    if kind.body is not None:
        assert kind.body.SCHEMA.name == kind.name
        assert kind_of(kind.body) is kind


@every_kind
def test_the_role_that_its_values_fill_is_one_of_a_child(kind: Kind) -> None:
    assert kind.role is None or kind.role in ROLES
    assert standing_kind(kind).role == kind.role


@every_kind
def test_values_that_go_by_a_name_survive_json_and_have_words(kind: Kind) -> None:
    for name, value in kind.names.items():
        filling = filling_of(kind.name, value, name=name)
        again = decode(line(filling), Filling, "filling")
        assert again == filling
        assert value_of(again) == value
        assert words_of(again)
        assert kind.role is not None
        assert named(kind.role)[name] == filling == by_names({kind.role: name})[kind.role]


@every_kind
def test_what_it_names_can_be_imported(kind: Kind) -> None:
    for target in (kind.build, kind.export, kind.pictures):
        if target is not None:
            assert callable(attribute(target))


@every_found_kind
def test_what_is_found_has_a_value_and_words(kind: Kind) -> None:
    assert issubclass(kind.body, FoundBody)
    fields = {field.name: field for field in msgspec.structs.fields(kind.body)}
    assert set(fields) == {"words", "found", "value"} | ({"joined"} if kind.joins else set())
    assert fields["value"].type in (kind.value, *get_args(kind.value))
    assert kind.words is not None
    assert all(kind.words(samples.BODIES[kind.name]().value))


@pytest.mark.parametrize("plugin", PLUGINS.values(), ids=PLUGINS)
def test_what_a_space_produces_is_a_kind_that_is_found(plugin: Plugin) -> None:
    assert plugin.produces in KINDS
    assert KINDS[plugin.produces].is_found


def test_there_is_a_sample_of_every_kind_of_artifact() -> None:
    assert set(samples.BODIES) >= {kind.name for kind in KINDS.values() if kind.body}, "tests/store/samples.py lacks one"


@every_body
def test_an_artifact_of_it_is_written_read_and_shown(kind: Kind, automl: Callable, tmp_path: Path) -> None:
    body = samples.BODIES[kind.name]()
    file = tmp_path / "artifact.json"
    write_artifact(file, artifact_of(body))
    assert read_artifact(file, kind.body).body == body
    shown = automl("show", file)
    assert (shown.code, shown.stderr) == (0, "")
    assert str(kind.body.SCHEMA) in shown.stdout
    assert len(shown.stdout.splitlines()) > 2
    assert json.loads(automl("show", file, "--json").stdout) == json.loads(file.read_bytes())


def test_listing_kinds_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from automl_cli.plugins.listing import kinds\n"
        "kinds()\n"
        "heavy = {'jax', 'flax', 'optax', 'numpy', 'scipy', 'sklearn', 'tensorflow_datasets'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
