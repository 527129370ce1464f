"""A kind of thing to search that automl_cli has never heard of: which powers of x a curve is made of.

value, kind, space   `polynomial`: a set of powers, found by `automl search-arch --space polynomial`
problem              `points`: a curve with a memory, met in order, so that state is carried from batch to batch
evaluator            `least-squares`: another way to measure the same values, without any training
"""
