"""Functions of one's own as evaluators: how they are named and found, what they are given, what they may return."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_cli.core.errors import UserError
from automl_cli.core.protocols import Diverged, EvaluatorFactory
from automl_cli.core.trials import Measurement, Task
from automl_cli.evaluators.own import OwnEvaluator, given_again, scored
from automl_cli.evaluators.own_function import HERE, OwnFunction, hold, imported, is_reference, own_function
from automl_cli.evaluators.proposed_child import ProposedChild
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.planning.resume import resume_search
from automl_cli.planning.resume_commands import resume_search_command
from automl_cli.store.study import StudySettings
from automl_cli.study.session import costs_of, setup_of
from tests.conftest import CommandResult
from tests.tables import ROOT

TINY = f"{ROOT}/tests/tiny_space.py"

SCORE = """
import beside

def mean(child):
    return beside.HALF + sum(child.genotype) / 100
"""


@pytest.fixture
def score(tmp_path: Path) -> Path:
    (tmp_path / "beside.py").write_text("HALF = 0.5\n")
    (tmp_path / "score.py").write_text(SCORE)
    return tmp_path / "score.py"


def planned(evaluator: str, **more: Any) -> StudySettings:
    asked = {"space": TINY, "train_examples": 200, "trials": 2, "epochs": 1, "evaluator": evaluator, **more}
    return plan_search("search-arch", SearchRequest(**asked), default_space="")[0]


def whatever(child: ProposedChild) -> float:
    return 0.25


def test_a_file_is_read_when_planned_and_imported_when_a_worker_is_built(score: Path) -> None:
    score.write_text("raise RuntimeError('imported')\ndef mean(child): ...\n")
    settings = planned(f"{score}:mean")
    assert settings.evaluator.settings["file"] == str(score)
    assert settings.executor == "local"
    with pytest.raises(UserError, match=r"score\.py:mean fails on import: RuntimeError: imported .*score\.py, line 1"):
        OwnEvaluator(setup_of(settings))


def test_it_measures_and_what_stands_beside_it_can_be_imported(score: Path) -> None:
    settings = planned(f"{score}:mean")
    task = Task(0, (0, 1, 2, 2), seed=3, epochs=1)
    measured = OwnEvaluator(setup_of(settings)).evaluate(task)
    assert measured.scores == (0.55,)
    assert measured.metrics["parameters"] > 0


def test_a_module_is_found_without_being_imported() -> None:
    found = own_function("tests.evaluators.test_own:whatever")
    assert (found.module, found.file) == ("tests.evaluators.test_own", None)
    assert imported(found).__name__ == "whatever"


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("score.py", "names no function; give FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION"),
        ("nowhere.py:mean", "there is no file .*nowhere.py"),
        ("no_such_module_of_mine:mean", "Python finds no module 'no_such_module_of_mine'"),
        ("math:sqrt", "no module 'math' written in Python"),
        (f"{TINY}:nothing", "defines no 'nothing'; it defines: .*tokens"),
        (f"{HERE}:nobody", "'nobody' is not held by this process"),
        ("score.py:1", "names no function"),
    ],
)
def test_what_names_no_function_is_refused(reference: str, problem: str) -> None:
    assert is_reference(reference)
    with pytest.raises(UserError, match=problem):
        own_function(reference)


MANY = """
import functools
notf, text = 3, "a"
three: int = 3
class C:
    def __call__(self, child): ...
def two(child, other): ...
def none(): ...
def keyword(child, *, depth): ...
def by_keyword(*, child): ...
def late(child): ...
late = [1]

def one(child, more=1, *, depth=2): ...
def default(child=None): ...
def any_number(*children): ...
def positional(child, /, **more): ...
short = lambda child: 0.5
part = functools.partial(two, other=1)
@functools.cache
def wrapped(child, other): ...
soon = 1
def soon(child): ...
listed = [soon for soon in range(3)]
if True:
    def inside(child): ...
