"""Activation functions and update rules as files of Python that need one library and nothing of this tool.

    jax    a function over jax.numpy, and an Optax transformation
    torch  a torch.nn.Module, and a torch.optim.Optimizer

A file is text that reads: what it computes stands on top in print and as LaTeX, and below it one line for each part.
"""

import re
from collections.abc import Mapping, Sequence
from textwrap import wrap

from msgspec import Struct

from automl_cli.core.errors import unknown_name
from automl_cli.values.activation import ACTIVATIONS, ActivationFunction
from automl_cli.values.expressions.latex import latex
from automl_cli.values.expressions.parser import parse
from automl_cli.values.expressions.source_jax import WRITER as JAX
from automl_cli.values.expressions.source_torch import WRITER as TORCH
from automl_cli.values.expressions.tree import Expression, Language, Name, call, calls, printed, uses, walk
from automl_cli.values.expressions.writer import SourceWriter
from automl_cli.values.optimizer import RULES, UpdateRule, definitions

FORMATS: Mapping[str, SourceWriter] = {"jax": JAX, "torch": TORCH}
"""What writes each format."""

WIDTH = 96
"""Characters of a line of a docstring."""


class Origin(Struct, frozen=True, kw_only=True):
    """Origin of the contents of a file, as the file states it.

    name    a published name, such as "powersign-ld", or another short one
    source  the paper or the run, as sentences without a full stop
    digest  SHA-256 of the artifact, where there is one
    tool    the version of the tool that writes the file
    """

    name: str
    source: tuple[str, ...] = ()
    digest: str | None = None
    tool: str


def activation_source(function: ActivationFunction, library: str, origin: Origin) -> str:
    """Return a Python file that defines the activation function. UserError for an unknown library.

    jax: `activation(x, beta=…)`, and `initial_betas(channels)` where there are betas; torch: `Activation(channels=1, dim=1)`.
    """
    writer = _writer(library)
    tree = function.tree
    betas = [f"{beta} starts from {start:g}" for beta, start in zip(function.betas, function.starts, strict=True)]
    trained = [*betas, f"{'they are' if betas[1:] else 'it is'} trained, one number per channel"] if betas else []
    meanings = [*_meanings(tree), *trained]
    text = writer.activation_text(function, _plain(origin.name))
    formulas = (f"y = {printed(tree)}",)
    head = _head(f"Activation function {origin.name}", formulas, _latex("y", tree, ACTIVATIONS), meanings, origin)
    return _file(writer, head, writer.activation_usage(function), text)


def rule_source(rule: UpdateRule, library: str, origin: Origin) -> str:
    """Return a Python file that defines the optimizer. UserError for an unknown library.

    jax: `name(learning_rate, total_steps=None, seed=0, weight_decay=0.0)`; torch: a class `Name(params, lr, total_steps=None,
    seed=0, weight_decay=0.0)`, both after the name of the origin.
    """
    writer = _writer(library)
    defined = _defined(rule.tree)
    formulas = (
        f"update = {printed(rule.tree)}",
        *(f"{name} = {RULES.definitions[name]}" for name in defined),
        *(() if rule.momentum is None else (f"momentum = {rule.momentum:g}",)),
        "w <- w - learning_rate * update",
    )
    written = _latex(r"\Delta", rule.tree, RULES)
    head = _head(f"Optimizer {origin.name}", formulas, written, _meanings(rule.expanded), origin)
    text = writer.rule_text(rule, origin.name, definitions())
    return _file(writer, head, writer.rule_usage(rule, origin.name), text)


def _writer(library: str) -> SourceWriter:
    if library not in FORMATS:
        raise unknown_name("format", library, FORMATS)
    return FORMATS[library]


