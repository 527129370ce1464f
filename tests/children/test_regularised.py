"""Trainings with regularisation: dropped paths and features, an auxiliary head, a moving average of the parameters."""

import math

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import optax
import pytest
from flax import nnx

from automl_cli.children import schedule
from automl_cli.children.prediction import Predictor, weights_of
from automl_cli.core.errors import UserError
from automl_cli.data import ImageSplit
from automl_cli.nn.engines import BlocksEngine, StepContext, WholeEngine
from automl_cli.nn.losses import CrossEntropy, WithAuxiliary
from automl_cli.nn.networks import DropSettings, build_network
from automl_cli.nn.networks.drop_path import DropMasks
from automl_cli.values.cell import keep_probability
from automl_cli.values.network import IMAGE, ActivationOperation, AveragePool, Block, ConvolutionUnit, Identity, Network
from automl_cli.values.published_recipes import TRAININGS
from automl_cli.values.recipe import Recipe
from tests.children.line_images import RECIPE, child_on, held_out, image_data, trainer_on

SHAPE = (6, 6, 1)
NETWORK = Network(
    (
        Block("a", ConvolutionUnit((3, 3), 4), (IMAGE,)),
        Block("b", ConvolutionUnit((3, 3), 4, order="act-conv-bn"), ("a",), drop_path=0.5),
        Block("c", Identity(), ("a", "b"), "add"),
    ),
    ("c",),
    auxiliary=(
        Block("auxiliary.1", ActivationOperation(), ("a",)),
        Block("auxiliary.2", AveragePool((5, 5), (3, 3), "valid"), ("auxiliary.1",)),
    ),
)
EVERYTHING = msgspec.structs.replace(
    RECIPE, auxiliary_weight=0.4, drop_path_keep=0.6, dropout=0.2, average_decay=0.99, label_smoothing=0.1, gradient_clip=5.0
)


def drop(settings: DropSettings, progress: float, seed: int = 0) -> DropMasks:
    return DropMasks(settings, jnp.asarray([0, seed], jnp.uint32), jnp.float32(progress))


@pytest.mark.parametrize(("progress", "depth"), [(0.0, 1.0), (0.5, 0.25), (1.0, 1.0)])
def test_paths_are_kept_with_the_scheduled_probability_and_divided_by_it(progress, depth):
    """20,000 draws; five standard deviations."""
    x = jnp.ones((1, 1, 20_000, 1))
    kept = np.asarray(drop(DropSettings(0.6, 0.0), progress).path(x, 3, depth))
    keep = keep_probability(0.6, depth=depth, progress=progress)
    assert set(np.round(np.unique(kept), 5)) <= {0.0, np.round(np.float32(1 / keep), 5)}
    assert abs((kept > 0).mean() - keep) <= 5 * math.sqrt(keep * (1 - keep) / 20_000)


@pytest.mark.parametrize(
    ("drop_path_schedule", "progress", "keep_shallow", "keep_deep"),
    [
        ("time-and-depth", 0.0, 1.0, 1.0),
        ("time-and-depth", 0.5, 0.875, 0.75),
        ("time-and-depth", 1.0, 0.75, 0.5),
        ("time", 0.0, 1.0, 1.0),
        ("time", 0.5, 0.75, 0.75),
        ("time", 1.0, 0.5, 0.5),
    ],
)
def test_a_training_step_keeps_paths_as_the_formula_says(drop_path_schedule, progress, keep_shallow, keep_deep):
    """Two paths of depth 1/2 and 1, both the image itself; the classifier passes them on, and the loss looks at what was kept.

    keep = 1 - progress * depth * (1 - final) with final = 0.5 in the released code; without the depth in the paper (NASNet,
    section 3). 4,000 images in one step of the engine; five standard deviations.
    """
    images, size = jnp.ones((4000, 1, 1, 1)), 4000
    paths = tuple(Block(name, Identity(), (IMAGE,), drop_path=depth) for name, depth in (("shallow", 0.5), ("deep", 1.0)))
    model = build_network(Network(paths, ("shallow", "deep")), (1, 1, 1), 2, seed=0)
    model.classifier.weights[...] = jnp.eye(2)
    taken = {}

    def loss(logits, labels):
        jax.debug.callback(lambda values: taken.update(values=np.asarray(values)), logits)
        return logits.mean()

    recipe = msgspec.structs.replace(RECIPE, drop_path_keep=0.5, drop_path_schedule=drop_path_schedule)
    settings = schedule.drop_settings(recipe)
    engine = WholeEngine(model, loss=loss, update_rule=optax.identity(), drop=settings)
    engine.step(engine.initial(), images, jnp.zeros(size, jnp.int32), 0.0, StepContext(np.array([3, 4], np.uint32), progress))
    jax.effects_barrier()
    for column, keep in enumerate((keep_shallow, keep_deep)):
        values = taken["values"][:, column]
        assert set(np.round(np.unique(values), 5)) <= {0.0, np.round(np.float32(1 / keep), 5)}
        assert abs((values > 0).mean() - keep) <= 5 * math.sqrt(keep * (1 - keep) / size)


