"""Formulas in place of names and files: `automl show`, `automl export`, `automl_cli.load`."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import automl_cli
from automl_cli.core.errors import UserError
from automl_cli.kinds.activation import ActivationBody
from automl_cli.kinds.optimizer_rule import RuleBody
from automl_cli.references import open_any, open_artifact, open_filling, open_written
from automl_cli.store.artifact import encode_artifact, write_artifact
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.optimizer import UpdateRule
from tests.tables import KINDS

RULE = "g * exp(sign(g) * sign(m))"


@pytest.mark.parametrize(
    ("text", "body", "value"),
    [
        ("x * sigmoid(2 * x)", ActivationBody, ActivationFunction("x * sigmoid(2 * x)")),
        ("(x)", ActivationBody, ActivationFunction("(x)")),
        ("-x", ActivationBody, ActivationFunction("-x")),
        (RULE, RuleBody, UpdateRule(RULE)),
        ("trace(g, momentum)", RuleBody, UpdateRule("trace(g, momentum)")),
        ("g/w", RuleBody, UpdateRule("g/w")),
    ],
)
def test_a_formula_is_of_the_kind_whose_language_reads_it(text: str, body: type, value: object) -> None:
    opened = open_any(text)
    assert type(opened.artifact.body) is body
    assert (opened.artifact.body.value, opened.place, opened.published) == (value, text, False)
    assert opened.digest == hashlib.sha256(encode_artifact(opened.artifact)).hexdigest()


@pytest.mark.parametrize("name", [name for kind in KINDS.values() for name in kind.names])
def test_a_name_is_no_formula(name: str) -> None:
    assert open_written(name) is None


def test_a_path_is_no_formula(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_artifact(Path("x * 2"), open_any("swish").artifact)
    assert open_written("x * 2") is None
    assert open_any("x * 2").artifact == open_any("swish").artifact
    assert open_written("runs/first") is None
    assert open_written("") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("g * exp(sign(g) * sign(m)", "update rule 'g * exp(sign(g) * sign(m)', column 26: expected ')', found the end"),
        ("x * tanhh(x)", "activation function 'x * tanhh(x)', column 5: unknown function 'tanhh'. Did you mean 'tanh'?"),
        ("y * 2", "activation function 'y * 2', column 1: unknown operand 'y'.* or update rule 'y * 2', column 1: unknown"),
        ("x * g", "activation function 'x * g', column 5: unknown operand 'g'"),
        ("x + clip(x, -0.5)", "column 13: expected a number at least 0 for clip, found '-0.5'"),
        (
            "exp(1) * 2",
            "is a formula of activation and of optimizer-rule alike; write an operand into it that only one of them",
        ),
    ],
)
def test_what_no_language_or_more_than_one_reads_is_refused(text: str, message: str, automl: Callable) -> None:
    with pytest.raises(UserError) as refused:
        open_any(text)
    assert all(part in str(refused.value) for part in message.split(".*"))
    for command in ("show", "export"):
        done = automl(command, text)
        assert (done.code, done.stdout) == (2, "")
        assert all(part in " ".join(done.stderr.split()) for part in message.split(".*"))


def test_show_draws_a_formula_however_long_it_is(automl: Callable) -> None:
    done = automl("show", "x * sigmoid(2 * x)")
    assert (done.code, done.stderr) == (0, "")
    assert "f(x) x * sigmoid(2 * x) " in " ".join(done.stdout.split())
    assert "basically linear" in done.stdout
    assert "w <- w - learning rate * update" in automl("show", RULE).stdout
    long = automl("show", "x" + " + 0.25 * x" * 60)
    assert (long.code, long.stderr) == (0, "")


@pytest.mark.parametrize(("text", "file"), [("x * sigmoid(0.5 * x)", "activation.py"), (RULE, "optimizer.py")])
def test_a_formula_is_exported(text: str, file: str, automl: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for form in ("jax", "torch"):
        done = automl("export", text, "--format", form, "--overwrite", "--json")
        assert done.code == 0, done.stderr
        assert json.loads(done.stdout)["file"] == f"export/{file}"
        assert text in Path("export", file).read_text()


def test_load_takes_a_formula() -> None:
    loaded = automl_cli.load("x * sigmoid(2 * x)")
    assert (loaded.kind, loaded.name, loaded.place) == ("activation", None, "x * sigmoid(2 * x)")
    assert float(loaded.build()(1.0)) == pytest.approx(0.8807970779778823)
    rule = automl_cli.load(RULE)
    assert (rule.kind, rule.words) == ("optimizer-rule", (RULE,))


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_text_names_nothing(text: str, automl: Callable) -> None:
    for role in ("activation", "optimizer"):
        with pytest.raises(UserError, match=rf"^unknown {role} '{text}'\. Known: .*\. Or give a \.json file, or the directory"):
            open_filling(role, text)
    with pytest.raises(UserError, match=f"^unknown artifact '{text}'"):
        open_any(text)
    with pytest.raises(UserError, match=f"^unknown activation '{text}'"):
        open_artifact(text, ActivationBody)
    assert automl("export", text).stderr.startswith(f"error: unknown artifact '{text}'")
