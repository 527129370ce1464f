"""What fuzzing and storms found, each by its smallest input: an error in words where there was a traceback."""

import io
import json
import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from automl_cli.core.errors import ArtifactError, DataError, UserError
from automl_cli.data import image_facts
from automl_cli.data.benchmark_table import UnknownColumn, read_table
from automl_cli.jobs.validation import check_file
from automl_cli.planning.request import read_request
from automl_cli.store.artifact import artifact_of, encode_artifact
from automl_cli.store.encoding import check_keys
from automl_cli.values.dataset import DatasetReference, facts_of
from tests.fuzz.forgeries import header
from tests.store.samples import architecture
from tests.study import worlds
from tests.tables import ROOT


@pytest.mark.parametrize(
    ("text", "words"),
    [("trials = " + "[" * 5000, "nested too deep"), ("trials = " + "9" * 5000, "digits"), ('trials = "\xff', "not TOML")],
)
def test_flags_nested_too_deep_or_of_too_many_digits_are_no_toml(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "flags.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=rf"flags\.toml: not TOML: .*{words}|not TOML: 'utf-8'"):
        read_request(tmp_path / "flags.toml")


@pytest.mark.parametrize("version", ["9" * 5000, "0", "01", "²", "٣", "-1"])
def test_the_version_of_an_artifact_is_a_number_of_few_digits(version: str, tmp_path: Path) -> None:
    document = json.loads(encode_artifact(artifact_of(architecture()))) | {"schema": f"automl.architecture/{version}"}
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert 'is not of the form "automl.<kind>/<version>"' in str(check_file(tmp_path / "a.json").problem)


def test_keys_are_checked_in_deep_documents_and_beside_long_numbers() -> None:
    with pytest.raises(ArtifactError, match="nested too deep"):
        check_keys(b"[" * 5000 + b"]" * 5000, "a.json")
    check_keys(b'{"a": ' + b"9" * 5000 + b"}", "a.json")
    with pytest.raises(ArtifactError, match="stands twice"):
        check_keys(b'{"a": ' + b"9" * 5000 + b', "a": 1}', "a.json")


@pytest.mark.parametrize(("field", "value"), [("facts", {"image_shape": None}), ("dataset", {"source": 3}), ("name", "sounds")])
def test_data_that_are_none_of_the_problem_are_named_with_their_place(field: str, value: object, tmp_path: Path) -> None:
    document = json.loads(encode_artifact(artifact_of(architecture())))
    problem = document["body"]["found"]["child"]["problem"]
    problem[field] = {**problem[field], **value} if isinstance(value, dict) else value
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert f"body.found.child.problem.{field}" in str(check_file(tmp_path / "a.json").problem)


def test_facts_that_are_none_are_an_error_of_the_artifact() -> None:
    child = worlds.digits_child()
    child.problem.facts["image_shape"] = None
    with pytest.raises(ArtifactError, match=r"child\.problem\.facts\.image_shape: expected a list, got null"):
        facts_of(child)


@pytest.mark.parametrize("index", ["9" * 5000, "1-" + "9" * 40])
def test_an_index_of_too_many_digits_is_none_of_the_space(index: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(f"ops,valid\n{index},0.5\n")
    with pytest.raises(DataError, match=r"table\.csv:2, column 'ops': encoding .* is not of this space: "):
        read_table(str(tmp_path / "table.csv"), worlds.space(2).decisions, encoding_column="ops", columns=["valid"])


def test_a_column_that_an_archive_lacks_is_said_as_that_of_a_table_is(tmp_path: Path) -> None:
    np.savez(tmp_path / "table.npz", ops=np.array(["00"]), valid=np.array([0.5]))
    with pytest.raises(UnknownColumn, match=r"table\.npz: unknown column 'vaild'\. Did you mean 'valid'\?"):
        read_table(str(tmp_path / "table.npz"), worlds.space(2).decisions, encoding_column="ops", columns=["vaild"])


def _archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def _saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


IMAGES = _saved(np.zeros((12, 4, 4), np.uint8))

CLAIMS: dict[str, bytes] = {
    "objects": header("|O", (2**31, 2**20)),
    "negative": header("<i8", (-1,)),
    "beyond 64 bits": header("<i8", (2**62, 2**62)),
    "a bomb of labels": header("<i8", (2**40,)),
    "a type of a gigabyte": header("<U1000000000", (12,)),
    "nothing": b"",
}
"""Headers of labels that their data do not have."""


@pytest.mark.parametrize("claim", CLAIMS)
def test_labels_that_claim_what_they_have_not_are_refused_in_little_memory(claim: str, tmp_path: Path) -> None:
    path = _archive(tmp_path / "set.npz", {"images.npy": IMAGES, "labels.npy": CLAIMS[claim]})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=r"set\.npz"):
        image_facts(DatasetReference(source=str(path)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


def test_a_bomb_of_labels_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = _saved(np.zeros(2**27, np.uint8))
    path = _archive(tmp_path / "set.npz", {"images.npy": IMAGES, "labels.npy": bomb})
    assert path.stat().st_size < 2**18
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=r"set\.npz"):
        image_facts(DatasetReference(source=str(path)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**26 // 1024


def test_an_archive_of_a_method_that_is_damaged_is_said_so(tmp_path: Path) -> None:
    path = _archive(tmp_path / "set.npz", {"images.npy": IMAGES, "labels.npy": IMAGES}, zipfile.ZIP_LZMA)
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"set\.npz"):
        image_facts(DatasetReference(source=str(path)))


def test_an_error_is_said_where_no_file_can_be_opened_any_more() -> None:
    limit = "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))"
    program = f"import automl_cli.cli.errors as e, resource; {limit}; e.say('no room'); e.say('ended', label='')"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "error: no room\nended\n")
