"""Expressions as plain data: what activation functions and update rules are written in. Read `tree` first.

tree          numbers, names, calls; the functions of the language; the printed form
parser        the printed form read back, without `eval`
latex         an expression as LaTeX
canonical     the canonical form, and fingerprints of outputs
derivative    the derivative of an expression
evaluation    what the functions compute, over NumPy's and JAX's arrays
rule_step     one step of an update rule, with its averages
sameness      which expressions are the same function, and which cannot be trained
reading       features of functions and rules, measured
program       expressions as straight-line programs, for interpreters
source        expressions as Python files that need neither this tool nor each other
statements    expressions as lines of Python
writer        what the files of both libraries have in common
source_jax    files for JAX and Optax
source_torch  files for PyTorch
"""
