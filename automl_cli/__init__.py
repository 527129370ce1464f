"""A command-line AutoML toolkit on JAX and Flax: a controller proposes, a child is trained, its score teaches the controller.

The floors, ground first; an import points down, never up:

    core          0  decisions, spaces, genotypes, trials, random streams, errors, and the values that genotypes decode to
    store         1  artifacts, journal, run directory: the only place that touches JSON on disk
    references    1  published results, JSON only
    registry      1  name -> "module:attribute", imported on first use
    nn, data      2  JAX and Flax; data sets as NumPy arrays
    children      3  a value made trainable: model, optimizer, augmentation, task
    strategies, evaluators, executors   4  propose; measure; run somewhere. They know nothing of each other
    study, jobs, report                 5  the loop (read `study.py` first); other work; figures and tables
    cli           6  one file per command

`search_spaces/`, beside this package, holds the plug-ins: one file per space.
"""

__version__ = "0.1.0"