def test_an_example_loses_a_path_whole_and_other_paths_on_their_own():
    x = jnp.ones((3, 2, 64, 5))
    draws = drop(DropSettings(0.5, 0.0), 1.0)
    first, second = (np.asarray(draws.path(x, number, 1.0)) for number in (0, 1))
    assert all(len(np.unique(first[:, :, example])) == 1 for example in range(64))
    assert (first[0, 0, :, 0] != second[0, 0, :, 0]).any()


def test_features_are_dropped_one_by_one():
    dropped = np.asarray(drop(DropSettings(1.0, 0.5), 0.0).features(jnp.ones((200, 50))))
    assert set(np.unique(dropped)) == {0.0, 2.0}
    assert abs((dropped > 0).mean() - 0.5) < 5 * 0.5 / 100


def test_noise_touches_training_only_and_is_nothing_at_its_neutral_values():
    model = build_network(NETWORK, SHAPE, 3, seed=0)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(16, *SHAPE)), jnp.float32)
    plain = model(x, train=True)
    assert (model(x, train=True, drop=drop(DropSettings(1.0, 0.0), 1.0)) == plain).all()
    assert not jnp.allclose(model(x, train=True, drop=drop(DropSettings(0.3, 0.0), 1.0)), plain)
    evaluate = model(x, train=False)
    assert (model(x, train=False, drop=drop(DropSettings(0.3, 0.5), 1.0)) == evaluate).all()


def test_the_auxiliary_head_gives_a_second_output_in_training_and_adds_its_weighted_loss():
    model = build_network(NETWORK, SHAPE, 3, seed=0, auxiliary=True)
    x, labels = jnp.ones((4, *SHAPE)), jnp.arange(4) % 3
    logits, auxiliary = model(x, train=True)
    assert auxiliary.shape == logits.shape == (4, 3)
    assert model(x, train=False).shape == (4, 3)
    loss = CrossEntropy()
    both = WithAuxiliary(loss, 0.4)((logits, auxiliary), labels)
    np.testing.assert_allclose(both, loss(logits, labels) + 0.4 * loss(auxiliary, labels), rtol=1e-6)
    assert WithAuxiliary(loss, 0.4)(logits, labels) == loss(logits, labels)


def test_both_heads_are_drawn_alike_with_and_without_the_auxiliary_one():
    with_head, without = (build_network(NETWORK, SHAPE, 3, seed=0, auxiliary=wanted) for wanted in (True, False))
    assert (with_head.classifier.weights[...] == without.classifier.weights[...]).all()
    assert not build_network(msgspec.structs.replace(NETWORK, auxiliary=()), SHAPE, 3, seed=0, auxiliary=True).has_auxiliary


def test_label_smoothing_is_the_cross_entropy_with_smoothed_labels():
    logits, labels = np.random.default_rng(0).normal(size=(5, 4)), np.array([0, 1, 2, 3, 0])
    smoothed = np.eye(4)[labels] * 0.9 + 0.1 / 4
    expected = -(smoothed * np.asarray(jax.nn.log_softmax(logits))).sum(-1).mean()
    np.testing.assert_allclose(CrossEntropy(smoothing=0.1)(logits, labels), expected, rtol=1e-5)


