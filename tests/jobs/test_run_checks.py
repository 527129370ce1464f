"""`validate` of a run directory: a run as it was written is sound, and whatever is changed by hand is found, with its place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.core.errors import ArtifactError
from automl_cli.core.trials import Stage
from automl_cli.jobs.run_checks import check_journal
from automl_cli.jobs.validation import check_file, files_in
from automl_cli.kinds.architecture import ArchitectureBody
from automl_cli.store.artifact import artifact_of, read_artifact, write_artifact
from automl_cli.store.encoding import document, line, parse, plain
from automl_cli.store.journal import Asked, Told, read_records
from automl_cli.store.study import StudySettings
from tests.reporting.runs import write_run
from tests.store.lines import unsigned
from tests.study.worlds import Obedient, PowerCut, World, digits_child, settings, space

Change = Callable[[list[dict[str, Any]]], object]


def ran(path: Path, **changed: Any) -> Path:
    """The directory of a finished search of the tiny space, with a retraining."""
    path.mkdir(exist_ok=True)
    world = World(path, settings(**{"layers": 2, "retrain_top": 3, **changed}))
    world.run()
    write_artifact(path / "study.json", artifact_of(world.config))
    (path / "best.json").write_bytes(world.best)
    return path


def problems(path: Path) -> list[str]:
    return [verdict.problem for file in files_in(path) if (verdict := check_file(file)).problem is not None]


def with_lines(path: Path, change: Change) -> Path:
    """The run with records of its journal changed by somebody who leaves their checksums out."""
    journal = path / "journal.jsonl"
    records = [parse(text, "journal") for text in unsigned(journal.read_bytes()).splitlines()]
    change(records)
    journal.write_bytes(b"".join(map(line, records)))
    return path


def with_fields(file: Path, **fields: Any) -> Path:
    """The artifact with fields of its body changed."""
    found = parse(file.read_bytes(), "file")
    found["body"].update(fields)
    file.write_bytes(document(found))
    return file


def at(records: list[dict[str, Any]], kind: str, stage: Stage = Stage.SEARCH, which: int = 0) -> int:
    """Where the first record of this kind and stage stands, or a later one."""
    return [place for place, one in enumerate(records) if (one["record"], one.get("stage")) == (kind, stage)][which]


@pytest.mark.parametrize("reuse", [True, False])
@pytest.mark.parametrize("retrain_top", [0, 3])
def test_a_run_as_it_was_written_is_sound(tmp_path: Path, reuse: bool, retrain_top: int) -> None:
    path = ran(tmp_path / "run", reuse=reuse, retrain_top=retrain_top, trials=30)
    assert (
        any(isinstance(record, Told) and record.reused is not None for record in read_records(path / "journal.jsonl")) == reuse
    )
    assert problems(path) == []


@given(cut=st.integers(0, 32), seed=st.integers(0, 3))
def test_a_run_that_was_cut_anywhere_is_sound_and_so_it_is_when_it_was_resumed(
    tmp_path_factory: pytest.TempPathFactory, cut: int, seed: int
) -> None:
    path = tmp_path_factory.mktemp("run")
    world = World(path, settings(seed=seed, trials=30, retrain_top=2))
    write_artifact(path / "study.json", artifact_of(world.config))
    try:
        world.run(Obedient(cut_after=cut))
    except PowerCut:
        (path / "best.json").write_bytes(world.best) if world.best else None
        assert problems(path) == []
        world.run()
    (path / "best.json").write_bytes(world.best)
    assert problems(path) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda r: r.insert(2, r[at(r, "asked")]), ":3: trial 0 of the search was asked before"),
        (lambda r: r.pop(at(r, "asked")), ":2: trial 1 was asked where trial 0 comes next"),
        (lambda r: r.append(r[at(r, "told")]), "trial 0 of the search was told before"),
        (lambda r: r.pop(at(r, "told", Stage.RETRAIN)), "the study finished, but trial"),
        (lambda r: r[at(r, "asked")].update(epochs=9), ":2: epochs: says 9, but study.json makes it 3"),
        (lambda r: r[at(r, "asked")].update(seed=9), ":2: seed: says 9, but the root seed 7 in study.json makes it "),
        (lambda r: r[at(r, "asked", Stage.RETRAIN)].update(seed=9), ": seed: says 9, but the root seed 7 in study.json makes"),
        (lambda r: r[at(r, "asked", Stage.RETRAIN)].update(genotype=[0, 0]), "is trained again, but has no score with this"),
    ],
)
def test_a_journal_changed_by_hand_is_named_with_the_line(tmp_path: Path, change: Change, problem: str) -> None:
    path = with_lines(ran(tmp_path / "run"), change)
    (found,) = problems(path)
    assert found.startswith(f"{path / 'journal.jsonl'}:")
    assert problem in found


@pytest.mark.parametrize(
    ("genotype", "problem"),
    [
        ([7, 0], "genotype: decision 'filters_0' has indices 0 to 2, not 7"),
        ([1], "indices of the genotype: says 1, but the space makes it 2"),
        ([0, 0, 0], "genotype: a genotype of this space has 1 to 2 indices, not 3"),
    ],
)
def test_a_genotype_must_be_of_the_space_and_as_long_as_the_trial_wants(
    tmp_path: Path, genotype: list[int], problem: str
) -> None:
    path = with_lines(ran(tmp_path / "run"), lambda r: r[at(r, "asked")].update(genotype=genotype))
    with pytest.raises(ArtifactError) as refused:
        check_journal(path / "journal.jsonl", settings(retrain_top=3), space(2))
    assert str(refused.value) == f"{path / 'journal.jsonl'}:2: {problem}"


def test_a_reused_outcome_must_be_that_of_the_earlier_trial(tmp_path: Path) -> None:
    def change(records: list[dict[str, Any]]) -> None:
        reused = next(record for record in records if record.get("reused") is not None)
        reused["outcome"]["measurement"]["scores"] = [0.1, 0.1, 0.1]

    (found,) = problems(with_lines(ran(tmp_path / "run", trials=30), change))
    assert "has not this genotype and outcome" in found


def test_trained_children_have_a_score_for_every_epoch(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [0.5])
    study = read_artifact(path / "study.json", StudySettings).body
    assert problems(path) == []
    with_fields(path / "study.json", child=plain(digits_child()))
    (found,) = problems(path)
    assert f":3: number of scores: says 1, but one for each epoch makes it {study.epochs}" in found


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"trials": 5}, "journal.jsonl:10: trial 5 was asked, but study.json has only 5 trials"),
        ({"seed": 8}, "the root seed 8 in study.json makes it"),
        ({"epochs": 4}, "epochs: says 3, but study.json makes it 4"),
        ({"reuse": False}, "seed: says "),
    ],
)
def test_settings_changed_by_hand_are_found_by_the_journal(tmp_path: Path, fields: dict[str, Any], problem: str) -> None:
    path = ran(tmp_path / "run")
    with_fields(path / "study.json", **fields)
    assert any(problem in found for found in problems(path)), problems(path)


@pytest.mark.parametrize("retrain_top", [0, 3])
def test_the_best_of_another_run_is_not_the_best_of_this_one(tmp_path: Path, retrain_top: int) -> None:
    path = ran(tmp_path / "run", retrain_top=retrain_top)
    best = read_artifact(path / "best.json", ArchitectureBody).body
    assert best.found is not None
    other = ran(tmp_path / "other", retrain_top=retrain_top, trials=best.found.trial or 1)
    (path / "best.json").write_bytes((other / "best.json").read_bytes())
    (found,) = problems(path)
    assert found.startswith(f"{path / 'best.json'}: body.found.")
    assert "but the journal with study.json makes it" in found


def test_a_winner_without_a_trial_with_a_score_is_refused(tmp_path: Path) -> None:
    path = ran(tmp_path / "run")
    (path / "journal.jsonl").write_bytes(b"")
    (found,) = problems(path)
    assert found.endswith("is named the best, but no trial of the journal has a score")


def test_a_journal_beside_no_study_is_checked_for_its_order_and_that_is_said(tmp_path: Path) -> None:
    path = ran(tmp_path / "run")
    (path / "study.json").unlink()
    verdict = check_file(path / "journal.jsonl")
    assert (verdict.problem, verdict.unchecked) == (None, "what study.json says, which is not there")
    with_lines(path, lambda records: records.pop(at(records, "asked")))
    assert "where trial 0 comes next" in str(check_file(path / "journal.jsonl").problem)


def test_a_journal_that_was_lost_is_a_problem_and_one_that_was_not_begun_is_said(tmp_path: Path) -> None:
    path = ran(tmp_path / "run")
    (path / "journal.jsonl").unlink()
    (found,) = problems(path)
    assert found == (
        f"{path}/journal.jsonl: no such file, though best.json is the outcome of it; bring it back from a copy, or search again"
    )
    (path / "best.json").unlink()
    assert problems(path) == []
    (verdict,) = [verdict for file in files_in(path) if (verdict := check_file(file)).holds is None]
    assert (verdict.file, verdict.unchecked) == (f"{path}/journal.jsonl", "there is no journal yet, so no trial was started")


def test_every_record_is_counted(tmp_path: Path) -> None:
    path = ran(tmp_path / "run")
    course = check_journal(path / "journal.jsonl", settings(retrain_top=3), None)
    records = list(read_records(path / "journal.jsonl"))
    assert course.records == len(records)
    assert len(course.ledger.trials) == sum(isinstance(record, Asked) for record in records)


def test_repeats_are_checked_in_the_order_of_their_seeds(tmp_path: Path) -> None:
    for seed in (10, 2, 100):
        write_run(tmp_path / f"seed-{seed}", [0.5], seed=seed)
    assert list(dict.fromkeys(file.parent.name for file in files_in(tmp_path))) == ["seed-2", "seed-10", "seed-100"]