"""


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("three", "is no function"),
        ("late", "is no function"),
        ("C", "is a class"),
        *((name, "does not take exactly one argument") for name in ("two", "none", "keyword", "by_keyword")),
        *(
            (name, None)
            for name in ("one", "default", "any_number", "positional", "short", "part", "wrapped", "soon", "inside")
        ),
    ],
)
def test_what_cannot_be_asked_of_one_child_is_refused_before_a_trial(name: str, problem: str | None, tmp_path: Path) -> None:
    (tmp_path / "many.py").write_text(MANY)
    if problem is None:
        assert own_function(f"{tmp_path}/many.py:{name}").function == name
    else:
        with pytest.raises(UserError, match=rf"'{name}' in .*many\.py {problem}; give a function of one child"):
            planned(f"{tmp_path}/many.py:{name}")


def test_what_is_held_here_is_refused_too_where_it_takes_no_child() -> None:
    def two(child: ProposedChild, other: int) -> float:
        return 0.5

    class Scoring:
        pass

    for bad, problem in ((two, "two does not take exactly one argument"), (Scoring, "Scoring is a class")):
        with pytest.raises(UserError, match=problem):
            own_function(hold(bad))


def test_a_file_that_is_no_python_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def mean(child):\nreturn 1\n")
    with pytest.raises(UserError, match=r"bad\.py is no Python: .*line 2"):
        own_function(f"{tmp_path / 'bad.py'}:mean")


def test_an_importable_function_goes_by_its_module_and_others_are_held_here() -> None:
    def inner(child: ProposedChild) -> float:
        return 0.75

    assert hold(own_function) == "automl_cli.evaluators.own_function:own_function"
    assert hold(inner) == f"{HERE}:inner"
    assert own_function(f"{HERE}:inner").is_here
    assert imported(own_function(f"{HERE}:inner")) is inner
    for bad in (lambda child: 1.0, 3, None):
        with pytest.raises(UserError, match=r"evaluator is .*give a function of one child that returns its score"):
            hold(bad)


def test_a_function_without_a_source_is_refused_since_resume_could_not_check_it() -> None:
    names: dict[str, Any] = {}
    exec("def unseen(child): return 1", names)  # noqa: S102
    with pytest.raises(UserError, match=r"source of evaluator unseen cannot be read.*FILE\.py:FUNCTION"):
        hold(names["unseen"])


@pytest.mark.parametrize(
    ("returned", "scores", "metrics"),
    [
        (1, (1.0,), {}),
        (np.float32(0.5), (0.5,), {}),
        (np.array(0.5), (0.5,), {}),
        ([0.25, 0.5], (0.25, 0.5), {}),
        ({"score": 0.5, "latency_ms": np.int64(3), "count": 2}, (0.5,), {"latency_ms": 3.0, "count": 2}),
    ],
)
def test_numbers_of_any_library_are_scores(returned: Any, scores: tuple[float, ...], metrics: dict[str, float]) -> None:
    found = scored(returned)
    assert found == (scores, metrics)
    Measurement(*found)


@pytest.mark.parametrize("returned", ["0.5", None, [], {}, {"accuracy": 1}, {"score": "high"}, object()])
def test_what_is_no_score_is_said(returned: Any) -> None:
    with pytest.raises(TypeError, match=r"the evaluator returned"):
        scored(returned)


@pytest.mark.parametrize("returned", [float("nan"), {"score": 0.5, "latency_ms": float("inf")}])
def test_numbers_that_are_not_finite_make_a_diverged_trial(returned: Any) -> None:
    with pytest.raises(Diverged, match=r"is (nan|inf)"):
        scored(returned)


def test_a_child_says_what_it_is_and_builds_itself(score: Path) -> None:
    seen: dict[str, Any] = {}

    def look(child: ProposedChild) -> float:
        network, data = child.build(), child.data()
        logits = network(np.float32(data.train.images[:3]), train=False)
        seen.update(child=child, shape=logits.shape, images=data.train.images.shape, again=child.data() is data)
        return 0.5

    settings = planned(hold(look))
    space = plan_search("search-arch", SearchRequest(space=TINY), default_space="", data_needed=False)[1]
    task = Task(5, (2, 1, 0, 2), seed=7, epochs=1)
    OwnEvaluator(setup_of(settings)).evaluate(task)
    child = seen["child"]
    assert (child.trial, child.seed, child.epochs, child.kind) == (5, 7, 1, "architecture")
    assert child.words == space.tokens(task.genotype)
    assert child.choices == space.decisions.choices_of(task.genotype)
    assert child.value == space.decode(task.genotype)
    assert child.costs == costs_of(settings, space, task.genotype)
    assert seen["shape"] == (3, len(child.facts.classes))
    assert seen["images"][1:] == child.facts.image_shape
    assert seen["again"]


def test_a_resumed_run_wants_the_same_function_with_the_same_source(score: Path) -> None:
    reference = f"{score}:mean"
    settings = planned(reference)
    again = SearchRequest(space=TINY, evaluator=reference)
    assert resume_search("search-arch", settings, again)[0] == settings
    moved = score.with_name("moved.py")
    moved.write_text(score.read_text())
    taken_along = resume_search("search-arch", settings, again.replaced(evaluator=f"{moved}:mean"))[0]
    assert taken_along.evaluator.settings["file"] == str(moved)
    with pytest.raises(UserError, match=r"scored by a function of your own, 'mean'; give it again: --evaluator "):
        resume_search("search-arch", settings, again.replaced(evaluator=None))
    score.write_text(SCORE + "\n\ndef other(child): ...\n")
    with pytest.raises(UserError, match=r"source of evaluator 'mean' in .* has changed.*Put the source back, or"):
        resume_search("search-arch", settings, again)
    with pytest.raises(UserError, match="is not what this run was started with"):
        resume_search("search-arch", settings, again.replaced(evaluator=f"{score}:other"))
    with pytest.raises(UserError, match="has changed while the search ran"):
        OwnEvaluator(setup_of(settings))


def test_a_function_held_here_is_never_sent_to_another_process() -> None:
    def held(child: ProposedChild) -> float:
        return 0.5

    reference = hold(held)
    settings = planned(reference)
    assert (settings.executor, settings.workers) == ("serial", 1)
    for flag, value in {"executor": "local", "workers": 2, "trial_timeout": 3.0}.items():
        with pytest.raises(UserError, match=f"--{flag.replace('_', '-')} {value} needs other processes"):
            planned(reference, **{flag: value})
        if flag != "trial_timeout":
            with pytest.raises(UserError, match="needs other processes"):
                resume_search("search-arch", settings, SearchRequest(space=TINY, evaluator=reference, **{flag: value}))
    words = resume_search_command(settings, Path("runs/a"))
    assert words == f"automl_cli.search('arch', out='runs/a', resume=True, evaluator=held, space={TINY!r})"
    with pytest.raises(UserError, match=r"give it again to automl_cli\.search, in Python: evaluator=held, resume=True"):
        given_again(settings.evaluator, None)


def test_two_functions_of_one_name_are_not_taken_for_each_other() -> None:
    def first() -> Callable[[ProposedChild], float]:
        def twin(child: ProposedChild) -> float:
            return 0.5

        return twin

    def second() -> Callable[[ProposedChild], float]:
        def twin(child: ProposedChild) -> float:
            return 0.75

        return twin

    found = own_function(hold(first()))
    hold(second())
    with pytest.raises(UserError, match="has changed"):
        imported(found)
    assert isinstance(found, OwnFunction)


@pytest.mark.usefixtures("environment_of_its_own")
def test_the_command_line_scores_by_a_file_and_a_failing_child_is_a_failed_trial(
    automl: Callable[..., CommandResult], tmp_path: Path
) -> None:
    source = textwrap.dedent("""
        def score(child):
            if child.trial == 1:
                raise RuntimeError("the child broke")
            return child.costs.parameters / 1e6
    """)
    (tmp_path / "mine.py").write_text(source)
    search = ("search-arch", "--space", TINY, "--evaluator", "mine.py:score", "--executor", "serial", "--out", "run", "--quiet")
    done = automl(*search, "--trials", 4, "--strategy", "random", "--in-flight", 1)
    assert done.code == 0, done.stderr
    report = automl("report", "run")
    assert "1 failed" in report.stdout
    assert automl("validate", "run").code == 0
    assert automl(*search, "--trials", 5, "--resume").code == 0
    plan = automl(*search[:-3], "--dry-run")
    assert f"measured by    the function {tmp_path / 'mine.py'}:score" in plan.stdout


@pytest.mark.usefixtures("environment_of_its_own")
def test_a_function_is_measured_again_with_replicates_and_children_have_a_size(
    automl: Callable[..., CommandResult], tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("def score(child):\n    return child.seed % 1000 / 1000\n")
    search = ("search-arch", "--space", TINY, "--evaluator", "mine.py:score", "--executor", "serial", "--out", "run", "--quiet")
    done = automl(
        *search, "--trials", 9, "--strategy", "evolution", "--replicates", 2, "--warm-start", "costs", "--in-flight", 1
    )
    assert done.code == 0, done.stderr
    assert '"replicate":1' in (tmp_path / "run" / "journal.jsonl").read_text()
    page = automl("report", "run", "--html")
    assert page.code == 0, page.stderr


def test_it_has_all_that_is_asked_of_an_evaluator() -> None:
    asked = [name for name in {**vars(EvaluatorFactory), **EvaluatorFactory.__annotations__} if not name.startswith("_")]
    assert {"noisy", "sizes", "trains"} <= set(asked)
    assert [name for name in asked if not hasattr(OwnEvaluator, name)] == []
