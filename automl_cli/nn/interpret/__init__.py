"""Expressions as programs: activation functions and update rules of `values` over JAX's arrays.

functions  the functions of the language
rules      an update rule as an Optax transformation
"""
