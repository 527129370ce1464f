"""Everything that CI checks: `python tests/check.py`, or only the steps named: `python tests/check.py ruff mypy`."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent

STEPS: dict[str, list[str]] = {
    "ruff": ["-m", "ruff", "check", "."],
    "format": ["-m", "ruff", "format", "--check", "--diff", "."],
    "imports": ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
    "mypy": ["-m", "mypy"],
    "pytest": ["-m", "pytest", "-q", "-n", "2", "--durations=15"],
}


def main(names: list[str]) -> int:
    """Run the steps in order, all of them even when one fails; the exit code is the number of failed ones."""
    if unknown := [name for name in names if name not in STEPS]:
        print(f"no step {unknown[0]!r}; there are: {', '.join(STEPS)}", file=sys.stderr)
        return 2
    failed = [name for name in names or STEPS if not _passes(name)]
    print(f"\n{'failed: ' + ', '.join(failed) if failed else 'all checks pass'}", flush=True)
    return len(failed)


def _passes(name: str) -> bool:
    print(f"\n=== {name}: python {' '.join(STEPS[name])}", flush=True)
    start = time.monotonic()
    code = subprocess.run([sys.executable, *STEPS[name]], cwd=ROOT).returncode
    print(f"=== {name}: {'ok' if code == 0 else f'FAILED ({code})'} after {time.monotonic() - start:.0f} s", flush=True)
    return code == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
