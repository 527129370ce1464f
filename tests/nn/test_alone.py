"""Every module of `nn` can be imported first: none depends on an earlier import of another."""

import subprocess
import sys

SCRIPT = """
import importlib, pathlib, sys
import automl_cli.nn

package = pathlib.Path(automl_cli.nn.__file__).parents[1]
files = sorted((package / "nn").rglob("*.py"))
names = [".".join(file.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__") for file in files]
for name in names:
    for loaded in [each for each in sys.modules if each.startswith("automl_cli")]:
        del sys.modules[loaded]
    importlib.import_module(name)
print(len(names))
"""


def test_every_module_can_be_imported_first():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 40
