"""Search spaces: one file each, discovered by listing this package and never imported by name.

A file opens with a docstring (paper, decisions, size, "Differs from the paper: …"), then the decisions, a pure `decode` and
`SPACE = Plugin(...)`. It imports `automl_cli.core` and `automl_cli.values` only: what stands in a child is built by its kind.
"""
