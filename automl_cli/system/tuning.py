"""The switch by which a user leaves computing processes as Python and JAX have them."""

import os

SWITCH = "AUTOML_NO_PROCESS_TUNING"
"""An environment variable. If it is set, and not to 0, computing processes keep their threads, heap, caches and options."""


def tuning_is_off() -> bool:
    """Return whether the user switched the settings of computing processes off."""
    return os.environ.get(SWITCH, "") not in ("", "0")
