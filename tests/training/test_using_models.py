"""What is done with a trained model and a found network: evaluate, measure, export."""

import errno
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from automl_cli.core.errors import ArtifactError, DataError, RunFailed, UserError
from automl_cli.data import load_test_split
from automl_cli.jobs.export import PROGRAM, README, export, to_export
from automl_cli.jobs.measure import measure
from automl_cli.kinds.model import ModelBody
from automl_cli.store.artifact import artifact_of, read_artifact, write_artifact
from automl_cli.store.file_names import MODEL_FILE, WEIGHTS_FILE
from automl_cli.store.weights import read_arrays, write_arrays
from automl_cli.training.directory import open_training
from automl_cli.training.evaluate import evaluate, predictor, weights_beside
from automl_cli.training.request import TrainingRequest
from automl_cli.training.run import train
from automl_cli.training.trainable import NamedTrainable
from automl_cli.values.dataset import dataset_of, facts_of
from tests.training.conftest import NETWORK, looked_at_last


@pytest.fixture
def model(found, tmp_path) -> Path:
    out = tmp_path / "run"
    with open_training(out, TrainingRequest(epochs=15), NamedTrainable("arch", str(found)), resume=False, overwrite=False):
        train(out)
    return out / MODEL_FILE


def body_of(model: Path) -> ModelBody:
    return read_artifact(model, ModelBody).body


def rewritten(model: Path, **changes) -> Path:
    write_artifact(model, artifact_of(msgspec.structs.replace(body_of(model), **changes)))
    return model


def test_evaluating_gives_the_scores_of_the_training_again(model):
    body, scores = body_of(model), evaluate(model)
    assert scores.scores == {name: score for name, score in body.scores.items() if name != "validation_score"}
    assert scores.scores["test_accuracy"] > 0.6
    assert scores.scores.keys() == {"test_accuracy", "test_balanced_accuracy"}
    assert scores.test_examples == 30


def test_another_set_of_the_same_classes_can_be_scored(model, images, tmp_path):
    with np.load(images) as arrays:
        swapped = {**arrays, "x_test": arrays["x_train"], "y_test": (arrays["y_train"] + 1) % 3}
    np.savez(tmp_path / "wrong.npz", **swapped)
    assert evaluate(model, source=str(tmp_path / "wrong.npz"), split="test").scores["test_accuracy"] < 0.5


def test_a_model_of_images_that_are_not_square_can_be_scored_on_its_own_set_by_name(found, images, tmp_path):
    with np.load(images) as arrays:
        np.savez(tmp_path / "wide.npz", **{name: each[:, 1:5] if name[0] == "x" else each for name, each in arrays.items()})
    source, out = str(tmp_path / "wide.npz"), tmp_path / "run"
    request = TrainingRequest(epochs=1, dataset=source)
    with open_training(out, request, NamedTrainable("arch", str(found)), resume=False, overwrite=False):
        train(out)
    assert facts_of(body_of(out / MODEL_FILE).child).image_shape == (4, 6, 1)
    assert evaluate(out / MODEL_FILE, source=source) == evaluate(out / MODEL_FILE)


def test_a_set_of_other_images_or_classes_is_refused(model, tmp_path):
    with pytest.raises(
        DataError, match=r"the classes of digits \(0, 1, 2, 3, … 10 in all\) are not those of the model \(0, 1, 2\)"
    ):
        evaluate(model, source="digits")
    np.savez(tmp_path / "colour.npz", images=np.zeros((30, 6, 6, 3), np.uint8), labels=np.arange(30) % 3)
    with pytest.raises(DataError, match=r"the images of .*colour\.npz are 6×6×3, the model takes 6×6×1"):
        evaluate(model, source=str(tmp_path / "colour.npz"))


def test_weights_that_were_changed_are_refused(model):
    weights = model.with_name(WEIGHTS_FILE)
    arrays = read_arrays(weights)
    arrays["parameters.classifier.bias"] = arrays["parameters.classifier.bias"] + 1
    write_arrays(weights, arrays)
    with pytest.raises(ArtifactError, match=r"weights\.safetensors: its SHA-256 is not the one that the model names"):
        evaluate(model)


def test_missing_weights_are_named(model):
    model.with_name(WEIGHTS_FILE).unlink()
    with pytest.raises(ArtifactError, match=r"weights\.safetensors: no such file; the weights belong beside"):
        evaluate(model)


