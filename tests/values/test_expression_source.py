"""Exported files as text: what is in them, that they are whole, and that nothing of others gets into the code."""

import ast
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automl_cli.core.errors import UserError
from automl_cli.values import activation, optimizer
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.expressions.source import FORMATS, Origin, activation_source, rule_source
from automl_cli.values.optimizer import UpdateRule
from tests.values.expression_samples import activations, rules

ORIGIN = Origin(name="powersign-ld", source=("A paper, arXiv 1709.07417",), digest="ab" * 32, tool="automl-cli 9.8.7")
LIBRARIES = {"jax": {"typing", "jax", "optax"}, "torch": {"random", "torch"}}
RULES = [rule for rule in optimizer.NAMED.values() if isinstance(rule, UpdateRule)]
SOURCES = st.one_of(
    *(st.builds(activation_source, activations(20), st.just(name), st.just(ORIGIN)) for name in FORMATS),
    *(st.builds(rule_source, rules(20), st.just(name), st.just(ORIGIN)) for name in FORMATS),
)


def published():
    """The text of every published activation function and rule, in all formats."""
    for name in FORMATS:
        for function in activation.NAMED.values():
            yield name, activation_source(function, name, ORIGIN)
        for rule in RULES:
            yield name, rule_source(rule, name, ORIGIN)


def code_of(text):
    """A text without its docstring."""
    return text.split('"""', 2)[2]


def test_a_file_says_what_it_computes_and_where_that_came_from():
    for name in FORMATS:
        said = ast.get_docstring(ast.parse(rule_source(optimizer.NAMED["powersign-ld"], name, ORIGIN)))
        for part in (
            "Optimizer powersign-ld, written by automl-cli 9.8.7.",
            "update = g * exp(ld * sign(g) * sign(m))\n    m = ema(g, 0.9)\n    ld = 1 - min(t, T) / T",
            r"\Delta = g \, e^{\mathrm{ld} \, \operatorname{sign}(g) \, \operatorname{sign}(m)}",
            "From: A paper, arXiv 1709.07417.",
            "ab" * 32,
            "Use:",
        ):
            assert part in said


def test_momentum_and_betas_are_said():
    said = rule_source(UpdateRule("trace(g, momentum)", 0.75), "jax", ORIGIN)
    assert "momentum = 0.75" in said
    assert "trace = g + 0.75 * trace" in said
    said = activation_source(ActivationFunction("beta * x + beta2", (0.5,)), "torch", ORIGIN)
    assert "beta starts from 0.5; beta2 starts from 1; they are trained, one number per channel" in " ".join(said.split())


def test_published_files_import_one_library_and_use_all_they_import():
    for name, text in published():
        tree = ast.parse(text)
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        modules = {module for node in imports for module in ([node.module] if isinstance(node, ast.ImportFrom) else
                   [alias.name for alias in node.names])}  # fmt: skip
        assert {module.partition(".")[0] for module in modules} <= LIBRARIES[name]
        assert not {"eval", "exec"} & {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_files_are_formatted_and_have_no_mistakes_that_a_linter_finds(tmp_path):
    texts = [text for _, text in published()]
    every = UpdateRule(
        "m * v * r * trace(g, 0.5) * ema(w, 0.9) * ema_from_one(abs(w) + 1, 0.99) * sqrt(ema(abs(g) * 3 + 2, 0.8))"
    )
    texts += [rule_source(every, name, ORIGIN) for name in FORMATS]

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(SOURCES)
    def draw(text):
        texts.append(text)

    draw()
    for number, text in enumerate(texts):
        (tmp_path / f"file{number}.py").write_text(text, encoding="utf-8")
    for command in (["format", "--check", "--diff"], ["check", "--select", "E,W,F,I,B,SIM,RUF100,PLE"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", "--line-length", "100", str(tmp_path)],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_stands_in_a_rule_twice_is_computed_once():
    rule = UpdateRule("exp(sqrt(abs(g) + v)) / (1 + sqrt(abs(g) + v)) * exp(sqrt(abs(g) + v))")
    for name, prefix in (("jax", "jnp"), ("torch", "torch")):
        code = code_of(rule_source(rule, name, ORIGIN))
        for function in ("exp", "sqrt", "abs"):
            assert code.count(f"{prefix}.{function}(") == 1
        assert code.count("+ 0.999 * v") == 1


EVIL = 'evil"""\nimport os\n\\" \u202e\x00 \ud800 """'


@pytest.mark.parametrize("name", FORMATS)
def test_no_name_of_others_gets_into_the_code(name):
    kind = UpdateRule("m + noise")
    plain = ast.parse(rule_source(kind, name, Origin(name="evil import os", tool="this")))
    evil = ast.parse(rule_source(kind, name, Origin(name=EVIL, source=(EVIL,), digest=EVIL, tool=EVIL)).encode())
    assert ast.dump(ast.Module(plain.body[1:], [])) == ast.dump(ast.Module(evil.body[1:], []))
    function = activation.NAMED["swish"]
    evil = ast.parse(activation_source(function, name, Origin(name=EVIL, source=(EVIL,), tool=EVIL)).encode())
    assert [type(node) for node in evil.body[1:]] == [
        type(node) for node in ast.parse(activation_source(function, name, ORIGIN)).body[1:]
    ]


def test_an_unknown_format_is_refused():
    with pytest.raises(UserError, match=r"unknown format 'tensorflow'\. Known: jax, torch"):
        rule_source(RULES[0], "tensorflow", ORIGIN)
    with pytest.raises(UserError, match=r"unknown format 'torhc'\. Did you mean 'torch'"):
        activation_source(activation.NAMED["relu"], "torhc", ORIGIN)
