"""Expressions as programs: activation functions and update rules of `values` over JAX's arrays.

functions  the functions of the language
activations  activation functions, traced or as data
layers     activation functions as layers of one's own networks
rules      an update rule as an Optax transformation
rule_programs  update rules as data to one program
library_rules  optimizers of optax.contrib, which are no expressions
"""
