"""`automl search-arch`: what it says, what it writes, what it refuses, before anything is trained."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_cli.kinds.architecture import ArchitectureBody
from automl_cli.store.artifact import read_artifact
from automl_cli.store.study import StudySettings
from automl_cli.system.process import default_workers
from tests.cli.searches import SPACE, search

Automl = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("environment_of_its_own")


def digest(path: Path | str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_stdout_is_the_path_of_the_winner_and_stderr_the_talk(automl: Automl) -> None:
    done = automl(*search(executor="serial", out="a"))
    assert (done.code, done.stdout) == (0, "a/best.json\n")
    assert done.stderr.splitlines()[0] == "a: random search of space tiny, 24 trials, seed 0, 1 at a time"
    assert done.stderr.splitlines()[-1].startswith("best: trial ")
    best = read_artifact(Path("a/best.json"), ArchitectureBody).body
    study = read_artifact(Path("a/study.json"), StudySettings).body
    found = best.found
    assert found is not None
    assert found.space.file is None, "no path of this machine"
    assert found.choices == {f"filters_{layer}": (4, 8, 16)[index] for layer, index in enumerate(found.genotype)}
    assert best.words == tuple(f"Number of Filters: {filters}" for filters in found.choices.values())
    assert (study.trials, study.epochs, study.in_flight, study.seed, study.preset) == (24, 2, 4, 0, "quick")
    assert study.environment.packages["jaxlib"]


def test_json_is_one_document(automl: Automl) -> None:
    done = automl(*search("--json", "--quiet", executor="serial", out="a", retrain_top=3))
    assert (done.code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["best"] == "a/best.json"
    assert found["digest"] == digest("a/best.json")
    assert len(found["retraining"]["candidates"]) == 3


def test_the_same_seed_gives_the_same_bytes_on_any_executor_and_number_of_workers(automl: Automl) -> None:
    how = {"retrain_top": 2, "evaluator_option": "noise=0.2"}
    runs = {"a": {"executor": "serial"}, "b": {"workers": 1}, "c": {"workers": 3}}
    for name, where in runs.items():
        assert automl(*search(out=name, **how, **where)).code == 0
    assert len({digest(f"{name}/best.json") for name in runs}) == 1
    assert automl(*search(out="d", executor="serial", seed=1, **how)).code == 0
    assert digest("d/best.json") != digest("a/best.json")


def test_a_default_name_says_command_and_time(automl: Automl) -> None:
    done = automl(*search(executor="serial", trials=2))
    assert done.stdout.startswith("runs/search-arch-20")
    assert Path(done.stdout.strip()).is_file()


def test_verbose_and_log_file_have_a_line_for_every_trial(automl: Automl) -> None:
    done = automl(*search("-v", executor="serial", out="a", trials=5, log_file="log.txt", evaluator_option="noise=0"))
    trials = [line for line in done.stderr.splitlines() if line.startswith("trial ") and ":" in line]
    assert [line.split(":")[0] for line in trials] == [f"trial {number}" for number in range(5)]
    logged = Path("log.txt").read_text().splitlines()
    assert [line.partition(" ")[2] for line in logged] == trials


def test_a_search_gives_way_to_other_programs_and_finds_the_same(automl: Automl, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[int] = []
    monkeypatch.setattr("os.nice", raised.append)
    assert automl(*search(executor="serial", out="a")).code == 0
    assert automl(*search(executor="serial", out="b"), "--nice", "7").code == 0
    assert raised == [0, 7]
    assert digest("a/best.json") == digest("b/best.json")


def test_an_existing_run_is_refused_continued_or_replaced(automl: Automl) -> None:
    assert automl(*search(executor="serial", out="a", trials=8)).code == 0
    before = digest("a/best.json")
    done = automl(*search(executor="serial", out="a", trials=8))
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == (
        "error: a exists already: continue it with --resume, replace it with --overwrite, or choose another --out\n"
    )
    assert automl("search-arch", "--out", "a", "--resume", "--space", SPACE).code == 0
    assert digest("a/best.json") == before
    assert automl(*search("--overwrite", executor="serial", out="a", trials=3)).code == 0
    assert read_artifact(Path("a/study.json"), StudySettings).body.trials == 3


def test_resume_with_more_trials_is_the_longer_search(automl: Automl) -> None:
    assert automl(*search(executor="serial", out="long", trials=40)).code == 0
    assert automl(*search(executor="serial", out="short", trials=7)).code == 0
    assert automl(*search("--resume", out="short", trials=40, workers=2, executor="local")).code == 0
    assert digest("short/best.json") == digest("long/best.json")
    assert read_artifact(Path("short/study.json"), StudySettings).body.trials == 40


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--seed", "1"], "--seed 1 is not what this run was started with (0)"),
        (["--epochs", "9"], "--epochs 9 is not what this run was started with (2)"),
        (["--strategy-option", "size=3"], "--strategy-option size=3 is not what this run was started with (without it)"),
        (["--space-option", "layers=9"], "--space-option layers=9 is not what this run was started with (layers=4)"),
        (["--max-parameters", "9"], "--max-parameters 9 is not what this run was started with (none)"),
        (["--dataset", "digits"], "--dataset digits is not what this run was started with (none)"),
        (["--no-reuse"], "--no-reuse is not what this run was started with (--reuse)"),
        (["--trials", "3"], "--trials 3 is less than the recorded 8; on resume it can only be raised"),
        (["--trials", "0"], "--trials is 0; it must be at least 1"),
    ],
)
def test_resume_refuses_to_change_what_decides_the_trials(automl: Automl, flags: list[str], text: str) -> None:
    assert automl(*search(executor="serial", out="a", trials=8)).code == 0
    before = digest("a/study.json"), digest("a/journal.jsonl")
    done = automl("search-arch", "--out", "a", "--resume", "--space", SPACE, *flags)
    assert (done.code, done.stdout) == (2, "")
    assert text in done.stderr
    assert (digest("a/study.json"), digest("a/journal.jsonl")) == before


def test_resume_accepts_flags_that_say_what_is_recorded(automl: Automl) -> None:
    same = search(executor="serial", out="a", trials=8, seed=3, space_option="layers=2", evaluator_option="noise=0.5")
    assert automl(*same).code == 0
    assert automl(*same, "--resume").code == 0


def test_a_space_from_a_file_is_given_again_and_never_imported_from_a_recorded_path(automl: Automl, tmp_path: Path) -> None:
    assert automl(*search(executor="serial", out="a", trials=8)).code == 0
    done = automl("search-arch", "--out", "a", "--resume")
    assert done.code == 2
    assert done.stderr == "error: this run searches a space of your own, 'tiny'; give its file again with --space FILE.py\n"
    moved = tmp_path / "moved.py"
    moved.write_text(SPACE.read_text())
    assert automl("search-arch", "--out", "a", "--resume", "--space", moved, "--trials", 12).code == 0
    other = tmp_path / "other.py"
    other.write_text(SPACE.read_text().replace("version=1", "version=2"))
    done = automl("search-arch", "--out", "a", "--resume", "--space", other)
    assert done.code == 2
    assert "this was made with space 'tiny' version 1; here is 'tiny' version 2" in done.stderr


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--resume"], "--resume needs the run to continue: give its directory with --out"),
        (["--resume", "--out", "nowhere"], "there is no run at nowhere to resume; start one there without --resume"),
        (["--resume", "--overwrite", "--out", "a"], "--resume continues a run and --overwrite replaces it; give one of them"),
        (["--dataset", "cifra10"], "unknown data set 'cifra10'. Did you mean 'cifar10'?"),
        (["--strategy", "rondom"], "unknown strategy 'rondom'. Did you mean 'random'? Known: "),
        (["--space", "cn"], "unknown search space 'cn'. Did you mean 'cnn'? Known: "),
        (["--space", "missing.py"], "missing.py; give an existing .py file or one of: "),
        (
            ["--space", "nas-bench-201"],
            "space 'nas-bench-201' is searched with `automl search-cell`, not search-arch; here: cnn",
        ),
        (["--space-option", "variant=poolin"], "unknown value of space option 'variant': 'poolin'. Did you mean 'pooling'?"),
        (["--space-option", "layrs=3"], "unknown option 'layrs' of space cnn. Did you mean 'layers'?"),
        (["--preset", "slow"], "unknown preset of space 'cnn': 'slow'. Known: paper, quick"),
        (["--executor", "locl"], "unknown executor 'locl'. Did you mean 'local'?"),
        (["--evaluator", "traned"], "unknown evaluator 'traned'. Did you mean 'trained'?"),
        (["--metric", "acuracy"], "unknown metric 'acuracy'. Did you mean 'accuracy'?"),
        (
            ["--strategy", "random", "--strategy-option", "size=3"],
            "unknown option 'size' of strategy random. It takes no options",
        ),
        (["--trials", "0"], "--trials is 0; it must be at least 1"),
        (["--seed", "-1"], "--seed is -1; it must be at least 0"),
        (["--seed", str(2**53 + 1)], f"--seed is {2**53 + 1}; it must be at most {2**53}"),
        (["--reward-exponent", "nan"], "--reward-exponent is nan; it must be a finite number above 0"),
        (["--time-budget", "inf"], "--time-budget is inf; it must be a finite number above 0"),
        (["--reward-exponent", "11"], "--reward-exponent is 11; it must be at most 10"),
        *(
            ([flag, str(10**20)], f"{flag} is {10**20}; it must be at most {2**53}")
            for flag in ("--trials", "--epochs", "--workers", "--in-flight", "--repeat", "--retrain-top", "--max-parameters")
        ),
        (["--trials", str(-(10**20))], f"--trials is -{10**20}; it must be at least -{2**53}"),
        (["--out", ""], "--out is '.', which gives the run no name; give one such as runs/first"),
        (["--out", "runs/\udcff"], "'runs/\\udcff' on the command line is not text in UTF-8; give the file another name"),
        (["--out", f"{SPACE}/x"], f"{SPACE} is a file, so no run can be made at {SPACE}/x; choose another --out"),
        (["-v", "-q"], "--verbose asks for a line for every trial and --quiet for none; give one of them"),
        (["--log-file", "missing/log"], "--log-file missing/log cannot be made, since there is no directory "),
        (["--log-file", str(SPACE.parent)], f"--log-file {SPACE.parent} is a directory; name a file"),
        (["--time-budget", "0"], "--time-budget is 0; it must be above 0"),
        (["--executor", "serial", "--workers", "2"], "the serial executor has one worker, not 2; use --executor local"),
        (["--executor", "serial", "--trial-timeout", "2"], "use --executor local with --trial-timeout"),
        (["--trial", "3"], "no such option: --trial"),
        (["--config", "missing.toml"], "missing.toml: no such file"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_2_and_nothing_is_left_behind(
    automl: Automl, flags: list[str], text: str, tmp_path: Path
) -> None:
    done = automl("search-arch", *flags)
    assert (done.code, done.stdout) == (2, "")
    assert text in done.stderr
    assert done.stderr.count("\n") <= 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flags", [["--dataset", "cifra10"], ["--strategy", "rondom"], ["--space", "cn"]])
def test_a_wrong_name_is_answered_without_importing_anything_heavy(flags: list[str]) -> None:
    code = (
        "import sys\nfrom automl_cli.cli.app import run\ncode = run(sys.argv[1:])\n"
        "print(code, sorted({'jax', 'flax', 'sklearn', 'tensorflow_datasets', 'scipy', 'PIL'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, "search-arch", *flags]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "2 []\n"


def test_a_file_of_flags_is_read_and_flags_win(automl: Automl) -> None:
    Path("c.toml").write_text('trials = 6\nepochs = 3\nspace-option = {layers = 3}\nreuse = false\nexecutor = "serial"\n')
    assert automl(*search(config="c.toml", out="a", trials=5)).code == 0
    study = read_artifact(Path("a/study.json"), StudySettings).body
    assert (study.trials, study.epochs, study.space.options, study.reuse, study.executor) == (
        5,
        3,
        {"layers": 3},
        False,
        "serial",
    )
    assert automl(*search("--resume", config="c.toml", out="a", trials=5)).code == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("trails = 3", "unknown flag in c.toml: 'trails'. Did you mean 'trials'?"),
        ("trials = 'many'", "c.toml: trials: expected a whole number, got text"),
        ("retrain_top = 3", "unknown flag in c.toml: 'retrain_top'. Did you mean 'retrain-top'?"),
        ("reuse = 1", "c.toml: reuse: expected true or false, got a whole number"),
        ("space-option = [3]", "c.toml: space-option: expected names with values, got a list"),
        ("trials = 100000000000000000000", f"c.toml: trials is {10**20}; it must be at most {2**53}"),
        ("trials = ", "c.toml: not TOML: Invalid value"),
        ("trials = 0", "c.toml: trials is 0; it must be at least 1"),
        ("space-option = {layers = true}", "space option layers=True: expected a whole number"),
    ],
)
def test_a_bad_file_of_flags_is_refused(automl: Automl, text: str, problem: str) -> None:
    Path("c.toml").write_text(text)
    done = automl(*search(config="c.toml", out="a"))
    assert done.code == 2
    assert problem in done.stderr
    assert not Path("a").exists()


def test_no_successful_trial_is_exit_1(automl: Automl) -> None:
    Path("c.toml").write_text('[evaluator-option.faults]\n"0" = "diverge"\n"1" = "diverge"\n"2" = "diverge"\n')
    done = automl(*search(config="c.toml", out="a", executor="serial", trials=4, space_option="layers=1"))
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == (
        "error: no trial succeeded: 4 ended, none with a score; `automl report a` shows why"
    )
    assert not Path("a/best.json").exists()


def test_the_plan_of_the_paper_is_stated_without_its_data(automl: Automl) -> None:
    done = automl("search-arch", "--preset", "paper", "--strategy", "random", "--dry-run")
    assert done.code == 0
    for text in ("12,800 trials, 50 epochs each", "squared", "6 to 20 layers", "800 in flight", "cifar10", "22,400 GPU-days"):
        assert text in done.stdout
    assert not list(Path().iterdir())
    plan = json.loads(automl("search-arch", "--preset", "paper", "--strategy", "random", "--dry-run", "--json").stdout)
    assert (plan["trials"], plan["epochs"], plan["reward"]) == (12800, 50, {"type": "power", "exponent": 2.0})
    assert ["depth", "6 to 20 layers"] in plan["measured"]
    assert plan["compute_seconds"] > 1e6


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ({"trials": 3, "retrain_top": 4}, "--retrain-top 4 is more than there are trials; give at most --retrain-top 3"),
        ({"retrain_epochs": 4}, "--retrain-epochs is about the best, which are trained again; say how many with --retrain-top"),
        (
            {"strategy": "exhaustive", "space_option": "layers=2", "trials": 10},
            "space 'tiny' has 9 genotypes, and a later trial of one only takes its score again; give --trials 9, or --no-reuse",
        ),
    ],
)
def test_what_can_only_be_a_mistake_is_refused(automl: Automl, flags: dict[str, Any], text: str) -> None:
    for more in ([], ["--dry-run"]):
        done = automl(*search(*more, out="a", **flags))
        assert (done.code, done.stdout) == (2, "")
        assert text in done.stderr
    assert not Path("a").exists()


def test_a_space_of_networks_is_searched_on_a_table_too(automl: Automl) -> None:
    rows = [f"{one}-{other},{(one + other) / 4}" for one in range(3) for other in range(3)]
    Path("table.csv").write_text("\n".join(["ops,valid", *rows]) + "\n")
    how = ("search-arch", "--space", SPACE, "--space-option", "layers=2", "--evaluator", "table", "--strategy", "exhaustive")
    flags = ("--table", "table.csv", "--reward-column", "valid", "--trials", 9, "--out", "a")
    assert "--evaluator table needs --table" in automl(*how).stderr
    assert automl(*how, *flags).code == 0
    assert read_artifact(Path("a/best.json"), ArchitectureBody).body.found.genotype == (2, 2)


def test_exhaustive_may_measure_a_space_more_than_once(automl: Automl) -> None:
    how = {"strategy": "exhaustive", "space_option": "layers=2", "trials": 10, "executor": "serial"}
    assert automl(*search("--no-reuse", out="a", **how)).code == 0


def test_workers_that_would_only_wait_are_warned_of(automl: Automl) -> None:
    done = automl(*search("--dry-run", workers=5))
    assert done.stderr.startswith("warning: --workers 5, but at most 4 children are in flight at a time, so the other workers")
    assert automl(*search("--dry-run", workers=4)).stderr == ""
    assert automl(*search("--dry-run", workers=5, in_flight=5)).stderr == ""


def test_the_plan_states_limits_and_that_images_are_not_read(automl: Automl, tmp_path: Path) -> None:
    import numpy as np

    labels = np.arange(200) % 2
    np.savez(tmp_path / "mine.npz", images=np.zeros((200, 8, 8), np.uint8), labels=labels)
    flags = ("--max-parameters", 12345, "--max-multiply-adds", 10**9, "--strategy", "random", "--trials", 1, "--epochs", 1)
    done = automl("search-arch", "--dataset", tmp_path / "mine.npz", "--dry-run", *flags)
    assert "limits         at most 12,345 parameters, at most 1,000,000,000 multiply-adds; larger children are" in done.stdout
    assert "1 trial, 1 epoch each" in done.stdout
    assert "; its examples are not read for a plan, so a broken one is found only when it starts" in done.stdout
    assert "not read" not in automl("search-arch", "--dry-run", *flags).stdout


def test_the_estimate_counts_workers_with_something_to_do_and_a_core_to_do_it_on(automl: Automl) -> None:
    flags = ("search-arch", "--dry-run", "--json", "--strategy", "random", "--workers")
    few, many = (json.loads(automl(*flags, workers).stdout) for workers in (1, 64))
    assert few["wall_seconds"] == few["compute_seconds"]
    assert many["wall_seconds"] >= many["compute_seconds"] / min(default_workers(), many["in_flight"])


def test_missing_data_is_said_before_anything_is_made(automl: Automl, tmp_path: Path) -> None:
    done = automl("search-arch", "--dataset", "cifar10", "--data-dir", tmp_path / "tfds", "--out", "a")
    assert done.code == 2
    assert "cifar10 is not prepared under" in done.stderr
    assert not Path("a").exists()


def test_repeats_are_searches_of_their_own_with_seeds_in_a_row(automl: Automl) -> None:
    done = automl(*search(out="many", repeat=3, seed=5, evaluator_option="noise=0.3"))
    assert (done.code, done.stdout) == (0, "".join(f"many/seed-{seed}/best.json\n" for seed in (5, 6, 7)))
    assert automl(*search(out="one", seed=6, evaluator_option="noise=0.3")).code == 0
    assert digest("one/best.json") == digest("many/seed-6/best.json")
    assert len({digest(f"many/seed-{seed}/best.json") for seed in (5, 6, 7)}) == 3


def test_repeats_are_resumed_and_replaced_together(automl: Automl) -> None:
    how = {"out": "many", "repeat": 3}
    assert automl(*search(**how, trials=10)).code == 0
    for name in ("best.json", "journal.jsonl"):
        Path("many/seed-1", name).unlink()
    assert automl(*search(**how)).code == 2
    done = automl(*search("--resume", "--json", **how, trials=30))
    assert done.code == 0
    assert [run["trials"] for run in json.loads(done.stdout)["runs"]] == [30, 30, 30]
    assert automl(*search(out="one", seed=1, trials=30)).code == 0
    assert digest("one/best.json") == digest("many/seed-1/best.json")
    done = automl(*search("--resume", out="many", repeat=4))
    assert (done.code, done.stderr) == (2, "error: --repeat 4 is not what many was started with (3)\n")
    done = automl(*search("--resume", out="many", seed=3))
    assert (done.code, "--seed 3 is not what this run was started with (0)" in done.stderr) == (2, True)
    assert automl(*search("--overwrite", out="many", repeat=1)).code == 0
    assert sorted(path.name for path in Path("many").iterdir()) == ["run.lock", "seed-0"]


def test_formulas_are_evaluated_in_this_process_unless_workers_are_asked_for(automl: Automl) -> None:
    for name, flags, expected in [
        ("a", [], ("serial", 1)),
        ("b", ["--workers", "2"], ("local", 2)),
        ("c", ["--trial-timeout", "60"], ("local", len(os.sched_getaffinity(0)))),
    ]:
        assert automl(*search(*flags, out=name, trials=2)).code == 0
        study = read_artifact(Path(name) / "study.json", StudySettings).body
        assert (study.executor, study.workers) == expected


def test_a_changed_environment_is_warned_of_on_resume(automl: Automl) -> None:
    assert automl(*search(out="a", trials=4)).code == 0
    study = Path("a/study.json")
    text = study.read_text()
    study.write_text(text.replace('"jaxlib": "', '"jaxlib": "0.'))
    done = automl(*search("--resume", out="a", trials=5))
    assert done.code == 0
    assert "warning: not as the run was started: jaxlib 0.0." in done.stderr
    assert done.stderr.count("; scores may differ in low bits\n") == 1
