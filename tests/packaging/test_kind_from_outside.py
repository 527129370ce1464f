"""A kind of thing to search from a package of somebody else's, with its own value, space, problem and evaluator.

`tests/outside/toy_polynomial` is that package: no file of automl_cli knows it. The ordinary machinery searches it in worker
processes, resumes it after a kill, reports, shows, validates and measures it, starts from it, trains and tests it.
"""

import hashlib
import json
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.packaging.outside import Shell, install

PACKAGE = ROOT / "tests" / "outside" / "toy_polynomial"
ENTRY_POINTS = """
[automl_cli.kinds]
polynomial = toy_polynomial.kind:KIND
damping = toy_polynomial.damping:KIND

[automl_cli.problems]
points = toy_polynomial.problem:PROBLEM

[automl_cli.search_spaces]
polynomial = toy_polynomial.space:SPACE
damping = toy_polynomial.damping:SPACE

[automl_cli.evaluators]
least-squares = toy_polynomial.evaluator:LeastSquares
"""
SEARCH = ("search-arch", "--space", "polynomial", "--workers", 2, "--quiet")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The command line where the package is installed."""
    folder = tmp_path_factory.mktemp("outside")
    return Shell(install(folder / "site", PACKAGE, ENTRY_POINTS), folder)


@pytest.fixture(scope="module")
def whole(shell: Shell) -> Path:
    """A search by the built-in evaluator that was never interrupted."""
    shell(*SEARCH, "--trials", 16, "--out", "whole")
    return shell.folder / "whole"


def test_the_ordinary_search_trains_it_in_workers_and_finds_the_curve(whole: Path) -> None:
    study, best = (json.loads((whole / name).read_text())["body"] for name in ("study.json", "best.json"))
    assert (study["evaluator"]["name"], study["executor"]) == ("trained", "local")
    assert study["child"]["problem"]["name"] == "points"
    assert {1, 3} <= set(best["value"]["powers"])
    assert best["words"] == ["y = " + " + ".join(f"a{power} x^{power}" for power in best["value"]["powers"])]


def test_a_lower_score_is_the_better_one(shell: Shell, whole: Path) -> None:
    (run,) = json.loads(shell("report", whole, "--json"))["runs"]
    scores = [trial["score"] for trial in run["top"]]
    assert scores == sorted(scores)
    assert [point["score"] for point in run["curve"]] == sorted((point["score"] for point in run["curve"]), reverse=True)
    assert run["best"]["score"] == scores[0]


def test_killed_and_resumed_it_names_the_same_winner(shell: Shell, whole: Path) -> None:
    cut = shell.folder / "cut"
    shell.killed(*SEARCH, "--trials", 16, "--out", cut, journal=cut / "journal.jsonl", told=5)
    assert (cut / "journal.jsonl").read_bytes().count(b'"record":"told"') < 16
    shell(*SEARCH, "--resume", "--out", cut)
    assert (cut / "best.json").read_bytes() == (whole / "best.json").read_bytes()


def test_genotypes_that_mean_the_same_are_measured_once(whole: Path) -> None:
    from automl_cli.store.ledger import read_trials

    trials = list(read_trials(whole / "journal.jsonl"))
    measured = [trial.task.genotype for trial in trials if trial.reused is None]
    assert not {(0,) * 5, (1, 0, 0, 0, 0)} <= set(measured)


def test_it_is_shown_validated_measured_and_described_like_any_other(shell: Shell, whole: Path) -> None:
    shown = shell("show", whole)
    assert "space       polynomial version 1" in shown
    assert "y = a" in shown
    assert "sound automl.polynomial/1" in shell("validate", whole)
    powers = json.loads((whole / "best.json").read_text())["body"]["value"]["powers"]
    assert json.loads(shell("measure", whole, "--json"))["parameters"] == len(powers) + 1
    assert json.loads(shell("schema", "polynomial"))["title"] == "automl polynomial"
    assert "polynomial" in shell("spaces")


def test_what_contradicts_itself_is_found(shell: Shell, whole: Path) -> None:
    broken = shell.folder / "broken.json"
    broken.write_text((whole / "best.json").read_text().replace('"parameters": ', '"parameters": 1'))
    assert "body.found.costs" in shell.refused("validate", broken)


def test_a_search_starts_from_it(shell: Shell, whole: Path) -> None:
    shell(*SEARCH, "--trials", 2, "--start-from", whole, "--out", "started")
    journals = ((folder / "journal.jsonl").read_text().splitlines() for folder in (whole, shell.folder / "started"))
    measured, started = ([json.loads(line) for line in lines] for lines in journals)
    asked = {tuple(line["genotype"]) for line in measured if line["record"] == "asked"}
    assert {tuple(line["genotype"]) for line in started if line["record"] == "taken-over"} == asked


def test_it_is_trained_to_the_end_tested_and_looked_at(shell: Shell, whole: Path) -> None:
    model = Path(shell("train", "--arch", whole, "--epochs", 30, "--out", "final", "--quiet").splitlines()[0])
    scores = json.loads(shell("evaluate", shell.folder / model, "--json"))
    assert scores["test_error"] < 0.01
    assert "test error" in shell("show", shell.folder / model)
    assert "sound automl.model/1" in shell("validate", shell.folder / model)


def test_an_evaluator_of_its_own_measures_it_too(shell: Shell) -> None:
    shell(*SEARCH[:3], "--evaluator", "least-squares", "--executor", "local", "--trials", 40, "--out", "fitted", "--quiet")
    best = json.loads((shell.folder / "fitted" / "best.json").read_text())["body"]
    assert {1, 3} <= set(best["value"]["powers"])
    assert best["found"]["child"] is None
    assert "sound" in shell("validate", "fitted")
    assert "polynomial" in shell("report", "fitted")


def test_its_data_set_is_refused_by_name(shell: Shell) -> None:
    assert "unknown points 'quartic'; there is: cubic" in shell.refused(*SEARCH, "--dataset", "quartic")


def test_what_one_search_found_fills_a_role_in_another_which_needs_no_file_to_go_on(shell: Shell) -> None:
    """The digest of what was put into a role stands in study and winner, and its value beside it."""
    shell("search-arch", "--space", "damping", "--workers", 2, "--quiet", "--out", "damping")
    found = shell.folder / "damping" / "best.json"
    assert json.loads(found.read_text())["body"]["found"]["child"]["roles"]["network"]["name"] == "odd"
    shell(*SEARCH, "--optimizer", found, "--trials", 3, "--out", "damped")
    digest = hashlib.sha256(found.read_bytes()).hexdigest()
    found.unlink()
    shell(*SEARCH, "--resume", "--trials", 5, "--out", "damped")
    for name in ("study.json", "best.json"):
        assert json.loads((shell.folder / "damped" / name).read_text())["inputs"] == {"optimizer": digest}
    model = shell("train", "--arch", "damped", "--epochs", 2, "--out", "damped-final", "--quiet").splitlines()[0]
    assert json.loads((shell.folder / model).read_text())["inputs"]["optimizer"] == digest
    assert "sound" in shell("validate", "damped")
