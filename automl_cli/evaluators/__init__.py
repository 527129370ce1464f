"""How a child is measured: one task in, one measurement out. An evaluator is built once per worker, from plain settings.

modules:
    image       trains a network on images (the `image` task of `children`)
    table       looks the genotype up in a tabular benchmark
    analytic    the test double: a formula, without data or JAX
"""
