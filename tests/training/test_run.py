"""`jobs.train`: the same weights however often it was interrupted, one look at the test split, failures in one line."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from automl_cli import data
from automl_cli.core.errors import ArtifactError, DataError, RunFailed
from automl_cli.jobs.export import export, to_export
from automl_cli.store.file_names import CHECKPOINT_FILE, CONTENTS_FILE, MODEL_FILE, WEIGHTS_FILE
from automl_cli.store.files import file_digest
from automl_cli.store.weights import read_arrays, write_arrays
from automl_cli.training.directory import open_training
from automl_cli.training.evaluate import evaluate
from automl_cli.training.request import TrainingRequest
from automl_cli.training.run import TrainingObserver, train
from automl_cli.training.trainable import NamedTrainable
from automl_cli.values.dataset import dataset_of

EPOCHS = 4


class Killed(BaseException):
    """Stands for the end of the process."""


def killed_after(epoch: int) -> TrainingObserver:
    def watch(losses: tuple[float, ...], scores: tuple[float, ...]) -> None:
        if len(losses) == epoch:
            raise Killed

    return TrainingObserver(epoch=watch)


def started(found: Path, out: Path, **asked) -> Path:
    open_training(
        out, TrainingRequest(**{"epochs": EPOCHS, **asked}), NamedTrainable("arch", str(found)), resume=False, overwrite=False
    ).close()
    return out


@pytest.fixture
def uninterrupted(found, tmp_path) -> Path:
    out = started(found, tmp_path / "whole")
    train(out)
    return out


def files_of(out: Path) -> dict[str, str]:
    return {path.name: file_digest(path) for path in out.iterdir() if path.name in (WEIGHTS_FILE, MODEL_FILE)}


@pytest.mark.parametrize("epoch", range(1, EPOCHS + 1))
def test_a_training_killed_after_any_epoch_gives_the_same_weights_and_scores(found, tmp_path, uninterrupted, epoch):
    out = started(found, tmp_path / "killed")
    with pytest.raises(Killed):
        train(out, watch=killed_after(epoch), checkpoint_seconds=0)
    assert not (out / MODEL_FILE).exists()
    train(out)
    assert files_of(out) == files_of(uninterrupted)


def test_a_training_killed_long_after_its_last_checkpoint_gives_the_same_weights(found, tmp_path, uninterrupted):
    out = started(found, tmp_path / "killed")
    with pytest.raises(Killed):
        train(out, watch=killed_after(EPOCHS - 1), checkpoint_seconds=1e9)
    assert not (out / CHECKPOINT_FILE).exists()
    train(out, checkpoint_seconds=1e9)
    assert files_of(out) == files_of(uninterrupted)


def test_a_training_killed_after_every_epoch_gives_the_same_weights(found, tmp_path, uninterrupted):
    out = started(found, tmp_path / "often")
    for epoch in range(1, EPOCHS + 1):
        with pytest.raises(Killed):
            train(out, watch=killed_after(epoch), checkpoint_seconds=0)
    train(out)
    assert files_of(out) == files_of(uninterrupted)


def test_a_killed_training_with_dropped_features_and_a_mean_of_parameters_gives_the_same_weights(found, tmp_path):
    asked = {"dropout": 0.3, "average_decay": 0.9, "gradient_clip": 1.0, "label_smoothing": 0.1, "optimizer": "rmsprop-tf"}
    whole, killed = (started(found, tmp_path / name, **asked) for name in ("whole", "killed"))
    train(whole)
    with pytest.raises(Killed):
        train(killed, watch=killed_after(2), checkpoint_seconds=0)
    train(killed)
    assert files_of(killed) == files_of(whole)
    plain = train(started(found, tmp_path / "plain"))
    assert plain.body.weights_digest != files_of(whole)[WEIGHTS_FILE]


@pytest.fixture
def photographs(tmp_path) -> Path:
    """A folder of JPEG of many sizes, light ones in one class and dark ones in the other."""
    random = np.random.default_rng(3)
    for name, level in (("dark", 60), ("light", 180)):
        (tmp_path / "photographs" / name).mkdir(parents=True)
        for number in range(30):
            pixels = random.integers(level - 50, level + 50, (*random.integers(14, 40, 2), 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photographs" / name / f"{number:02}.jpg")
    return tmp_path / "photographs"


def streamed(photographs: Path, augment: str = "inception") -> dict[str, object]:
    return {"dataset": str(photographs), "image_size": 12, "augment": augment, "precision": "mixed", "batch_size": 8}


@pytest.mark.parametrize("augment", ["inception", "autoaugment-imagenet"])
def test_a_killed_streamed_training_gives_the_same_weights(found, tmp_path, photographs, augment):
    whole, killed = (started(found, tmp_path / name, **streamed(photographs, augment)) for name in ("whole", "killed"))
    model = train(whole).body
    for epoch in (1, 3):
        with pytest.raises(Killed):
            train(killed, watch=killed_after(epoch), checkpoint_seconds=0)
    train(killed)
    assert files_of(killed) == files_of(whole)
    assert model.preparation == {"mean": (127.5,) * 3, "std": (127.5,) * 3}
    assert model.scores["test_accuracy"] > 0.8
    assert "validation_score" in model.scores


def test_a_streamed_model_is_scored_again_as_at_the_end_of_its_training(found, tmp_path, photographs):
    out = started(found, tmp_path / "run", with_validation=True, **streamed(photographs))
    model = train(out).body
    scores = evaluate(out / MODEL_FILE)
    assert (scores.scores, scores.test_examples) == (model.scores, 12)
    assert "validation_score" not in model.scores
    program = export(to_export(str(out / MODEL_FILE)), tmp_path / "exported").file
    assert "the middle of a picture, 7/8 of its shorter side" in program.with_name("README.md").read_text()


def test_a_streamed_training_prepares_no_arrays(found, tmp_path, photographs, monkeypatch):
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(tmp_path / "cache"))
    train(started(found, tmp_path / "run", **streamed(photographs)))
    kept = {path.name for path in (tmp_path / "cache").rglob("*.npy")}
    assert "labels.npy" in kept
    assert not {name for name in kept if "images" in name}


def test_arrays_are_refused_before_a_streamed_training_starts(found, tmp_path):
    with pytest.raises(DataError, match=r"rows.npz holds arrays of pixels.* train with --augment standard"):
        started(found, tmp_path / "run", augment="inception")
    assert not (tmp_path / "run").exists()


def test_a_broken_picture_ends_a_streamed_training_with_its_name(found, tmp_path, photographs):
    out = started(found, tmp_path / "run", **streamed(photographs))
    broken = photographs / "dark" / "05.jpg"
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(DataError, match=r"1 fault\n  dark/05.jpg: the file is cut short"):
        train(out)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def test_a_resumed_training_does_not_repeat_the_epochs_on_record(found, tmp_path):
    out = started(found, tmp_path / "run")
    with pytest.raises(Killed):
        train(out, watch=killed_after(3), checkpoint_seconds=0)
    told = []
    train(out, watch=TrainingObserver(epoch=lambda losses, scores: told.append(len(losses))))
    assert told == [4]


TRAIN = """
import sys
from pathlib import Path
from automl_cli.training.run import train
train(Path(sys.argv[1]), checkpoint_seconds=0)
"""


def test_a_process_killed_at_random_moments_gives_the_same_weights(found, tmp_path, compiled_programs):
    """Long enough that the kills meet it at work: 150 epochs with a checkpoint after each take seconds."""
    whole, out = (started(found, tmp_path / name, epochs=150) for name in ("whole", "killed"))
    where = {"cwd": Path(__file__).parents[2], "env": {**os.environ, **compiled_programs}}
    subprocess.run([sys.executable, "-c", TRAIN, str(whole)], check=True, **where)
    for steps in np.random.default_rng(7).integers(1, 40, 3):
        process = subprocess.Popen([sys.executable, "-c", TRAIN, str(out)], **where)
        _wait_for_checkpoints(out / CHECKPOINT_FILE, int(steps))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (out / MODEL_FILE).exists()
    subprocess.run([sys.executable, "-c", TRAIN, str(out)], check=True, **where)
    assert files_of(out) == files_of(whole)


def _wait_for_checkpoints(path: Path, count: int) -> None:
    """Until the file has been replaced so often, or nearly."""
    seen: set[int] = set()
    while len(seen) < count:
        time.sleep(0.002)
        if path.exists():
            seen.add(path.stat().st_mtime_ns)


def test_the_test_split_is_read_once_and_after_the_last_epoch(found, tmp_path, monkeypatch):
    happened = []
    read = data.load_test_split
    monkeypatch.setattr(data, "load_test_split", lambda reference: happened.append("test") or read(reference))
    train(started(found, tmp_path / "run"), watch=TrainingObserver(epoch=lambda losses, scores: happened.append("epoch")))
    assert happened == ["epoch"] * EPOCHS + ["test"]


def test_a_finished_training_gives_its_model_again_and_reads_no_data(uninterrupted, monkeypatch):
    monkeypatch.delattr(data, "load_test_split")
    monkeypatch.delattr(data, "load_images")
    before = files_of(uninterrupted)
    assert train(uninterrupted).body.weights_digest == before[WEIGHTS_FILE]
    assert files_of(uninterrupted) == before


def test_the_directory_holds_the_model_its_weights_and_no_checkpoint_at_the_end(uninterrupted, found):
    assert sorted(path.name for path in uninterrupted.iterdir()) == [
        CONTENTS_FILE,
        MODEL_FILE,
        "run.lock",
        "training.json",
        WEIGHTS_FILE,
    ]
    model = train(uninterrupted)
    assert model.inputs == {"network": file_digest(found)}
    names = read_arrays(uninterrupted / WEIGHTS_FILE)
    assert {name.split(".")[0] for name in names} == {"parameters", "statistics"}
    parameters = sum(array.size for name, array in names.items() if name.startswith("parameters"))
    assert parameters == model.body.parameters


def test_the_network_learns_and_the_seed_matters(found, tmp_path):
    first, second = (train(started(found, tmp_path / str(seed), epochs=20, seed=seed)).body for seed in (0, 1))
    assert min(model.scores["test_accuracy"] for model in (first, second)) > 0.8
    assert first.weights_digest != second.weights_digest


def test_training_on_the_validation_examples_too_takes_them_all_and_claims_no_validation(found, tmp_path):
    out = started(found, tmp_path / "all", with_validation=True)
    model = train(out).body
    assert "validation_score" not in model.scores
    assert model.preparation["mean"] != train(started(found, tmp_path / "part")).body.preparation["mean"]
    with np.load(found.parent / "rows.npz") as arrays:
        np.testing.assert_allclose(model.preparation["mean"], arrays["x_train"].mean((0, 1, 2)), rtol=1e-5)


def test_a_training_that_diverges_is_one_line_with_a_way_out(found, tmp_path):
    out = started(found, tmp_path / "run", learning_rate=100, optimizer="g - 3 * w", epochs=5, schedule="constant")
    with pytest.raises(RunFailed, match=r"the training diverged: .* not finite.*--overwrite and a lower --learning-rate"):
        train(out)


def test_a_checkpoint_of_another_training_is_refused(found, tmp_path):
    out, other = started(found, tmp_path / "run"), started(found, tmp_path / "other", seed=5)
    for directory in (out, other):
        with pytest.raises(Killed):
            train(directory, watch=killed_after(2), checkpoint_seconds=0)
    (out / CHECKPOINT_FILE).write_bytes((other / CHECKPOINT_FILE).read_bytes())
    with pytest.raises(ArtifactError, match=rf"{CHECKPOINT_FILE}: belongs to another training; .*--overwrite"):
        train(out)


@pytest.mark.parametrize("fault", ["truncated", "text", "empty"])
def test_a_damaged_checkpoint_is_named(found, tmp_path, fault):
    out = started(found, tmp_path / "run")
    with pytest.raises(Killed):
        train(out, watch=killed_after(2), checkpoint_seconds=0)
    whole = (out / CHECKPOINT_FILE).read_bytes()
    (out / CHECKPOINT_FILE).write_bytes({"truncated": whole[: len(whole) // 2], "text": b"hello", "empty": b""}[fault])
    with pytest.raises(ArtifactError, match=rf"{CHECKPOINT_FILE}: not a whole safetensors file"):
        train(out)


def test_a_full_disk_leaves_the_last_checkpoint_whole(found, tmp_path, monkeypatch):
    out = started(found, tmp_path / "run")
    with pytest.raises(Killed):
        train(out, watch=killed_after(2), checkpoint_seconds=0)
    before = (out / CHECKPOINT_FILE).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RunFailed, match=r"cannot write .*checkpoint\.safetensors: No space left"):
            train(out, checkpoint_seconds=0)
    assert (out / CHECKPOINT_FILE).read_bytes() == before
    assert train(out).body.epochs == EPOCHS


def test_arrays_are_written_alike_in_any_order_and_read_back(tmp_path):
    arrays = {"b": np.arange(6, dtype=np.float32).reshape(2, 3).T, "a": np.array(3, np.int32)}
    first = write_arrays(tmp_path / "first", arrays)
    assert write_arrays(tmp_path / "second", dict(reversed(arrays.items()))) == first
    read = read_arrays(tmp_path / "first", digest=first)
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)


def test_balanced_accuracy_is_trained_and_validated_with_but_plain_accuracy_is_kept(found, tmp_path):
    model = train(started(found, tmp_path / "run", metric="balanced-accuracy", epochs=2)).body
    assert dataset_of(model.child).metric == "balanced-accuracy"
    assert 0 <= model.scores["test_balanced_accuracy"] <= 1
    assert model.scores["test_accuracy"] == pytest.approx(round(model.scores["test_accuracy"] * 30) / 30)


def test_a_finished_training_without_its_weights_says_how_they_come_back(uninterrupted):
    whole = uninterrupted
    weights = (whole / WEIGHTS_FILE).read_bytes()
    for spoil in ((whole / WEIGHTS_FILE).unlink, lambda: (whole / WEIGHTS_FILE).write_bytes(b"torn")):
        spoil()
        with pytest.raises(ArtifactError, match=r"weights\.safetensors: .*remove .*/whole/model\.json and resume"):
            train(whole)
        (whole / MODEL_FILE).unlink()
        train(whole)
        assert (whole / WEIGHTS_FILE).read_bytes() == weights
