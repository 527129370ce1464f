"""Trials as a table: CSV, Parquet, and the journal that optuna-dashboard opens."""

import csv
import importlib.util
import io
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from automl_cli.core.errors import UserError
from automl_cli.reporting import trial_table
from automl_cli.reporting.runs import read_history
from automl_cli.reporting.trial_table import columns_of, csv_bytes, parquet_bytes, trial_rows, write_trials
from tests.conftest import ROOT
from tests.reporting.runs import SPACE, write_run

SCORES = [0.5, None, 0.75, 0.75]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "first", SCORES, reused={3: 2}, metrics={"parameters": 12})


def needs(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"needs {package}, which is not here")


def test_rows_say_all_that_is_known_of_a_trial(run: Path) -> None:
    rows = trial_rows(read_history(run))
    assert [row.score for row in rows] == SCORES
    assert [row.trial for row in rows] == [0, 1, 2, 3]
    assert [row.reused for row in rows] == [None, None, None, 2]
    assert (rows[1].status, rows[1].message, rows[1].metrics) == ("diverged", "loss is nan", {})
    assert rows[2].choices == SPACE.decisions.choices_of(rows[2].genotype)
    assert rows[0].metrics == {"test": 1.0, "parameters": 12}


def test_csv_has_a_column_for_everything_and_numbers_stay_numbers(run: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_bytes(trial_rows(read_history(run))).decode(), newline="")))
    assert [row["score"] for row in rows] == ["0.5", "", "0.75", "0.75"]
    assert [row["metrics_parameters"] for row in rows] == ["12", "", "12", "12"]
    first = SPACE.decisions.decisions[0]
    assert {row[f"params_{first.name}"] for row in rows} <= set(map(str, first.choices))


def test_no_cell_of_csv_is_a_formula(run: Path) -> None:
    (first, *rest) = trial_rows(read_history(run))
    hostile = msgspec.structs.replace(first, run="=cmd()", message="@SUM(A1)", choices={"-x": "+1", "\ty": -1}, score=-0.5)
    cells = [cell for row in csv.reader(io.StringIO(csv_bytes([hostile, *rest]).decode(), newline="")) for cell in row]
    formulas = [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]
    assert sorted(formulas) == ["-0.5", "-1"]


def test_parquet_gives_back_what_csv_says(run: Path) -> None:
    needs("pyarrow")
    import pyarrow
    import pyarrow.parquet

    rows = trial_rows(read_history(run))
    table = pyarrow.parquet.read_table(pyarrow.BufferReader(parquet_bytes(rows))).to_pylist()
    columns = columns_of(row.flat() for row in rows)
    assert table == [{name: row.flat().get(name) for name in columns} for row in rows]


def test_columns_of_mixed_types_become_texts_in_parquet(run: Path) -> None:
    needs("pyarrow")
    import pyarrow
    import pyarrow.parquet

    first, second, *_ = trial_rows(read_history(run))
    mixed = [msgspec.structs.replace(first, choices={"a": 1}), msgspec.structs.replace(second, choices={"a": "none"})]
    table = pyarrow.parquet.read_table(pyarrow.BufferReader(parquet_bytes(mixed)))
    assert table["params_a"].to_pylist() == ["1", "none"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("trials.xlsx", r"its name must end in \.csv, \.parquet or, for optuna-dashboard, \.log"),
        ("folder.csv", "is a directory; name a file"),
        ("nowhere/trials.csv", "there is no folder .*nowhere"),
    ],
)
def test_files_that_cannot_be_written_are_refused(run: Path, tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match=problem):
        write_trials(tmp_path / name, [read_history(run)])


@pytest.mark.parametrize("name", ["thesis.csv", "thesis.parquet", "thesis.log", "empty.csv"])
def test_a_file_that_holds_something_else_stays(automl: Any, run: Path, tmp_path: Path, name: str) -> None:
    if name.endswith(".parquet"):
        needs("pyarrow")
    content = b"" if name == "empty.csv" else b"year,result\n2026,0.5\n"
    (tmp_path / name).write_bytes(content)
    refused = automl("report", run, "--trials", tmp_path / name)
    assert refused.code == 2
    assert "holds no trials that automl wrote, so it stays" in refused.stderr
    assert (tmp_path / name).read_bytes() == content


