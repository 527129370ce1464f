"""Disturb searches in forks of this process: `python -m tests.chaos.disturbances FOLDER TIMES`. Prints the counts as JSON.

`TIMES` says how much is disturbed: 1 is what the suite does, more is for a night; 0 is everything that there is.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.chaos.crash_points import PLOTS, Crashes
from tests.chaos.shortages import Shortages

STRIDE = 41
"""Every so many calls one is a crash, in the suite."""


def crashes(name: str, times: int) -> dict[str, int]:
    """Crash one plot in the working directory."""
    found = Crashes(name)
    found.at_every(max(1, STRIDE // times))
    return {"points": found.points, **found.counts}


def shortages(times: int) -> dict[str, int]:
    """Let a search lack something in the working directory."""
    found = Shortages()
    for lack in (found.full_disk, found.few_descriptors, found.no_home, found.jumping_clock, found.small_disk):
        lack(2 * times)
    return dict(found.counts)


def main() -> None:
    """Disturb everything, each in a folder of its own."""
    folder, times = Path(sys.argv[1]), int(sys.argv[2])
    parts: dict[str, Callable[[], dict[str, int]]] = {
        name: lambda name=name: crashes(name, times)  # type: ignore[misc]
        for name in PLOTS
    }
    counts: dict[str, object] = {}
    for name, part in {**parts, "shortages": lambda: shortages(times)}.items():
        (folder / name).mkdir()
        os.chdir(folder / name)
        try:
            counts[name] = part()
        except Exception:  # noqa: BLE001  the other parts are to be tried all the same
            counts[name] = traceback.format_exc()
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
