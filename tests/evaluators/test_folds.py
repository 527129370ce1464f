"""Cross-validation: the score of a child is the mean over the folds, and its plan and its record say so."""

from pathlib import Path
from statistics import fmean

import msgspec
import numpy as np
import pytest

from automl_cli.children.trainer import Trainer
from automl_cli.core.errors import UserError
from automl_cli.core.numbers import LARGEST
from automl_cli.core.random_streams import stream_seed
from automl_cli.core.trials import Task
from automl_cli.evaluators.trained import TrainedEvaluator
from automl_cli.planning.estimate import plan_of
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.plugins.roles import filling_of
from automl_cli.store.study import StudySettings
from automl_cli.study.session import setup_of

FOLDS, EPOCHS = 3, 2
TINY = str(Path(__file__).parents[1] / "tiny_space.py")


@pytest.fixture
def source(tmp_path: Path) -> str:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "set.npz", images=random.integers(0, 256, (75, 4, 4, 1)).astype(np.uint8), labels=np.arange(75) % 2)
    return str(tmp_path / "set.npz")


def planned(source: str, **asked: object) -> StudySettings:
    request = SearchRequest(space=TINY, dataset=source, epochs=EPOCHS, **asked)
    return plan_search("search-arch", request, default_space="cnn")[0]


def test_the_score_of_each_epoch_is_the_mean_over_the_folds(source: str) -> None:
    settings = planned(source, folds=FOLDS)
    evaluator = TrainedEvaluator(setup_of(settings))
    task = Task(trial=0, genotype=(0, 1, 2, 0), seed=7, epochs=EPOCHS)
    found, again = evaluator.evaluate(task), evaluator.evaluate(task)
    assert found == again
    child = settings.child.filled(network=filling_of("architecture", evaluator._space.decode(task.genotype)))
    each = []
    for fold in range(FOLDS):
        trainer = Trainer(settings.child, engine=settings.evaluator.settings["engine"], fold=fold)
        seed = stream_seed(7, "fold", fold) % LARGEST if fold else 7
        each.append(trainer.train(child, epochs=EPOCHS, seed=seed))
    assert found.scores == tuple(map(fmean, zip(*(one.scores for one in each), strict=True)))
    assert found.metrics["loss"] == fmean(one.losses[-1] for one in each)
    assert len({one.scores for one in each}) > 1


def test_folds_are_recorded_said_and_cost_as_many_trainings(source: str) -> None:
    from automl_cli.plugins.discovery import open_space

    once, settings = planned(source), planned(source, folds=FOLDS)
    assert settings.child.problem.dataset["folds"] == FOLDS
    space = open_space(settings.space)
    assert ("examples", "40 to train, 20 to validate, in each of 3 folds; the score is the mean over them") in plan_of(
        settings, space
    ).measured
    genotypes = [(0, 1, 2, 0)]
    seconds = [
        TrainedEvaluator.seconds(setup_of(one), space, genotypes, trials=1, epochs=EPOCHS).training for one in (once, settings)
    ]
    assert 2 < seconds[1] / seconds[0] < 3.5


def test_folds_mean_nothing_to_a_set_with_a_validation_part_and_to_train(source: str, tmp_path: Path) -> None:
    with np.load(source) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    parts = {"x_train": images, "y_train": labels, "x_validation": images, "y_validation": labels}
    np.savez(tmp_path / "parts.npz", **parts, x_test=images, y_test=labels)
    with pytest.raises(UserError, match="--folds is 3, but parts has a validation part of its own"):
        planned(str(tmp_path / "parts.npz"), folds=FOLDS)


def test_class_weights_change_the_loss_and_not_the_metric(source: str) -> None:
    from automl_cli.nn.metrics import Accuracy

    plain, weighted = (planned(source, **asked).child for asked in ({}, {"class_weights": "balanced"}))
    assert weighted.problem.dataset["metric"] == plain.problem.dataset["metric"] == "accuracy"
    losses = []
    for child in (plain, weighted):
        learning = Trainer(child).learning
        assert learning.metric == Accuracy()
        losses.append(learning.loss.loss.class_counts)
    assert losses[0] is None
    assert sum(losses[1]) == plain.problem.facts["train_examples"]
    assert msgspec.structs.replace(plain.recipe) == weighted.recipe
