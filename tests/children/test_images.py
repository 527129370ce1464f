"""Children on image data: a recipe, a network, a score."""

from random import Random

import msgspec
import numpy as np
import pytest
from flax import nnx

from automl_cli.children import recipes, scores
from automl_cli.children.images import ImageTrainer
from automl_cli.core.plugins import SearchSpace
from automl_cli.core.protocols import Diverged
from automl_cli.core.trials import Task
from automl_cli.data import ImageData, ImageSplit, StreamedData
from automl_cli.evaluators.image import ImageEvaluator
from automl_cli.nn import losses
from automl_cli.nn.engines import BlocksEngine, WholeEngine
from automl_cli.nn.networks import build_network
from automl_cli.values.dataset import DatasetReference, ImageFacts
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network
from automl_cli.values.recipe import Recipe
from search_spaces.cnn import SPACE

NETWORK = Network(
    blocks=(
        Block("a", ConvolutionUnit(kernel=(3, 3), filters=8), (IMAGE,)),
        Block("b", ConvolutionUnit(kernel=(3, 3), filters=8), ("a",)),
    ),
    outputs=("b",),
)


def split(count: int, seed: int, share_of_class_1: float = 0.5) -> ImageSplit:
    """Horizontal against vertical lines, as 8-bit images."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 60, (count, 6, 6, 1))
    labels = (random.random(count) < share_of_class_1).astype(np.int32)
    for image, label, place in zip(images, labels, random.integers(0, 6, count), strict=True):
        image[place if label else slice(None), slice(None) if label else place] += 120
    return ImageSplit(images.astype(np.uint8), labels)


def image_data(**options: float) -> ImageData:
    train, validation = split(128, 0, **options), split(60, 1, **options)
    facts = ImageFacts(
        image_shape=(6, 6, 1), classes=("a", "b"), train_examples=128, validation_examples=60, test_examples=0, flip=False
    )
    mean = train.images.mean((0, 1, 2)).astype(np.float32)
    std = train.images.std((0, 1, 2)).astype(np.float32)
    return ImageData(train, validation, facts, mean, std, np.bincount(train.labels, minlength=2))


RECIPE = Recipe(batch_size=32, learning_rate=0.1, schedule="cosine")


@pytest.mark.parametrize("engine", ["whole", "blocks"])
@pytest.mark.parametrize("augmentation", ["standard", "none"])
def test_a_child_learns_and_its_arrays_score_the_same_again(augmentation: str, engine: str):
    data = image_data()
    trainer = ImageTrainer(data, msgspec.structs.replace(RECIPE, augmentation=augmentation), engine=engine)
    model = build_network(NETWORK, (6, 6, 1), 2, seed=0)
    progress = trainer.train(model, epochs=12, seed=0)
    assert max(progress.scores[-5:]) > 0.9
    assert trainer.score(model, dict(progress.arrays), data.validation) == progress.scores[-1]


def test_both_engines_train_a_child_alike_and_other_modules_are_left_to_the_whole():
    trained = {}
    for engine in ("whole", "blocks"):
        trainer = ImageTrainer(image_data(), RECIPE, engine=engine)
        trained[engine] = trainer.train(build_network(NETWORK, (6, 6, 1), 2, seed=0), epochs=1, seed=0)
    np.testing.assert_allclose(trained["blocks"].losses, trained["whole"].losses, rtol=1e-4)
    assert trained["blocks"].arrays.keys() == trained["whole"].arrays.keys()
    assert isinstance(trainer.engine(build_network(NETWORK, (6, 6, 1), 2, seed=0)), BlocksEngine)
    assert isinstance(trainer.engine(nnx.Linear(2, 2, rngs=nnx.Rngs(0))), WholeEngine)


@pytest.mark.parametrize(("augmentation", "kind"), [("inception", "ImageData"), ("standard", "StreamedData")])
def test_data_must_be_loaded_for_the_recipe(augmentation, kind):
    data = image_data()
    if kind == "StreamedData":
        data = StreamedData(data.train, data.validation, data.facts, data.mean, data.std, data.class_counts)
    with pytest.raises(ValueError, match=f"augmentation '{augmentation}' does not go with {kind}"):
        ImageTrainer(data, msgspec.structs.replace(RECIPE, augmentation=augmentation))


def test_a_child_diverges_at_an_absurd_learning_rate():
    trainer = ImageTrainer(image_data(), msgspec.structs.replace(RECIPE, learning_rate=1e6, schedule="constant"))
    with pytest.raises(Diverged):
        trainer.train(build_network(NETWORK, (6, 6, 1), 2, seed=0), epochs=20, seed=0)


def test_cosine_falls_from_the_learning_rate_to_zero_and_constant_stays():
    cosine = recipes.schedule(RECIPE, 30)
    assert [round(cosine(share), 6) for share in (0, 0.5, 1)] == [0.1, 0.05, 0]
    constant = recipes.schedule(msgspec.structs.replace(RECIPE, schedule="constant"), 30)
    assert constant(0) == constant(0.9) == 0.1


def test_the_update_rule_is_nesterov_momentum_with_weight_decay():
    rule = recipes.update_rule(Recipe(batch_size=1, learning_rate=1, momentum=0.9, nesterov=True, weight_decay=0.01))
    parameters, momentum = np.float32(2), 0.0
    state = rule.init(parameters)
    for gradient in (0.5, -0.25, 1.0):
        update, state = rule.update(np.float32(gradient), state, parameters)
        decayed = gradient + 0.01 * 2
        momentum = 0.9 * momentum + decayed
        np.testing.assert_allclose(update, decayed + 0.9 * momentum, atol=1e-6)


def test_balanced_accuracy_counts_every_class_alike():
    labels = np.array([0, 0, 0, 1])
    logits = np.array([[1, 0], [1, 0], [1, 0], [1, 0]])
    assert scores.accuracy(labels)(logits) == 0.75
    assert scores.balanced_accuracy(labels)(logits) == 0.5


def test_class_weights_make_every_class_count_alike_in_the_loss():
    logits, labels = np.zeros((4, 2), np.float32), np.array([0, 0, 0, 1])
    logits[3] = [3, 0]
    plain, weighted = losses.CrossEntropy()(logits, labels), losses.CrossEntropy((3, 1))(logits, labels)
    of_class_0, of_class_1 = np.log(2), np.log(1 + np.exp(3))
    np.testing.assert_allclose(plain, (3 * of_class_0 + of_class_1) / 4, rtol=1e-6)
    np.testing.assert_allclose(weighted, (of_class_0 + of_class_1) / 2, rtol=1e-6)


def test_the_image_evaluator_measures_a_genotype_of_the_space(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("automl_cli.data.load_images", lambda reference: image_data())
    space = SearchSpace(SPACE, {"layers": 2})
    settings = {"space": space.reference(), "dataset": DatasetReference(source="digits"), "recipe": RECIPE}
    evaluator = ImageEvaluator(msgspec.to_builtins(settings))
    genotype = space.decisions.sample(Random(4))
    task = Task(trial=0, genotype=genotype, seed=11, epochs=2)
    measurement = evaluator.evaluate(task)
    costs = space.decode(genotype).costs((6, 6, 1), 2)
    assert len(measurement.scores) == 2
    assert measurement.metrics["parameters"] == costs.parameters
    assert measurement.metrics["multiply_adds"] == costs.multiply_adds
    assert evaluator.evaluate(task) == measurement
