"""Measure children: one task in, one measurement out. An evaluator is built once per worker, from plain settings, which its
planning half chooses and checks (`core.protocols.EvaluatorFactory`).

    trained   builds what a genotype stands for, trains it on its problem, scores it
    compared  trains one of several values of a role, for `automl compare`; no search can name it
    own       asks a function of the user's own
    own_function    how such a function is named, found and imported
    proposed_child  what it is given
    density   scores a policy by trained networks on augmented images, without training for it
    fold_models  the networks that density trains, kept on disk
    table     looks the genotype up in a tabular benchmark
    analytic  a formula, without data or JAX: the test double
"""
