"""`--config`: a file of flags, or a run that is searched anew; `--write-config` writes such a file."""

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from automl_cli.core.flags import Flag
from automl_cli.store.config_file import read_flags, write_flags
from automl_cli.store.encoding import parse
from tests.cli.searches import SPACE, search
from tests.tables import COMMAND_NAMES, STRATEGIES

pytestmark = pytest.mark.usefixtures("environment_of_its_own")

ROW = Flag(name="options", type=dict, help="", panel="")


def best(run: str) -> bytes:
    return Path(run, "best.json").read_bytes()


@pytest.mark.parametrize("strategy", STRATEGIES.names())
def test_a_run_is_searched_anew_from_its_directory_and_from_its_study(strategy: str, automl: Callable) -> None:
    small = {"space_option": "layers=2", "trials": 9} if STRATEGIES.load(strategy).small_spaces_only else {"trials": 12}
    assert automl(*search("-q", strategy=strategy, seed=3, retrain_top=2, out="a", **small)).code == 0
    shutil.copy("a/study.json", "elsewhere.json")
    file = ("--space", SPACE)
    assert automl("search-arch", "--config", "a", *file, "--out", "b", "-q", "--workers", "1").code == 0
    assert automl("search-arch", "--config", "elsewhere.json", *file, "--out", "c", "-q").code == 0
    written = automl("search-arch", "--config", "a", *file, "--write-config", "flags.toml")
    assert (written.code, written.stdout) == (0, "flags.toml\n")
    assert "automl search-arch --config flags.toml" in written.stderr
    assert automl("search-arch", "--config", "flags.toml", "--out", "d", "-q").code == 0
    assert best("a") == best("b") == best("c") == best("d")
    assert Path("a/journal.jsonl").read_bytes() != Path("b/journal.jsonl").read_bytes()  # of its own, with its own times


def test_repeats_are_searched_anew_as_many_times_and_on_the_same_seeds(automl: Callable) -> None:
    assert automl(*search("-q", trials=4, seed=5, repeat=2, out="a")).code == 0
    assert automl("search-arch", "--config", "a", "--space", SPACE, "--out", "b", "-q").code == 0
    assert [best(f"a/seed-{seed}") for seed in (5, 6)] == [best(f"b/seed-{seed}") for seed in (5, 6)]
    assert automl("search-arch", "--config", "a", "--space", SPACE, "--out", "c", "--repeat", "1", "-q").code == 0
    assert [path.name for path in Path("c").glob("seed-*")] == ["seed-5"]


def test_seed_and_trials_of_a_run_that_is_searched_anew_may_be_others_and_nothing_else(automl: Callable) -> None:
    assert automl(*search("-q", strategy="evolution", trials=8, out="a")).code == 0
    anew = ["search-arch", "--config", "a", "--space", SPACE]
    assert automl(*anew, "--seed", "1", "--trials", "6", "--out", "b", "-q").code == 0
    assert automl(*search("-q", strategy="evolution", trials=8, seed=1, out="c")).code == 0
    first = [[parse(line, "journal")["genotype"] for line in asked(run)] for run in "bc"]
    assert first[0] == first[1][:6]
    done = automl(*anew, "--epochs", "9", "--out", "d")
    assert done.code == 2
    assert "--epochs 9 is not what this run was started with (2). When a run is searched anew only --trials" in done.stderr
    assert "--memory-limit may change; for anything else write its flags to a file with --write-config FILE.toml" in done.stderr


def asked(run: str) -> list[bytes]:
    return [line for line in Path(run, "journal.jsonl").read_bytes().splitlines() if b'"asked"' in line]


def test_what_cannot_be_searched_anew_is_refused_with_the_reason(tmp_path: Path, automl: Callable) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (60, 8, 8, 1)).astype(np.uint8)
    np.savez("set.npz", images=pixels, labels=np.arange(60) % 2)
    trained = [
        "search-arch",
        "--space",
        SPACE,
        "--dataset",
        "set.npz",
        "--trials",
        "1",
        "--epochs",
        "1",
        "-q",
        "--workers",
        "1",
    ]
    assert automl(*trained, "--executor", "serial", "--out", "run").code == 0
    anew = ["search-arch", "--config", "run", "--out", "again"]
    assert "give its file again with --space FILE.py" in automl(*anew).stderr
    np.savez("set.npz", images=pixels[:40], labels=np.arange(40) % 2)
    assert "'set.npz' is not what this run was started with" in automl(*anew, "--space", SPACE).stderr
    Path("set.npz").unlink()
    assert "set.npz" in automl(*anew, "--space", SPACE).stderr
    said = {
        (
            "search-cell",
            "--config",
            "run",
        ): "this is a run of search-arch; search it anew with `automl search-arch --config RUN`",
        ("search-arch", "--config", "nothing"): "error: nothing: no such file",
        ("search-arch", "--config", tmp_path): "is no run: it holds no study.json",
        ("search-arch", "--config", "run/best.json"): "this is an architecture artifact; a study artifact is needed here",
        ("search-arch", "--config", "run", "--resume", "--out", "run"): "--config RUN searches one anew; give one of them",
        ("search-arch", "--config", "run", "--out", "run", "--space", SPACE): "run exists already",
        ("train", "--config", "run"): "is no training: it holds no training.json; it is a search",
    }
    for line, text in said.items():
        done = automl(*line)
        assert (done.code, text in done.stderr) == (2, True), done