def test_a_study_of_optuna_that_is_not_ours_stays(run: Path, tmp_path: Path) -> None:
    needs("optuna")
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    place = tmp_path / "own.log"
    optuna.create_study(storage=JournalStorage(JournalFileBackend(str(place))), study_name="first").add_trials([])
    with pytest.raises(UserError, match="so it stays"):
        write_trials(place, [read_history(run)])


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.log"])
def test_trials_that_were_written_before_are_written_anew(run: Path, tmp_path: Path, name: str) -> None:
    if not name.endswith(".csv"):
        needs({".parquet": "pyarrow", ".log": "optuna"}[Path(name).suffix])
    none = write_run(tmp_path / "none", [], finished=False)
    for histories in ([read_history(none)], [read_history(run)], [read_history(none)]):
        write_trials(tmp_path / name, histories)


@pytest.mark.parametrize(("name", "package"), [("a.parquet", "pyarrow"), ("a.log", "optuna")])
def test_a_missing_extra_is_named(run: Path, tmp_path: Path, name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=r"needs another package: pip install 'automl-cli\[(parquet|optuna)\]'"):
        write_trials(tmp_path / name, [read_history(run)])
    assert not (tmp_path / name).exists()


def test_the_command_writes_the_trials_of_several_runs(automl: Any, run: Path, tmp_path: Path) -> None:
    other = write_run(tmp_path / "second", [0.25], seed=1)
    done = automl("report", run, other, "--trials", tmp_path / "all.csv")
    assert (done.code, done.stdout) == (0, f"{tmp_path / 'all.csv'}\n")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text(), newline="")))
    assert [row["run"] for row in rows] == ["first"] * 4 + ["second"]
    for more in (["all.xlsx"], ["all.csv", "--json"], ["all.csv", "--html"]):
        refused = automl("report", run, "--trials", *more)
        assert (refused.code, refused.stderr.count("\n")) == (2, 1)


def test_optuna_reads_decisions_values_states_and_times(run: Path, tmp_path: Path) -> None:
    needs("optuna")
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    place = write_trials(tmp_path / "study.log", [read_history(run)])
    assert write_trials(place, [read_history(run)]) == place
    storage = JournalStorage(JournalFileBackend(str(place), lock_obj=JournalFileOpenLock(str(place))))
    (study,) = optuna.get_all_study_summaries(storage=storage)
    loaded = optuna.load_study(study_name=study.study_name, storage=storage)
    rows = trial_rows(read_history(run))
    assert loaded.study_name == "first"
    assert [trial.value for trial in loaded.trials] == SCORES
    assert [trial.state.name for trial in loaded.trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert [trial.params for trial in loaded.trials] == [row.choices for row in rows]
    assert loaded.best_trial.number == 2
    assert loaded.trials[1].user_attrs["message"] == "loss is nan"
    assert [round(trial.duration.total_seconds(), 3) for trial in loaded.trials] == [row.seconds for row in rows]


def test_a_space_of_the_users_own_goes_by_its_indices(tmp_path: Path) -> None:
    needs("optuna")
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    space = msgspec.structs.replace(SPACE.reference(), file=str(ROOT / "somewhere.py"))
    history = read_history(write_run(tmp_path / "own", [0.5, 0.75], space=space))
    place = write_trials(tmp_path / "own.log", [history])
    storage = JournalStorage(JournalFileBackend(str(place), lock_obj=JournalFileOpenLock(str(place))))
    trials = optuna.load_study(study_name="own", storage=storage).trials
    assert [tuple(trial.params.values()) for trial in trials] == [row.genotype for row in trial_rows(history)]


def test_every_writer_has_an_ending_of_its_own() -> None:
    assert trial_table.OPTUNA not in trial_table.WRITERS
