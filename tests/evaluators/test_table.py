"""The table evaluator: every row comes back as it stands in the file, and a bad table is refused with its place."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from automl_cli.core.errors import DataError, UserError
from automl_cli.core.protocols import EvaluatorSetup, NoResult
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import EvaluatorSpec, Status, Task
from automl_cli.data.benchmark_table import table_digest
from automl_cli.evaluators.table import TableEvaluator
from automl_cli.executors.outcomes import attempt
from automl_cli.plugins.discovery import open_space, plugins
from automl_cli.study.proposals import FAILURES

SPACE = SearchSpace(plugins()["nas-bench-201"])
PUBLISHED = Path(__file__).parents[2] / ".." / "shared" / "data" / "tables" / "nasbench201.csv"
ROWS = ["ops,reward,test", "000000,0.5,0.4", "421211,0.75,0.7", "444444,0.25,0.3"]


def evaluator(path: Path, **settings: object) -> TableEvaluator:
    given = {
        "file": str(path),
        "digest": table_digest(str(path)),
        "encoding_column": "ops",
        "reward_column": "reward",
        "report_columns": ["test"],
    }
    return TableEvaluator(EvaluatorSetup(EvaluatorSpec("table", {**given, **settings}), SPACE.reference()))


def table(tmp_path: Path, lines: list[str]) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def task(genotype: tuple[int, ...]) -> Task:
    return Task(trial=0, genotype=genotype, seed=0, epochs=1)


def test_a_row_comes_back_as_score_and_metrics(tmp_path: Path) -> None:
    measurement = evaluator(table(tmp_path, ROWS)).evaluate(task((4, 2, 1, 2, 1, 1)))
    assert (measurement.scores, measurement.metrics) == ((0.75,), {"test": 0.7})


def test_separated_encodings_mean_the_same_as_digits(tmp_path: Path) -> None:
    separated = [row.replace("421211", "4-2-1-2-1-1") for row in ROWS]
    assert evaluator(table(tmp_path, separated)).table.rows == evaluator(table(tmp_path, ROWS)).table.rows


def test_npz_and_csv_give_the_same_table(tmp_path: Path) -> None:
    path = tmp_path / "table.npz"
    codes = np.array([[0] * 6, [4, 2, 1, 2, 1, 1], [4] * 6])
    np.savez(path, ops=codes, reward=np.array([0.5, 0.75, 0.25]), test=np.array([0.4, 0.7, 0.3]))
    ours, theirs = evaluator(path).table, evaluator(table(tmp_path, ROWS)).table
    assert ours.rows == theirs.rows
    assert np.array_equal(ours.values, theirs.values)


def test_a_genotype_without_a_row_has_no_score_for_the_reason_that_it_has_none(tmp_path: Path) -> None:
    with pytest.raises(NoResult, match=r"table\.csv has 3 rows and none of this genotype; add what is missing") as told:
        evaluator(table(tmp_path, ROWS)).evaluate(task((1, 0, 0, 0, 0, 0)))
    assert told.value.reason == "not in the table"


def test_a_trial_without_a_row_is_counted_by_its_reason_and_never_ends_the_search(tmp_path: Path) -> None:
    outcome = attempt(evaluator(table(tmp_path, ROWS)), task((1, 0, 0, 0, 0, 0)), "w")
    assert (outcome.status, outcome.ending) == (Status.DIVERGED, "not in the table")
    assert outcome.status not in FAILURES
    assert "1, 0" not in outcome.message, "the same for every genotype, so that reasons add up"


def test_a_default_column_that_is_not_there_is_said_to_be_the_default(tmp_path: Path) -> None:
    path = table(tmp_path, [row.replace("ops", "arch") for row in ROWS])
    with pytest.raises(DataError, match=r"'ops' is the default of --encoding-column; name another column with that flag"):
        evaluator(path)
    with pytest.raises(DataError) as told:
        evaluator(path, encoding_column="opps")
    assert "is the default" not in str(told.value)


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (0, "ops,rewrd,test", r"table\.csv:1: unknown column 'reward'\. Did you mean 'rewrd'\?"),
        (2, "000000,0.75,0.7", r"table\.csv:3, column 'ops': encoding '000000' stands twice"),
        (3, "444444,nan,0.3", r"table\.csv:4, column 'reward': 'nan' is not a finite number"),
        (3, "444444,high,0.3", r"table\.csv:4, column 'reward': 'high' is not a number"),
        (1, "900000,0.5,0.4", r"table\.csv:2, column 'ops': encoding '900000' is not of this space: .*indices 0 to 4, not 9"),
        (1, "00,0.5,0.4", r"table\.csv:2, column 'ops': encoding '00' .* has 6 decisions"),
        (1, "42121,0.5,0.4", r"encoding '42121' is not of this space: 5 indices where the space has 6 decisions"),
        (1, "4212111,0.5,0.4", r"encoding '4212111' is not of this space: 7 indices where the space has 6 decisions"),
        (1, "4-2,0.5,0.4", r"encoding '4-2' is not of this space: 2 indices where the space has 6 decisions"),
        (1, "x,0.5,0.4", r"encoding 'x' is not of this space: 0 indices where the space has 6 decisions"),
        (2, "421211,0.75", r"table\.csv:3: 2 cells where the header has 3"),
        (0, "ops;reward;test", r"table\.csv:1: semicolons separate the columns; write the table with commas"),
        (0, "ops\treward\ttest", r"table\.csv:1: tabs separate the columns; write the table with commas"),
        (0, "ops,reward,reward", r"table\.csv:1: two columns are named 'reward'; names must differ"),
    ],
)
def test_a_bad_table_is_refused_with_file_line_and_column(tmp_path: Path, line: int, text: str, message: str) -> None:
    lines = list(ROWS)
    lines[line] = text
    with pytest.raises(DataError, match=message):
        evaluator(table(tmp_path, lines))


def test_no_file_and_no_rows_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no table at"):
        evaluator(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="a header and no rows"):
        evaluator(table(tmp_path, ROWS[:1]))


@pytest.mark.parametrize("data", [b"\xff\xfe", b"ops,reward,test\n421211,0.5,0.4 \xe9\n", bytes(range(256))])
def test_what_is_no_text_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"table\.csv(:1| is no text in UTF-8 \(.*\); --table takes a \.csv or \.npz file)"):
        evaluator(path)


def test_an_empty_file_and_a_broken_archive_are_said(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match=r"empty\.csv is empty; a table has a header and a row for every genotype"):
        evaluator(tmp_path / "empty.csv")
    np.savez(tmp_path / "table.npz", ops=np.zeros((1, 6), int), reward=np.ones(1), test=np.ones(1))
    (tmp_path / "table.npz").write_bytes((tmp_path / "table.npz").read_bytes()[:300])
    with pytest.raises(DataError, match=r"table\.npz is not a readable \.npz"):
        evaluator(tmp_path / "table.npz")


def test_spaces_around_cells_a_mark_of_byte_order_and_empty_lines_mean_nothing(tmp_path: Path) -> None:
    spaced = ["\ufeffops, reward , test", *(row.replace(",", " , ") for row in ROWS[1:]), ""]
    ours, theirs = evaluator(table(tmp_path, spaced)).table, evaluator(table(tmp_path, ROWS)).table
    assert ours.rows == theirs.rows
    assert np.array_equal(ours.values, theirs.values)


def test_a_column_of_whole_numbers_stays_one(tmp_path: Path) -> None:
    rows = ["ops,reward,test,params", "000000,1,0.4,802426", "421211,0,0.7,3", "444444,1,2.0,7"]
    measurement = evaluator(table(tmp_path, rows), cost_columns=["params"]).evaluate(task((0,) * 6))
    assert str(measurement.metrics) == "{'test': 0.4, 'params': 802426}"
    assert str(measurement.scores) == "(1.0,)"


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published NAS-Bench-201 table is not here (../shared/data/tables)")
def test_the_published_table_covers_the_space() -> None:
    found = evaluator(PUBLISHED, reward_column="c10_val_e12", report_columns=["c10_test_e200"], cost_columns=["params"])
    assert len(found.table.rows) == SPACE.size == 15_625
    best = max(found.table.rows, key=lambda genotype: found.evaluate(task(genotype)).metrics["c10_test_e200"])
    assert found.evaluate(task(best)).metrics["c10_test_e200"] == pytest.approx(94.373, abs=5e-4)
    assert open_space(SPACE.reference()).decode(best).text.count("~") == 6


def test_a_table_that_has_changed_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, ROWS)
    before = table_digest(str(path))
    path.write_text(path.read_text().replace("0.75", "0.76"))
    with pytest.raises(DataError, match=r"table\.csv is not the table that this search was started with"):
        evaluator(path, digest=before)


THREE = ["ops,a,b,c", "000000,0.5,0.6,0.7", "421211,0.75,0.8,0.85", "444444,0.25,0.3,0.35"]
TRAININGS = {"reward_column": None, "reward_columns": ["a", "b", "c"], "report_columns": []}


def test_the_score_is_one_of_several_trainings_by_the_seed_and_their_mean_is_the_true_score(tmp_path: Path) -> None:
    made = evaluator(table(tmp_path, THREE), **TRAININGS)
    found = [made.evaluate(msgspec.structs.replace(task((4, 2, 1, 2, 1, 1)), seed=seed)) for seed in range(60)]
    scores = [measurement.scores[0] for measurement in found]
    assert set(scores) == {0.75, 0.8, 0.85}
    assert all(12 <= scores.count(score) <= 30 for score in set(scores))  # of 20 each, by these seeds
    assert all(measurement.metrics["true_score"] == pytest.approx(0.8) for measurement in found)
    again = evaluator(table(tmp_path, THREE), **TRAININGS)
    assert again.evaluate(task((0,) * 6)) == made.evaluate(task((0,) * 6))


def test_noise_has_its_deviation_and_leaves_the_true_score(tmp_path: Path) -> None:
    made = evaluator(table(tmp_path, ROWS), noise=0.1)
    found = [made.evaluate(msgspec.structs.replace(task((0,) * 6), seed=seed)) for seed in range(400)]
    assert {measurement.metrics["true_score"] for measurement in found} == {0.5}
    scores = np.array([measurement.scores[0] for measurement in found])
    assert abs(scores.mean() - 0.5) < 0.02  # four standard errors
    assert abs(scores.std() - 0.1) < 0.015


def test_a_column_named_as_the_true_score_is_refused_beside_noise(tmp_path: Path) -> None:
    lines = [row.replace("test", "true_score") for row in ROWS]
    with pytest.raises(UserError, match="'true_score' is the mean of the scores without noise"):
        evaluator(table(tmp_path, lines), noise=0.1, report_columns=["true_score"])
    assert evaluator(table(tmp_path, lines), report_columns=["true_score"]).evaluate(task((0,) * 6)).metrics == {
        "true_score": 0.4
    }


def test_noise_beyond_every_score_is_refused(automl: Any, tmp_path: Path) -> None:
    said = ("--evaluator", "table", "--table", table(tmp_path, ROWS), "--reward-column", "reward", "--noise", "1e308")
    done = automl("search-arch", "--space", "nas-bench-201", "--out", tmp_path / "run", *said)
    assert (done.code, done.stderr.count("\n")) == (2, 1)
    assert "--noise" in done.stderr
    assert "1e+06" in done.stderr or "1,000,000" in done.stderr or "1000000" in done.stderr
    with pytest.raises((UserError, msgspec.ValidationError)):
        evaluator(table(tmp_path, ROWS), noise=1e308)
