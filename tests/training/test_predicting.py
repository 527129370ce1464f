"""`automl predict`: the logits that the test split is scored by, whatever the files are; what is said of bad ones."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from automl_cli.core.errors import DataError
from automl_cli.data import load_streamed_test, load_test_split
from automl_cli.data.unlabelled_arrays import ArrayOptions
from automl_cli.jobs.predict import Prediction, Predictions, as_csv, predict
from automl_cli.kinds.model import ModelBody
from automl_cli.store.artifact import read_artifact
from automl_cli.store.file_names import MODEL_FILE
from automl_cli.training.directory import open_training
from automl_cli.training.evaluate import predictor, weights_beside
from automl_cli.training.request import TrainingRequest
from automl_cli.training.run import train
from automl_cli.training.trainable import NamedTrainable
from automl_cli.values.dataset import dataset_of
from tests.training.conftest import looked_at_last

TEST = ArrayOptions(array="x_test")


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Pictures in folders of their splits: 40 to train, 11 to test, of two classes."""
    random = np.random.default_rng(3)
    for part, count in (("train", 20), ("test", 6)):
        for name, level in (("dark", 60), ("=light", 180)):
            (tmp_path / "photographs" / part / name).mkdir(parents=True)
            for number in range(count - (part == "test" and name == "dark")):
                pixels = random.integers(level - 50, level + 50, (*random.integers(10, 20, 2), 3)).astype(np.uint8)
                Image.fromarray(pixels).save(tmp_path / "photographs" / part / name / f"Bild ü {number:02}.png")
    return tmp_path / "photographs"


def trained(found: Path, out: Path, **asked: object) -> Path:
    request = TrainingRequest(**{"epochs": 1, **asked})  # type: ignore[arg-type]
    with open_training(out, request, NamedTrainable("arch", str(found)), resume=False, overwrite=False):
        train(out)
    return out / MODEL_FILE


@pytest.fixture
def model(found: Path, tmp_path: Path) -> Path:
    return trained(found, tmp_path / "run")


@pytest.fixture
def classifier(found: Path, tmp_path: Path, photographs: Path) -> Path:
    return trained(found, tmp_path / "run", dataset=str(photographs), image_size=8, batch_size=8)


def logits_of(found: Predictions) -> np.ndarray:
    return np.array([prediction.logits for prediction in found.predictions], np.float32)


def scored(model: Path) -> np.ndarray:
    """The logits that `evaluate` scores."""
    body = read_artifact(model, ModelBody).body
    return predictor(body, weights_beside(model, body)).outputs(looked_at_last(body))


def test_logits_of_a_test_split_of_arrays_are_bit_for_bit_those_that_are_scored(model: Path, images: Path) -> None:
    found = predict(model, [images], TEST, logits=True)
    np.testing.assert_array_equal(logits_of(found), scored(model))
    few = predict(model, [images], TEST, logits=True, top=1)
    assert few.predictions[0].file == f"{images}:x_test[0]"
    shares = np.exp(scored(model).astype(float))
    shares /= shares.sum(1, keepdims=True)
    assert [one.probabilities[0] for one in few.predictions] == pytest.approx(shares.max(1).tolist())


def test_logits_of_the_files_of_a_test_split_are_bit_for_bit_those_that_are_scored(classifier: Path, photographs: Path) -> None:
    found = predict(classifier, [photographs / "test"], ArrayOptions(), logits=True)
    np.testing.assert_array_equal(logits_of(found), scored(classifier))
    right = load_test_split(dataset_of(read_artifact(classifier, ModelBody).body.child)).labels
    assert [Path(one.file).parent.name for one in found.predictions] == [found.classes[label] for label in right]


def test_logits_of_streamed_pictures_are_those_that_are_scored(found: Path, tmp_path: Path, photographs: Path) -> None:
    asked = {"dataset": str(photographs), "image_size": 8, "batch_size": 8, "augment": "inception"}
    model = trained(found, tmp_path / "run", **asked)
    named = predict(model, [photographs / "test"], ArrayOptions(), logits=True)
    assert len(load_streamed_test(dataset_of(read_artifact(model, ModelBody).body.child))) == len(named.predictions) == 11
    np.testing.assert_array_equal(logits_of(named), scored(model))


def test_one_picture_or_very_many_have_the_logits_of_the_same_picture(model: Path, images: Path, tmp_path: Path) -> None:
    """Fewer than the test split has, and so many that the batches are larger."""
    with np.load(images) as arrays:
        test = arrays["x_test"]
    np.save(tmp_path / "one.npy", test[7, :, :, 0])
    np.save(tmp_path / "many.npy", np.concatenate([test] * 9))
    wanted = scored(model)
    one = predict(model, [tmp_path / "one.npy"], ArrayOptions(), logits=True)
    np.testing.assert_array_equal(logits_of(one), wanted[7:8])
    many = predict(model, [tmp_path / "many.npy"], ArrayOptions(), logits=True)
    np.testing.assert_allclose(logits_of(many), np.concatenate([wanted] * 9), rtol=1e-5, atol=1e-6)


