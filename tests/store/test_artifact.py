"""Artifacts: what is written is read back, and what is wrong is refused by name and path."""

from pathlib import Path
from typing import Any, ClassVar, get_args, get_type_hints

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from automl_cli import __version__
from automl_cli.core.errors import ArtifactError, RunFailed
from automl_cli.kinds.architecture import ArchitectureBody
from automl_cli.store import encoding
from automl_cli.store.artifact import (
    Artifact,
    Body,
    Schema,
    artifact_of,
    decode_artifact,
    encode_artifact,
    json_schema,
    read_artifact,
    write_artifact,
)
from automl_cli.store.files import file_digest
from automl_cli.store.study import StudySettings
from tests.store.samples import architecture, settings
from tests.tables import BODIES

ARCHITECTURE = {"architecture": ArchitectureBody}
BY_HAND = "; it was changed by hand, or written by a development version. Make it again"
"""Fields of a current version that this version does not have, or lacks, have one of two causes."""


def document() -> dict[str, Any]:
    parsed: dict[str, Any] = orjson.loads(encode_artifact(artifact_of(architecture())))
    return parsed


def refused(changed: Any) -> str:
    with pytest.raises(ArtifactError) as caught:
        decode_artifact(orjson.dumps(changed), "best.json", ARCHITECTURE)
    return str(caught.value)


@pytest.mark.parametrize("body", [architecture(), settings()])
def test_what_is_written_is_read_back(body: Any, tmp_path: Path) -> None:
    artifact = artifact_of(body, {"activation": "0" * 64})
    digest = write_artifact(tmp_path / "a.json", artifact)
    assert read_artifact(tmp_path / "a.json", type(body)) == artifact
    assert decode_artifact((tmp_path / "a.json").read_bytes(), "a.json", BODIES) == artifact
    assert digest == file_digest(tmp_path / "a.json")
    assert write_artifact(tmp_path / "b.json", artifact) == digest
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.json", "b.json"]


def test_header_stands_first_and_names_kind_version_and_tool() -> None:
    text = encode_artifact(artifact_of(architecture(), {"cell": "f" * 64}))
    assert list(orjson.loads(text)) == ["schema", "tool", "inputs", "body"]
    assert text.startswith(
        b'{\n  "schema": "automl.architecture/1",\n  "tool": "automl-cli %s",\n  "inputs": {\n    "cell": "'
        % __version__.encode()
    )
    assert text.endswith(b"}\n")


def test_every_prefix_of_a_file_is_refused_as_truncated() -> None:
    text = encode_artifact(artifact_of(architecture()))
    for length in range(len(text) - 2):
        with pytest.raises(ArtifactError, match=r"^best\.json: (not JSON|Expected)"):
            decode_artifact(text[:length], "best.json", ARCHITECTURE)


def test_the_failing_path_is_named() -> None:
    wrong = document()
    wrong["body"]["value"]["blocks"][1]["inputs"] = [7]
    assert refused(wrong) == "best.json: body.value.blocks[1].inputs[0]: expected text, got a whole number"


def test_a_value_that_its_own_type_refuses_is_named_by_path() -> None:
    wrong = document()
    wrong["body"]["value"]["blocks"][1]["inputs"] = ["later"]
    assert refused(wrong).startswith("best.json: body.value: block 'b' of the network reads 'later'")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), "depht: unknown field"),
        (("body",), "body.depht: unknown field"),
        (("body", "found", "child", "recipe"), "body.found.child.recipe.depht: unknown field"),
        (("body", "value", "blocks", 0, "operation"), "body.value.blocks[0].operation.depht: unknown field"),
    ],
)
def test_an_unknown_field_is_refused_at_any_depth(path: tuple[Any, ...], text: str) -> None:
    changed = inner = document()
    for key in path:
        inner = inner[key]
    inner["depht"] = 3
    assert refused(changed) == f"best.json: {text}{BY_HAND}"


def test_a_missing_field_is_named() -> None:
    wrong = document()
    del wrong["body"]["found"]["genotype"]
    assert refused(wrong) == f"best.json: body.found.genotype: is missing{BY_HAND}"
    del wrong["schema"]
    assert refused(wrong) == "best.json: schema: is missing"


def test_a_newer_version_is_refused_with_the_version_that_wrote_it() -> None:
    assert refused(document() | {"schema": "automl.architecture/2", "tool": "automl-cli 9.0"}) == (
        f"best.json: schema: 'automl.architecture/2' was written by automl-cli 9.0; this automl-cli {__version__} reads up to "
        "'automl.architecture/1'. Upgrade automl-cli"
    )


def test_a_wrong_kind_is_refused(tmp_path: Path) -> None:
    write_artifact(tmp_path / "study.json", artifact_of(settings()))
    with pytest.raises(ArtifactError, match=r"study\.json: this is a study artifact; an architecture artifact is needed here"):
        read_artifact(tmp_path / "study.json", ArchitectureBody)


@pytest.mark.parametrize(
    "text", ["automl.architecture", "automl.architecture/0", "nni.architecture/1", "automl.architecture/x"]
)
def test_a_malformed_schema_is_refused(text: str) -> None:
    assert refused(document() | {"schema": text}) == f'best.json: schema: {text!r} is not of the form "automl.<kind>/<version>"'


