"""The Python of docs/functions-and-rules.md runs and computes what the page says."""

import re
import subprocess
import sys

from tests.conftest import ROOT


def test_the_python_of_the_page_about_functions_and_rules_runs() -> None:
    text = (ROOT / "docs" / "functions-and-rules.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    checks = """
assert abs(weights["w"]).max() < 0.1
assert layer(jnp.ones((2, 4, 4, 64))).shape == (2, 4, 4, 64)
assert abs(swish(jnp.ones(3)) - 0.7310586).max() < 1e-6
assert network(jnp.ones((2, 32, 32, 3)), train=False).shape == (2, 10)
"""
    done = subprocess.run([sys.executable, "-c", code + checks], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
