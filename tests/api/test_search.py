"""`automl_cli.search`: the same run as by the command line, with arrays and functions of one's own."""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import automl_cli as automl
from automl_cli.planning.run_flags import RUN_ROWS
from automl_cli.system.process import users_environment
from tests.conftest import CommandResult
from tests.tables import ROOT

TINY = f"{ROOT}/tests/tiny_space.py"
pytestmark = pytest.mark.usefixtures("environment_of_its_own")

Command = Callable[..., CommandResult]


def flags_of(words: dict[str, Any]) -> list[str]:
    """The keywords as they are typed."""
    typed: list[str] = []
    for name, value in words.items():
        values = [f"{key}={item}" for key, item in value.items()] if isinstance(value, dict) else [value]
        typed += [text for item in values for text in (f"--{name.replace('_', '-')}", str(item))]
    return typed


SEARCHES: dict[str, dict[str, Any]] = {
    "formula": {"evaluator": "analytic", "trials": 12, "seed": 3, "strategy": "evolution"},
    "policy": {"evaluator": "analytic", "trials": 10, "strategy": "ppo", "strategy_option": {"minibatch": 5}},
    "trained": {"space_option": {"layers": 1}, "train_examples": 200, "epochs": 1, "trials": 2, "executor": "serial"},
}


@pytest.mark.parametrize("name", SEARCHES)
def test_the_same_seed_finds_the_same_bytes_by_either_way(name: str, command: Command, tmp_path: Path) -> None:
    words = {"space": TINY, **SEARCHES[name]}
    found = automl.search("arch", **words, out=tmp_path / "python", quiet=True)
    done = command("search-arch", *flags_of(words), "--out", tmp_path / "shell", "--quiet")
    assert done.code == 0, done.stderr
    assert found.best_file.read_bytes() == (tmp_path / "shell" / "best.json").read_bytes()
    by_python, by_shell = (json.loads((tmp_path / at / "study.json").read_text()) for at in ("python", "shell"))
    assert by_python == by_shell


@pytest.fixture(name="command")
def _command(automl: Command) -> Command:
    """The command line, under a name that leaves `automl` to the package."""
    return automl


def small(**more: Any) -> dict[str, Any]:
    return {"space": TINY, "evaluator": "analytic", "trials": 4, "quiet": True, **more}


def test_a_run_of_python_is_resumed_by_the_command_line_and_the_other_way_round(command: Command, tmp_path: Path) -> None:
    automl.search("arch", **small(out="run"))
    assert command("search-arch", "--space", TINY, "--out", "run", "--resume", "--trials", 6, "--quiet").code == 0
    again = automl.search("arch", space=TINY, out="run", resume=True, trials=8, quiet=True)
    assert again.summary.trials == 8
    whole = automl.search("arch", **small(out="whole", trials=4))
    assert [row.genotype for row in again.trials[:4]] == [row.genotype for row in whole.trials]


def test_what_a_search_gives_back() -> None:
    found = automl.search("arch", **small(out="run", trials=9, retrain_top=2))
    assert isinstance(found.best, automl.Loaded)
    assert found.best.value == automl.load("run").value
    assert [row.trial for row in found.trials if row.stage == "search"] == list(range(9))
    assert len([row for row in found.trials if row.stage == "retrain"]) == 2
    assert found.score == found.summary.best.score
    assert found.settings.retrain_top == 2
    assert found.repeats == ()
    assert automl.report(found).runs[0].trials == 9
    assert automl.report("run", found).comparison is None
    assert repr(automl.SearchResult("run")) == repr(found) == "SearchResult('run')"
    with pytest.raises(automl.UserError, match="there is no run at nothing"):
        automl.SearchResult("nothing")


def test_repeats_are_asked_one_by_one() -> None:
    found = automl.search("arch", **small(out="run", repeat=2, seed=5))
    assert [one.settings.seed for one in found.repeats] == [5, 6]
    with pytest.raises(automl.UserError, match=r"holds several searches; ask one of its repeats: result\.repeats\[0\]"):
        _ = found.best
    assert found._repr_html_().count("<table>") == 2


