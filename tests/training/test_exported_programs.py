"""Exported programs in a fresh process without this tool: the logits of the model, for a network of all operations."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import jax
import msgspec
import numpy as np
import pytest
from jax import Array

from automl_cli.children.network import module_of
from automl_cli.children.prediction import expected_weights
from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.jobs import export_onnx
from automl_cli.jobs.export import export, to_export
from automl_cli.jobs.export_onnx import PACKAGES, TOLERANCE, difference
from automl_cli.kinds.model import ModelBody
from automl_cli.nn.ops import backend
from automl_cli.plugins.roles import filling_of
from automl_cli.problems.image_learning import as_inputs
from automl_cli.store.artifact import artifact_of, read_artifact, write_artifact
from automl_cli.store.file_names import MODEL_FILE
from automl_cli.store.weights import write_arrays
from automl_cli.training.directory import open_training
from automl_cli.training.evaluate import predictor, weights_beside
from automl_cli.training.request import TrainingRequest
from automl_cli.training.run import train
from automl_cli.training.trainable import NamedTrainable
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.dataset import ImageFacts
from tests.children.line_images import child_on
from tests.contracts.test_every_operation import SIZE, network_of_all

FORMATS = ("stablehlo", "onnx")


FACTS = ImageFacts(
    image_shape=SIZE, classes=("a", "b", "c"), train_examples=9, validation_examples=9, test_examples=9, flip=False
)
FOUND = ActivationFunction("max(x, 0) + beta * sinc(x) - erf(x)", (0.5,))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A network of all operations with a found function that has trained parameters. Its weights are drawn, not trained."""
    child = child_on(FACTS, network=network_of_all()).filled(activation=filling_of("activation", FOUND))
    random = np.random.default_rng(0)
    expected = expected_weights(module_of(child, seed=0))
    weights = {name: np.asarray(array) * random.uniform(0.5, 1.5, array.shape) for name, array in expected.items()}
    digest = write_arrays(tmp_path / "weights.safetensors", {name: each.astype(np.float32) for name, each in weights.items()})
    body = ModelBody(
        weights_file="weights.safetensors",
        weights_digest=digest,
        child=child,
        preparation={"mean": (110.0, 90.0), "std": (60.0, 50.0)},
        epochs=1,
        seed=0,
        parameters=1,
        multiply_adds=1,
        scores={"test_accuracy": 0.5},
        engine="whole",
    )
    write_artifact(tmp_path / MODEL_FILE, artifact_of(body))
    return tmp_path / MODEL_FILE


@pytest.fixture
def small(found: Path, tmp_path: Path) -> Path:
    out = tmp_path / "run"
    with open_training(out, TrainingRequest(epochs=1), NamedTrainable("arch", str(found)), resume=False, overwrite=False):
        train(out)
    return out / MODEL_FILE


def in_a_fresh_process(program: Path, format: str, images: np.ndarray) -> np.ndarray:  # noqa: A002
    """The logits that the code of the README gives in a process that knows nothing of this tool."""
    np.save(program.parent / "images.npy", images)
    code = program.with_name(f"README-{format}.md").read_text().split("```python\n")[1].split("```")[0]
    lines = [line for line in code.splitlines() if not line.startswith("print")]
    at = next(number for number, line in enumerate(lines) if line.startswith("images ="))
    lines[at] = "images = np.load('images.npy')"
    lines += ["np.save('logits.npy', logits)", "import sys; assert not any(m.startswith('automl') for m in sys.modules)"]
    subprocess.run([sys.executable, "-I", "-c", "\n".join(lines)], cwd=program.parent, check=True)
    return np.load(program.parent / "logits.npy")


def logits_of(model: Path, images: np.ndarray) -> np.ndarray:
    """What the model gives for images in the units of the data."""
    body = read_artifact(model, ModelBody).body
    network = predictor(body, weights_beside(model, body)).function()
    look = as_inputs(body.child, body.preparation)
    return np.asarray(jax.jit(lambda images: network(look(images)))(images))


@pytest.mark.parametrize("format", FORMATS)
def test_logits_are_those_of_the_model(model: Path, format: str, tmp_path: Path) -> None:  # noqa: A002
    if format == "onnx" and (missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]):
        pytest.skip(f"needs {', '.join(missing)}: pip install 'automl-cli[onnx]'")
    exported = export(to_export(str(model)), tmp_path / "exported", format=format)
    images = np.random.default_rng(1).integers(0, 256, (20, *SIZE)).astype(np.float32)
    wanted = logits_of(model, images)
    found = in_a_fresh_process(exported.file, format, images)
    assert difference(found, wanted) <= TOLERANCE
    best = np.sort(wanted, axis=1)
    clear = best[:, -1] - best[:, -2] > 2 * TOLERANCE * np.abs(wanted).max()
    np.testing.assert_array_equal(found.argmax(1)[clear], wanted.argmax(1)[clear])
    np.testing.assert_allclose(in_a_fresh_process(exported.file, format, images[:1]), found[:1], rtol=1e-4, atol=1e-5)


