"""Parts that the writers of files for different libraries share: the names in a file, and what a rule needs."""

import re
from collections.abc import Callable, Mapping
from keyword import iskeyword
from typing import Any

from msgspec import Struct

from automl_cli.values.expressions.rule_step import draws
from automl_cli.values.expressions.statements import Dialect
from automl_cli.values.expressions.tree import Expression, calls, uses


class SourceWriter(Struct, frozen=True, kw_only=True):
    """Writer of the files of one library.

    imports           the lines that import, by the name that stands in the text
    activation_usage  function -> the lines that show how it is used
    activation_text   (function, name) -> the file without its docstring and imports
    rule_usage, rule_text  the same of a rule, which goes by a name; `named` are the parts of it that have one
    """

    imports: Mapping[str, str]
    activation_usage: Callable[[Any], tuple[str, ...]]
    activation_text: Callable[[Any, str], str]
    rule_usage: Callable[[Any, str], tuple[str, ...]]
    rule_text: Callable[[Any, str, Mapping[str, Expression]], str]


def unused(expression: Expression) -> tuple[str, ...]:
    """Return a sentence about arguments that all optimizers take and this rule does not use; nothing where it uses all."""
    names = [*([] if uses(expression, "T") else ["total_steps"]), *([] if draws(expression) else ["seed"])]
    return (f"This rule does not use {' and '.join(names)}.",) if names else ()


def helpers(expression: Expression, dialect: Dialect) -> tuple[str, ...]:
    """Return the definitions of the functions in an expression that the library lacks."""
    return tuple(text for function, text in dialect.helpers.items() if calls(expression, function))


def function_name(name: str) -> str:
    """Return a name as that of a Python function.

    >>> function_name("powersign-ld"), function_name("2 steps"), function_name("lambda")
    ('powersign_ld', 'rule_2_steps', 'lambda_rule')
    """
    found = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower() or "found_rule"
    if found[0].isdigit():
        found = f"rule_{found}"
    return f"{found}_rule" if iskeyword(found) or found in ("jax", "jnp", "optax", "random", "torch") else found


def class_name(name: str) -> str:
    """Return a name as that of a Python class.

    >>> class_name("powersign-ld"), class_name("none")
    ('PowersignLd', 'NoneRule')
    """
    found = "".join(part.title() for part in function_name(name).split("_"))
    return f"{found}Rule" if iskeyword(found) else found