def test_a_search_with_a_clock_or_another_environment_is_searched_anew_with_a_warning(automl: Callable) -> None:
    assert automl(*search("-q", trials=2, out="a", time_budget=1000)).code == 0
    study = json.loads(Path("a/study.json").read_text())
    study["body"]["environment"]["packages"]["jax"] = "0.0.1"
    Path("a/study.json").write_text(json.dumps(study))
    done = automl("search-arch", "--config", "a", "--space", SPACE, "--out", "b", "-q")
    assert done.code == 0
    assert "warning: not as the run in a/study.json was started: jax 0.0.1, now " in done.stderr
    assert "warning: it ran with --time-budget" in done.stderr


def test_a_file_with_a_mark_of_its_byte_order_is_read(automl: Callable) -> None:
    Path("c.toml").write_bytes(b"\xef\xbb\xbftrials = 3\r\nevaluator = 'analytic'\r\n")
    assert automl("search-arch", "--space", SPACE, "--config", "c.toml", "--out", "a", "-q").code == 0
    assert len(asked("a")) == 3


@pytest.mark.parametrize("name", [name for name in COMMAND_NAMES if name.startswith("search-")])
def test_flags_are_written_for_every_search_command_and_a_plan_may_follow(name: str, automl: Callable) -> None:
    done = automl(name, "--trials", "7", "--seed", "2", "--write-config", "my flags.toml", "--dry-run")
    assert done.code == 0
    assert "7 trials" in done.stdout
    assert f"take it with: automl {name} --config 'my flags.toml'" in done.stderr
    assert tomllib.loads(Path("my flags.toml").read_text()) == {"trials": 7, "seed": 2}
    assert said_of(automl(name, "--config", "my flags.toml", "--dry-run").stdout) == said_of(done.stdout)
    again = automl(name, "--write-config", "my flags.toml")
    assert again.code == 2
    assert "my flags.toml is there already, so it stays" in again.stderr


def said_of(plan: str) -> list[str]:
    """A plan without the estimate of the time."""
    return [line for line in plan.splitlines() if not line.startswith("here ")]


def test_what_would_be_refused_is_refused_before_a_file_is_written(automl: Callable) -> None:
    assert automl("search-arch", "--strategy", "nothing", "--write-config", "a.toml").code == 2
    assert automl("train", "--network", "resnet-7", "--write-config", "a.toml").code == 2
    assert automl("search-arch", "--write-config", "no/folder/a.toml").code == 2
    assert not Path("a.toml").exists()


def test_json_says_file_command_and_flags(automl: Callable) -> None:
    done = automl("train", "--network", "convnet-2x32", "--dataset", "digits", "--write-config", "t.toml", "--json")
    document = json.loads(done.stdout)
    assert document["command"] == "automl train --config t.toml"
    assert document["flags"] == {"network": "convnet-2x32", "dataset": "digits"} == tomllib.loads(Path("t.toml").read_text())


@pytest.mark.parametrize("value", ["\x1b\u202e\"'''\\ \n\t", "0x10", "true", "1e5", "ünï 文字 🐈", ""])
def test_texts_are_written_as_what_they_are(value: str, tmp_path: Path) -> None:
    write_flags(tmp_path / "a.toml", {"options": {"a": value, value or "b": [value]}}, command="automl search-arch")
    assert read_flags(tmp_path / "a.toml", [ROW]) == {"options": {"a": value, value or "b": [value]}}


def test_a_training_is_done_anew_with_the_same_weights(automl: Callable) -> None:
    flags = ["--dataset", "digits", "--train-examples", "200", "--momentum", "0.7", "--epochs", "1", "-q"]
    assert automl("train", "--network", "convnet-2x32", *flags, "--out", "a").code == 0
    assert automl("train", "--config", "a", "--out", "b", "-q").code == 0
    assert automl("train", "--config", "a/training.json", "--write-config", "t.toml").code == 0
    assert automl("train", "--config", "t.toml", "--out", "c", "-q").code == 0
    assert automl("train", "--config", "t.toml", "--out", "d", "-q", "--seed", "1").code == 0
    for name in ("model.json", "weights.safetensors"):
        once, *again, other = (Path(run, name).read_bytes() for run in "abcd")
        assert again == [once, once]
        assert other != once
    assert "600 steps" not in automl("train", "--config", "a", "--dry-run").stdout
    said = {
        (
            "--config",
            "a",
            "--epochs",
            "3",
        ): "this training was started with --epochs 1, not 3; leave that out, or write its flags",
        ("--config", "a", "--out", "a"): "a exists already",
        ("--config", "a", "--resume", "--out", "a"): "give one of them",
        ("--config", "a/model.json"): "--config takes the training.json of a training, its directory, or a .toml file of flags",
    }
    for line, text in said.items():
        done = automl("train", *line)
        assert (done.code, text in done.stderr) == (2, True), done
    assert "train it anew with: automl train --config a" in automl("search-arch", "--config", "a").stderr
