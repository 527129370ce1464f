"""Spaces in which several genotypes mean the same: one of them is evaluated, and the others take its outcome."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from automl_cli.core.decisions import Genotype
from automl_cli.core.spaces import SearchSpace
from automl_cli.jobs.run_checks import check_journal
from automl_cli.jobs.validation import check_file, files_in
from automl_cli.plugins import discovery
from automl_cli.reporting.runs import read_history
from automl_cli.reporting.summary import summarise
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.store.encoding import decode, line
from automl_cli.study.evaluation_cache import child_seed
from tests.store.lines import unsigned
from tests.study.worlds import Obedient, PowerCut, World, settings
from tests.tiny_space import SPACE

PAIRS = SearchSpace(
    msgspec.structs.replace(SPACE, name="pairs", canonical=lambda options, genotype: tuple(sorted(genotype))), {"layers": 2}
)
"""Pairs whose order does not matter: 6 of the 9 genotypes differ."""


def standing_for(genotype: Genotype) -> Genotype:
    return PAIRS.canonical(genotype)


def world_of(path: Path, **changed: Any) -> World:
    path.mkdir(exist_ok=True)
    world = World(path, settings(space=PAIRS.reference(), **{"trials": 30, **changed}))
    world.space = PAIRS
    return world


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The space is among those that are found."""
    found = {**discovery.plugins(), "pairs": PAIRS.plugin}
    monkeypatch.setattr(discovery, "plugins", lambda: found)
    for module in ("automl_cli.jobs.validation", "automl_cli.reporting.runs"):
        monkeypatch.setattr(f"{module}.plugins", lambda: found)


def test_the_record_of_the_space_says_that_it_knows_and_survives_json() -> None:
    reference = PAIRS.reference()
    assert reference.canonical
    assert decode(line(reference), type(reference), "reference") == reference
    assert b"canonical" not in line(SearchSpace(SPACE).reference())


def test_what_means_the_same_is_evaluated_once(tmp_path: Path) -> None:
    world, executor = world_of(tmp_path), Obedient()
    world.run(executor, standing_for=standing_for)
    submitted = [standing_for(task.genotype) for task in executor.submitted]
    assert len(submitted) == len(set(submitted)) <= 6
    assert {standing_for(genotype) for genotype in world.genotypes()} == set(submitted)
    asked = {record.trial: record for record in world.asked()}
    reused = [told for told in world.told() if told.reused is not None]
    assert any(asked[told.trial].genotype != asked[told.reused].genotype for told in reused)
    for told in reused:
        first = next(other for other in world.told() if other.trial == told.reused)
        assert told.outcome.measurement == first.outcome.measurement
        assert standing_for(asked[told.trial].genotype) == standing_for(asked[first.trial].genotype)