def test_weights_outside_the_directory_of_the_model_are_never_read(model):
    with pytest.raises(ArtifactError, match=r"'\.\./secret' is not the name of a file beside the model"):
        evaluate(rewritten(model, weights_file="../secret"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.pop("parameters.classifier.bias"), r"the weights lack the array 'parameters\.classifier\.bias'"),
        (
            lambda arrays: arrays.update(extra=np.zeros(2)),
            "the weights hold an array 'extra' that the network has no place for",
        ),
        (
            lambda arrays: arrays.update({"parameters.classifier.bias": np.zeros(5, np.float32)}),
            r"the array 'parameters\.classifier\.bias' is float32 \(5,\) in the weights and float32 \(3,\) in the network",
        ),
    ],
)
def test_weights_of_another_network_are_refused(model, change, message):
    arrays = read_arrays(model.with_name(WEIGHTS_FILE))
    change(arrays)
    digest = write_arrays(model.with_name(WEIGHTS_FILE), arrays)
    with pytest.raises(ArtifactError, match=message):
        evaluate(rewritten(model, weights_digest=digest))


def test_costs_are_those_of_the_network_for_its_own_images(found, model):
    expected = NETWORK.costs((6, 6, 1), 3)
    for path in (found, model):
        measured = measure(path)
        assert (measured.parameters, measured.multiply_adds) == (expected.parameters, expected.multiply_adds)
    assert body_of(model).parameters == expected.parameters


def test_costs_can_be_asked_for_other_images_and_classes(found):
    larger = measure(found, image_size=32, classes=10)
    expected = NETWORK.costs((32, 32, 1), 10)
    assert (larger.parameters, larger.multiply_adds) == (expected.parameters, expected.multiply_adds)
    assert measure(found, dataset="digits").facts.image_shape == (8, 8, 1)
    assert len(measure(found, dataset="digits", classes=4).facts.classes) == 4


def test_a_network_without_images_needs_to_be_told_which(architecture, tmp_path):
    bare = msgspec.structs.replace(architecture, found=None)
    write_artifact(tmp_path / "bare.json", artifact_of(bare))
    with pytest.raises(UserError, match="does not say for which images and classes it was made; give --dataset, or"):
        measure(tmp_path / "bare.json")
    assert measure(tmp_path / "bare.json", image_size=8, classes=2).facts.image_shape == (8, 8, 3)


def test_an_artifact_without_a_network_cannot_be_measured(model):
    with pytest.raises(ArtifactError, match=r"training\.json: automl\.training/1 holds no network"):
        measure(model.with_name("training.json"))


def test_the_exported_program_gives_the_logits_of_the_model_without_this_tool(model, tmp_path):
    """The code of the README, as a stranger would run it: isolated, in another directory."""
    program = export(to_export(str(model)), tmp_path / "exported").file
    body = body_of(model)
    images = load_test_split(dataset_of(body.child)).images
    np.save(program.parent / "images.npy", images.astype(np.float32))
    code = program.with_name(README).read_text().split("```python\n")[1].split("```")[0]
    lines = [line for line in code.splitlines() if not line.startswith(("images =", "print"))]
    at = next(number for number, line in enumerate(lines) if line.startswith("logits"))
    lines.insert(at, "images = np.load('images.npy')")
    lines += ["np.save('logits.npy', logits)", "import sys; assert not any(m.startswith('automl') for m in sys.modules)"]
    subprocess.run([sys.executable, "-I", "-c", "\n".join(lines)], cwd=program.parent, check=True)
    expected = predictor(body, weights_beside(model, body)).outputs(looked_at_last(body))
    np.testing.assert_allclose(np.load(program.parent / "logits.npy"), expected, rtol=1e-4, atol=1e-5)


def test_the_code_of_the_readme_runs_as_it_stands(model, tmp_path):
    program = export(to_export(str(model)), tmp_path / "exported").file
    code = program.with_name(README).read_text().split("```python\n")[1].split("```")[0]
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=program.parent, check=True, capture_output=True, text=True)
    assert len(done.stdout.strip(" []\n").split()) == 5


@pytest.mark.parametrize("name", [PROGRAM, README])
def test_an_export_replaces_no_file_that_is_not_one_of_its_own(model, tmp_path, name):
    out = tmp_path / "exported"
    out.mkdir()
    (out / name).write_text("# My project\n")
    with pytest.raises(UserError, match=rf"{name} was not written by an export, so it stays; choose another --out"):
        export(to_export(str(model)), out, overwrite=True)
    assert {file.name: file.read_text() for file in out.iterdir()} == {name: "# My project\n"}


def test_an_export_is_replaced_only_on_request(model, tmp_path):
    export(to_export(str(model)), tmp_path / "exported")
    with pytest.raises(UserError, match=rf"{PROGRAM} exists already: replace it with --overwrite"):
        export(to_export(str(model)), tmp_path / "exported")
    export(to_export(str(model)), tmp_path / "exported", overwrite=True)


def test_a_place_that_cannot_be_written_is_said_with_the_flag_that_chooses_another(model, tmp_path, monkeypatch):
    def refuse(*arguments: object, **more: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    for method in ("replace", "mkdir"):
        monkeypatch.setattr(Path, method, refuse)
        with pytest.raises(RunFailed, match=r"^cannot write .*: Operation not permitted; make that .* choose another --out$"):
            export(to_export(str(model)), tmp_path / "exported")
