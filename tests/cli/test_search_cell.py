"""`automl search-cell` on a table: what is wrong with it is said before the first trial, and its figures reach the report."""

from itertools import product
from pathlib import Path

import pytest

from automl_cli.cli.app import run
from automl_cli.store.encoding import decode

FLAGS = ("search-cell", "--space", "nas-bench-201", "--evaluator", "table", "--strategy", "random", "--trials", "40")


def table(tmp_path: Path) -> Path:
    """A whole table, in which the score counts the edges with a 3 x 3 convolution and the test score is half of that."""
    path = tmp_path / "table.csv"
    rows = ("".join(map(str, genotype)) for genotype in product(range(5), repeat=6))
    path.write_text("ops,valid,test\n" + "".join(f"{row},{row.count('3') / 6},{row.count('3') / 12}\n" for row in rows))
    return path


def test_a_table_is_searched_and_reported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    given = ("--table", str(table(tmp_path)), "--reward-column", "valid", "--report-columns", "test", "--out", str(out))
    assert run([*FLAGS, *given]) == 0
    assert capfd.readouterr().out == f"{out / 'best.json'}\n"
    assert run(["report", str(out), "--json"]) == 0
    best = decode(capfd.readouterr().out.encode(), dict, "report")["runs"][0]["best"]
    assert best["metrics"]["test"] == pytest.approx(best["score"] / 2)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--table", "absent.csv", "--reward-column", "valid"), "no table at"),
        (("--table", "table.csv", "--reward-column", "vald"), "table.csv:1: unknown column 'vald'. Did you mean 'valid'?"),
        (("--table", "table.csv"), "--evaluator table needs --reward-column"),
        (("--table", "table.csv", "--evaluator", "image", "--reward-column", "valid"), "give --evaluator table --table FILE"),
    ],
)
def test_a_wrong_table_is_refused_before_the_run_directory_is_made(
    flags: tuple[str, ...], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table(tmp_path)
    assert run([*FLAGS, *flags, "--out", "run"]) == 2
    assert message in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


def test_flags_of_a_table_without_one_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["search-cell", "--table", "table.csv"]) == 2
    assert "--table is about a table; give --evaluator table with it" in capfd.readouterr().err
