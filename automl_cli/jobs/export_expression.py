"""A found or published activation function or update rule as one file of Python that runs without this tool.

The file needs JAX and Optax, or PyTorch, and says in its docstring what it computes, where that came from and how it is used.
"""

from pathlib import Path
from typing import Any

from automl_cli import __version__
from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.references import Opened, publications
from automl_cli.store.files import ANOTHER_OUT, cannot_write, replace_file
from automl_cli.values import activation, optimizer
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.expressions.source import Origin, activation_source, rule_source
from automl_cli.values.optimizer import LibraryOptimizer, Optimizer, UpdateRule

ACTIVATION, OPTIMIZER = "activation.py", "optimizer.py"
"""Names of the files."""


def export_activation(opened: Opened[Any], out: Path, format: str, *, overwrite: bool) -> Path:  # noqa: A002
    """Write the activation function in this artifact as `activation.py` into a directory; return the file.

    UserError for an unknown format, and for a file that exists already.
    """
    function: ActivationFunction = opened.artifact.body.value
    name = next((name for name, known in activation.NAMED.items() if known == function), "found-activation")
    return write_new(out / ACTIVATION, activation_source(function, format, origin_of(name, opened)), overwrite=overwrite)


def export_rule(opened: Opened[Any], out: Path, format: str, *, overwrite: bool) -> Path:  # noqa: A002
    """Write the update rule in this artifact as `optimizer.py` into a directory; return the file.

    ArtifactError for an optimizer of a library, UserError for an unknown format,
    and for a file that exists already.
    """
    rule: Optimizer = opened.artifact.body.value
    if isinstance(rule, LibraryOptimizer):
        raise ArtifactError(
            f"{opened.place}: {rule.name!r} is an optimizer of optax.contrib and cannot be exported; use it from there"
        )
    origin = origin_of(_rule_name(rule), opened)
    return write_new(out / OPTIMIZER, rule_source(rule, format, origin), overwrite=overwrite)


def _rule_name(rule: UpdateRule) -> str:
    """The published name of a rule, with whatever momentum."""
    for name, known in optimizer.NAMED.items():
        if isinstance(known, UpdateRule) and (known.expression, known.decoupled) == (rule.expression, rule.decoupled):
            return name
    return "found-rule"


def origin_of(name: str, opened: Opened[Any]) -> Origin:
    """Return where what was opened comes from, as a file states it: the paper of its name, or the search."""
    papers = (f"{paper.title}, {paper.where}" for paper in publications() if name in paper.provides)
    source = (*papers, *_search(opened))
    return Origin(name=name, source=source, digest=opened.digest, tool=f"automl-cli {__version__}")


def _search(opened: Opened[Any]) -> tuple[str, ...]:
    """How the value was found, where it was: the run by its name, since its place means nothing elsewhere."""
    found, path = opened.artifact.body.found, Path(opened.place)
    if found is None:
        return ()
    file = f"{path.resolve().parent.name}/{path.name}"
    how = f"found by the strategy {found.strategy} in the space {found.space.name}, seed {found.seed}, trial {found.trial}"
    return (f"{file} of {opened.artifact.tool}, {how}, with validation score {found.validation_score:.4f}",)


def write_new(file: Path, text: str, *, overwrite: bool) -> Path:
    """Write a file, in a directory that is made where it is missing. Raises UserError for a file that exists already."""
    if file.exists() and not overwrite:
        raise UserError(f"{file} exists already: replace it with --overwrite, or choose another --out")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(file.parent, error, hint=ANOTHER_OUT) from error
    replace_file(file, text.encode(), hint=ANOTHER_OUT)
    return file
