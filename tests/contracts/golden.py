"""Golden files: what must not change without a new version. A missing file fails; `make golden` writes them."""

import json
import os
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "golden"
WRITE = os.environ.get("AUTOML_WRITE_GOLDEN") == "1"


def check(name: str, found: Any) -> None:
    """Compare with the golden file of this name, whole."""
    path = FOLDER / f"{name}.json"
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if WRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path.name} is missing; if {name} is new, or new in this version, write it with: make golden"
    golden = path.read_text(encoding="utf-8")
    assert text == golden, (
        f"{name} changed under the same version: give it a new version, then write its golden file with: make golden"
    )
