"""Children on images: a child with all its roles, trained and scored."""

from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from flax import nnx

from automl_cli.children import schedule
from automl_cli.children.prediction import Predictor, weights_of
from automl_cli.core.errors import DataError
from automl_cli.core.protocols import Diverged, EvaluatorSetup
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import EvaluatorSpec, Task
from automl_cli.data import StreamedData
from automl_cli.evaluators.trained import TrainedEvaluator
from automl_cli.nn import losses
from automl_cli.nn.engines import BlocksEngine, WholeEngine, blocks
from automl_cli.nn.engines.compiled_block import CompiledBlock
from automl_cli.nn.engines.numpy_block import NumpyBlock
from automl_cli.nn.evaluation import evaluate
from automl_cli.nn.networks import build_network
from automl_cli.problems.image_learning import ImageLearningTask
from automl_cli.values.engine import SMALL
from search_spaces.cnn import SPACE
from tests.children.line_images import LINES, NETWORK, RECIPE, child_on, image_data, trainer_on
from tests.study.worlds import digits_child


@pytest.mark.parametrize("engine", ["whole", "blocks"])
@pytest.mark.parametrize("augmentation", ["standard", "none"])
def test_a_child_learns_and_its_arrays_score_the_same_again(augmentation: str, engine: str):
    child = child_on(augmentation=augmentation)
    trainer = trainer_on(child, engine=engine)
    model = build_network(NETWORK, (6, 6, 1), 2, seed=0)
    progress = trainer.train(child, model=model, epochs=12, seed=0)
    assert max(progress.scores[-5:]) > 0.9
    made = trainer.engine(child, model)
    examples = trainer.learning.validation(child, like_training=engine == "blocks")
    assert evaluate(made, made.state(progress.arrays), examples, (trainer.learning.metric,)) == progress.scores[-1:]


def test_a_child_builds_its_own_network_with_its_activation():
    """A model built by hand is trained to the same bits; with another activation the losses are others."""
    child = child_on()
    trainer = trainer_on(child, engine="blocks")
    own, given = (
        trainer.train(child, model=model, epochs=1, seed=3) for model in (None, build_network(NETWORK, (6, 6, 1), 2, seed=3))
    )
    assert own.losses == given.losses
    assert all((own.arrays[name] == given.arrays[name]).all() for name in given.arrays)
    assert trainer.train(child_on(activation="swish"), epochs=1, seed=3).losses != own.losses


def test_every_role_but_the_network_changes_what_one_trainer_makes_of_the_same_network():
    trainer = trainer_on(child_on(), engine="blocks")
    changes = ({}, {"optimizer": "adam"}, {"augmentation": "none"}, {"activation": "gelu"})
    losses = [trainer.train(child_on(**change), epochs=1, seed=0).losses for change in changes]
    assert len(set(losses)) == len(changes)


def test_both_engines_train_a_child_alike_and_other_modules_are_left_to_the_whole():
    trained, child = {}, child_on()
    for engine in ("whole", "blocks"):
        trainer = trainer_on(child, engine=engine)
        trained[engine] = trainer.train(child, epochs=1, seed=0)
    np.testing.assert_allclose(trained["blocks"].losses, trained["whole"].losses, rtol=1e-4)
    assert trained["blocks"].arrays.keys() == trained["whole"].arrays.keys()
    assert isinstance(trainer.engine(child, build_network(NETWORK, (6, 6, 1), 2, seed=0)), BlocksEngine)
    assert isinstance(trainer.engine(child, nnx.Linear(2, 2, rngs=nnx.Rngs(0))), WholeEngine)


def kinds(engine: Any) -> set[type]:
    """The kinds of blocks with parameters."""
    assert isinstance(engine, BlocksEngine)
    return {type(call.block) for call in engine._graph.calls if call.block and call.block.size}


@pytest.mark.parametrize(
    ("batch_size", "one_thread", "options", "expected"),
    [
        (8, True, {}, {NumpyBlock}),
        (8, False, {}, {NumpyBlock}),
        (SMALL, True, {}, {NumpyBlock, CompiledBlock}),
        (SMALL, False, {}, {CompiledBlock}),
        (8, True, {"as_data": "optimizer"}, {CompiledBlock}),  # its programs serve all children
    ],
)
def test_numpy_computes_children_that_share_no_programs(batch_size, one_thread, options, expected, monkeypatch):
    monkeypatch.setattr(blocks, "has_one_thread", lambda: one_thread)
    child = child_on(recipe=msgspec.structs.replace(RECIPE, batch_size=batch_size))
    engine = trainer_on(child, engine="blocks", **options).engine(child, build_network(NETWORK, (6, 6, 1), 2, seed=0))
    assert kinds(engine) == expected


