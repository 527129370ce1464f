"""`automl compare` as a user types it: the table, the directory, resumption, and what is refused."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.trials import Measurement, Outcome, Stage, Status, Trial
from automl_cli.jobs.compare import best_rates, final_tasks, ledger_of, sweep_tasks
from automl_cli.kinds.comparison import ComparisonSettings
from automl_cli.planning.compare import parts_of, plan_comparison
from automl_cli.planning.compare_flags import ComparisonRequest
from automl_cli.references import open_any
from automl_cli.reporting.compared import comparison_parts, comparison_result, verdict_in_words
from automl_cli.store.artifact import read_artifact, write_artifact
from automl_cli.values.sheet import Facts, Grid

pytestmark = pytest.mark.usefixtures("environment_of_its_own")

SMALL = ("--executor", "serial", "--train-examples", "200", "--epochs", "1", "--seeds", "2", "--learning-rates", "0.01,0.1")
VALUES = "sgd,adam,muon,exp(exp(g * 1e9))"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A comparison that has ended, and its document."""
    import contextlib
    import io
    import os

    from automl_cli.cli.app import run

    folder, before, out = tmp_path_factory.mktemp("compared"), dict(os.environ), io.TextIOWrapper(io.BytesIO())
    try:
        with contextlib.redirect_stdout(out):
            assert run(["compare", "--optimizer", VALUES, *SMALL, "--out", str(folder / "a"), "--json", "--quiet"]) == 0
    finally:
        os.environ.clear()
        os.environ.update(before)
    return folder / "a", json.loads(out.buffer.getvalue())


def test_each_value_is_trained_at_its_best_rate_on_every_seed(finished: tuple[Path, dict[str, Any]]) -> None:
    directory, document = finished
    settings = read_artifact(directory / "comparison.json", ComparisonSettings).body
    trials = ledger_of(directory / "journal.jsonl").trials.values()
    rates = best_rates(settings, trials)
    sgd, adam, muon, broken = document["rows"]
    for number, row in enumerate((sgd, adam, muon)):
        assert [one["learning_rate"] for one in row["rates"]] == [0.01, 0.1]
        scores = [one["score"] for one in row["rates"]]
        assert row["learning_rate"] == row["rates"][scores.index(max(scores))]["learning_rate"]
        assert settings.rates_of(number)[rates[number]] == row["learning_rate"]
        assert len(row["test"]) == len(row["validation"]) == 2
        assert row["p_value"] is None
        assert row["median"] == pytest.approx(sum(row["test"]) / 2)
    assert (broken["learning_rate"], broken["test"]) == (None, [])
    assert broken["missing"] == {"diverged": 2}
    assert broken["message"]


def test_the_test_split_is_read_by_the_trainings_that_are_compared_alone(finished: tuple[Path, dict[str, Any]]) -> None:
    trials = ledger_of(finished[0] / "journal.jsonl").trials.values()
    ended = [trial for trial in trials if trial.outcome.measurement is not None]
    assert {trial.task.stage for trial in ended} == {Stage.SEARCH, Stage.RETRAIN}
    for trial in ended:
        tested = "test_accuracy" in trial.outcome.measurement.metrics
        assert tested == (trial.task.stage is Stage.RETRAIN)


def test_seeds_are_the_same_for_all_values(finished: tuple[Path, dict[str, Any]]) -> None:
    settings = read_artifact(finished[0] / "comparison.json", ComparisonSettings).body
    tasks = final_tasks(settings, {0: 1, 2: 0})
    assert [task.genotype for task in tasks] == [(0, 1), (0, 1), (2, 0), (2, 0)]
    assert [task.seed for task in tasks[:2]] == [task.seed for task in tasks[2:]]
    assert tasks[0].seed != tasks[1].seed
    assert len({task.seed for task in sweep_tasks(settings)}) == 1