def test_a_notebook_shows_a_run_with_everything_escaped() -> None:
    found = automl.search("arch", **small(out="<script>alert(1)</script>".replace("/", "_")))
    html = found._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "<th>best</th><td>score " in html
    assert len(html) < 2000


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"trial": 3}, r"unknown keyword of search: 'trial'. Did you mean 'trials'\?"),
        ({"trials": "3"}, "search: trials: expected a whole number"),
        ({"trials": 0}, "--trials is 0; it must be at least 1"),
        ({"strategy": "evolutoin"}, "unknown strategy 'evolutoin'. Did you mean 'evolution'"),
        ({"space_option": {"layrs": 3}}, "unknown option 'layrs' of space"),
        ({"resume": True}, "--resume needs the run to continue"),
        ({"resume": True, "overwrite": True, "out": "run"}, "give one of them"),
        ({"verbose": True, "quiet": True}, "--verbose asks for a line for every trial and --quiet for none"),
        ({"log_file": "nowhere/log"}, "--log-file nowhere/log cannot be made"),
        ({"evaluator": lambda child: 0.5}, "evaluator is a lambda, which has no name .*; write a function with def and a name"),
        ({"evaluator": partial(max, 0)}, "evaluator is a partial, which has no name for the run to record; write a function"),
        ({"evaluator": 3}, "evaluator is an int; give a function of one child"),
        ({"dataset": "no-such-set", "evaluator": "trained"}, "unknown data set 'no-such-set'"),
        ({"json": True}, "unknown keyword of search: 'json'"),
    ],
)
def test_what_does_not_fit_is_the_error_of_the_command_line(words: dict[str, Any], problem: str) -> None:
    with pytest.raises(automl.UserError, match=problem):
        automl.search("arch", **{**small(), **words})
    assert not Path("runs").exists()


def test_an_unknown_search_is_refused_with_the_nearest() -> None:
    with pytest.raises(automl.UserError, match=r"unknown search 'arhc'\. Did you mean 'arch'"):
        automl.search("arhc")  # type: ignore[arg-type]


def test_one_run_to_start_from_needs_no_list() -> None:
    first = automl.search("arch", **small(out="first"))
    for number, named in enumerate(("first", Path("first"), first, [first])):
        found = automl.search("arch", **small(out=f"next-{number}", strategy="evolution", start_from=named))
        assert [(Path(run.path).name, run.trials) for run in found.settings.taken_over] == [("first", 4)]


def test_a_search_without_a_score_is_a_failed_run() -> None:
    def nothing(child: Any) -> float:
        raise RuntimeError("no")

    with pytest.raises(automl.RunFailed, match="5 children in a row failed"):
        automl.search("arch", space=TINY, evaluator=nothing, trials=8, quiet=True)


def test_the_environment_of_the_program_is_given_back() -> None:
    before = dict(os.environ)
    automl.search("arch", **small())
    assert dict(os.environ) == before == users_environment()


def arrays(seed: int = 0, count: int = 90) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(count) % 3
    noise = np.random.default_rng(seed).integers(0, 60, (count, 8, 8))
    return (noise + 80 * labels[:, None, None]).astype(np.uint8), labels


def brightness(child: Any) -> dict[str, float]:
    split = child.data().train
    return {"score": 1 / (1 + child.costs.parameters / 1000), "brightness": float(split.images.mean())}


def test_arrays_are_a_data_set_that_a_resumed_search_knows_again(capsys: pytest.CaptureFixture[str]) -> None:
    def score(child: Any) -> dict[str, float]:
        return brightness(child)

    words = {"space": TINY, "evaluator": score, "out": "run"}
    found = automl.search("arch", **words, dataset=arrays(), trials=2)
    said = capsys.readouterr().err.replace("\n", "")
    assert "the arrays are kept as " in said
    assert "score is held by this process alone, so the children are scored here, one after the other" in said
    assert len(found.trials) == 2
    again = automl.search("arch", **words, dataset=tuple(map(np.copy, arrays())), trials=4, resume=True, quiet=True)
    assert len(again.trials) == 4
    assert again.settings.source == found.settings.source
    with pytest.raises(automl.UserError, match=r"--dataset .* is not what this run was started with"):
        automl.search("arch", **words, dataset=arrays(seed=1), trials=4, resume=True, quiet=True)


def test_every_word_of_the_run_but_those_of_a_terminal_is_a_keyword() -> None:
    from automl_cli.api.words import LEFT_OUT, SearchWords

    rows = {row.name for row in RUN_ROWS}
    assert rows > LEFT_OUT - {"json"}
    assert {row.attribute for row in RUN_ROWS if row.name not in LEFT_OUT} <= set(SearchWords.__annotations__)