def test_a_child_is_scored_by_the_kind_of_block_that_validated_it():
    child = child_on()
    trained = trainer_on(child, engine="blocks").train(child, epochs=1, seed=0)
    predictor = Predictor(child, weights_of(trained.arrays), trained="blocks")
    engine, _ = predictor._engine_for(20)
    assert kinds(engine) == {NumpyBlock}


@pytest.mark.parametrize(("augmentation", "kind"), [("inception", "ImageData"), ("standard", "StreamedData")])
def test_data_must_be_opened_for_the_augmentation(augmentation, kind):
    data, child = image_data(), child_on(augmentation=augmentation)
    if kind == "StreamedData":
        data = StreamedData(data.train, data.validation, data.facts, data.mean, data.std, data.class_counts)
    with pytest.raises(DataError, match=f"augmentation '{augmentation}' does not go with {kind}"):
        ImageLearningTask(child, data).batches(child)


def test_a_child_diverges_at_an_absurd_learning_rate():
    child = child_on(recipe=msgspec.structs.replace(RECIPE, learning_rate=1e6, schedule="constant"))
    with pytest.raises(Diverged):
        trainer_on(child).train(child, epochs=20, seed=0)


def test_cosine_falls_from_the_learning_rate_to_zero_and_constant_stays():
    cosine = schedule.schedule(RECIPE, 30)
    assert [round(cosine(share), 6) for share in (0, 0.5, 1)] == [0.1, 0.05, 0]
    constant = schedule.schedule(msgspec.structs.replace(RECIPE, schedule="constant"), 30)
    assert constant(0) == constant(0.9) == 0.1


def test_class_weights_make_every_class_count_alike_in_the_loss():
    logits, labels = np.zeros((4, 2), np.float32), np.array([0, 0, 0, 1])
    logits[3] = [3, 0]
    plain, weighted = losses.CrossEntropy()(logits, labels), losses.CrossEntropy((3, 1))(logits, labels)
    of_class_0, of_class_1 = np.log(2), np.log(1 + np.exp(3))
    np.testing.assert_allclose(plain, (3 * of_class_0 + of_class_1) / 4, rtol=1e-6)
    np.testing.assert_allclose(weighted, (of_class_0 + of_class_1) / 2, rtol=1e-6)


def test_balanced_accuracy_is_trained_with_and_scored_by():
    data = image_data(share_of_class_1=0.2)
    learning = trainer_on(child_on(metric="balanced-accuracy"), data).learning
    assert type(learning.metric).__name__ == "BalancedAccuracy"
    counts = tuple(map(int, data.class_counts))
    assert learning.loss == losses.WithAuxiliary(losses.CrossEntropy(counts, smoothing=0.0), 0.0)


def test_the_evaluator_measures_a_genotype_of_the_space(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("automl_cli.data.load_images", lambda dataset, report, fold: image_data())
    space = SearchSpace(SPACE, {"layers": 2})
    child = msgspec.to_builtins(digits_child(LINES, recipe=RECIPE))
    evaluator = TrainedEvaluator(EvaluatorSetup(EvaluatorSpec("trained", {"engine": "blocks"}), space.reference(), child))
    genotype = space.decisions.sample(Random(4))
    task = Task(trial=0, genotype=genotype, seed=11, epochs=2)
    measurement = evaluator.evaluate(task)
    costs = space.decode(genotype).costs((6, 6, 1), 2)
    assert len(measurement.scores) == 2
    assert measurement.metrics["parameters"] == costs.parameters
    assert measurement.metrics["multiply_adds"] == costs.multiply_adds
    assert evaluator.evaluate(task) == measurement


@pytest.mark.parametrize("course", ["constant", "cosine", "exponential"])
def test_a_warm_up_rises_linearly_to_the_course(course):
    recipe = msgspec.structs.replace(RECIPE, schedule=course)
    warmed = schedule.schedule(msgspec.structs.replace(recipe, warmup_epochs=4.0), 20)
    alone = schedule.schedule(recipe, 20)
    assert [warmed(share) for share in (0.0, 0.05, 0.1)] == pytest.approx([0.0, alone(0.05) / 4, alone(0.1) / 2])
    assert [warmed(share) for share in (0.2, 0.5, 0.99)] == [alone(share) for share in (0.2, 0.5, 0.99)]
