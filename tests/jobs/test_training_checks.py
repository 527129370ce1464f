"""`automl validate` on the directory of a training: every file against the others."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from automl_cli.store.files import file_digest
from automl_cli.store.weights import read_arrays, write_arrays
from tests.reporting.runs import write_run
from tests.reporting.trainings import write_training
from tests.store.lines import unsigned


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """A finished training whose weights and digests of examples are there, and a checkpoint that was left behind."""
    path = write_training(tmp_path / "final", [0.5, 0.75, 0.7])
    digest = write_arrays(path / "weights.safetensors", {"parameters.a": np.zeros(3, np.float32)})
    edit(path / "model.json", lambda document: document["body"].update(weights_digest=digest))
    contents = {"trained": np.arange(5, dtype=np.uint64), "tested": np.arange(2, dtype=np.uint64)}
    write_arrays(path / "contents.safetensors", {**contents, "weights": np.frombuffer(bytes.fromhex(digest), np.uint8)})
    settings = np.frombuffer(bytes.fromhex(file_digest(path / "training.json")), np.uint8)
    progress = {"losses": np.array([1.0, 0.5]), "scores": np.array([0.5, 0.75]), "settings": settings}
    write_arrays(path / "checkpoint.safetensors", {f"progress.{name}": array for name, array in progress.items()})
    return path


def edit(file: Path, change: Callable) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def test_a_training_is_sound_file_by_file(training: Path, automl: Callable) -> None:
    done = automl("validate", training)
    assert (done.code, done.stderr) == (0, "")
    assert [line.removeprefix(f"{training}/") for line in done.stdout.splitlines()] == [
        "training.json: sound automl.training/1",
        "journal.jsonl: sound journal of 3 epochs",
        "checkpoint.safetensors: sound checkpoint after 2 epochs",
        "model.json: sound automl.model/1",
        "contents.safetensors: sound digests of 5 examples trained on and 2 tested",
    ]


def spoil_arrays(file: str, **changes: np.ndarray) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        write_arrays(
            path / file, {**read_arrays(path / file), **{name.replace("_", "."): one for name, one in changes.items()}}
        )

    return spoil


def spoil_text(file: str, before: bytes, after: bytes) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        assert before in (path / file).read_bytes()
        (path / file).write_bytes(unsigned((path / file).read_bytes()).replace(before, after))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (spoil_text("journal.jsonl", b'"score":0.7,', b'"score":0.9,'), "model.json: body.scores: says 0.7, but journal.jsonl"),
        (spoil_text("journal.jsonl", b'"score":0.75,', b'"score":0.8,'), "checkpoint.safetensors: scores"),
        (spoil_text("journal.jsonl", b'"epoch":3', b'"epoch":2'), "journal.jsonl:4: epoch 2 was trained where epoch 3 comes"),
        (
            spoil_text("training.json", b'"epochs": 3', b'"epochs": 2'),
            "journal.jsonl: has 3 epochs on record, and training.json",
        ),
        (spoil_text("training.json", b'"epochs": 3', b'"epochs": 4'), "model.json: body.epochs: says 3, but training.json"),
        (spoil_text("model.json", b'"seed": 0', b'"seed": 1'), "model.json: body.seed: says 1, but training.json makes it 0"),
        (spoil_arrays("weights.safetensors", b=np.zeros(1)), "model.json: body.weights_digest"),
        (
            spoil_arrays("contents.safetensors", weights=np.zeros(32, np.uint8)),
            "contents.safetensors: the digest of the weights",
        ),
        (spoil_arrays("checkpoint.safetensors", progress_settings=np.zeros(32, np.uint8)), "belongs to another training"),
        (
            spoil_arrays("checkpoint.safetensors", progress_losses=np.zeros(9)),
            "checkpoint.safetensors: holds 9 losses and 2 scores",
        ),
        (lambda path: (path / "weights.safetensors").unlink(), "weights.safetensors does not exist"),
        (lambda path: (path / "checkpoint.safetensors").write_bytes(b"half"), "not a whole safetensors file"),
    ],
)
def test_a_file_that_contradicts_another_is_named(
    training: Path, automl: Callable, spoil: Callable[[Path], None], problem: str
) -> None:
    spoil(training)
    done = automl("validate", training)
    assert done.code == 2
    assert problem in done.stderr


def test_the_training_inside_a_search_is_validated_with_it(tmp_path: Path, automl: Callable) -> None:
    run = write_run(tmp_path / "search", [0.5])
    write_training(run / "transfer", [0.5, 0.75], epochs=4, ended=None)
    done = automl("validate", run)
    assert f"{run}/transfer/journal.jsonl: sound journal of 2 epochs" in done.stdout


def test_a_training_that_runs_and_one_without_a_journal_are_sound(tmp_path: Path, automl: Callable) -> None:
    path = write_training(tmp_path / "t", [0.5], epochs=9, ended=None)
    assert automl("validate", path).code == 0
    (path / "journal.jsonl").unlink()
    assert automl("validate", path).stdout == f"{path}/training.json: sound automl.training/1\n"
