"""The Python API as a whole: names, types, keywords, and what is imported when."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest

import automl_cli as automl
from automl_cli.api import words
from automl_cli.planning.flags import DEFAULT_SPACES, flags_of
from automl_cli.plugins.registry import EVALUATORS
from automl_cli.training.flags import train_flags
from tests.tables import ROOT

PACKAGE = ROOT / "automl_cli"


def test_the_types_of_the_package_name_what_it_gives_and_no_more() -> None:
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    imports = {alias.asname: node.module for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imports == automl._API
    assert sorted(dir(automl)) == sorted([*imports, "__version__"])


@pytest.mark.parametrize("name", automl._API)
def test_every_name_is_there_and_explained(name: str) -> None:
    assert getattr(automl, name).__doc__


def test_a_name_that_is_not_there_is_refused_as_modules_do() -> None:
    with pytest.raises(AttributeError, match="module 'automl_cli' has no attribute 'serach'"):
        _ = automl.serach


def test_importing_it_and_planning_to_be_wrong_imports_nothing_heavy() -> None:
    program = (
        "import sys, time\n"
        "started = time.process_time()\n"
        "import automl_cli as automl\n"
        "took = time.process_time() - started\n"
        "heavy = {'jax', 'flax', 'optax', 'numpy', 'rich', 'IPython', 'tensorboard', 'msgspec'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "try: automl.search('arch', trials=0, quiet=True)\n"
        "except automl.UserError: pass\n"
        "assert not (heavy - {'rich', 'msgspec'}) & set(sys.modules)\n"
        "print(took)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.3


def rows_of_searches() -> dict[str, Any]:
    return {row.attribute: row for command in DEFAULT_SPACES for row in flags_of(command) if row.name not in words.LEFT_OUT}


def rows_of_trainings() -> dict[str, Any]:
    return {row.attribute: row for row in train_flags() if row.name not in words.LEFT_OUT}


@pytest.mark.parametrize(
    ("typed", "rows"),
    [(words.SearchWords, rows_of_searches()), (words.TrainWords, rows_of_trainings())],
    ids=["search", "train"],
)
def test_the_typed_keywords_are_the_flags(typed: type, rows: dict[str, Any]) -> None:
    foreign = {row.attribute for name in EVALUATORS.names() for row in EVALUATORS.load(name).flags} - set(typed.__annotations__)
    assert set(typed.__annotations__) == set(rows) - foreign
    hints = get_type_hints(typed, localns=dict.fromkeys(("SearchResult", "Loaded", "ProposedChild"), Any))
    for name, row in ((name, row) for name, row in rows.items() if name not in foreign):
        if row.choices:
            assert get_origin(hints[name]) is Literal, name
            assert set(get_args(hints[name])) == set(row.choices), name
        elif row.type in (int, float, bool) and row.in_file is None:
            assert hints[name] is row.type, name


def test_the_searches_are_those_of_the_command_line() -> None:
    assert {f"search-{what}" for what in get_args(words.What)} == set(DEFAULT_SPACES)


@pytest.mark.usefixtures("environment_of_its_own")
def test_a_network_is_trained_scored_and_written(tmp_path: Path) -> None:
    labels = np.arange(240) % 3
    noise = np.random.default_rng(0).integers(0, 60, (240, 8, 8))
    images = (noise + 80 * labels[:, None, None]).astype(np.uint8)
    parts = {"train": (images[:180], labels[:180]), "test": (images[180:], labels[180:])}
    model = automl.train(network="convnet-1x8", dataset=parts, epochs=3, out="model", quiet=True)
    assert model.path == Path("model")
    assert model.model.epochs == 3
    assert automl.evaluate(model).scores["test_accuracy"] == model.scores["test_accuracy"]
    other = automl.evaluate("model", dataset=(images, labels), quiet=True)
    assert (other.split, other.test_examples) == ("all", 240)
    assert other.trained_on == model.model.child.problem.facts["train_examples"]
    assert "<th>test accuracy</th>" in model._repr_html_()
    np.save(tmp_path / "images.npy", images[180:])
    named = automl.predict(model, tmp_path / "images.npy", top=1).predictions
    held = automl.predict(model, images[180:], top=1)
    assert [one.probabilities for one in held.predictions] == [one.probabilities for one in named]
    assert held.predictions[1].file == "array[1]"
    both = automl.predict(model, [tmp_path / "images.npy", images[180:] / np.float32(255)], top=1).predictions
    assert [one.classes for one in both] == [one.classes for one in named] * 2
    assert both[-1].file == "array 1[59]"
    with pytest.raises(automl.UserError, match="predict: nothing is to be named; give paths"):
        automl.predict(model)
    with pytest.raises(automl.UserError, match="predict: place 1 is an int; give paths"):
        automl.predict(model, "images.npy", 3)
    with pytest.raises(automl.DataError, match=r"^array holds float64 of shape 2; images are"):
        automl.predict(model, np.zeros(2))
    right = [one.classes[0] == str(label) for one, label in zip(named, labels[180:], strict=True)]
    assert sum(right) / len(right) == model.scores["test_accuracy"]
    exported = automl.export(model, out=tmp_path / "export")
    assert exported.file.is_file()
    with pytest.raises(automl.UserError, match="exists already"):
        automl.export("model", out=tmp_path / "export")
    with pytest.raises(automl.UserError, match=r"unknown split 'tset'\. Did you mean 'test'"):
        automl.evaluate(model, split="tset")  # type: ignore[arg-type]
    with pytest.raises(automl.UserError, match="--resume needs --out"):
        automl.train(resume=True)
    with pytest.raises(automl.UserError, match="nothing says what is trained"):
        automl.train(epochs=3)
    again = automl.train(out="model", resume=True, quiet=True)
    assert again.model == model.model


def test_what_is_found_is_built() -> None:
    swish = automl.build("swish")
    assert float(swish(np.float32(0))) == 0
    assert automl.build(automl.load("relu"))(np.float32(-2)) == 0


def test_a_strategy_is_asked_and_told_in_five_lines() -> None:
    searcher = automl.AskTell("evolution", space="cnn", trials=40, strategy_option={"population_size": 8})
    for _ in range(40):
        asked = searcher.ask()
        searcher.tell(asked, sum(asked.genotype))
    assert searcher.best is not None
    assert searcher.best[0] == sum(searcher.best[1].genotype)
    first = automl.AskTell("evolution", space="cnn", trials=40, strategy_option={"population_size": 8}).ask()
    assert searcher.best[1].number > first.number
    late = [searcher.ask() for _ in range(2)]
    with pytest.raises(ValueError, match="trial 41 was told where trial 40 comes next"):
        searcher.tell(late[1], 0.5)
    for reward, problem in (("x", "it is a str"), (float("nan"), "it is nan")):
        with pytest.raises((TypeError, ValueError), match=problem):
            searcher.tell(late[0], reward)  # type: ignore[arg-type]
    for asked in late:
        searcher.tell(asked, np.float32(-0.5))
    with pytest.raises(automl.UserError, match="unknown strategy 'evolutoin'"):
        automl.AskTell("evolutoin", space="cnn", trials=3)
    with pytest.raises(automl.UserError, match=r"AskTell takes no strategy 'auto': .*; name one of random, "):
        automl.AskTell("auto", space="cnn", trials=3)