def test_seeds_of_what_means_the_same_agree(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    world.run(standing_for=standing_for)
    seeds: dict[Genotype, set[int]] = {}
    for asked in world.asked():
        seeds.setdefault(standing_for(asked.genotype), set()).add(asked.seed)
        assert asked.seed == child_seed(7, standing_for(asked.genotype), asked.stage, asked.epochs)
    assert all(len(same) == 1 for same in seeds.values())
    assert len(set.union(*seeds.values())) == len(seeds)


def test_replicates_of_what_means_the_same_are_counted_together(tmp_path: Path) -> None:
    world = world_of(tmp_path, reuse=False)
    world.run(standing_for=standing_for)
    seen: dict[Genotype, int] = {}
    for asked in world.asked():
        genotype = standing_for(asked.genotype)
        replicate = seen[genotype] = seen.get(genotype, -1) + 1
        assert asked.seed == child_seed(7, genotype, asked.stage, asked.epochs, replicate=replicate)


def test_the_best_are_retrained_once_each(tmp_path: Path) -> None:
    """Replicates of one genotype, in either order, take one place among the best."""
    world = world_of(tmp_path, reuse=False, retrain_top=4)
    winner = world.run(standing_for=standing_for)
    assert winner.retraining is not None
    genotypes = {asked.trial: asked.genotype for asked in world.asked() if asked.stage == "retrain"}
    assert len({standing_for(genotype) for genotype in genotypes.values()}) == 4


@pytest.mark.parametrize("cut_after", [0, 2, 4])
def test_killed_and_resumed_it_names_the_same_winner(cut_after: int, tmp_path: Path) -> None:
    calm, cut = world_of(tmp_path / "calm"), world_of(tmp_path / "cut")
    calm.run(standing_for=standing_for)
    with pytest.raises(PowerCut):
        cut.run(Obedient(cut_after=cut_after), standing_for=standing_for)
    cut.run(standing_for=standing_for)
    assert (cut.best, cut.asked()) == (calm.best, calm.asked())


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("reuse", [True, False])
def test_validate_accepts_such_a_run(reuse: bool, tmp_path: Path) -> None:
    world = world_of(tmp_path / "run", reuse=reuse, retrain_top=2)
    world.run(standing_for=standing_for)
    write_artifact(tmp_path / "run" / "study.json", artifact_of(world.config))
    (tmp_path / "run" / "best.json").write_bytes(world.best)
    verdicts = [check_file(file) for file in files_in(tmp_path / "run")]
    assert len(verdicts) == 3
    assert [(verdict.problem, verdict.unchecked) for verdict in verdicts] == [(None, None)] * 3


def test_validate_accepts_such_a_run_of_a_space_that_is_not_here(tmp_path: Path) -> None:
    world = world_of(tmp_path / "run")
    world.run(standing_for=standing_for)
    write_artifact(tmp_path / "run" / "study.json", artifact_of(world.config))
    assert check_journal(world.journal_file, world.config, None).records > 30


@pytest.mark.usefixtures("installed")
def test_an_outcome_of_another_genotype_is_found_all_the_same(tmp_path: Path) -> None:
    world = world_of(tmp_path / "run")
    world.run(standing_for=standing_for)
    write_artifact(tmp_path / "run" / "study.json", artifact_of(world.config))
    asked = {record.trial: standing_for(record.genotype) for record in world.asked()}
    told = next(record for record in world.told() if record.reused is not None)
    other = next(trial for trial, genotype in asked.items() if genotype != asked[told.trial])
    text = unsigned(world.journal_file.read_bytes()).decode()
    place = text.index(f'"trial":{told.trial},', text.index('"record":"told"'))
    world.journal_file.write_text(text[:place] + text[place:].replace(f'"reused":{told.reused}', f'"reused":{other}', 1))
    assert "has not this genotype and outcome" in str(check_file(world.journal_file).problem)


@pytest.mark.parametrize("reuse", [True, False])
def test_a_winner_of_a_space_that_is_not_here_passes_with_what_was_not_checked(reuse: bool, tmp_path: Path) -> None:
    world = world_of(tmp_path / "run", reuse=reuse, retrain_top=2)
    world.run(standing_for=standing_for)
    write_artifact(tmp_path / "run" / "study.json", artifact_of(world.config))
    (tmp_path / "run" / "best.json").write_bytes(world.best)
    verdict = check_file(tmp_path / "run" / "best.json")
    assert (verdict.problem, verdict.unchecked) == (None, "the genotype, since space 'pairs' is not among those found here")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("reuse", [True, False])
def test_a_report_lists_what_means_the_same_once(reuse: bool, tmp_path: Path) -> None:
    world = world_of(tmp_path / "run", reuse=reuse, retrain_top=2)
    winner = world.run(standing_for=standing_for)
    write_artifact(tmp_path / "run" / "study.json", artifact_of(world.config))
    found = summarise(read_history(tmp_path / "run"), top=9)
    top = [standing_for(trial.genotype) for trial in found.top]
    assert len(top) == len(set(top)) == 6
    assert found.best is not None
    assert (found.best.trial, found.retraining) == (winner.trial.number, winner.retraining)
