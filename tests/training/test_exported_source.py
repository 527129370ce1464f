"""A trained model as source for Flax and PyTorch: the same logits in a fresh process that has nothing of this tool."""

import ast
import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.data import load_test_split
from automl_cli.jobs.export import export, to_export
from automl_cli.jobs.network_source import write_network_source
from automl_cli.kinds.model import ModelBody
from automl_cli.plugins.roles import filling_of
from automl_cli.references import open_any
from automl_cli.store.artifact import artifact_of, read_artifact, write_artifact
from automl_cli.store.file_names import MODEL_FILE
from automl_cli.store.files import file_digest
from automl_cli.store.weights import read_arrays, write_arrays
from automl_cli.training.directory import open_training
from automl_cli.training.evaluate import predictor, weights_beside
from automl_cli.training.request import TrainingRequest
from automl_cli.training.run import train
from automl_cli.training.trainable import NamedTrainable
from automl_cli.values.activation import NAMED
from automl_cli.values.dataset import dataset_of
from tests.training.conftest import looked_at_last

ALONE = {
    "flax": """
import sys
import numpy as np
import network_flax as exported
found = exported.load()(exported.preprocess(np.load("images.npy")))
""",
    "torch": """
import sys
import numpy as np
import torch
import network_torch as exported
with torch.inference_mode():
    found = exported.load()(exported.preprocess(np.load("images.npy"))).numpy()
""",
}
END = """
np.save("logits.npy", np.asarray(found))
assert not [name for name in sys.modules if name.startswith(("automl_cli", "search_spaces", "msgspec"))]
"""


@pytest.fixture
def model(found, tmp_path) -> Path:
    out = tmp_path / "run"
    request = TrainingRequest(epochs=4, activation="swish", augment="standard")
    with open_training(out, request, NamedTrainable("arch", str(found)), resume=False, overwrite=False):
        train(out)
    return out / MODEL_FILE


def body_of(model: Path) -> ModelBody:
    return read_artifact(model, ModelBody).body


@pytest.mark.parametrize("library", ["flax", "torch"])
def test_a_fresh_process_gives_the_logits_and_the_accuracy_of_the_model(model, tmp_path, library):
    file = write_network_source(open_any(str(model)), tmp_path / "out", format=library, overwrite=False)
    assert {path.name for path in file.parent.iterdir()} == {f"network_{library}.py", f"network_{library}.safetensors"}
    body = body_of(model)
    said = ast.get_docstring(ast.parse(file.read_bytes()))
    assert f"test accuracy {body.scores['test_accuracy']:.4f}" in said
    assert "activation swish" in said
    assert str(tmp_path) not in said.replace(body.child.problem.source, "")
    for digest in (file_digest(model), body.weights_digest, file_digest(file.with_suffix(".safetensors"))):
        assert digest in said
    if importlib.util.find_spec(library) is None:
        pytest.skip("PyTorch is not installed: the file was written and not run")
    split = load_test_split(dataset_of(body.child))
    np.save(file.parent / "images.npy", split.images)
    environment = {name: value for name, value in os.environ.items() if name not in ("JAX_NUMPY_RANK_PROMOTION", "PYTHONPATH")}
    code = f"import sys; sys.path.insert(0, {str(file.parent)!r})\n{ALONE[library]}{END}"
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", code], cwd=file.parent, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    expected = predictor(body, weights_beside(model, body)).outputs(looked_at_last(body))
    logits = np.load(file.parent / "logits.npy")
    assert np.abs(logits - expected).max() <= 1e-4 * np.abs(expected).max()
    np.testing.assert_array_equal(logits.argmax(-1), expected.argmax(-1))
    assert (logits.argmax(-1) == split.labels).mean() == pytest.approx(body.scores["test_accuracy"])


def test_the_default_format_is_flax_and_files_are_replaced_on_request_only(model, tmp_path):
    written = export(to_export(str(model)), tmp_path / "out")
    assert (written.format, written.file.name) == ("flax", "network_flax.py")
    before = hashlib.sha256(written.file.read_bytes()).hexdigest()
    with pytest.raises(UserError, match=r"network_flax\.py exists already: replace it with --overwrite"):
        export(to_export(str(model)), tmp_path / "out")
    written.file.unlink()
    with pytest.raises(UserError, match=r"network_flax\.safetensors exists already"):
        export(to_export(str(model)), tmp_path / "out")
    export(to_export(str(model)), tmp_path / "out", overwrite=True)
    assert hashlib.sha256(written.file.read_bytes()).hexdigest() == before
    assert export(to_export(str(model)), tmp_path / "out", format="torch").file.name == "network_torch.py"


def test_the_state_of_pytorch_has_the_names_of_its_module(model, tmp_path):
    file = write_network_source(open_any(str(model)), tmp_path / "out", format="torch", overwrite=False)
    assert set(read_arrays(file.with_suffix(".safetensors"))) == {
        "a.conv.weight",
        *(f"a.norm.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")),
        "a.act.beta",
        "classifier.weight",
        "classifier.bias",
    }


@pytest.mark.parametrize("library", ["flax", "torch"])
def test_what_a_format_has_no_words_for_is_refused_by_name_and_nothing_is_written(model, tmp_path, library):
    body = body_of(model)
    roles = body.child.roles
    other = msgspec.structs.replace(
        body.child, roles={**roles, "activation": filling_of("optimizer-rule", roles["optimizer"].value)}
    )
    language = msgspec.structs.replace(body.child, problem=msgspec.structs.replace(body.child.problem, name="language"))
    for child, message in (
        (other, "has no words for the activation of kind 'optimizer-rule'"),
        (language, "this one is for 'language'"),
    ):
        write_artifact(model, artifact_of(msgspec.structs.replace(body, child=child)))
        with pytest.raises(ArtifactError, match=f"format '{library}' .*{message}"):
            write_network_source(open_any(str(model)), tmp_path / "out", format=library, overwrite=False)
    write_artifact(model, artifact_of(body))
    with pytest.raises(UserError, match="unknown format of source 'keras'"):
        write_network_source(open_any(str(model)), tmp_path / "out", format="keras", overwrite=False)
    assert not (tmp_path / "out").exists()
    assert NAMED["swish"].expression == roles["activation"].value["expression"]


def test_weights_of_another_network_are_refused(model, tmp_path):
    body = body_of(model)
    arrays = read_arrays(model.parent / body.weights_file)
    name, array = next(iter(arrays.items()))
    digest = write_arrays(model.parent / body.weights_file, {**arrays, name: np.concatenate([array, array])})
    write_artifact(model, artifact_of(msgspec.structs.replace(body, weights_digest=digest)))
    with pytest.raises(ArtifactError, match="in the weights and"):
        write_network_source(open_any(str(model)), tmp_path / "out", format="torch", overwrite=False)
    assert not (tmp_path / "out").exists()
