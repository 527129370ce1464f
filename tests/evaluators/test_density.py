"""Density matching: recomputed from the outputs of the networks, the same again, and one training for each fold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_cli.children.prediction import Predictor
from automl_cli.children.trainer import Trainer
from automl_cli.core.errors import DataError, RunFailed, UserError
from automl_cli.core.protocols import Diverged, EvaluatorSetup
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Task
from automl_cli.data.cache import cache_folder
from automl_cli.data.splits import HELD_OUT, fold
from automl_cli.evaluators.density import DensityEvaluator
from automl_cli.nn.augment.pipeline import whiten
from automl_cli.nn.compilation import Program
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.store.timings_in_force import timings_in_force, timings_restored, use_timings
from automl_cli.study.session import setup_of
from automl_cli.values.timings import calibrated
from tests.tables import ROOT

EPOCHS = 6


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the data and networks of every test apart."""
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(tmp_path / "cache"))


def planned(command: str = "search-augment", **asked: Any) -> tuple[EvaluatorSetup, SearchSpace]:
    usual = {"space": "autoaugment", "dataset": "digits", "train_examples": 1000, "epochs": EPOCHS, "network": "wrn-10-1"}
    request = SearchRequest(**{"evaluator": "density", **usual, **asked})
    settings, space = plan_search(command, request, default_space="")
    return setup_of(settings), space


def task(genotype: tuple[int, ...], seed: int = 3) -> Task:
    return Task(trial=0, genotype=genotype, seed=seed, epochs=EPOCHS)


def no_progress(done: int, total: int) -> None:
    """Ignore progress."""


def never(space: SearchSpace) -> tuple[int, ...]:
    """A policy none of whose operations is ever done."""
    return (0,) * len(space.decisions.decisions)


@pytest.mark.parametrize("number", range(3))
def test_folds_hold_out_two_fifths_of_each_class_and_train_on_the_others(number: int):
    labels = np.repeat(np.arange(4), [50, 30, 15, 5])
    rest, held_out = fold(labels, number, seed=0)
    assert sorted([*rest, *held_out]) == list(range(100))
    assert np.bincount(labels[held_out]).tolist() == [20, 12, 6, 2]
    assert len(held_out) == HELD_OUT * 100
    others = [fold(labels, other, seed=seed)[1].tolist() for other, seed in ((number + 1, 0), (number, 1))]
    assert held_out.tolist() not in others


def test_a_class_that_would_have_no_example_left_is_refused():
    with pytest.raises(DataError, match="3 training examples are too few for folds"):
        fold(np.array([0, 1, 2]), 0, seed=0)


def test_a_policy_that_does_nothing_scores_the_accuracy_of_the_networks_on_what_they_were_not_trained_on():
    setup, space = planned(space_option={"baseline": "none"})
    evaluator = DensityEvaluator(setup)
    measured = evaluator.evaluate(task(never(space)))
    accuracies = []
    for held_out in evaluator._folds:
        images = np.concatenate([np.asarray(part) for part in held_out._parts])[: len(held_out._labels)]
        inputs = whiten(images, *held_out._moments)
        outputs = held_out._engine.outputs(held_out._state, inputs)
        accuracies.append((np.asarray(outputs).argmax(-1) == held_out._labels).mean())
    assert measured.scores == (pytest.approx(np.mean(accuracies), abs=1e-12),)
    assert 0.1 < measured.scores[0] < 1


def test_an_image_is_right_where_one_of_its_versions_is():
    setup, space = planned(evaluator_option={"versions": "4", "folds": "1"})
    evaluator = DensityEvaluator(setup)
    genotype = space.sample(0, 1)
    (held_out,) = evaluator._folds
    augmentation = evaluator._augmentation(genotype)
    policy = augmentation.policy((8, 8, 1))
    versions = [held_out._outputs(augmentation.pipeline, policy, 3, version=version) for version in range(4)]
    right = np.stack([outputs.argmax(-1) == held_out._labels for outputs in versions])
    assert len({row.tobytes() for row in right}) > 1, "versions differ"
    assert evaluator.evaluate(task(genotype)).scores == (right.any(0).mean(),)
    assert right.any(0).mean() > right[0].mean()


def test_the_balanced_metric_weighs_the_classes_alike():
    setup, space = planned(metric="balanced-accuracy", evaluator_option={"folds": "1", "versions": "1"})
    evaluator = DensityEvaluator(setup)
    (held_out,) = evaluator._folds
    augmentation = evaluator._augmentation(never(space))
    outputs = held_out._outputs(augmentation.pipeline, augmentation.policy((8, 8, 1)), 3, version=0)
    right = outputs.argmax(-1) == held_out._labels
    expected = np.mean([right[held_out._labels == label].mean() for label in range(10)])
    assert evaluator.evaluate(task(never(space))).scores == (pytest.approx(expected, abs=1e-12),)


