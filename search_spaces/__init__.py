"""Search spaces: one file each, discovered by listing this folder and never imported by name.

A file opens with a docstring (paper, decisions, size, "Differs from the paper: …"), then come the decisions, a pure `decode`
and `SPACE = Plugin(...)`. It imports `automl_cli.core` and `automl_cli.values` only.
"""
