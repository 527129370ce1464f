"""`--start-from RUN`: an earlier run's trials are told first, by every strategy, or it is said why not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli.core.errors import UserError
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.store.artifact import artifact_of
from automl_cli.store.run_directory import create_run
from tests.cli.searches import SPACE, search
from tests.tables import STRATEGIES

pytestmark = pytest.mark.usefixtures("environment_of_its_own")

TRIALS = 10


def records(run: str) -> list[dict]:
    return [json.loads(line) for line in Path(run, "journal.jsonl").read_text().splitlines()]


def of(run: str, kind: str) -> list[dict]:
    return [record for record in records(run) if record["record"] == kind]


def best(run: str) -> bytes:
    return Path(run, "best.json").read_bytes()


@pytest.fixture
def earlier(automl: Callable) -> list[str]:
    """The flags of a search, of which a run, some of whose trials took the score of another, is in `a`."""
    assert automl(*search("-q", strategy="random", trials=30, seed=7, out="a", workers=1)).code == 0
    assert any(record["reused"] is not None for record in of("a", "told"))
    return search("-q", workers=1)


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES.names() if not STRATEGIES.load(name).small_spaces_only])
def test_every_strategy_is_told_the_trials_first_and_a_killed_search_goes_on_to_the_same_winner(
    strategy: str, earlier: list[str], automl: Callable
) -> None:
    line = [*earlier, "--strategy", strategy, "--trials", TRIALS, "--seed", "1"]
    assert automl(*line, "--start-from", "a", "--out", "b").code == 0
    own = {record["trial"] for record in of("a", "told") if record["reused"] is None}
    head = records("b")[: len(own)]
    assert {record["record"] for record in head} == {"taken-over"}
    assert [record["trial"] for record in head] == sorted(own)
    assert len(of("b", "asked")) == TRIALS
    assert automl("validate", "b").code == 0
    assert automl("search-arch", "--config", "b", "--space", SPACE, "--write-config", "flags.toml").code == 0
    assert automl("search-arch", "--config", "flags.toml", "--out", "f", "-q").code == 0
    assert best("f") == best("b")
    assert json.loads(best("b"))["body"]["found"]["trial"] < TRIALS
    shutil.rmtree("a")  # not needed any more
    whole = Path("b/journal.jsonl").read_bytes().splitlines(keepends=True)
    for kept in (len(own), len(own) + 1, len(own) + 6, len(whole) - 1):
        shutil.copytree("b", "c", dirs_exist_ok=True)
        Path("c/best.json").unlink(missing_ok=True)
        Path("c/journal.jsonl").write_bytes(b"".join(whole[:kept]))
        done = automl("search-arch", "--resume", "--out", "c", "--space", SPACE, "-q")
        assert done.code == 0, done
        assert best("c") == best("b")
    assert automl("search-arch", "--config", "b", "--space", SPACE, "--out", "d", "-q").code == 0
    assert best("d") == best("b")
    assert records("d")[: len(own)] == head


def test_exhaustive_visits_what_an_earlier_run_did_not(automl: Callable) -> None:
    tiny = search("-q", space_option="layers=2", workers=1)
    assert automl(*tiny, "--strategy", "random", "--trials", "4", "--out", "a").code == 0
    known = {tuple(record["genotype"]) for record in of("a", "asked")}
    left = 9 - len(known)
    few = automl(*tiny, "--strategy", "exhaustive", "--trials", left - 1, "--start-from", "a", "--out", "b")
    assert f"Give --trials {left}" in few.stderr
    assert automl(*tiny, "--strategy", "exhaustive", "--trials", left, "--start-from", "a", "--out", "b").code == 0
    visited = {tuple(record["genotype"]) for record in of("b", "asked")}
    assert (len(visited), visited & known) == (left, set())
    every = automl(*tiny, "--strategy", "exhaustive", "--trials", "1", "--start-from", "a", "--start-from", "b", "--out", "c")
    assert "has nothing to visit" in every.stderr


def test_a_chain_of_runs_hands_on_what_it_was_told(earlier: list[str], automl: Callable) -> None:
    line = [*earlier, "--strategy", "evolution", "--trials", TRIALS]
    assert automl(*line, "--start-from", "a", "--out", "b").code == 0
    assert automl(*line, "--start-from", "b", "--seed", "1", "--out", "c").code == 0
    own = [record for record in of("b", "told") if record["reused"] is None]
    assert len(of("c", "taken-over")) == len(of("b", "taken-over")) + len(own)
    assert {record["run"] for record in of("c", "taken-over")} == {"a", "b"}


def test_of_what_was_measured_otherwise_the_best_are_proposed_first_and_it_is_said(
    earlier: list[str], automl: Callable
) -> None:
    line = [*earlier, "--epochs", "3", "--trials", "30", "--start-from", "a"]
    done = automl(*line, "--strategy", "evolution", "--out", "b")
    assert done.code == 0
    assert "warning: --start-from a: there, epochs is 2 and here 3, so that its scores do not count here" in done.stderr
    assert of("b", "taken-over") == []
    scores = {tuple(asked["genotype"]): told["outcome"]["measurement"]["scores"][-1] for asked, told in ended("a")}
    first = [tuple(record["genotype"]) for record in of("b", "asked")][:3]
    assert [scores[genotype] for genotype in first] == sorted(scores.values(), reverse=True)[:3]
    for strategy in ("ppo", "random"):
        refused = automl(*line, "--strategy", strategy, "--out", "c")
        assert refused.code == 2
        assert "takes only trials that were measured as its own are, and of a it would have genotypes alone" in refused.stderr
        assert "epochs is 2 and here 3" in refused.stderr


def ended(run: str) -> list[tuple[dict, dict]]:
    told = {record["trial"]: record for record in of(run, "told")}
    return [(record, told[record["trial"]]) for record in of(run, "asked")]


def test_a_search_that_was_told_more_is_not_compared_with_one_that_was_not(earlier: list[str], automl: Callable) -> None:
    line = [*earlier, "--strategy", "evolution", "--trials", "5"]
    assert automl(*line, "--start-from", "a", "--out", "b").code == 0
    assert automl(*line, "--start-from", "a", "--seed", "1", "--out", "c").code == 0
    assert automl(*line, "--seed", "2", "--out", "d").code == 0
    assert "differ in the trials of earlier runs that they were told first" in automl("report", "b", "d").stderr
    assert automl("report", "b", "c").stderr.startswith("plots on one page")


def test_a_run_may_be_replaced_by_one_that_starts_from_it(earlier: list[str], automl: Callable) -> None:
    own = [record["trial"] for record in of("a", "told") if record["reused"] is None]
    assert (
        automl(*earlier, "--strategy", "evolution", "--trials", "5", "--start-from", "a", "--out", "a", "--overwrite").code == 0
    )
    assert [record["trial"] for record in of("a", "taken-over")] == sorted(own)
    assert automl("validate", "a").code == 0


@pytest.mark.parametrize("strategy", ["evolution", "reinforce"])
def test_another_space_is_refused_before_a_strategy_is(strategy: str, earlier: list[str], automl: Callable) -> None:
    done = automl(*earlier, "--space-option", "layers=3", "--strategy", strategy, "--start-from", "a", "--out", "b")
    assert done.code == 2
    assert "is not of space 'tiny' with the options of this search" in done.stderr


def test_a_plan_says_what_is_told_first_and_repeats_are_all_told(earlier: list[str], automl: Callable) -> None:
    line = [*earlier, "--strategy", "surrogate", "--trials", "3", "--start-from", "a"]
    plan = automl(*line, "--dry-run").stdout
    assert "told first" in plan
    assert "which count as none of this one: surrogate fits its model to them" in plan
    assert automl(*line, "--repeat", "2", "--out", "b").code == 0
    assert of("b/seed-0", "taken-over") == of("b/seed-1", "taken-over") != []


def test_a_head_that_was_cut_or_changed_is_refused_and_never_half_written(earlier: list[str], automl: Callable) -> None:
    assert automl(*earlier, "--strategy", "evolution", "--trials", "4", "--start-from", "a", "--out", "b").code == 0
    lines = Path("b/journal.jsonl").read_bytes().splitlines(keepends=True)
    told = len(of("b", "taken-over"))
    for changed in (lines[1:], lines[:1] + lines[2:], [*lines, lines[0]], [b""]):
        Path("b/journal.jsonl").write_bytes(b"".join(changed))
        checked = automl("validate", "b")
        assert checked.code == 2
        if changed[-1] != lines[0]:
            done = automl("search-arch", "--resume", "--out", "b", "--space", SPACE, "--trials", "5", "-q")
            assert done.code == 2
            assert f"b/journal.jsonl: what was taken over from {Path('a').resolve()} is not what study.json says" in done.stderr
            assert f"{told} trials at its head" in done.stderr


def test_on_resume_the_same_run_may_be_named_again_though_it_went_on_and_no_other(earlier: list[str], automl: Callable) -> None:
    assert automl(*earlier, "--strategy", "ppo", "--trials", "5", "--start-from", "a", "--out", "b").code == 0
    assert automl("search-arch", "--resume", "--out", "a", "--space", SPACE, "--trials", "34", "-q").code == 0
    again = ["search-arch", "--resume", "--out", "b", "--space", SPACE, "--trials", "6", "-q"]
    assert automl(*again, "--start-from", "a").code == 0
    shutil.copytree("a", "other")
    refused = automl(*again, "--start-from", "other")
    assert refused.code == 2
    assert "--start-from ['other'] is not what this run was started with (" in refused.stderr


def test_that_children_were_stopped_early_there_and_are_not_here_is_said_in_words(tmp_path: Path) -> None:
    asked = {"space": "cnn", "strategy": "reinforce", "epochs": 9, "trials": 2}
    there, _ = plan_search("search-arch", SearchRequest(**asked, early_stop="asha"), default_space="cnn")
    create_run(tmp_path / "a", artifact_of(there)).close()
    here = SearchRequest(**asked, start_from=[str(tmp_path / "a")])
    words = (
        "there, --early-stop is asha: the best third after 1 epoch goes on to 3, the best third of those to 9 and here none, so"
    )
    with pytest.raises(UserError, match=words):
        plan_search("search-arch", here, default_space="cnn")