def test_broken_pictures_are_named_all_at_once_or_skipped(classifier: Path, photographs: Path) -> None:
    folder = photographs / "test"
    (folder / "dark" / "a.png").write_bytes(b"")
    (folder / "=light" / "z.jpg").write_bytes(b"no picture")
    os.mkfifo(folder / "dark" / "pipe.png")
    with pytest.raises(DataError) as caught:
        predict(classifier, [folder], ArrayOptions())
    lines = str(caught.value).splitlines()
    assert lines[0] == "to be named, 14 pictures: 3 faults"
    assert [line.rpartition("/")[2] for line in lines[1:4]] == [
        "z.jpg: the file is of no known picture format",
        "a.png: the file is empty",
        "pipe.png: it is no regular file",
    ]
    assert lines[-1].endswith("leave them out with --skip-broken")
    found = predict(classifier, [folder], ArrayOptions(), skip_broken=True)
    with pytest.raises(
        DataError, match=r"^none of what is to be named can be read, 1 picture:\n.*a\.png: the file is empty"
    ) as none:
        predict(classifier, [folder / "dark" / "a.png"], ArrayOptions(), skip_broken=True)
    assert "--skip-broken" not in str(none.value)
    assert ([Path(name).name for name, _ in found.skipped], len(found.predictions)) == (["z.jpg", "a.png", "pipe.png"], 11)


def test_the_command_writes_a_table_json_csv_and_files(
    classifier: Path, photographs: Path, automl: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(photographs / "test", "new")
    Path("new/notes.txt").write_text("beside")
    picture = "new/dark/Bild ü 00.png"
    done = automl("predict", classifier, picture, "--top", "2")
    title, row = done.stdout.splitlines()
    assert (done.code, title.split(), row.startswith(picture)) == (0, ["picture", "class", "probability", "next"], True)
    document = json.loads(automl("predict", classifier.parent, "new", "--json", "--logits").stdout)
    assert (len(document["predictions"]), document["classes"], document["left_out"]) == (11, ["=light", "dark"], 1)
    first = document["predictions"][0]
    assert first["class"] == document["classes"][int(np.argmax(first["logits"]))] == first["best"][0]["class"]
    rows = list(csv.reader(io.StringIO(automl("predict", classifier, "new", "--csv", "--logits").stdout)))
    assert rows[0] == ["file", "class", "probability", "class_2", "probability_2", "logit =light", "logit dark"]
    assert {row[1] for row in rows[1:]} <= {"'=light", "dark"}
    written = automl("predict", classifier, "new", "--out", "named.csv")
    assert (written.code, written.stdout) == (0, "named.csv\n")
    assert written.stderr == "left out: 1 file that is no picture\n"
    assert Path("named.csv").read_text().count("\n") == 12
    again = automl("predict", classifier, "new", "--out", "named.csv")
    assert (again.code, again.stderr) == (
        2,
        "error: named.csv exists already: replace it with --overwrite, or choose another --out\n",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--json", "--csv"), "--json and --csv both say how the predictions are written; give one of them"),
        (("--logits",), "--logits is for --json and --csv, or a file of those; leave it out for a table"),
        (("--out", "named.txt"), "--out named.txt: a file of predictions ends in .json or .csv, or --json or --csv says what"),
        (("--out", "taken/named.csv"), "--out taken: "),
        (
            ("--out", "nowhere/named.csv"),
            "--out nowhere/named.csv: there is no folder nowhere; make it, or choose another --out",
        ),
        (("--layout", "hwc"), "unknown --layout 'hwc'"),
        (("--pixel-range", "9"), "--pixel-range is '9'; it is LOW,HIGH"),
    ],
)
def test_flags_that_do_not_go_together_are_refused_first(
    arguments: tuple[str, ...], message: str, automl: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("a file")
    done = automl("predict", "nothing.json", "nothing.png", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert message in done.stderr


def test_missing_files_are_said_without_waiting_for_jax(model: Path) -> None:
    code = (
        "import sys\nfrom automl_cli.cli.app import run\ncode = run(sys.argv[1:])\n"
        "print([name for name in ('jax', 'flax') if name in sys.modules], code)"
    )
    command = [sys.executable, "-c", code, "predict", str(model), "nowhere.png", "nor here"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[] 2\n", "error: no file or folder at nowhere.png, nor here\n")


def test_texts_that_spreadsheets_would_compute_are_no_formulas() -> None:
    hostile = [f"{sign}cmd|' /C calc'!A0" for sign in "=+-@\t\r"]
    found = Predictions(
        model="m",
        classes=tuple(hostile),
        predictions=tuple(Prediction(file=text, classes=(text,), probabilities=(0.5,)) for text in hostile),
        skipped=(),
        left_out=0,
    )
    rows = list(csv.reader(io.StringIO(as_csv(found), newline="")))
    assert [row[:2] for row in rows[1:]] == [[f"'{text}"] * 2 for text in hostile]
