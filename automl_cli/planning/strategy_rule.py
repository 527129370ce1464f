"""placeholder"""

from automl_cli.core.spaces import SearchSpace

AUTO = "auto"


def chosen(space: SearchSpace, *, trials: int) -> tuple[str, str]:
    """Return the strategy and why."""
    return "surrogate", f"{trials}"