def test_networks_are_trained_once_for_all_workers_and_again_where_a_file_is_missing_or_torn(monkeypatch):
    trained: list[int] = []
    real = Trainer.train
    monkeypatch.setattr(Trainer, "train", lambda self, child, **more: trained.append(1) or real(self, child, **more))
    setup, space = planned()
    one = task(space.sample(0, 0))
    DensityEvaluator.prepare(setup, no_progress)
    measured = DensityEvaluator(setup).evaluate(one)
    DensityEvaluator.prepare(setup, no_progress)
    assert DensityEvaluator(setup).evaluate(one) == measured
    assert len(trained) == 2
    torn, missing = sorted(cache_folder().glob("fold-model-*/weights.npy"))
    before = torn.read_bytes(), missing.read_bytes()
    torn.write_bytes(before[0][:-100])
    missing.unlink()
    assert DensityEvaluator(setup).evaluate(one) == measured
    assert len(trained) == 4
    assert (torn.read_bytes(), missing.read_bytes()) == before


def test_whatever_networks_depend_on_makes_others(monkeypatch):
    monkeypatch.setattr("automl_cli.evaluators.fold_models.FoldModels._trained", lambda self, number: 0.0)
    changes: list[dict[str, Any]] = [
        {},
        {"epochs": 3},
        {"train_examples": 990},
        {"network": "wrn-10-2"},
        {"optimizer": "adam"},
        {"space_option": {"baseline": "standard"}},
        {"evaluator_option": {"seed": "1"}},
        {"evaluator_option": {"engine": "whole"}},
    ]
    for change in changes:
        DensityEvaluator.prepare(planned(**change)[0], no_progress)
    assert len(list(cache_folder().glob("fold-model-*/weights.npy"))) == 2 * len(changes)
    DensityEvaluator.prepare(planned(evaluator_option={"versions": "9", "folds": "1"})[0], no_progress)
    DensityEvaluator.prepare(planned(space_option={"operations": "Invert"})[0], no_progress)
    assert len(list(cache_folder().glob("fold-model-*/weights.npy"))) == 2 * len(changes)
    rows = timings_in_force().coefficients
    with timings_restored():
        use_timings(calibrated("here", {form: tuple(2 * number for number in row) for form, row in rows.items()}))
        DensityEvaluator.prepare(planned()[0], no_progress)
    assert len(list(cache_folder().glob("fold-model-*/weights.npy"))) == 2 * (len(changes) + 1)


def test_60_policies_compile_nothing_after_the_first(monkeypatch):
    setup, space = planned(evaluator_option={"versions": "1"})
    evaluator = DensityEvaluator(setup)
    compiled: list[Program] = []
    real = Program._compile
    monkeypatch.setattr(Program, "_compile", lambda self, given: compiled.append(self) or real(self, given))
    scores = set()
    after_first = None
    for trial in range(60):
        scores.add(evaluator.evaluate(task(space.sample(0, trial))).scores)
        after_first = len(compiled) if after_first is None else after_first
    assert len(compiled) == after_first
    assert len(scores) > 5


@pytest.mark.parametrize(
    ("command", "asked", "said"),
    [
        (
            "search-arch",
            {"space": f"{ROOT}/tests/tiny_space.py", "network": None},
            "space 'tiny' gives values of kind 'architecture'",
        ),
        (
            "search-activation",
            {"space": "activation-units", "network": None},
            "values of kind 'activation'; give --evaluator trained",
        ),
        ("search-augment", {"space_option": {"baseline": "inception"}}, "give another baseline"),
        ("search-augment", {"evaluator_option": {"epochs": "5"}}, "epochs is 5 and --epochs is 6; give --epochs alone"),
        ("search-augment", {"evaluator_option": {"folds": "0"}}, "option folds of evaluator density is 0"),
        ("search-augment", {"retrain_top": 2}, "--retrain-top means nothing to --evaluator density"),
    ],
)
def test_what_it_cannot_score_is_refused_before_anything_is_trained(command, asked, said):
    with pytest.raises(UserError, match=said):
        planned(command, **asked)


def test_policies_are_searched_on_floating_point_pixels_which_are_read_as_bytes(tmp_path):
    file = tmp_path / "floats.npz"
    random = np.random.default_rng(0)
    np.savez(file, images=random.random((200, 8, 8, 3)).astype(np.float32), labels=np.arange(200) % 4)
    for evaluator in ("density", "trained"):
        setup, _ = planned(evaluator=evaluator, dataset=str(file), train_examples=150)
        assert setup.child is not None
        assert setup.child["problem"]["facts"]["image_shape"] == [8, 8, 3]


def test_a_network_that_diverges_ends_the_search_with_its_cause(monkeypatch):
    def diverge(self: Trainer, child: object, **more: object) -> None:
        raise Diverged("the loss is not finite in epoch 1")

    monkeypatch.setattr(Trainer, "train", diverge)
    with pytest.raises(RunFailed, match="the network of fold 1 cannot score policies, since its training diverged: the loss"):
        DensityEvaluator.prepare(planned()[0], no_progress)


def test_a_predictor_of_the_kept_weights_gives_the_same_outputs():
    setup, space = planned(space_option={"baseline": "none"}, evaluator_option={"folds": "1"})
    evaluator = DensityEvaluator(setup)
    (held_out,) = evaluator._folds
    child = evaluator._child.filled(augmentation=evaluator._filling(never(space)))
    arrays = held_out._engine.arrays(held_out._state)
    weights = {name: array for name, array in arrays.items() if name.startswith(("parameters.", "statistics."))}
    inputs = whiten(np.asarray(held_out._parts[0]), *held_out._moments)
    found = Predictor(child, weights).function()(inputs)
    np.testing.assert_allclose(found, held_out._engine.outputs(held_out._state, inputs), rtol=1e-4, atol=1e-5)
