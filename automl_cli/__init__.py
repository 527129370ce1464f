"""A command-line AutoML toolkit on JAX and Flax: a controller proposes, a child is trained, its score teaches the controller.

A child is a record of roles (network, activation, optimizer, augmentation) with a problem and a recipe; a search leaves one
role open (`values.child`). The floors, ground first; an import points down, never up, and rooms on one floor stand apart:

    core          0   decisions, spaces, trials, rewards, flags, random streams, errors, and what every part promises
    values        1   what genotypes decode to and children are made of, as frozen plain data
    system        1   the machine and the process: cores, GPUs, threads, heap, versions
    store         2   artifacts, journal, run directory: the only place that touches JSON on disk
    plugins       3   what is found by name, by listing or from installed packages; the row of a kind
    references    4   published results under a name, and artifacts by name or file
    kinds         5   one file a kind: artifact, words, checks, the role it fills, what builds, trains and exports it
    nn            5   JAX and Flax: arrays in, arrays out
    data          5   data sets as NumPy arrays
    children      6   roles become something trainable: one file a role, and the trainer
    problems      7   one file a problem: facts, batches, loss, metric as a fold
    strategies    8   propose
    evaluators    8   measure
    executors     8   run somewhere
    study         9   the loop: read `study.loop` first
    training      9   one network trained to the end and tested once
    planning     10   from what a user asked to resolved settings, new or resumed
    jobs         10   any other work of a command
    reporting    11   journals and artifacts become figures, tables and a page
    running      12   a search or a training carried out to its end, for the command line and for Python
    cli          13   one file a command
    api          13   the same from Python

`search_spaces/`, beside this package, holds the plug-ins: one file a space. The Python API is what this module gives by name
(`import automl_cli as automl`; `automl.search`, `automl.load`, …): `__init__.pyi` lists it with types.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_API = {
    "AskTell": "automl_cli.api.ask_tell",
    "ArtifactError": "automl_cli.core.errors",
    "AutomlError": "automl_cli.core.errors",
    "DataError": "automl_cli.core.errors",
    "Loaded": "automl_cli.jobs.loading",
    "ProposedChild": "automl_cli.evaluators.proposed_child",
    "RunFailed": "automl_cli.core.errors",
    "RunInUse": "automl_cli.core.errors",
    "SearchResult": "automl_cli.api.result",
    "SpaceError": "automl_cli.core.errors",
    "TrainingResult": "automl_cli.api.training",
    "UserError": "automl_cli.core.errors",
    "build": "automl_cli.api.using",
    "evaluate": "automl_cli.api.training",
    "export": "automl_cli.api.using",
    "load": "automl_cli.jobs.loading",
    "predict": "automl_cli.api.using",
    "report": "automl_cli.api.reports",
    "search": "automl_cli.api.searching",
    "train": "automl_cli.api.training",
}
"""Names of the API, each with the module that has it: imported when it is first asked for."""

__all__ = [*_API, "__version__"]  # noqa: PLE0604  the names are looked up by `__getattr__`


def __getattr__(name: str) -> Any:
    """Return a function or class of the API. Lower rooms import this module for the version, so it imports none of them."""
    if name not in _API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_API[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