def test_an_unknown_kind_gets_a_suggestion() -> None:
    misspelt = orjson.dumps(document() | {"schema": "automl.architectur/1"})
    with pytest.raises(ArtifactError, match=r"schema: unknown kind of artifact 'architectur'\. Did you mean 'architecture'\?"):
        decode_artifact(misspelt, "best.json", BODIES)


def test_where_one_kind_is_welcome_any_other_is_refused_by_its_name() -> None:
    other = document() | {"schema": "automl.cell/1"}
    assert refused(other) == "best.json: this is a cell artifact; an architecture artifact is needed here"


@pytest.mark.parametrize("text", ["[]", "3", '"x"', '{"schema": 1}'])
def test_json_that_is_no_artifact_is_refused(text: str) -> None:
    with pytest.raises(ArtifactError, match=r"^best\.json: "):
        decode_artifact(text.encode(), "best.json", BODIES)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_refused_on_writing(value: float) -> None:
    body = architecture()
    assert body.found is not None
    broken = msgspec.structs.replace(body, found=msgspec.structs.replace(body.found, validation_score=value))
    with pytest.raises(ArtifactError, match=r"body\.found\.validation_score is (nan|-?inf); JSON holds finite numbers only"):
        encode_artifact(artifact_of(broken))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused_on_reading(number: str) -> None:
    text = encode_artifact(artifact_of(architecture())).replace(b"0.75", number.encode(), 1)
    with pytest.raises(ArtifactError, match=r"^best\.json: not JSON: "):
        decode_artifact(text, "best.json", ARCHITECTURE)


def test_writing_refuses_what_reading_would_refuse() -> None:
    with pytest.raises(ArtifactError, match=r"the new artifact: body\.trials: expected a whole number of at least 1"):
        encode_artifact(artifact_of(msgspec.structs.replace(settings(), trials=0)))


def test_a_missing_file_is_one_line() -> None:
    with pytest.raises(ArtifactError, match=r"^nowhere\.json: no such file$"):
        read_artifact(Path("nowhere.json"), ArchitectureBody)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "best.json"
    write_artifact(path, artifact_of(architecture()))
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunFailed, match=r"^cannot write .*best\.json: No space left on device$"):
        write_artifact(path, artifact_of(settings()))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class Shelf(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Version 3 of a kind that exists for these tests only."""

    SCHEMA: ClassVar[Schema] = Schema(
        "shelf", 3, {1: lambda body: {"width": body["size"], "height": body["size"]}, 2: lambda body: body | {"name": "-"}}
    )

    width: int
    height: int
    name: str


@pytest.mark.parametrize(
    ("version", "body"),
    [(1, {"size": 2}), (2, {"width": 2, "height": 2}), (3, {"width": 2, "height": 2, "name": "-"})],
)
def test_older_versions_are_upgraded_step_by_step(version: int, body: dict[str, Any]) -> None:
    data = orjson.dumps({"schema": f"automl.shelf/{version}", "tool": "automl-cli 0.0", "inputs": {}, "body": body})
    artifact = decode_artifact(data, "old.json", {"shelf": Shelf})
    assert artifact == Artifact("automl.shelf/3", "automl-cli 0.0", {}, Shelf(width=2, height=2, name="-"))


def test_an_old_file_that_cannot_be_upgraded_is_refused() -> None:
    data = orjson.dumps({"schema": "automl.shelf/1", "tool": "automl-cli 0.0", "inputs": {}, "body": {}})
    with pytest.raises(
        ArtifactError, match=r"^old\.json: body: 'automl\.shelf/1' cannot be read as 'automl\.shelf/3': KeyError"
    ):
        decode_artifact(data, "old.json", {"shelf": Shelf})


def reachable(kind: Any, found: set[type[Struct]]) -> set[type[Struct]]:
    """Every struct that can stand in a body."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        if kind not in found:
            found.add(kind)
            hints = get_type_hints(kind)
            for field in kind.__struct_fields__:
                reachable(hints[field], found)
    else:
        for argument in get_args(kind):
            reachable(argument, found)
    return found


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_struct_of_a_body_is_frozen_and_forbids_unknown_fields(body: type[Body]) -> None:
    for struct in reachable(body, set()):
        assert struct.__struct_config__.frozen, struct
        assert struct.__struct_config__.forbid_unknown_fields, struct


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_json_schema_of_every_kind(body: type[Body]) -> None:
    described = json_schema(body)
    assert described["required"] == ["schema", "tool", "inputs", "body"]
    assert described["additionalProperties"] is False
    assert encoding.document(described)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_encoding_keeps_every_value_and_turns_great_integers_into_strings(value: Any) -> None:
    def expected(item: Any) -> Any:
        match item:
            case bool() | None:
                return item
            case int():
                return item if abs(item) <= 2**53 else str(item)
            case list():
                return [expected(inner) for inner in item]
            case dict():
                return {key: expected(inner) for key, inner in item.items()}
        return item

    assert encoding.parse(encoding.document(value), "-") == expected(value)
    assert encoding.parse(encoding.line(value), "-") == expected(value)


def test_a_study_is_read_as_itself(tmp_path: Path) -> None:
    write_artifact(tmp_path / "study.json", artifact_of(settings()))
    assert read_artifact(tmp_path / "study.json", StudySettings).body == settings()
