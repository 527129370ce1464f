"""Trained networks exported in every format, and computed again by a fresh process that knows nothing of this tool.

    python tests/benchmarks/export_round_trips.py [--folder DIR] [--onnx-python PYTHON] [--torch-python PYTHON]
                                                  [--formats flax torch onnx stablehlo]

Trains seven small networks for a few epochs on digits, exports each, and runs each export in another process on the test split.
The largest difference of logits is given as a share of the largest logit; test accuracies must be equal but for pictures whose
two best logits lie within that difference. `--onnx-python` is an interpreter with all that this tool needs, jax2onnx and
onnxruntime, `--torch-python` one with PyTorch, NumPy and safetensors, where this one has not. With `--folder` models stay there
and are not trained again. A few minutes of one core.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from results import record, table

from automl_cli.data import load_test_split
from automl_cli.jobs.export_onnx import TOLERANCE, difference
from automl_cli.kinds.architecture import ArchitectureBody
from automl_cli.kinds.model import ModelBody
from automl_cli.references import open_any
from automl_cli.store.artifact import artifact_of, read_artifact, write_artifact
from automl_cli.store.file_names import MODEL_FILE
from automl_cli.training.evaluate import predictor, weights_beside
from automl_cli.values.dataset import dataset_of
from automl_cli.values.network import IMAGE, AveragePool, Block, ConvolutionUnit, MaxPool, Network

ROOT = Path(__file__).parents[2]
FORMATS = ("flax", "torch", "onnx", "stablehlo")
EPOCHS = 8
FOUND = "max(x, 0) + beta * sinc(x) - erf(x)"
"""A function with trained parameters, in the form in which searches find one."""

CNN = Network(
    (
        Block("a", ConvolutionUnit((3, 3), 16), (IMAGE,)),
        Block("b", ConvolutionUnit((5, 1), 16), ("a",)),
        Block("c", ConvolutionUnit((3, 7), 24), ("a", "b", IMAGE)),
    ),
    ("c", "b"),
)
STRIDED = Network(
    (
        Block("a", ConvolutionUnit((3, 3), 16), (IMAGE,)),
        Block("b", ConvolutionUnit((3, 5), 16, (2, 1)), ("a",)),
        Block("c", ConvolutionUnit((5, 3), 24, (2, 3)), ("a", "b")),
    ),
    ("c", "b"),
)
POOLED = Network(
    (
        Block("a", ConvolutionUnit((3, 3), 16), (IMAGE,)),
        Block("p", MaxPool((3, 3), (2, 2)), ("a",)),
        Block("b", ConvolutionUnit((3, 3), 24), ("p",)),
        Block("q", AveragePool((3, 3), (2, 2)), ("b", "p")),
    ),
    ("q",),
)
TRAININGS: dict[str, tuple[Network | None, tuple[str, ...]]] = {
    "cnn": (CNN, ()),
    "cnn, strided": (STRIDED, ()),
    "cnn, pooled": (POOLED, ()),
    "cnn, a found activation": (CNN, ("--activation", FOUND)),
    "NASNet-A 1@24, auxiliary head": (None, ("--cell", "nasnet-a", "--stack", "1@24", "--auxiliary-weight", "0.4")),
    "a cell with both combinations, auxiliary head": (
        None,
        ("--cell", "{cell}", "--stack", "1@48", "--auxiliary-weight", "0.4"),
    ),
    "resnet-20": (None, ("--network", "resnet-20")),
}
"""By name: a network to write as an artifact, or None, and further flags of its training; `{cell}` is `drawn_cell`."""

RUNS = {
    "flax": "import {module} as m\nlogits = np.asarray(m.load()(m.preprocess(images)))",
    "torch": "import torch\nimport {module} as m\nwith torch.inference_mode():\n"
    "    logits = m.load()(m.preprocess(images)).numpy()",
    "onnx": "import onnxruntime\nmodel = onnxruntime.InferenceSession('{file}')\n"
    "(logits,) = model.run(['logits'], {{'images': images.astype(np.float32)}})",
    "stablehlo": "import jax\nfrom pathlib import Path\n"
    "model = jax.export.deserialize(bytearray(Path('{file}').read_bytes()))\n"
    "logits = np.asarray(model.call(images.astype(np.float32)))",
}
"""The use of an exported file, as its docstring or README shows it."""


def automl(python: str, *arguments: object) -> tuple[str, float]:
    """Run a command line; return what it printed, and its seconds."""
    start = time.monotonic()
    command = [python, "-m", "automl_cli", *map(str, arguments)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip(), time.monotonic() - start


def drawn_cell(folder: Path) -> Path:
    """Draw cells uniformly until one adds and concatenates, and return its file."""
    for seed in range(20):
        search = ("search-cell", "--evaluator", "analytic", "--strategy", "random", "--trials", 1, "--seed", seed, "--quiet")
        found = Path(automl(sys.executable, *search, "--out", folder / "cell", "--overwrite")[0])
        words = " ".join(open_any(str(found)).artifact.body.words)
        if "+" in words and "[" in words:
            return found
    raise AssertionError("no cell of twenty has both combinations")


def trained(folder: Path, name: str) -> Path:
    """Train a network unless it is there, and return its model file."""
    network, flags = TRAININGS[name]
    out = folder / "".join(sign if sign.isalnum() else "-" for sign in name)
    if not (out / MODEL_FILE).exists():
        if network is not None:
            artifact = folder / f"{out.name}.json"
            write_artifact(artifact, artifact_of(ArchitectureBody(value=network, words=(name,), found=None)))
            flags = ("--arch", str(artifact), "--dataset", "digits", *flags)
        if "{cell}" in flags:
            flags = tuple(str(drawn_cell(folder)) if flag == "{cell}" else flag for flag in flags)
        automl(sys.executable, "train", *flags, "--epochs", EPOCHS, "--quiet", "--out", out, "--overwrite")
    return out / MODEL_FILE


def wanted(model: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images and labels of the test split, and the logits that are scored."""
    from automl_cli.plugins.listing import problem_named

    body = read_artifact(model, ModelBody).body
    split = load_test_split(dataset_of(body.child))
    testing = problem_named(body.child.problem.name).test(body.child, body.preparation)
    logits = predictor(body, weights_beside(model, body)).outputs(testing)
    return np.asarray(split.images), np.asarray(split.labels), logits


