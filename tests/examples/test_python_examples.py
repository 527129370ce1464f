"""The examples of the Python API run as they stand: the script, and the cells of the notebook in order."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tables import ROOT

EXAMPLES = ROOT / "examples" / "python"
NOTEBOOK = EXAMPLES / "own_evaluator.ipynb"

CELLS = """
import json, linecache, sys
cells = [cell for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
names = {"__name__": "__main__"}
for number, cell in enumerate(cells):
    text, place = "".join(cell["source"]), f"<cell {number}>"
    linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
    exec(compile(text, place, "exec"), names)
print(json.dumps({"score": names["found"].score, "html": names["found"]._repr_html_()}))
"""
"""Runs the cells of a notebook without a kernel. Functions have their source, as in a notebook."""


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def run(*arguments: object, folder: Path) -> str:
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_script_searches_trains_and_exports(tmp_path: Path) -> None:
    lines = run(EXAMPLES / "own_data.py", tmp_path / "own", folder=tmp_path).splitlines()
    assert [line.startswith("trial ") for line in lines[:3]] == [True] * 3
    assert lines[3].startswith("test accuracy ")
    assert "import torch" in Path(lines[4]).read_text()
    study = json.loads((tmp_path / "own" / "search" / "study.json").read_text())["body"]
    assert study["evaluator"]["settings"]["file"] == str(EXAMPLES / "separability.py")
    assert study["executor"] == "local"


def test_the_cells_of_the_notebook_run_in_order(tmp_path: Path) -> None:
    found = json.loads(run("-c", CELLS, NOTEBOOK, folder=tmp_path).splitlines()[-1])
    assert found["score"] > 0.8
    assert "<th>winner</th>" in found["html"]
    study = json.loads((tmp_path / "runs" / "random-features" / "study.json").read_text())["body"]
    assert (study["executor"], study["evaluator"]["settings"]["file"]) == ("serial", None)
    assert "torch.nn" in (tmp_path / "runs" / "random-features" / "export" / "activation.py").read_text()
    assert (tmp_path / "runs" / "with-it" / "model.json").is_file()


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [(cell["outputs"], cell["execution_count"]) for cell in cells] == [([], None)] * len(cells)


def test_the_notebook_runs_in_a_kernel_and_shows_bars_and_results(tmp_path: Path) -> None:
    if importlib.util.find_spec("nbclient") is None or importlib.util.find_spec("ipykernel") is None:
        pytest.skip("needs nbclient and ipykernel, which are not here")
    import nbclient
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), *sys.path)))
        nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    html = "".join("".join(output["data"].get("text/html", "")) for output in outputs)
    assert '<progress value="1.0000" max="1">' in html
    assert "trial 8/8" in html
    assert "<th>winner</th>" in html
    assert "<th>test accuracy</th>" in html
