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
    report       11   journals and artifacts become figures, tables and a page
    running      12   a search or a training carried out to its end, for the command line and for Python
    cli          13   one file a command
    api          13   the same from Python

`search_spaces/`, beside this package, holds the plug-ins: one file a space. From Python, `automl_cli.load` gives what the tool
found or knows by name.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def load(path_or_name: Any) -> Any:
    """Return what an artifact holds, or a published value by name, or a formula, as a `jobs.loading.Loaded`.

        rule = automl_cli.load("runs/opt").build(learning_rate=0.1)   # an optax.GradientTransformation
        swish = automl_cli.load("swish").build()                      # a function of arrays

    Nothing heavy is imported before it is called. Raises UserError for an unknown name, ArtifactError for a file that is no
    artifact.
    """
    loading = import_module("automl_cli.jobs.loading")  # by name: lower rooms import this module for the version
    return loading.load(path_or_name)
