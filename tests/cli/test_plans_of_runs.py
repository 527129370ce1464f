"""`--resume --dry-run`: the plan of the search on record, which stays as it is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.searches import SPACE, search

Automl = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("environment_of_its_own")
RECORDED = {"executor": "serial", "trials": 7, "seed": 3, "epochs": 5, "space_option": "layers=2"}


def contents(run: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(run.rglob("*")) if file.is_file()}


def again(*more: object, out: str = "a") -> list[str]:
    """The command that shows what would go on."""
    return [str(part) for part in ("search-arch", "--resume", "--dry-run", "--out", out, *more)]


@pytest.mark.parametrize("repeats", [[], ["--repeat", "2"]])
def test_the_plan_of_a_resumed_search_is_that_of_the_record(repeats: list[str], automl: Automl) -> None:
    planned = json.loads(automl(*search("--dry-run", "--json", **RECORDED)).stdout)
    assert automl(*search(*repeats, out="a", **RECORDED)).code == 0
    before = contents(Path("a"))
    shown = automl(*again("--space", SPACE, "--json", *repeats))
    assert shown.code == 0
    planned |= {"repeats": 2 if repeats else None}
    assert json.loads(shown.stdout) == planned
    assert "7 of 7 trials have ended" in shown.stderr
    assert "7 trials, 5 epochs each" in automl(*again("--space", SPACE)).stdout
    more = {"trials": 9, "sampled": 9, "within_limits": 9}
    assert json.loads(automl(*again("--space", SPACE, "--trials", 9, "--json")).stdout) == planned | more
    assert "--seed 4 is not what this run was started with (3)" in automl(*again("--space", SPACE, "--seed", 4)).stderr
    assert "--repeat 5 is not what a was started with" in automl(*again("--space", SPACE, "--repeat", 5)).stderr
    assert contents(Path("a")) == before


def test_a_plan_says_what_is_given_to_start_from_and_how_often_it_is_repeated(automl: Automl) -> None:
    assert automl(*search(out="a", **RECORDED)).code == 0
    asked = search("--dry-run", "--repeat", 3, "--start-from", "a/best.json", strategy="evolution", **RECORDED)
    shown = automl(*asked).stdout
    assert "start from 1 given genotype, which the first trials propose" in " ".join(shown.split())
    planned = json.loads(automl(*asked, "--json").stdout)
    assert (planned["repeats"], planned["start_from"]) == (3, 1)
    assert len(planned["strategy_settings"]["start_from"]) == 1


def test_a_plan_warns_where_the_search_itself_would_be_refused(automl: Automl) -> None:
    assert automl(*search(out="a", **RECORDED)).code == 0
    shown = automl(*search("--dry-run", out="a", **RECORDED))
    assert (shown.code, shown.stderr.count("warning")) == (0, 1)
    assert "warning: the search itself would be refused: a exists already: continue it with --resume" in shown.stderr
    assert automl(*search("--dry-run", "--overwrite", out="a", **RECORDED)).stderr == ""
    assert automl(*search("--dry-run", out="b", **RECORDED)).stderr == ""


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"epochs": 6}, "trial 0 was trained for 5 epochs, and study.json, which was changed by hand, says 6 epochs"),
        ({"seed": 4}, "body.found.seed: says 3, but study.json makes it 4"),
        (
            {"reward": {"type": "power", "exponent": 3.0}},
            "body.found.reward_function.exponent: says 1.0, but study.json makes it 3.0",
        ),
    ],
)
def test_a_finished_run_whose_study_was_edited_is_refused(change: dict[str, Any], text: str, automl: Automl) -> None:
    assert automl(*search(out="a", **RECORDED)).code == 0
    file, best = Path("a/study.json"), Path("a/best.json").read_bytes()
    document = json.loads(file.read_bytes())
    document["body"] |= change
    file.write_text(json.dumps(document))
    done = automl("search-arch", "--space", SPACE, "--resume", "--out", "a")
    assert (done.code, done.stdout) == (2, "")
    assert text in done.stderr
    assert Path("a/best.json").read_bytes() == best


def test_a_bad_number_in_a_file_of_flags_is_refused_with_the_name_of_the_file(automl: Automl) -> None:
    Path("flags.toml").write_text("trials = 0\n")
    done = automl(*search("--config", "flags.toml"))
    assert (done.code, done.stderr) == (2, "error: flags.toml: trials is 0; it must be at least 1\n")


def test_a_flag_about_one_run_is_no_part_of_a_file_of_flags(automl: Automl) -> None:
    for flag in ("resume-or-start = true", "out = 'a'"):
        Path("flags.toml").write_text(f"{flag}\n")
        done = automl(*search("--config", "flags.toml"))
        assert done.code == 2
        assert f"flags.toml: --{flag.split()[0]} is about one run and stands on the command line; leave it out" in done.stderr


def test_the_plan_of_a_resumed_search_that_is_not_there_is_refused(automl: Automl) -> None:
    for command in ("search-arch", "search-cell"):
        done = automl(command, "--resume", "--dry-run", "--out", "missing")
        assert (done.code, done.stdout) == (2, "")
        assert "there is no run at missing to resume" in done.stderr
    assert not Path("missing").exists()


def test_a_plan_of_one_network_says_its_multiply_adds_once(automl: Automl) -> None:
    (row,) = (
        line
        for line in automl("search-arch", "--trials", 1, "--dry-run").stdout.splitlines()
        if line.startswith("multiply-adds ")
    )
    assert " to " not in row
    assert row.endswith(" for one example")