def test_the_mean_of_parameters_rises_to_its_decay_and_is_what_scores():
    class Line(nnx.Module):
        def __init__(self) -> None:
            self.slope = nnx.Param(jnp.ones(()))

        def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
            return self.slope[...] * x

    engine = WholeEngine(Line(), loss=lambda y, _: y.mean(), update_rule=optax.identity(), average_decay=0.5)
    state, x = engine.initial(), jnp.ones((2,))
    slope, mean = 1.0, 1.0
    for step in range(4):
        state, _ = engine.step(state, x, x, 0.25)
        slope -= 0.25
        decay = min(0.5, (1 + step) / (10 + step))
        mean = decay * mean + (1 - decay) * slope
        np.testing.assert_allclose(engine.outputs(state, x), mean, rtol=1e-6)
    arrays = engine.arrays(state)
    assert {"parameters.slope", "average.slope", "averaged"} <= arrays.keys()
    np.testing.assert_allclose(weights_of(arrays)["parameters.slope"], mean, rtol=1e-6)
    np.testing.assert_allclose(engine.outputs(engine.state(arrays), x), mean, rtol=1e-6)


def test_the_exponential_schedule_falls_after_every_2_4_epochs():
    rate = schedule.schedule(Recipe(batch_size=1, learning_rate=2.0, schedule="exponential"), 24)
    assert [round(rate(epoch / 24), 6) for epoch in (0, 2.3, 2.5, 4.9)] == [2.0, 2.0, 1.94, round(2 * 0.97**2, 6)]


@pytest.mark.parametrize("engine", ["whole", "blocks"])
def test_a_training_with_everything_learns_goes_on_where_it_was_and_its_weights_are_the_network_s(engine):
    data, child = image_data(), child_on(recipe=EVERYTHING, network=NETWORK)
    trainer = trainer_on(child, data, engine=engine)
    half = []
    on_epoch = lambda losses, scores, arrays: half.append((losses, scores, arrays()))  # noqa: E731
    whole = trainer.train(child, epochs=12, seed=0, on_epoch=on_epoch)
    assert max(whole.scores[-5:]) > 0.9
    assert any(name.startswith("parameters.auxiliary") for name in whole.arrays)
    resumed = trainer.train(child, epochs=12, seed=0, start=type(whole)(*half[5]))
    assert resumed.losses == whole.losses
    assert all((resumed.arrays[name] == whole.arrays[name]).all() for name in whole.arrays)
    predictor = Predictor(child, weights_of(whole.arrays), trained=engine)
    scores = predictor.scores(held_out(child, data.validation, trainer.learning.preparation))
    assert scores["test_accuracy"] == whole.scores[-1]


def test_few_images_are_looked_at_as_few_whatever_the_batches_of_the_training(monkeypatch):
    sizes, outputs = [], BlocksEngine.outputs

    def watched(self, state, images):
        sizes.append(len(images))
        return outputs(self, state, images)

    monkeypatch.setattr(BlocksEngine, "outputs", watched)
    data, child = image_data(), child_on(recipe=EVERYTHING, network=NETWORK)
    trainer = trainer_on(child, data, engine="blocks")
    weights = weights_of(trainer.train(child, epochs=1, seed=0).arrays)
    sizes.clear()
    large = child_on(recipe=msgspec.structs.replace(EVERYTHING, batch_size=20_000), network=NETWORK)
    few = ImageSplit(data.validation.images[:5], data.validation.labels[:5])
    testing = held_out(large, few, trainer.learning.preparation)
    assert len(Predictor(large, weights, trained="blocks").outputs(testing)) == 5
    assert sizes == [5]


