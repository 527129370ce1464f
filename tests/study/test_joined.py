"""`best.json` joins the values of the best trials: which ones, after a kill or a retraining, and what `validate` says of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Outcome, Stage, Status, Task, Trial
from automl_cli.jobs.validation import check_file, files_in
from automl_cli.kinds.augmentation_policy import JOINED_TRIALS, AugmentationPolicyBody
from automl_cli.plugins.discovery import plugins
from automl_cli.store.artifact import artifact_of, read_artifact, write_artifact
from automl_cli.store.encoding import document, parse
from automl_cli.store.ledger import read_trials
from automl_cli.store.study import StudySettings
from automl_cli.values.policy import SubPolicies
from automl_cli.values.policy_words import sub_policy_words
from tests.study import worlds
from tests.study.worlds import Obedient, PowerCut, World, value

SPACE = SearchSpace(plugins()["autoaugment"], {"operations": "Invert,Rotate", "sub_policies": 2})


def settings(**changed: Any) -> StudySettings:
    return worlds.settings(command="search-augment", space=SPACE.reference(), **changed)


def world(path: Path, **changed: Any) -> World:
    return World(path, settings(**changed), search_space=SPACE)


def body_of(best: bytes, path: Path) -> AugmentationPolicyBody:
    file = path / "read.json"
    file.write_bytes(best)
    body = read_artifact(file, AugmentationPolicyBody).body
    file.unlink()
    return body


def ranked(trials: list[Trial], stage: Stage = Stage.SEARCH) -> list[Trial]:
    """By score, the best first, equal ones by number, each meaning once: worked out anew."""
    found: dict[Any, Trial] = {}
    scored = [trial for trial in trials if trial.task.stage is stage and trial.outcome.measurement is not None]
    for trial in sorted(scored, key=lambda one: (-max(one.outcome.measurement.scores[-5:]), one.number)):
        found.setdefault(SPACE.canonical(trial.task.genotype), trial)
    return list(found.values())


def test_the_five_best_distinct_trials_are_joined_in_their_order(tmp_path: Path) -> None:
    study = world(tmp_path, trials=30)
    study.run()
    best = ranked(list(read_trials(study.journal_file)))[:JOINED_TRIALS]
    body = body_of(study.best, tmp_path)
    assert [row.trial for row in body.joined] == [trial.number for trial in best]
    policies = [SPACE.decode(trial.task.genotype).policy for trial in best]
    expected = tuple(row for policy in policies for row in policy.sub_policies)
    assert isinstance(body.value.policy, SubPolicies)
    assert body.value.policy.sub_policies == expected
    assert body.words == tuple(map(sub_policy_words, expected))
    assert len(expected) == 10
    assert body.found is not None
    assert (body.found.trial, body.found.genotype) == (best[0].number, best[0].task.genotype)
    assert body.found.validation_score == body.joined[0].validation_score


def test_fewer_are_joined_where_fewer_succeeded(tmp_path: Path) -> None:
    def evaluate(task: Task) -> Outcome:
        return value(task) if task.trial in (3, 7) else Outcome(Status.DIVERGED, message="loss is nan")

    study = world(tmp_path, trials=12)
    winner = study.run(Obedient(evaluate))
    assert sorted(trial.number for trial in winner.joined) == [3, 7]
    assert len(body_of(study.best, tmp_path).words) == 4


@pytest.mark.parametrize("retrain_top", [2, 7])
def test_after_a_retraining_its_order_comes_first(tmp_path: Path, retrain_top: int) -> None:
    study = world(tmp_path, trials=30, retrain_top=retrain_top)
    winner = study.run()
    trials = list(read_trials(study.journal_file))
    searched, again = ranked(trials), ranked(trials, Stage.RETRAIN)
    assert len(again) == retrain_top
    rest = [trial.number for trial in searched[retrain_top:]]
    expected = ([trial.number for trial in again] + rest)[:JOINED_TRIALS]
    assert [trial.number for trial in winner.joined] == expected
    assert winner.trial.number == expected[0]


@given(cuts=st.lists(st.integers(0, 14), max_size=4), seed=st.integers(0, 3), retrain_top=st.sampled_from([0, 3]))
def test_a_search_that_was_killed_and_resumed_writes_the_same_bytes_and_each_state_is_sound(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], seed: int, retrain_top: int
) -> None:
    calm = world(tmp_path_factory.mktemp("calm"), trials=20, seed=seed, retrain_top=retrain_top)
    calm.run()
    path = tmp_path_factory.mktemp("stormy")
    stormy = world(path, trials=20, seed=seed, retrain_top=retrain_top)
    write_artifact(path / "study.json", artifact_of(stormy.config))
    for cut in cuts:
        try:
            stormy.run(Obedient(cut_after=cut))
        except PowerCut:
            (path / "best.json").write_bytes(stormy.best) if stormy.best else None
            assert problems(path) == []
    stormy.run(Obedient(order=lambda count: count - 1))
    (path / "best.json").write_bytes(stormy.best)
    assert stormy.best == calm.best
    assert problems(path) == []


def problems(path: Path) -> list[str]:
    return [verdict.problem for file in files_in(path) if (verdict := check_file(file)).problem is not None]


def test_what_is_published_while_the_search_lasts_is_new_whenever_one_of_the_five_is(tmp_path: Path) -> None:
    study = world(tmp_path, trials=20)
    clock = iter(range(0, 100_000, 100))
    study.run(clock=lambda: float(next(clock)))
    joined = [tuple(trial.number for trial in winner.joined) for winner in study.published]
    assert len({trials[0] for trials in joined}) < len(set(joined)), "the first alone decided"
    assert all(len(trials) <= JOINED_TRIALS for trials in joined)


def finished(path: Path) -> Path:
    study = world(path, trials=20)
    study.run()
    write_artifact(path / "study.json", artifact_of(study.config))
    (path / "best.json").write_bytes(study.best)
    assert problems(path) == []
    return path / "best.json"


CHANGES: list[tuple[Callable[[Any], object], str | None]] = [
    (lambda body: body["joined"].pop(), "body.value"),
    (lambda body: body["joined"].clear(), "body.joined[0]"),
    (lambda body: body["joined"].reverse(), "body.joined[0]"),
    (lambda body: body["joined"].append(body["joined"][1]), "joins 6 trials, and at most 5 may be joined"),
    (lambda body: body["joined"].__setitem__(2, body["joined"][1]), "two of the trials mean the same"),
    (lambda body: body["joined"][1].update(validation_score=0.5), None),
    (lambda body: body["joined"][1].update(genotype=[9] * 12), "body.joined: decision 'sub-policy 1: operation 1' has"),
    (lambda body: body["words"].pop(), "body.words"),
    (lambda body: body["value"]["policy"]["sub_policies"].pop(), "body.value.policy"),
]
"""Changes by hand, and what is said of them without the journal; None: only the journal tells."""


@pytest.mark.parametrize(("change", "alone"), CHANGES)
def test_what_is_changed_by_hand_is_found_beside_the_journal_and_without_it(
    tmp_path: Path, change: Callable[[Any], object], alone: str | None
) -> None:
    file = finished(tmp_path)
    found = parse(file.read_bytes(), "best.json")
    change(found["body"])
    file.write_bytes(document(found))
    (beside,) = problems(tmp_path)
    assert beside.startswith(f"{file}: body.")
    (elsewhere := tmp_path / "elsewhere.json").write_bytes(file.read_bytes())
    said = check_file(elsewhere).problem
    assert said is None if alone is None else alone in (said or "")
