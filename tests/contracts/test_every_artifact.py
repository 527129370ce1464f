"""Every kind of artifact: its schema changes with its version only, and every older version has its upgrade."""

from typing import Any

import pytest

from automl_cli.store.artifact import Body, json_schema
from tests.contracts import golden
from tests.tables import BODIES

every_body = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)


@every_body
def test_schema_changes_with_the_version_only(body: type[Body]) -> None:
    golden.check(f"artifacts/{body.SCHEMA.name}-v{body.SCHEMA.version}", _without_descriptions(json_schema(body)))


@every_body
def test_every_older_version_has_an_upgrade_and_a_golden_schema(body: type[Body]) -> None:
    assert sorted(body.SCHEMA.upgrades) == list(range(1, body.SCHEMA.version))
    for version in range(1, body.SCHEMA.version):
        assert (golden.FOLDER / "artifacts" / f"{body.SCHEMA.name}-v{version}.json").is_file()


@every_body
def test_body_refuses_what_it_does_not_know(body: type[Body]) -> None:
    assert body.__struct_config__.forbid_unknown_fields
    assert body.__struct_config__.frozen


@every_body
def test_schema_names_the_kind_and_its_version(body: type[Body]) -> None:
    assert json_schema(body)["properties"]["schema"] == {"const": str(body.SCHEMA)}


def _without_descriptions(value: Any) -> Any:
    """The schema without its prose, which may be reworded."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if not (key == "description" and isinstance(item, str))}
        return {key: _without_descriptions(item) for key, item in kept.items()}
    return [_without_descriptions(item) for item in value] if isinstance(value, list) else value