@pytest.mark.parametrize("engine", [WholeEngine, BlocksEngine])
def test_an_engine_with_noise_needs_to_know_the_moment(engine):
    model = build_network(NETWORK, SHAPE, 3, seed=0)
    engine = engine(model, loss=CrossEntropy(), update_rule=optax.identity(), drop=DropSettings(0.5, 0.0))
    x, labels = jnp.ones((4, *SHAPE)), jnp.zeros(4, jnp.int32)
    with pytest.raises(ValueError, match="needs the context of every step"):
        engine.step(engine.initial(), x, labels, 0.1)
    context = StepContext(np.array([1, 2], np.uint32), 0.5)
    losses = [float(engine.step(engine.initial(), x, labels, 0.1, context)[1]) for _ in range(2)]
    assert losses[0] == losses[1]


def test_recipes_of_before_there_was_a_choice_drop_by_time_and_depth():
    """Older files have no `drop_path_schedule`."""
    recorded = msgspec.to_builtins(EVERYTHING)
    del recorded["drop_path_schedule"]
    assert msgspec.convert(recorded, Recipe) == EVERYTHING
    assert EVERYTHING.drop_path_schedule == "time-and-depth"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("gradient_clip", 0.0, "gradient_clip is 0.0; it must be above 0"),
        ("dropout", 1.0, "dropout is 1.0; it must be at least 0 and below 1"),
        ("label_smoothing", -0.1, "label_smoothing is -0.1; it must be at least 0 and below 1"),
        ("drop_path_keep", 0.0, "drop_path_keep is 0.0; it must be above 0 and at most 1"),
        ("auxiliary_weight", -1.0, "auxiliary_weight is -1.0; it must be at least 0"),
        ("warmup_epochs", -1.0, "warmup_epochs is -1.0; it must be at least 0"),
        ("average_decay", 1.0, "average_decay is 1.0; it must lie between 0 and 1"),
    ],
)
def test_recipes_that_mean_nothing_are_refused(field, value, message):
    with pytest.raises(UserError, match=message):
        msgspec.structs.replace(RECIPE, **{field: value}).__post_init__()


def test_the_published_training_on_cifar_is_that_of_the_paper():
    cifar = TRAININGS["cifar"]["paper"]
    assert (cifar.epochs, cifar.recipe.batch_size, cifar.recipe.learning_rate) == (600, 32, 0.025)
    assert (cifar.recipe.gradient_clip, cifar.recipe.auxiliary_weight, cifar.recipe.drop_path_keep) == (5.0, 0.4, 0.6)


@pytest.mark.parametrize(
    ("size", "batch_size", "learning_rate", "weight_decay", "drop_path_keep"),
    [("mobile", 50 * 32, 0.04 * 50, 4e-5, 1.0), ("large", 100 * 16, 0.015 * 100, 5e-5, 0.7)],
)
def test_the_published_trainings_on_imagenet_are_those_of_the_released_code(
    size, batch_size, learning_rate, weight_decay, drop_path_keep
):
    """NASNet, appendix A, and the notes in the released code."""
    recipe = TRAININGS[size]["paper"].recipe
    assert (recipe.batch_size, recipe.learning_rate) == (batch_size, learning_rate)
    assert (recipe.weight_decay, recipe.drop_path_keep, recipe.dropout) == (weight_decay, drop_path_keep, 0.5)
    assert (TRAININGS[size]["paper"].optimizer, recipe.schedule) == ("rmsprop-tf", "exponential")
    assert (recipe.label_smoothing, recipe.average_decay, recipe.auxiliary_weight) == (0.1, 0.9999, 0.4)
    assert recipe.gradient_clip == 10.0


def test_trainings_on_imagenet_differ_in_their_recipes_only():
    """A transfer is planned before its winner, whose width decides between the two, is known."""
    mobile, large = TRAININGS["mobile"], TRAININGS["large"]
    assert mobile["quick"] == large["quick"]
    assert mobile.keys() == large.keys()
    assert all(mobile[preset].epochs == large[preset].epochs for preset in mobile)
    for field in ("optimizer", "augmentation", "activation"):
        assert all(getattr(mobile[preset], field) == getattr(large[preset], field) for preset in mobile)
