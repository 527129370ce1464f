"""Every kind of artifact: its schema changes with its version only, and every older version has its upgrade."""

from typing import Any

import pytest

from automl_cli.store.artifact import schema
from tests.contracts import golden
from tests.tables import KINDS

every_kind = pytest.mark.parametrize("name", KINDS)


@every_kind
def test_schema_changes_with_the_version_only(name: str) -> None:
    golden.check(f"artifacts/{name}-v{KINDS[name].version}", _without_descriptions(schema(name)))


@every_kind
def test_every_older_version_has_an_upgrade_and_a_golden_schema(name: str) -> None:
    assert sorted(KINDS[name].upgrades) == list(range(1, KINDS[name].version))
    for version in range(1, KINDS[name].version):
        assert (golden.FOLDER / "artifacts" / f"{name}-v{version}.json").is_file()


@every_kind
def test_body_refuses_what_it_does_not_know(name: str) -> None:
    assert KINDS[name].body.__struct_config__.forbid_unknown_fields
    assert KINDS[name].body.__struct_config__.frozen


@every_kind
def test_schema_names_the_kind_and_its_version(name: str) -> None:
    assert schema(name)["properties"]["schema"] == {"const": f"automl.{name}/{KINDS[name].version}"}


def _without_descriptions(value: Any) -> Any:
    """The schema without its prose, which may be reworded."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if not (key == "description" and isinstance(item, str))}
        return {key: _without_descriptions(item) for key, item in kept.items()}
    return [_without_descriptions(item) for item in value] if isinstance(value, list) else value
