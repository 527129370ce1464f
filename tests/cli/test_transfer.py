"""`search-cell --transfer`: said before, done or not done after, and the same files however often it is killed."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from automl_cli.jobs.transfer import prepare_training, scale_winner, transfer_of
from automl_cli.kinds.cell import CellBody
from automl_cli.kinds.model import ModelBody
from automl_cli.kinds.network import NetworkBody
from automl_cli.kinds.training import TrainingSettings
from automl_cli.plugins.roles import filling_named, value_of
from automl_cli.store.artifact import read_artifact, write_artifact
from automl_cli.store.files import file_digest
from automl_cli.store.run_directory import check_new_run, create_run, is_held
from automl_cli.store.study import StudySettings
from automl_cli.store.timing_tables import measured_tables
from automl_cli.values.timings import calibrated
from tests.conftest import ROOT

TINY = ("--space-option", "blocks=1", "--evaluator", "analytic", "--strategy", "random", "--trials", "3")
"""Scored by a formula: these tests are about what comes after the search."""
TO_DIGITS = ("--transfer", "digits", "--stack", "1@16", "--transfer-epochs", "2")
FILES = ("best.json", "network.json", "transfer/model.json", "transfer/weights.safetensors")


def digests(run: Path) -> dict[str, str]:
    return {name: file_digest(run / name) for name in FILES if (run / name).exists()}


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "automl_cli", "search-cell", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search whose winner was trained, never interrupted."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    process = start(*TINY, *TO_DIGITS, "--out", out)
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert stdout.splitlines() == [str(out / name) for name in FILES[:3]]
    said = stderr.splitlines()
    assert said[1] == "transfer: the winner will be scaled to digits as 1@16 (8×8×1, 10 classes) and trained there for 2 epochs"
    assert said[-1].startswith("transfer: top-1 0.")
    return out


def test_a_width_that_the_cell_cannot_put_out_is_rounded_down_and_the_true_one_is_said(
    tmp_path: Path, automl: Callable
) -> None:
    out = tmp_path / "run"
    done = automl("search-cell", *TINY, "--transfer", "imagenet", "--stack", "4@1057", "--data-dir", tmp_path, "--out", out)
    network = read_artifact(out / "network.json", NetworkBody).body
    assert network.width < 1057
    assert f": the winner scaled to imagenet, 4@{network.width} (F = {network.stack.filters}): " in done.stderr
    report = json.loads(automl("report", out, "--json").stdout)["runs"][0]["transfer"]
    assert (report["stack"], report["filters"]) == (f"4@{network.width}", network.stack.filters)


def test_where_the_data_are_absent_the_network_is_written_and_the_last_lines_say_that_nothing_was_trained(
    tmp_path: Path, automl: Callable
) -> None:
    out = tmp_path / "run"
    done = automl("search-cell", *TINY, "--transfer", "imagenet", "--data-dir", tmp_path, "--out", out)
    assert (done.code, done.stdout) == (0, f"{out}/best.json\n{out}/network.json\n")
    said = done.stderr.splitlines()
    assert said[1].startswith(
        "transfer: the winner will be scaled to imagenet as 4@1056 (224×224×3, 1,000 classes) and written;"
    )
    assert "nothing will be trained on it, since imagenet2012 is not prepared under" in said[1]
    *_, size, nothing, command = said
    network = read_artifact(out / "network.json", NetworkBody)
    assert f"{network.body.parameters:,} parameters, {network.body.multiply_adds:,} multiply-adds" in size
    assert nothing.startswith("nothing was trained on imagenet: imagenet2012 is not prepared")
    assert command == f"train it with: automl train --network {out}/network.json --data-dir {tmp_path}"
    assert network.inputs == {"cell": file_digest(out / "best.json")}
    assert not (out / "transfer").exists()
    report = json.loads(automl("report", out, "--json").stdout)["runs"][0]["transfer"]
    assert (report["state"], report["test_accuracy"], report["command"]) == ("written", None, command.partition(": ")[2])
    shown = automl("report", out)
    assert "nothing: imagenet2012 is not" in " ".join(shown.stdout.split())
    assert shown.stderr.splitlines()[-1] == f"train the scaled winner: {report['command']}"
    assert "nothing will be trained" in automl("search-cell", "--transfer", "imagenet", "--dry-run").stdout
    again = automl("search-cell", "--resume", "--out", out).stderr.splitlines()
    assert again[1].startswith(
        "transfer: the winner so far is scaled to imagenet as 4@1056 (224×224×3, 1,000 classes) already, "
    )
    assert again[1].endswith("; another winner would be scaled anew")
    assert "nothing is trained on it, since imagenet2012 is not prepared under" in again[1]


def test_the_command_that_trains_the_winner_elsewhere_has_the_seed_that_this_search_would_train_it_with(
    tmp_path: Path, automl: Callable
) -> None:
    out = tmp_path / "run"
    done = automl("search-cell", *TINY, "--seed", 7, "--transfer", "imagenet", "--data-dir", tmp_path, "--out", out)
    command = done.stderr.splitlines()[-1]
    assert command == f"train it with: automl train --network {out}/network.json --seed 7 --data-dir {tmp_path}"
    assert json.loads(automl("report", out, "--json").stdout)["runs"][0]["transfer"]["command"] == command.partition(": ")[2]


def test_where_the_data_are_here_the_scaled_winner_is_trained_and_reported(trained: Path, automl: Callable) -> None:
    model, network = read_artifact(trained / FILES[2], ModelBody), read_artifact(trained / FILES[1], NetworkBody).body
    scores = model.body.scores
    assert model.inputs == {"network": file_digest(trained / FILES[1])}
    assert value_of(model.body.child.roles["network"]) == network.network
    assert read_artifact(trained / "transfer" / "training.json", TrainingSettings).body.epochs == 2
    report = json.loads(automl("report", trained, "--json").stdout)["runs"][0]["transfer"]
    assert (report["state"], report["test_accuracy"]) == ("trained", scores["test_accuracy"])
    assert report["test_top5_accuracy"] == scores["test_top5_accuracy"] > 0
    shown = automl("report", trained)
    assert f"2 epochs: test accuracy {scores['test_accuracy']:.4f}" in shown.stdout
    assert shown.stderr.splitlines()[-2:] == [
        f"score the scaled winner again: automl evaluate {trained}/transfer",
        f"take it elsewhere: automl export {trained}/transfer",
    ]
    assert automl("validate", trained).code == 0


def test_resuming_a_whole_run_repeats_what_it_said_and_changes_nothing(trained: Path, automl: Callable) -> None:
    before = digests(trained)
    done = automl("search-cell", "--resume", "--out", trained, "--json", *TO_DIGITS)
    assert done.code == 0
    assert json.loads(done.stdout)["transfer"]["state"] == "trained"
    assert digests(trained) == before
    said = done.stderr.splitlines()
    assert said[1] == (
        "transfer: the winner so far is scaled to digits as 1@16 (8×8×1, 10 classes) and trained there for 2 epochs already; "
        "another winner would be scaled and trained anew"
    )
    assert "will be" not in done.stderr
    assert f"{trained}/transfer: the scaled winner is trained already" in done.stderr
    assert "training the scaled winner" not in done.stderr


def test_a_trained_winner_whose_weights_are_gone_is_trained_again_as_the_error_says(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    (run / "transfer" / "weights.safetensors").unlink()
    refused = start("--resume", "--out", run)
    _, stderr = refused.communicate()
    assert refused.returncode == 1
    assert f"remove {run}/transfer/model.json and resume" in stderr
    (run / "transfer" / "model.json").unlink()
    again = start("--resume", "--out", run)
    _, stderr = again.communicate()
    assert again.returncode == 0, stderr
    assert digests(run) == digests(trained)


def test_a_network_file_that_was_removed_is_written_again(trained: Path, tmp_path: Path, automl: Callable) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    (run / "network.json").unlink()
    report = json.loads(automl("report", run, "--json").stdout)["runs"][0]["transfer"]
    assert (report["state"], report["network"], report["model"]) == ("planned", None, None)
    said = automl("report", run)
    assert "to be scaled to" in said.stdout
    assert f"scale the winner: automl search-cell --resume --out {run}" in said.stdout.replace("\n", "") + said.stderr
    resumed = automl("search-cell", "--resume", "--out", run)
    assert resumed.code == 0, resumed.stderr
    assert digests(run) == digests(trained)


def test_a_network_file_that_is_torn_says_how_it_comes_back(trained: Path, tmp_path: Path, automl: Callable) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    (run / "network.json").write_bytes((run / "network.json").read_bytes()[:300])
    for command in (("report", run), ("search-cell", "--resume", "--out", run)):
        refused = automl(*command)
        assert refused.code == 2
        assert "network.json: not JSON" in refused.stderr
        assert "remove it, and the search writes it again when it is resumed" in refused.stderr


@pytest.mark.parametrize(("given", "code"), [((), 0), (("--transfer-image-size", "8"), 2)])
def test_a_size_of_images_is_resumed_only_where_it_was_given(
    given, code, trained: Path, tmp_path: Path, automl: Callable
) -> None:
    """Native images are 8 pixels high as well, and yet not those of `--transfer-image-size 8`."""
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    resumed = automl("search-cell", "--resume", "--out", run, *given)
    assert resumed.code == code
    assert ("--transfer-image-size 8 is not what this run was started with" in resumed.stderr) == bool(given)


@pytest.mark.parametrize("moment", ["best.json", "transfer/training.json", "transfer/weights.safetensors"])
def test_killed_when_a_file_appears_a_resumed_run_ends_in_the_same_files(moment: str, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(*TINY, *TO_DIGITS, "--out", out)
    while not (out / moment).exists() and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    process.communicate()
    resumed = start("--resume", "--out", out)
    _, stderr = resumed.communicate()
    assert resumed.returncode == 0, stderr
    assert digests(out) == digests(trained)


def test_asked_to_end_while_it_trains_it_says_how_to_go_on_and_leaves_no_process(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(*TINY, "--transfer", "digits", "--stack", "1@16", "--transfer-epochs", "100000", "--out", out)
    while not (out / "transfer" / "checkpoint.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (130, "")
    assert stderr.splitlines()[-1] == f"interrupted; continue with: automl search-cell --out {out} --resume"
    assert stderr.count("interrupted") == 1
    assert not is_held(out / "transfer")


def test_a_training_that_is_killed_is_said_with_the_command_that_goes_on(
    trained: Path, tmp_path: Path, automl: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    for name in ("model.json", "weights.safetensors"):
        (run / "transfer" / name).unlink()
    with monkeypatch.context() as patch:
        patch.setattr("automl_cli.running.transferring.PROGRAM", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
        code, out, err = automl("search-cell", "--out", str(run), "--resume")
    command = f"automl train --resume --out {run}/transfer"
    assert (code, out) == (1, "")
    assert "was killed by SIGKILL, as happens where memory runs out" in err
    assert err.rstrip().endswith(f"Go on with: {command}")
    assert automl(*command.split()[1:])[0] == 0
    assert digests(run) == digests(trained)


def test_a_training_of_an_earlier_winner_is_replaced(trained: Path, tmp_path: Path, automl: Callable) -> None:
    """As after a resume with more trials that found a better cell."""
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    settings = read_artifact(run / "study.json", StudySettings).body
    assert prepare_training(run, settings) == run / "transfer"
    assert (run / FILES[2]).exists()
    best = read_artifact(run / "best.json", CellBody)
    write_artifact(run / "best.json", type(best)(best.schema, "another version", best.inputs, best.body))
    assert transfer_of(run, settings).state == "planned"
    scale_winner(run, settings)
    assert transfer_of(run, settings).state == "training"
    own = calibrated("here", measured_tables()["amd-zen-4"].coefficients)
    prepare_training(run, msgspec.structs.replace(settings, timings=own))
    assert not (run / FILES[2]).exists()
    assert read_artifact(run / "transfer/training.json", TrainingSettings).body.timings == own  # that of the study


def test_the_scaled_winner_is_trained_at_the_rate_and_by_the_schedule_that_suit_the_update_rule(
    trained: Path, tmp_path: Path
) -> None:
    """Schedule-free cannot be trained by the recipe of cells as it is: it averages, and the recipe has a schedule."""
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    shutil.rmtree(run / "transfer")
    settings = read_artifact(run / "study.json", StudySettings).body
    assert settings.transfer is not None
    rule = {"optimizer": filling_named("optimizer", "schedule-free")}
    transfer = msgspec.structs.replace(settings.transfer, roles={**settings.transfer.roles, **rule})
    prepare_training(run, msgspec.structs.replace(settings, transfer=transfer))
    child = read_artifact(run / "transfer" / "training.json", TrainingSettings).body.child
    recipe = child.recipe
    assert recipe.learning_rate == value_of(child.roles["optimizer"]).learning_rate
    assert (recipe.schedule, recipe.warmup_epochs) == ("constant", 0)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--transfer", "imagnet"), "--transfer: unknown data set 'imagnet'. Did you mean 'imagenet'?"),
        (("--transfer", "food101"), "--transfer: food101 is not prepared under"),
        (("--transfer", "imagenet", "--stack", "4@30"), "--stack 4@30 leaves 3 filters for a cell of 2 output states"),
        (("--transfer", "imagenet", "--stack", "four"), "--stack is 'four'; it must be N@P"),
        (("--transfer", "imagenet", "--stack", ""), "--stack is ''; it must be N@P"),
        (("--transfer", "imagenet", "--filters", "3"), "--filters is 3; for images of this size it must be from 4"),
        (("--transfer", "digits", "--stack", "6@7"), "--stack 6@7 leaves 0 filters for a cell of 2 output states"),
        (("--transfer", "imagenet", "--transfer-image-size", "2"), "--transfer: --transfer-image-size is 2"),
        (("--stack", "4@1056"), "--stack is about the transfer; give --transfer TARGET with it"),
        (("--transfer-epochs", "3"), "--transfer-epochs is about the transfer"),
        (("--transfer", "digits", "--transfer-epochs", "0"), "--transfer-epochs is 0; it must be at least 1"),
        (("--transfer", "digits", "--filters", "0"), "--filters is 0; it must be at least 1"),
    ],
)
def test_what_cannot_be_done_after_the_search_is_refused_before_it(
    flags: tuple[str, ...], message: str, tmp_path: Path, automl: Callable
) -> None:
    done = automl("search-cell", *TINY, *flags, "--out", tmp_path / "run")
    assert (done.code, done.stdout) == (2, "")
    assert message in done.stderr
    assert not (tmp_path / "run").exists()


def test_other_flags_on_resume_are_refused(trained: Path, automl: Callable) -> None:
    for flags in (("--transfer", "cifar10"), ("--stack", "2@16"), ("--transfer-epochs", "3")):
        done = automl("search-cell", "--resume", "--out", trained, *flags)
        assert (done.code, "is not what this run was started with" in done.stderr) == (2, True)


def test_edge_cells_and_networks_are_not_scaled(tmp_path: Path, automl: Callable) -> None:
    (tmp_path / "flags.toml").write_text('transfer = "digits"\ntrials = 2\n')
    done = automl("search-arch", "--config", tmp_path / "flags.toml", "--out", tmp_path / "run")
    assert (done.code, "--transfer scales pairs of cells" in done.stderr) == (2, True)


def test_overwriting_a_run_removes_its_transfer(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    settings = read_artifact(run / "study.json", StudySettings)
    check_new_run(run, overwrite=True)
    create_run(run, settings, overwrite=True).close()
    assert sorted(path.name for path in run.iterdir()) == ["run.lock", "study.json"]