def test_a_program_is_traced_with_native_operations(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast forms of a CPU, such as a 3 × 3 convolution of one channel as a product, are slow elsewhere."""
    answers: list[bool] = []

    def asked(x: Array) -> bool:
        answers.append(backend.for_cpu(x))
        return answers[-1]

    monkeypatch.setattr(sys.modules["automl_cli.nn.ops.convolution"], "for_cpu", asked)
    export(to_export(str(small)), tmp_path / "exported", format="stablehlo")
    assert answers
    assert not any(answers)


def test_stablehlo_says_until_when_it_can_be_read_and_how_it_is_written_again(small: Path, tmp_path: Path) -> None:
    exported = export(to_export(str(small)), tmp_path / "exported", format="stablehlo")
    facts = json.loads((tmp_path / "exported" / "model.jaxexport.json").read_bytes())
    written, until = (date.fromisoformat(facts[name]) for name in ("written", "readable_until"))
    assert 181 <= (until - written).days <= 184
    assert facts["written_again_by"] == f"automl export {small} --format stablehlo --out {tmp_path}/exported --overwrite"
    assert exported.note is not None
    for text in (exported.note, (tmp_path / "exported" / "README-stablehlo.md").read_text()):
        assert facts["readable_until"] in text
        assert facts["written_again_by"] in text
    assert facts["input"]["shape"] == ["examples", 6, 6, 1]
    assert facts["classes"] == ["0", "1", "2"]
    assert any("mean" in line for line in facts["done_inside"])
    assert any("antialiasing" in line for line in facts["done_before"])


def test_formats_share_a_directory_and_replace_only_their_own(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "exported"
    out.mkdir()
    (out / "model.onnx").write_bytes(b"of somebody else")
    (out / "README.md").write_text("# Mine\n")
    export(to_export(str(small)), out, format="stablehlo")
    assert (out / "README.md").read_text() == "# Mine\n"
    assert {file.name for file in out.iterdir()} == {
        "model.onnx",
        "README.md",
        "README-stablehlo.md",
        "model.jaxexport",
        "model.jaxexport.json",
    }


def test_a_missing_package_is_said_with_its_extra(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_onnx, "PACKAGES", ("jax2onnx_that_nobody_has",))
    with pytest.raises(UserError, match=r"--format onnx needs jax2onnx_that_nobody_has, .*: pip install 'automl-cli\[onnx\]'$"):
        export(to_export(str(small)), tmp_path / "exported", format="onnx")
    assert not (tmp_path / "exported").exists()


@pytest.mark.parametrize("format", FORMATS)
def test_a_model_of_another_problem_is_refused_by_name(small: Path, tmp_path: Path, format: str) -> None:  # noqa: A002
    opened = to_export(str(small))
    child = opened.artifact.body.child
    other = msgspec.structs.replace(child, problem=msgspec.structs.replace(child.problem, name="language"))
    body = msgspec.structs.replace(opened.artifact.body, child=other)
    other_model = msgspec.structs.replace(opened, artifact=msgspec.structs.replace(opened.artifact, body=body))
    with pytest.raises(ArtifactError, match="models of the problem 'language' are not exported, those of images are"):
        export(other_model, tmp_path / "exported", format=format)


PLACES = {
    "file": "is a file and no directory",
    "file/below": "is a file and no directory",
    "link": "is a link to nowhere",
    "a" * 300: "nothing can be written there (File name too long)",
    "/proc/exported": "nothing can be written in /proc",
}


@pytest.mark.parametrize("named", ["swish", "powersign-ld", "autoaugment-cifar10"])
@pytest.mark.parametrize("place", PLACES)
def test_impossible_places_are_refused_before_any_work(
    named: str, place: str, tmp_path: Path, automl: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("mine")
    Path("link").symlink_to("nowhere")
    if place.startswith("/proc") and not Path("/proc/self").exists():
        pytest.skip("needs a file system in which nothing can be written")
    done = automl("export", named, "--out", place)
    assert (done.code, done.stdout) == (2, "")
    assert PLACES[place] in done.stderr
    assert Path("file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_model_is_not_touched_where_its_place_is_impossible(
    small: Path,
    tmp_path: Path,
    format: str,  # noqa: A002
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work(*arguments: object, **more: object) -> None:
        raise AssertionError("no work before the check")

    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr("automl_cli.training.evaluate.read_arrays", work)
    with pytest.raises(UserError, match="is a file and no directory"):
        export(to_export(str(small)), tmp_path / "file", format=format)