@pytest.mark.parametrize("records", [1, 6, 9, 17, 22])
def test_resume_after_a_kill_gives_the_result_of_an_uninterrupted_comparison(
    finished: tuple[Path, dict[str, Any]], automl: Callable, tmp_path: Path, records: int
) -> None:
    directory, document = finished
    shutil.copytree(directory, tmp_path / "b")
    lines = (directory / "journal.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) > records + 1
    kept = b"".join(lines[:records])
    (tmp_path / "b" / "journal.jsonl").write_bytes(kept + lines[records][:-20])
    done = automl("compare", "--resume", "--out", tmp_path / "b", "--json", "--quiet")
    assert (done.code, done.stderr) == (0, "")
    assert json.loads(done.stdout) | {"directory": ""} == document | {"directory": ""}
    after = (tmp_path / "b" / "journal.jsonl").read_bytes()
    assert after.startswith(kept)
    told = [line for line in after.splitlines() if b'"told"' in line]
    assert len(told) == len([line for line in lines if b'"told"' in line])


def test_a_finished_comparison_is_shown_again_with_its_plot(
    finished: tuple[Path, dict[str, Any]], automl: Callable, tmp_path: Path
) -> None:
    directory = tmp_path / "again"
    shutil.copytree(finished[0], directory)
    done = automl("compare", "--resume", "--out", directory, "--image", tmp_path / "plot.png")
    assert done.code == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("4 optimizers of convnet-2x32 on digits")
    assert next(line for line in lines if line.startswith("optimizer")).split()[1:4] == ["rate", "median", "mean"]
    assert any("no score: 2 diverged" in line for line in lines)
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert (directory / "comparison.svg").read_text().startswith("<svg")
    assert automl("validate", directory).code == 0


def test_a_record_that_the_settings_do_not_ask_for_is_refused(
    finished: tuple[Path, dict[str, Any]], automl: Callable, tmp_path: Path
) -> None:
    directory = tmp_path / "changed"
    shutil.copytree(finished[0], directory)
    file = directory / "comparison.json"
    file.write_text(file.read_text().replace('"epochs": 1', '"epochs": 2'))
    done = automl("compare", "--resume", "--out", directory)
    assert done.code == 2
    assert "is not what comparison.json asks for" in done.stderr
    assert automl("validate", directory).code != 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--optimizer", "sgd"], "nothing is compared"),
        (["--optimizer", "sgd,adam", "--activation", "relu,swish"], "only one role can have several values"),
        (["--optimizer", "sgd,sgd"], "names 'sgd' twice"),
        (["--optimizer", "sgd,,adam"], "has nothing between two commas"),
        (["--optimizer", "sgd,adm"], "unknown optimizer 'adm'. Did you mean 'adam'?"),
        (["--optimizer", "sgd,adam", "--learning-rates", "0.1,x"], "is no list of numbers"),
        (["--optimizer", "sgd,adam", "--learning-rates", "0.1,0"], "each must be a finite number above 0"),
        (["--augment", "none,flipcrop"], "unknown augmentation 'flipcrop'. Did you mean 'flip-crop'?"),
        (["--optimizer", "sgd,adam", "--problem", "rosenbrock", "--epochs", "2"], "--epochs means nothing to --problem"),
        (["--optimizer", "sgd,adam", "--problem", "rosenbrok"], "unknown problem 'rosenbrok'. Did you mean 'rosenbrock'?"),
        (["--optimizer", "sgd,adam", "--image", "plot.pdf"], "must end in .svg or .png"),
        (["--resume"], "--resume needs --out"),
        (["--resume", "--out", "nothing"], "there is no comparison at nothing"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(automl: Callable, arguments: list[str], message: str) -> None:
    done = automl("compare", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert message in done.stderr
    assert not Path("runs").exists()


def test_settled_flags_are_refused_on_resume(finished: tuple[Path, dict[str, Any]], automl: Callable) -> None:
    done = automl("compare", "--resume", "--out", finished[0], "--seeds", "3")
    assert done.code == 2
    assert "--seeds was settled when this comparison was started" in done.stderr


def test_commas_inside_parentheses_belong_to_a_formula() -> None:
    assert parts_of("sgd, max(clip(g, 1e-3), m) ,adam", "optimizer") == ("sgd", "max(clip(g, 1e-3), m)", "adam")
    with pytest.raises(UserError, match="has nothing between two commas or at an end"):
        parts_of("sgd,", "optimizer")


def test_activations_are_compared_at_rates_around_that_of_the_recipe_unless_rates_are_given(automl: Callable) -> None:
    asked = ComparisonRequest(activation="relu,swish", optimizer="schedule-free", train_examples=200)
    settings = plan_comparison(asked)
    assert settings.rates_of(0) == settings.rates_of(1) == (0.00025, 0.00075, 0.0025, 0.0075)
    assert len(sweep_tasks(settings)) == 8
    assert settings.engine == "whole"
    assert settings.child.recipe.schedule == "constant"
    with_rates = plan_comparison(asked.replaced(learning_rates="0.1,0.01"))
    assert with_rates.rates_of(1) == (0.01, 0.1)
    done = automl("compare", "--activation", "relu,swish", "--seeds", "2", "--dry-run")
    assert done.code == 0
    assert "4 trainings of 4 epochs" in done.stdout
    assert not Path("runs").exists()


def test_four_seeds_give_a_p_value_against_the_first(finished: tuple[Path, dict[str, Any]]) -> None:
    recorded = read_artifact(finished[0] / "comparison.json", ComparisonSettings).body
    settings = plan_comparison(ComparisonRequest(optimizer="sgd,adam", learning_rates="0.1", seeds=4, train_examples=200))
    assert recorded.child.problem == settings.child.problem
    trials = []
    for task in final_tasks(settings, {0: 0, 1: 0}):
        score = 0.5 + 0.1 * task.genotype[0] + 0.01 * (task.trial % 4)
        metrics = {"test_accuracy": score, "lower_is_better": 0}
        outcome = Outcome(Status.OK, Measurement(scores=(score,), metrics=metrics))
        trials.append(Trial(task, None, outcome))  # type: ignore[arg-type]
    result = comparison_result(Path("a"), settings, trials, {0: 0, 1: 0})
    assert result.rows[0].p_value is None
    assert result.rows[1].p_value == pytest.approx(2 / 70)
    (grid,) = (part for part in comparison_parts(result) if isinstance(part, Grid))
    assert grid.rows[1][5] == "0.029"
    assert (
        comparison_result(Path("a"), settings, [one for one in trials if one.number % 4 < 3], {0: 0, 1: 0}).rows[1].p_value
        is None
    )


def test_a_bad_line_in_the_middle_of_the_journal_is_an_error_with_its_place(
    finished: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "journal.jsonl"
    lines = (finished[0] / "journal.jsonl").read_text().splitlines(keepends=True)
    file.write_text("".join([lines[0], "{}\n", *lines[1:]]))
    with pytest.raises(ArtifactError, match=r"journal\.jsonl:2"):
        ledger_of(file)


def test_a_problem_is_compared_without_a_directory(automl: Callable, tmp_path: Path) -> None:
    done = automl("compare", "--optimizer", "sgd,momentum", "--problem", "rosenbrock", "--json", "--image", tmp_path / "a.svg")
    assert (done.code, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["steps"] == 4000
    assert document["rows"][1]["value"] < document["rows"][0]["value"]
    assert (tmp_path / "a.svg").exists()
    assert not Path("runs").exists()


def test_augmentations_are_compared_and_the_table_is_printed_again_by_report(automl: Callable) -> None:
    search = ("--train-examples", "200", "--epochs", "1", "--network", "convnet-1x4", "--executor", "serial")
    assert automl("search-augment", *search, "--no-baseline", "--trials", "1", "--out", "policy", "--quiet").code == 0
    values = "none,none+trivialaugment,policy"
    rates = ("--learning-rates", "0.1", "--seeds", "1")
    done = automl("compare", "--augment", values, *search, *rates, "--out", "a", "--json", "--quiet")
    assert done.code == 0, done.stderr
    document = json.loads(done.stdout)
    assert [row["label"] for row in document["rows"]] == values.split(",")
    assert all(len(row["test"]) == 1 for row in document["rows"])
    (verdict,) = document["verdicts"]
    assert (verdict["label"], verdict["against"]) == ("policy", "none+trivialaugment")
    again = automl("report", "a", "--json")
    assert (again.code, json.loads(again.stdout)) == (0, document)
    table = automl("report", "a").stdout
    assert table.startswith("3 augmentations of convnet-1x4 on digits")
    assert re.search(r"policy +(does not beat|is not shown to beat) none\+trivialaugment", " ".join(table.split()))
    drawn = automl("report", "a", "--html")
    assert (drawn.code, drawn.stdout) == (0, "a/report.html\n")
    assert "test accuracy of every training" in Path("a/report.html").read_text()
    refused = automl("report", "a", "policy")
    assert refused.code == 2
    assert "report it alone, or with others on one page by --html" in refused.stderr
    assert automl("validate", "a").code == 0


MEANS = [
    ((0.5, 0.6), 5, False, "does not beat trivialaugment: mean 0.5200 against 0.6200"),
    ((0.6, 0.6), 5, False, "does not beat trivialaugment: mean 0.6200 against 0.6200"),
    ((0.7, 0.6), 5, True, "beats trivialaugment: mean 0.7200 against 0.6200, p 0.0079"),
    ((0.601, 0.6), 5, None, "is not shown to beat trivialaugment: mean 0.6210 against 0.6200, p "),
    ((0.7, 0.6), 2, None, "is not shown to beat trivialaugment: mean 0.7050 against 0.6050, with so few seeds"),
]


@pytest.mark.parametrize(("scores", "seeds", "beats", "words"), MEANS)
def test_a_found_policy_that_does_not_beat_trivialaugment_is_said_not_to(
    tmp_path: Path, scores: tuple[float, float], seeds: int, beats: bool | None, words: str
) -> None:
    file = tmp_path / "found.json"
    write_artifact(file, open_any("autoaugment-svhn").artifact)
    asked = ComparisonRequest(
        augment=f"{file},trivialaugment,none", learning_rates="0.1", seeds=seeds, train_examples=200, executor="serial"
    )
    settings = plan_comparison(asked)
    trials = []
    for task in final_tasks(settings, dict.fromkeys(range(3), 0)):
        score = (*scores, 0.9)[task.genotype[0]] + 0.01 * (task.trial % seeds)
        outcome = Outcome(Status.OK, Measurement(scores=(score,), metrics={"test_accuracy": score, "lower_is_better": 0}))
        trials.append(Trial(task, None, outcome))  # type: ignore[arg-type]
    result = comparison_result(Path("a"), settings, trials, dict.fromkeys(range(3), 0))
    (verdict,) = result.verdicts
    assert (verdict.label, verdict.against, verdict.beats) == (str(file), "trivialaugment", beats)
    assert verdict_in_words(verdict).startswith(words)
    facts = [row for part in comparison_parts(result) if isinstance(part, Facts) for row in part.rows]
    assert (str(file), verdict_in_words(verdict)) in facts


def test_published_values_alone_have_no_verdict() -> None:
    asked = ComparisonRequest(augment="autoaugment-svhn,trivialaugment", seeds=2, train_examples=200, executor="serial")
    settings = plan_comparison(asked)
    assert comparison_result(Path("a"), settings, [], {}).verdicts == ()
