"""Search spaces: one file each, discovered by listing this package and never imported by name.

A file opens with a docstring (paper, decisions, size, "Differs from the paper: …"), then the decisions, a pure `decode`,
`build` (the only place that may import JAX, inside the function) and `SPACE = Plugin(...)`. It imports `automl_cli.core` only,
and `automl_cli.nn` and `automl_cli.children` inside `build`.
"""