def computed(python: str, format_: str, file: Path, images: np.ndarray) -> np.ndarray:
    """Return the logits that a fresh process without this tool gives for the images."""
    np.save(file.parent / "images.npy", images)
    use = RUNS[format_].format(module=file.stem, file=file.name)
    code = (
        f"import sys\nsys.path.insert(0, '.')\nimport numpy as np\nimages = np.load('images.npy')\n{use}\n"
        "np.save('logits.npy', logits)\nassert not any(name.startswith('automl') for name in sys.modules)"
    )
    subprocess.run([python, "-I", "-c", code], cwd=file.parent, check=True)
    return np.load(file.parent / "logits.npy")


def round_trip(pythons: dict[str, str], format_: str, model: Path, expected: tuple[np.ndarray, ...]) -> list[object]:
    """Export a model, run it elsewhere, and return the row of the table."""
    images, labels, logits = expected
    out = model.parent / f"exported-{format_}"
    writing = pythons["onnx"] if format_ == "onnx" else sys.executable
    printed, seconds = automl(writing, "export", model, "--format", format_, "--out", out, "--overwrite")
    found = computed(pythons[format_], format_, Path(printed), images)
    error = difference(found, logits)
    best = np.sort(logits, axis=1)
    close = int((best[:, -1] - best[:, -2] <= 2 * error * np.abs(logits).max()).sum())
    accuracies = [float((array.argmax(1) == labels).mean()) for array in (logits, found)]
    differing = int((logits.argmax(1) != found.argmax(1)).sum())
    assert error <= TOLERANCE, f"{model}, {format_}: {error:.1e}"
    assert differing <= close, f"{model}, {format_}: {differing} pictures are taken for another class, {close} are close"
    size = sum(file.stat().st_size for file in out.iterdir() if file.suffix not in (".npy", ".md"))
    return [f"{error:.1e}", f"{accuracies[0]:.4f}", f"{accuracies[1]:.4f}", close, f"{size / 1024:,.0f}", f"{seconds:.0f}"]


def main() -> None:
    """Make all round trips and record the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--onnx-python", default=sys.executable)
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    given = parser.parse_args()
    pythons = dict.fromkeys(FORMATS, sys.executable) | {"onnx": given.onnx_python, "torch": given.torch_python}
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for name in TRAININGS:
            model = trained(folder, name)
            expected = wanted(model)
            for format_ in given.formats:
                rows.append([name, format_, *round_trip(pythons, format_, model, expected)])
                print(json.dumps(rows[-1]), flush=True)
    columns = [
        "network",
        "format",
        "largest difference of logits",
        "test accuracy",
        "of the export",
        "pictures whose best two are as close",
        "KiB",
        "seconds to export",
    ]
    body = (
        f"{table(columns, rows)}\n\nDigits, {EPOCHS} epochs each. The difference is given as a share of the largest logit "
        f"of the test split, and is at most {TOLERANCE:g}, or the script fails. Each export was computed by a fresh process "
        "without this tool."
    )
    record("Exported networks give the same logits", "tests/benchmarks/export_round_trips.py", body)


if __name__ == "__main__":
    main()
