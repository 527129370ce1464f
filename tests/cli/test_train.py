"""`automl train`, `evaluate`, `export` and `measure` as commands: what goes where, exit codes, interruption."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from automl_cli.running.training_display import TrainingFigures, shown
from tests.training import conftest as training

AUTOML = [sys.executable, "-m", "automl_cli"]
ROOT = Path(__file__).parents[2]

images, child, architecture, found = training.images, training.child, training.architecture, training.found
compiled_programs = training.compiled_programs


@pytest.fixture
def trained(found: Path, tmp_path: Path, automl: Callable) -> Path:
    code, _, _ = automl("train", "--arch", str(found), "--epochs", "3", "--out", str(tmp_path / "final"))
    assert code == 0
    return tmp_path / "final"


def test_train_prints_the_model_and_the_test_accuracy_and_evaluate_has_the_same(found, tmp_path, automl):
    code, out, err = automl("train", "--arch", str(found), "--epochs", "3", "--out", str(tmp_path / "final"))
    path, (*_, last, said) = out.rstrip("\n"), err.splitlines()
    assert (code, path) == (0, str(tmp_path / "final" / "model.json"))
    assert re.fullmatch(r"test accuracy 0\.\d{4}", said)
    assert re.fullmatch(r"epoch 3/3 · loss \d\.\d{4} · validation \d\.\d{4} · 0\.0 s left", last)
    code, out, _ = automl("evaluate", path, "--json")
    assert code == 0
    assert said == f"test accuracy {json.loads(out)['test_accuracy']:.4f}"
    assert json.loads(out)["test_accuracy"] == json.loads(Path(path).read_text())["body"]["scores"]["test_accuracy"]


def test_quiet_leaves_the_path_of_the_model_alone(found, tmp_path, automl):
    done = automl("train", "--arch", str(found), "--epochs", "1", "--out", str(tmp_path / "t"), "--quiet")
    assert tuple(done) == (0, f"{tmp_path / 't' / 'model.json'}\n", "")


def test_a_plan_warns_where_the_training_itself_would_be_refused(trained, found, automl):
    asked = ("train", "--arch", str(found), "--dry-run", "--out", str(trained))
    code, out, err = automl(*asked)
    assert code == 0
    assert "drop path" in out
    assert f"warning: the training itself would be refused: {trained} exists already: continue it with --resume" in err
    assert "warning" not in automl(*asked, "--overwrite").stderr


def test_json_is_one_document_and_quiet_says_nothing(found, tmp_path, automl):
    code, out, err = automl("train", "--arch", str(found), "--epochs", "2", "--out", str(tmp_path / "t"), "--json", "--quiet")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["model"] == str(tmp_path / "t" / "model.json")
    assert {"test_accuracy", "test_balanced_accuracy", "validation_score", "epochs", "parameters"} <= set(document)


def test_show_measure_and_validate_take_the_directory_of_a_training(trained, automl):
    model = trained / "model.json"
    for command in ("show", "measure"):
        assert automl(command, trained) == automl(command, model)
        assert automl(command, trained).code == 0
    done = automl("validate", trained)
    assert done.stdout.splitlines() == [
        f"{trained}/training.json: sound automl.training/1",
        f"{trained}/journal.jsonl: sound journal of 3 epochs",
        f"{model}: sound automl.model/1",
        f"{trained}/contents.safetensors: sound digests of 90 examples trained on and 30 tested",
    ]
    model.unlink()
    shown = automl("show", trained).stdout
    assert "automl.training/1" in shown
    assert "network of 1 convolution layer on" in shown
    assert automl("validate", trained).code == 0
    (trained / "training.json").unlink()
    done = automl("show", trained)
    assert (done.code, done.stderr) == (
        2,
        f"error: {trained} holds none of best.json, model.json, training.json; give the directory of a search or a training\n",
    )


def test_the_directory_of_a_run_stands_for_its_winner(found, tmp_path, automl):
    assert automl("train", "--arch", str(found.parent), "--epochs", "1", "--out", str(tmp_path / "t"))[0] == 0


def test_evaluate_reads_well_and_takes_the_directory(trained, automl):
    code, out, _ = automl("evaluate", str(trained))
    assert code == 0
    accuracy, balanced, examples, *_ = out.splitlines()
    assert re.fullmatch(r"test accuracy 0\.\d{4}", accuracy)
    assert re.fullmatch(r"test balanced accuracy 0\.\d{4}", balanced)
    assert re.fullmatch(r"30 examples of .*rows\.npz: its test split", examples)


def test_evaluate_shows_the_classes_and_what_is_taken_for_what(trained, tmp_path, automl):
    code, out, _ = automl("evaluate", str(trained), "--image", str(tmp_path / "confusion.svg"))
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines()[3:])
    rows = [line.split() for line in out.splitlines()]
    assert ["class", "examples", "recall", "precision"] in rows
    matrix = rows[rows.index(["taken", "for", "0", "1", "2"]) + 1 :]
    assert sum(int(count) for row in matrix for count in row[1:]) == 30
    assert (tmp_path / "confusion.svg").read_text().startswith("<svg")
    document = json.loads(automl("evaluate", str(trained), "--json")[1])
    assert [row[1:] for row in matrix] == [[str(count) for count in row] for row in document["confusion"]]
    assert [one["name"] for one in document["by_class"]] == ["0", "1", "2"]
    assert automl("evaluate", str(trained), "--split", "half")[0] == 2
    code, _, err = automl("evaluate", str(trained), "--image", "confusion.txt")
    assert (code, "must end in .svg or .png" in err) == (2, True)


def test_measure_has_whole_numbers_and_needs_no_jax(found):
    code = (
        "import sys; from automl_cli.cli.app import run; code = run(sys.argv[1:]);"
        "print([m for m in ('jax', 'flax', 'numpy') if m in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "measure", str(found), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    document = json.loads(done.stdout)
    expected = training.NETWORK.costs((6, 6, 1), 3)
    assert (document["parameters"], document["multiply_adds"]) == (expected.parameters, expected.multiply_adds)
    assert type(document["parameters"]) is type(document["multiply_adds"]) is int


def test_export_prints_the_path_of_the_program(trained, tmp_path, automl):
    done = automl("export", str(trained), "--format", "stablehlo")
    assert done[:2] == (0, f"{trained / 'export' / 'model.jaxexport'}\n")
    assert "note: JAX promises to read model.jaxexport with versions up to 6 months newer than" in done.stderr
    assert automl("export", str(trained))[:2] == (0, f"{trained / 'export' / 'network_flax.py'}\n")
    code, _, err = automl("export", str(trained))
    assert (code, "exists already: replace it with --overwrite" in err) == (2, True)
    code, out, _ = automl("export", str(trained), "--format", "stablehlo", "--out", str(tmp_path / "elsewhere"), "--json")
    assert Path(json.loads(out)["file"]).stat().st_size == json.loads(out)["bytes"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "nothing says what is trained: give --arch or --cell"),
        (["train", "--arch", "absent.json"], "absent.json: no such file"),
        (["train", "--arch", "{found}", "--dataset", "cifra10"], "unknown data set 'cifra10'. Did you mean 'cifar10'?"),
        (
            ["train", "--arch", "{found}", "--schedule", "cosin"],
            "'--schedule': 'cosin' is not one of 'constant', 'cosine', 'exponential'",
        ),
        (["train", "--arch", "{found}", "--learning-rate", "-1"], "--learning-rate is -1; it must be above 0"),
        (["train", "--arch", "{found}", "--momentum", "2"], "--momentum is 2; it must be below 1"),
        (
            ["train", "--arch", "{found}", "--drop-path-keep", "0.5"],
            "--drop-path-keep is about the paths of stacked cells, and this network has none; leave it out",
        ),
        (["train", "--arch", "{found}", "--out", "{final}"], "exists already: continue it with --resume"),
        (
            ["train", "--arch", "{final}/model.json", "--out", "{final}/x"],
            "this is a model artifact; an arch",
        ),
        (["train", "--resume", "--out", "{final}", "--epochs", "9"], "was started with --epochs 3, not 9"),
        (["train", "--resume", "--out", "{final}", "--epochs", "9", "--dry-run"], "was started with --epochs 3, not 9"),
        (["train", "--resume", "--out", "{final}/x", "--dry-run"], "there is no training at"),
        (["train", "--resume", "--dry-run"], "--resume needs --out"),
        (["evaluate", "{found}"], "this is an architecture artifact; a model artifact is needed here"),
        (["evaluate", "{final}", "--dataset", "digits"], "the classes of digits"),
        (["measure", "{final}/training.json"], "holds no network"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(trained, found, automl, arguments, message):
    code, out, err = automl(*(argument.format(found=found, final=trained) for argument in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) <= 2


def test_the_plan_of_a_resumed_training_is_that_on_record(trained, found, tmp_path, automl):
    before = sorted((path, path.stat().st_mtime_ns) for path in trained.iterdir())
    code, out, _ = automl("train", "--resume", "--out", str(trained), "--dry-run", "--json")
    plan = json.loads(out)
    assert (code, plan["epochs"], plan["trained"]) == (0, 3, str(trained))
    _, out, _ = automl("train", "--arch", str(found), "--epochs", "3", "--dry-run", "--json")
    fresh = json.loads(out)
    contents = [one["child"]["problem"]["facts"].pop("content", None) for one in (plan, fresh)]
    assert [content is None for content in contents] == [False, True]  # no plan reads a whole set for it
    own = ("trained", "engine_reason", "compute_seconds", "compile_seconds", "wall_seconds")
    assert {name: plan[name] for name in plan if name not in own} == {name: fresh[name] for name in fresh if name not in own}
    assert plan["engine_reason"].endswith(", as it was started")
    assert sorted((path, path.stat().st_mtime_ns) for path in trained.iterdir()) == before


def test_a_diverging_training_is_exit_code_1(found, tmp_path, automl):
    arguments = [
        "--learning-rate",
        "100",
        "--optimizer",
        "g - 3 * w",
        "--schedule",
        "constant",
        "--out",
        str(tmp_path / "t"),
        "--quiet",
    ]
    code, out, err = automl("train", "--arch", str(found), *arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: the training diverged")


def test_an_interrupted_training_ends_with_130_and_the_command_that_goes_on(found, tmp_path, compiled_programs):
    out = tmp_path / "a training"
    command = [*AUTOML, "train", "--arch", str(found), "--epochs", "100000", "--out", str(out)]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **compiled_programs}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not (out / "checkpoint.safetensors").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (130, "")
    assert stderr.splitlines()[-1] == f"interrupted; continue with: automl train --resume --out '{out}'"


def test_an_interrupted_streamed_training_ends_its_threads_and_goes_on(found, tmp_path, compiled_programs):
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(20):
            picture = Image.fromarray(random.integers(0, 256, (40, 40, 3), np.uint8))
            picture.save(tmp_path / "set" / name / f"{number}.jpg")
    out = tmp_path / "run"
    what = ["--dataset", str(tmp_path / "set"), "--image-size", "8", "--augment", "inception", "--batch-size", "4"]
    command = [*AUTOML, "train", "--arch", str(found), *what, "--epochs", "100000", "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **compiled_programs}, stderr=subprocess.PIPE, text=True)
    while not (out / "checkpoint.safetensors").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == f"interrupted; continue with: automl train --resume --out {out}"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_is_that_of_the_epochs_of_this_session():
    clock = Clock()
    figures = TrainingFigures(10, unseen=True, clock=clock)
    clock.now = 100
    figures.prepared(50, 50)
    clock.now = 104
    figures.epoch((1.0,) * 5, (0.5,) * 5)
    assert figures.line() == "epoch 5/10 · loss 1.0000 · validation 0.5000 · 20 s left"
    clock.now = 106
    figures.epoch((1.0,) * 6, (0.5,) * 6)
    assert figures.line().endswith("12 s left")


def test_scores_of_examples_that_were_trained_on_are_not_called_a_validation():
    figures = TrainingFigures(2, unseen=False)
    figures.epoch((1.0,), (0.5,))
    assert "seen examples 0.5000" in figures.line()
    assert "validation" not in figures.line()


def test_a_terminal_gets_a_live_display_that_is_gone_at_the_end():
    import io

    from rich.console import Console

    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, _environ={"TERM": "xterm"})
    with shown(console, epochs=2, unseen=True) as watch:
        watch.prepared(5, 10)
        watch.epoch((1.0,), (0.25,))
    assert "validation 0.2500" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K")
