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
        (
            ("--table", "table.csv", "--reward-column", "valid", "--reward-columns", "valid,test"),
            "--reward-column and --reward-columns both say what is searched for",
        ),
        (("--table", "table.csv", "--evaluator", "trained"), "--table is about a table; give --evaluator table with it"),
        (("--evaluator", "trained"), "give --evaluator table --table FILE"),
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


PAPER = ("search-cell", "--preset", "paper", "--strategy", "random")


def test_the_plan_of_the_paper_is_stated_without_its_data(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([*PAPER, "--data-dir", "tfds", "--dry-run"]) == 0
    out = capfd.readouterr().out
    for text in (
        "20,000 trials, 20 epochs each",
        "500 in flight",
        "data set       cifar10",
        "repeats=2, filters=32",
        "2,000 GPU-days",
    ):
        assert text in out
    assert run([*PAPER, "--data-dir", "tfds", "--dry-run", "--json"]) == 0
    plan = decode(capfd.readouterr().out.encode(), dict, "plan")
    assert (plan["dataset"], plan["trials"], plan["epochs"]) == ("cifar10", 20_000, 20)
    assert not list(tmp_path.iterdir())


def test_the_search_of_the_paper_needs_its_data_and_says_how_to_get_them(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run([*PAPER, "--data-dir", str(tmp_path / "tfds"), "--out", str(tmp_path / "run")]) == 2
    err = capfd.readouterr().err
    assert f"cifar10 is not prepared under {tmp_path / 'tfds'}" in err
    assert "tfds build cifar10" in err
    assert not (tmp_path / "run").exists()


def test_flags_of_a_table_without_one_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["search-cell", "--table", "table.csv"]) == 2
    assert "--table is about a table; give --evaluator table with it" in capfd.readouterr().err


@pytest.mark.parametrize("flag", ["--dataset", "--train-examples", "--metric", "--max-parameters"])
def test_flags_of_trained_networks_are_refused_with_a_table(
    flag: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    value = {"--dataset": "digits", "--metric": "accuracy"}.get(flag, "3")
    assert run([*FLAGS, "--table", str(table(tmp_path)), "--reward-column", "valid", flag, value]) == 2
    assert f"{flag} is about networks that are trained, and --evaluator table trains none" in capfd.readouterr().err


def test_that_nothing_is_made_by_hand_may_be_said_with_a_table(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    given = [*FLAGS, "--table", str(table(tmp_path)), "--reward-column", "valid", "--dry-run"]
    assert run([*given, "--no-baseline"]) == 0
    assert run([*given, "--baseline"]) == 2
    assert "--baseline is about networks that are trained" in capfd.readouterr().err


@pytest.mark.parametrize("flag", ["--epochs", "--retrain-top"])
def test_flags_that_mean_nothing_to_a_table_are_refused(flag: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run([*FLAGS, "--table", str(table(tmp_path)), "--reward-column", "valid", flag, "3"]) == 2
    assert f"{flag} means nothing to --evaluator table; leave it out" in capfd.readouterr().err


def test_a_run_on_a_table_resumes_with_its_own_flags_and_with_no_others(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    of_table = ("--table", str(table(tmp_path)), "--reward-column", "valid")
    given = (*of_table, "--strategy-option", "constants=paper", "--out", str(tmp_path / "r"))
    flags = [flag if flag != "random" else "evolution" for flag in FLAGS]
    assert run([*flags, *given]) == 0
    assert run([*flags, *given, "--resume"]) == 0
    assert run([*flags, *given, "--encoding-column", "ops", "--resume"]) == 0
    capfd.readouterr()
    for changed in (("--reward-column", "test"), ("--report-columns", "test"), ("--table", "elsewhere.csv")):
        assert run([*flags, *given, *changed, "--resume"]) == 2
        assert f"{changed[0]} {changed[1]} is not what this run was started with" in capfd.readouterr().err
    assert run(["search-arch", "--out", str(tmp_path / "r"), "--resume"]) == 2
    assert "this is a run of search-cell; continue it with `automl search-cell --out RUN --resume`" in capfd.readouterr().err


def test_a_table_that_has_changed_or_gone_is_said_before_a_trial_is_resumed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, out = table(tmp_path), tmp_path / "run"
    assert run([*FLAGS, "--table", str(path), "--reward-column", "valid", "--out", str(out)]) == 0
    before = (out / "journal.jsonl").read_bytes()
    path.write_text(path.read_text().replace("000000,0.0", "000000,1.0"))
    capfd.readouterr()
    for message in ("is not the table that this search was started with", "no table at"):
        assert run(["search-cell", "--out", str(out), "--resume", "--trials", "50"]) == 2
        assert message in capfd.readouterr().err
        path.unlink(missing_ok=True)
    assert (out / "journal.jsonl").read_bytes() == before


def test_evolution_starts_from_a_winner_and_from_a_published_cell(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    of_table = ("--table", str(table(tmp_path)), "--reward-column", "valid")
    assert run([*FLAGS, *of_table, "--out", str(tmp_path / "first")]) == 0
    winner = decode((tmp_path / "first" / "best.json").read_bytes(), dict, "best")["body"]["found"]["genotype"]
    flags = [flag if flag != "random" else "evolution" for flag in FLAGS]
    given = (*of_table, "--start-from", str(tmp_path / "first"), "--out", str(tmp_path / "second"))
    assert run([*flags, *given]) == 0
    journal = (tmp_path / "second" / "journal.jsonl").read_bytes().splitlines()
    told = [record for line in journal if (record := decode(line, dict, "journal"))["record"] == "taken-over"]
    assert winner in [record["genotype"] for record in told]
    assert run([*flags, *given, "--resume"]) == 0
    small = ("--evaluator", "analytic", "--space-option", "variant=sp-i", "--trials", "2", "--strategy", "evolution")
    assert run(["search-cell", *small, "--start-from", "amoebanet-a", "--out", str(tmp_path / "third")]) == 0
    capfd.readouterr()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--strategy", "random", "--space-option", "variant=sp-i", "--start-from", "amoebanet-a"),
            "--start-from is for strategy evolution",
        ),
        (("--start-from", "nasnet-a"), "puts out other states than the unread ones"),
        (("--start-from", "nasnet-b"), "unknown artifact 'nasnet-b'. Did you mean 'nasnet-a'?"),
        (("--space", "nas-bench-201", "--start-from", "nasnet-a"), "is not of space 'nas-bench-201'"),
    ],
)
def test_what_a_search_cannot_start_from_is_refused(
    flags: tuple[str, ...], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["search-cell", "--evaluator", "analytic", "--strategy", "evolution", "--out", str(tmp_path / "run")]
    assert run([*command, *flags]) == 2
    assert message in capfd.readouterr().err
    assert not (tmp_path / "run").exists()
