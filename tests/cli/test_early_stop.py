"""`--early-stop` from end to end: the same bytes everywhere, what is said of it, and where it is refused."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from automl_cli.core.errors import UserError
from automl_cli.core.rewards import Power
from automl_cli.core.trials import EvaluatorSpec
from automl_cli.planning.early_stop import early_stop_of, rungs_for
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.plugins.registry import EVALUATORS
from automl_cli.reporting.runs import read_history
from automl_cli.reporting.search_course import SearchCourse
from automl_cli.store.journal import read_records
from tests.conftest import CommandResult
from tests.store.lines import unsigned
from tests.tables import ROOT

TINY = f"{ROOT}/tests/tiny_space.py"
SCORE = """
import random, time

def learns(child):
    drawn = random.Random(child.seed)
    time.sleep(drawn.random() / 50)
    if sum(child.genotype) == 5:
        return float("nan")
    return [round(sum(child.genotype) / 10 + epoch / 20 + drawn.random() / 5, 2) for epoch in range(child.epochs)]
"""


@pytest.fixture
def search(automl: Callable[..., CommandResult], tmp_path: Path, environment_of_its_own: None) -> Callable[..., CommandResult]:
    """Runs `automl search-arch --early-stop asha` with a function that scores, into a directory of this name."""
    (tmp_path / "score.py").write_text(SCORE)

    def run(out: str, *more: object) -> CommandResult:
        how = ("--evaluator", f"{tmp_path}/score.py:learns", "--epochs", 9, "--trials", 14, "--early-stop", "asha", "--quiet")
        found = automl("search-arch", "--space", TINY, *how, "--out", tmp_path / out, *more)
        assert found.code == 0, found.stderr
        return found

    return run


def test_the_bytes_are_the_same_on_every_executor_and_after_a_kill(
    search: Callable[..., CommandResult], automl: Callable[..., CommandResult], tmp_path: Path
) -> None:
    search("serial", "--executor", "serial")
    best = (tmp_path / "serial/best.json").read_bytes()
    assert json.loads(best)["body"]["found"]["epochs"] == 9
    search("two", "--executor", "local", "--workers", 2)
    assert (tmp_path / "two/best.json").read_bytes() == best
    journal = tmp_path / "two/journal.jsonl"
    journal.write_bytes(journal.read_bytes()[: journal.stat().st_size // 2])
    (tmp_path / "two/best.json").unlink()
    search("two", "--executor", "local", "--workers", 1, "--resume")
    assert (tmp_path / "two/best.json").read_bytes() == best
    for run in ("serial", "two"):
        assert automl("validate", tmp_path / run).code == 0
    said = json.loads(automl("report", tmp_path / "two", "--json").stdout)["runs"][0]
    stopped, lines = said["early_stop"], [json.loads(line) for line in journal.read_text().splitlines()]
    own = [line["trial"] for line in lines if line["record"] == "told" and line["reused"] is None]
    trained = [line for line in lines if line["record"] in ("asked", "promoted") and line["trial"] in own]
    assert stopped["epochs"] == sum(line["epochs"] for line in trained) < stopped["epochs_without"] == 9 * len(own)
    assert [rung["epochs"] for rung in stopped["rungs"]] == [1, 3, 9]
    assert sum(rung["ended"] for rung in stopped["rungs"]) == len(own)
    assert stopped["rungs"][2]["ended"] == sum(line["epochs"] == 9 for line in trained)
    text = automl("report", tmp_path / "two").stdout
    assert f"{stopped['rungs'][0]['ended']} after 1 epoch, " in text
    assert f"{stopped['epochs']} in all; {stopped['epochs_without']} with none stopped early" in text


def test_a_promotion_changed_by_hand_is_found(
    search: Callable[..., CommandResult], automl: Callable[..., CommandResult], tmp_path: Path
) -> None:
    search("run", "--executor", "serial")
    journal = tmp_path / "run/journal.jsonl"
    text = unsigned(journal.read_bytes()).decode()
    for old, new, problem in (
        (
            '"record":"promoted","trial":0,"epochs":3',
            '"record":"promoted","trial":0,"epochs":4',
            "epochs: says 4, but study.json makes it 3",
        ),
        (
            '"record":"at-rung","trial":0,"epochs":1',
            '"record":"at-rung","trial":0,"epochs":2',
            "epochs: says 2, but the training of this trial",
        ),
        ('"record":"promoted","trial":0', '"record":"promoted","trial":13', "trial 13 is not under way"),
    ):
        assert old in text
        journal.write_text(text.replace(old, new, 1))
        found = automl("validate", tmp_path / "run")
        assert found.code != 0
        assert problem in found.stderr


def test_reports_and_lists_name_the_best_of_those_that_were_trained_longest(
    search: Callable[..., CommandResult], automl: Callable[..., CommandResult], tmp_path: Path
) -> None:
    search("run", "--executor", "serial", "--repeat", 2, "--strategy", "random")
    found = [json.loads((tmp_path / f"run/seed-{seed}/best.json").read_bytes())["body"]["found"] for seed in (0, 1)]
    said = json.loads(automl("report", tmp_path / "run", "--json").stdout)
    assert [run["best"]["trial"] for run in said["runs"]] == [one["trial"] for one in found]
    assert [run["curve"][-1]["score"] for run in said["runs"]] == [one["validation_score"] for one in found]
    mean = said["comparison"]["groups"][0]["curve"][-1]["score"]["mean"]
    assert mean == pytest.approx(sum(one["validation_score"] for one in found) / 2)
    for seed, one in enumerate(found):
        run, course = tmp_path / f"run/seed-{seed}", SearchCourse(Power(1.0))
        for record in read_records(run / "journal.jsonl"):
            course.take(record)
        assert (course.best_trial, course.best_score) == (one["trial"], one["validation_score"])
        history = read_history(run)
        stopped = [trial for trial in history.trials if trial.task.epochs < 9 and trial.outcome.measurement is not None]
        assert stopped
        for trial in history.trials:  # one that took the outcome of another is on record as trained as long as that
            assert trial.outcome.measurement is None or len(trial.outcome.measurement.scores) == trial.task.epochs


def test_the_plan_says_it(automl: Callable[..., CommandResult], environment_of_its_own: None) -> None:
    found = automl("search-arch", "--space", TINY, "--epochs", 9, "--trials", 2, "--early-stop", "asha", "--dry-run")
    assert "asha: the best third after 1 epoch goes on to 3, the best third of those to 9" in found.stdout


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"evaluator": "analytic"}, "--early-stop is about networks that are trained, and --evaluator analytic trains none"),
        (
            {"epochs": 2},
            "after a third of their epochs, so that fewer than 3 are too few, and --epochs is 2; give --epochs 3 or more",
        ),
        ({"replicates": 3, "reuse": False}, "with --early-stop asha and --no-reuse .* leave one of the three out"),
    ],
)
def test_where_it_cannot_be_it_is_refused_before_any_training(more: dict[str, Any], problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        plan_search("search-arch", SearchRequest(space=TINY, early_stop="asha", **{"epochs": 9, **more}), default_space="")


def test_density_and_several_children_at_a_time_are_refused() -> None:
    request = SearchRequest(evaluator="density", early_stop="asha")
    with pytest.raises(UserError, match="--early-stop means nothing to --evaluator density"):
        plan_search("search-augment", request, default_space="autoaugment")
    analytic = EvaluatorSpec("analytic", {"group": 4})
    with pytest.raises(UserError, match=r"trains each child by itself, .* here 4 are scored together"):
        early_stop_of(SearchRequest(early_stop="asha"), EVALUATORS.load("analytic"), analytic.settings, epochs=9, reuse=True)


def test_none_is_the_default_of_every_preset() -> None:
    for preset in ("quick", "paper"):
        for said in (None, "none"):
            request = SearchRequest(space=TINY, preset=preset, early_stop=said)
            assert plan_search("search-arch", request, default_space="")[0].early_stop is None


@pytest.mark.parametrize("epochs", [*range(1, 40), 200, 1600])
def test_rungs_rise_to_all_epochs_by_a_factor_of_three_at_least(epochs: int) -> None:
    rungs = rungs_for(epochs)
    assert rungs[-1] == epochs
    assert 1 <= len(rungs) <= 3
    assert (len(rungs) == 1) == (epochs < 3)
    assert all(later // 3 >= earlier > 0 for earlier, later in pairwise(rungs))
    assert len(rungs) == 1 or rungs[-2] == epochs // 3