def _file(writer: SourceWriter, head: Sequence[str], usage: Sequence[str], text: str) -> str:
    """The docstring, the imports that the text needs, and the text."""
    imports = [line for name, line in writer.imports.items() if re.search(rf"(?<![\w.]){name}\b", text)]
    standard = [line for line in imports if line.startswith("from typing") or line == "import random"]
    others = [line for line in imports if line not in standard]
    docstring = "\n".join((*head, "", "Use:", "", *(f"    {line}" for line in usage)))
    groups = "".join("\n" + "\n".join(group) + "\n" for group in (standard, others) if group)
    return f'r"""{docstring}\n"""\n{groups}\n\n{text}\n'


def _head(title: str, formulas: Sequence[str], written: Sequence[str], meanings: Sequence[str], origin: Origin) -> list[str]:
    from_where = [*origin.source, *([f"artifact with SHA-256 {origin.digest}"] if origin.digest else [])]
    lines = [f"{_plain(title)}, written by {_plain(origin.tool)}.", "", *_block(formulas)]
    lines += ["", *wrap(f"{'; '.join(meanings)}.", WIDTH)]
    lines += ["", "LaTeX:", "", *_block(written)]
    for source in from_where:
        lines += ["", *wrap(f"From: {_plain(source)}." if source is from_where[0] else f"{_plain(source)}.", WIDTH)]
    return lines


def _block(formulas: Sequence[str]) -> list[str]:
    return [
        line
        for formula in formulas
        for line in wrap(formula, WIDTH, initial_indent="    ", subsequent_indent=" " * 8, break_long_words=False)
    ]


def _plain(text: str) -> str:
    """Text of others that can stand in a docstring: one line, no quotation marks that would end it, nothing unprintable."""
    line = " ".join(text.replace('"', "'").split())
    return "".join(sign if sign.isprintable() else "?" for sign in line)


def _defined(tree: Expression) -> tuple[str, ...]:
    """The defined names that stand in a rule."""
    there = {part.name for part in walk(tree) if isinstance(part, Name)}
    return tuple(name for name in RULES.definitions if name in there)


def _latex(left: str, tree: Expression, language: Language) -> tuple[str, ...]:
    """The formula and the defined names in it, a line each."""
    rows = [f"{left} = {latex(tree, language.operand_latex)}"]
    for name in _defined(tree):
        written = latex(Name(name), language.operand_latex)
        rows.append(f"{written} = {latex(parse(language.definitions[name], language), language.operand_latex)}")
    return tuple(rows)


_OPERANDS = {
    "x": "x is the pre-activation",
    "g": "g is the gradient",
    "w": "w is the parameter",
    "t": "t is the number of steps done before this one",
    "T": "T is total_steps",
    "noise": "noise is drawn from N(0, 0.01^2)",
    "annealed_noise": "annealed_noise is drawn from a normal distribution of variance 1 / (1 + t)^0.55",
}
_FUNCTIONS = {
    "ema": "ema(x, d) is the average a <- d * a + (1 - d) * x, from 0 on",
    "previous_ema": "previous_ema(x, d) is the same before this step",
    "ema_from_one": "ema_from_one(x, d) is the average a <- d * a + (1 - d) * x, from 1 on",
    "trace": "trace(x, d) is the sum a <- x + d * a, from 0 on",
    "drop": "drop(x, p) sets each number to 0 with probability p; all drops of a step share their draw",
    "clip": "clip(x, l) clips to [-l, l]",
    "sinc": "sinc(x) is sin(x) / x",
    "sigmoid": "sigmoid(x) is 1 / (1 + exp(-x))",
    "softplus": "softplus(x) is log(1 + exp(x))",
    "mod": "mod has the sign of its second argument",
}


def _meanings(expression: Expression) -> list[str]:
    """What the operands and the less common functions of an expression are."""
    if calls(expression, "previous_ema") and not calls(expression, "ema"):
        expression = call("add", expression, call("ema", Name("g"), Name("g")))
    operands = [text for name, text in _OPERANDS.items() if uses(expression, name)]
    return operands + [text for name, text in _FUNCTIONS.items() if calls(expression, name)]
