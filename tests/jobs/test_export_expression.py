"""Activation functions and update rules as files: where they are written, and what they say of the search."""

import ast
from pathlib import Path
from typing import ClassVar

import pytest

from automl_cli.core.errors import ArtifactError, RunFailed, UserError
from automl_cli.jobs.export_expression import export_activation, export_rule
from automl_cli.references import Opened
from automl_cli.store.artifact import Schema, artifact_of, write_artifact
from automl_cli.store.files import file_digest
from automl_cli.store.study import FoundBody
from automl_cli.values import optimizer
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.optimizer import LibraryOptimizer, Optimizer, UpdateRule
from tests.store.found_formulas import FOUND


class SomeRule(FoundBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An update rule in an artifact."""

    SCHEMA: ClassVar[Schema] = Schema("some-rule")

    value: Optimizer


class SomeActivation(FoundBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An activation function in an artifact."""

    SCHEMA: ClassVar[Schema] = Schema("some-activation")

    value: ActivationFunction


@pytest.fixture
def written(tmp_path):
    """Writes an artifact into a run; what is opened there."""

    def write(body):
        path = tmp_path / "my-run" / "best.json"
        path.parent.mkdir(exist_ok=True)
        artifact = artifact_of(body)
        return Opened(artifact, str(path), write_artifact(path, artifact))

    return write


@pytest.mark.parametrize(("library", "defined"), [("jax", "found_rule"), ("torch", "FoundRule")])
def test_a_found_rule_says_how_it_was_found(written, tmp_path, library, defined):
    opened = written(SomeRule(words=("a rule",), value=UpdateRule("g * exp(sign(m))"), found=FOUND))
    file = export_rule(opened, tmp_path / "out" / "there", library, overwrite=False)
    assert file == tmp_path / "out" / "there" / "optimizer.py"
    module = ast.parse(file.read_bytes())
    assert defined in {getattr(node, "name", None) for node in module.body}
    said = " ".join(ast.get_docstring(module).split())
    assert f"From: my-run/best.json of {opened.artifact.tool}, found by the strategy evolution in the space rules" in said
    assert "seed 4, trial 17, with validation score 0.5000." in said
    assert file_digest(Path(opened.place)) in said
    assert str(tmp_path) not in said


def test_a_published_rule_goes_by_its_name_with_any_momentum(written, tmp_path):
    opened = written(SomeRule(words=("a rule",), value=UpdateRule("g + momentum * trace(g, momentum)", 0.5)))
    text = export_rule(opened, tmp_path, "jax", overwrite=False).read_text(encoding="utf-8")
    assert "def nesterov(learning_rate" in text
    assert "momentum = 0.5" in text


@pytest.mark.parametrize(("library", "defined"), [("jax", "activation"), ("torch", "Activation")])
def test_an_activation_function_is_written_once_unless_told_otherwise(written, tmp_path, library, defined):
    opened = written(SomeActivation(words=("swish",), value=ActivationFunction("x * sigmoid(beta * x)")))
    file = export_activation(opened, tmp_path, library, overwrite=False)
    assert file == tmp_path / "activation.py"
    module = ast.parse(file.read_bytes())
    assert defined in {getattr(node, "name", None) for node in module.body}
    assert ast.get_docstring(module).startswith("Activation function swish, written by automl-cli")
    with pytest.raises(UserError, match=r"activation\.py exists already: replace it with --overwrite, or choose another --out"):
        export_activation(opened, tmp_path, library, overwrite=False)
    file.write_text("something else")
    export_activation(opened, tmp_path, library, overwrite=True)
    assert ast.parse(file.read_bytes()).body[1:]


def test_the_optimizer_of_a_library_is_refused(written, tmp_path):
    opened = written(SomeRule(words=("muon",), value=LibraryOptimizer("muon")))
    with pytest.raises(ArtifactError, match=r"best\.json: 'muon' is an optimizer of optax\.contrib and cannot be exported"):
        export_rule(opened, tmp_path / "out", "jax", overwrite=False)
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_for_an_unknown_format_or_into_a_file(written, tmp_path):
    opened = written(SomeRule(words=("sgd",), value=optimizer.NAMED["sgd"]))
    with pytest.raises(UserError, match="unknown format 'onnx'"):
        export_rule(opened, tmp_path / "out", "onnx", overwrite=False)
    assert not (tmp_path / "out").exists()
    with pytest.raises(RunFailed, match=r"cannot write .*best\.json: .*choose another --out"):
        export_rule(opened, Path(opened.place), "jax", overwrite=False)
