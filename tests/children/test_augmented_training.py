"""Trainings with a policy: on both engines, resumed to the same bits, and scored on images that no policy has changed."""

import numpy as np
import pytest
from msgspec.structs import replace

from automl_cli.nn.compilation import Program
from automl_cli.nn.evaluation import evaluate
from automl_cli.nn.fit import TrainingProgress
from automl_cli.plugins.listing import problem_named
from automl_cli.plugins.roles import filling_of
from automl_cli.problems.image_learning import ImageLearningTask, as_inputs
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.child import Child
from automl_cli.values.policy import AppliedOperation, RandomOperations, SubPolicies
from tests.children.line_images import LINES, child_on, image_data, trainer_on

POLICY = SubPolicies(
    (
        (AppliedOperation("Brightness", 0.7, 3), AppliedOperation("TranslateX", 0.5, 2)),
        (AppliedOperation("Equalize", 0.6, 0), AppliedOperation("Rotate", 0.9, 4)),
        (AppliedOperation("SamplePairing", 0.8, 5), AppliedOperation("Posterize", 0.5, 6)),
    )
)
"""Operations of every sort: with and without signs, places, partners."""

AUGMENTATIONS = {
    "paper": Augmentation(baseline="flip-crop", policy=POLICY, cutout=0.34),
    "authors": Augmentation(baseline="flip-crop", policy=POLICY, cutout=0.34, order="authors"),
}


def augmented(augmentation: Augmentation) -> Child:
    return child_on().filled(augmentation=filling_of("augmentation-policy", augmentation))


def with_policy(seed: int) -> Augmentation:
    random = np.random.default_rng(seed)
    names = ("Invert", "Rotate", "Color", "Solarize")
    applied = (AppliedOperation(str(random.choice(names)), 0.5, float(random.integers(10))) for _ in range(4))
    return Augmentation(baseline="standard", policy=SubPolicies(tuple((one,) for one in applied)))


@pytest.mark.parametrize("engine", ["blocks", "whole"])
@pytest.mark.parametrize("order", AUGMENTATIONS)
def test_a_resumed_training_with_a_policy_gives_the_same_bits_and_learns(order, engine):
    child = augmented(AUGMENTATIONS[order])
    whole = trainer_on(child, engine=engine).train(child, epochs=6, seed=5)
    seen = []
    trainer_on(child, engine=engine).train(
        child, epochs=6, seed=5, on_epoch=lambda losses, scores, arrays: seen.append((losses, scores, arrays()))
    )
    resumed = trainer_on(child, engine=engine).train(child, epochs=6, seed=5, start=TrainingProgress(*seen[2]))
    assert (resumed.losses, resumed.scores) == (whole.losses, whole.scores)
    assert {name: array.tobytes() for name, array in resumed.arrays.items()} == {
        name: array.tobytes() for name, array in whole.arrays.items()
    }
    assert max(whole.scores) > 0.7


def test_both_engines_train_on_the_same_augmented_images():
    child = augmented(AUGMENTATIONS["paper"])
    blocks, whole = (trainer_on(child, engine=engine).train(child, epochs=1, seed=5) for engine in ("blocks", "whole"))
    np.testing.assert_allclose(blocks.losses, whole.losses, rtol=1e-4)
    other = augmented(replace(AUGMENTATIONS["paper"], policy=with_policy(1).policy))
    assert trainer_on(other, engine="blocks").train(other, epochs=1, seed=5).losses != blocks.losses


def test_the_evaluation_of_a_trained_network_follows_the_baseline_and_no_policy():
    data, trained = image_data(), None
    for value in (with_policy(0), with_policy(1), Augmentation(baseline="standard")):
        child = augmented(value)
        trainer = trainer_on(child, data, engine="blocks")
        trained = trained or trainer.train(child, epochs=1, seed=1)
        engine = trainer.engine(child, trainer.module(child, seed=1))
        examples = trainer.learning.validation(child, like_training=True)
        scored = evaluate(engine, engine.state(trained.arrays), examples, (trainer.learning.metric,))
        assert scored == (trained.scores[-1],)
    images, moments = data.validation.images, {"mean": (60.0,), "std": (40.0,)}
    views = [
        np.asarray(as_inputs(augmented(value), moments)(images))
        for value in (with_policy(0), Augmentation(baseline="standard"))
    ]
    np.testing.assert_array_equal(*views)
    none = np.asarray(as_inputs(augmented(Augmentation(baseline="none")), moments)(images))
    assert np.abs(views[0] - none).max() > 0.1


def test_children_of_a_search_share_arrays_and_programs(monkeypatch):
    learning = ImageLearningTask(augmented(with_policy(0)), image_data())
    compiled: list[Program] = []
    real = Program._compile
    monkeypatch.setattr(Program, "_compile", lambda self, given: compiled.append(self) or real(self, given))
    kept, batches_seen, after_first = [], set(), None
    for seed in range(40):
        child = augmented(with_policy(seed))
        child = replace(child, recipe=replace(child.recipe, batch_size=21))  # of no other test
        batches = learning.batches(child)
        kept.append((*batches._arrays, learning.validation(child, like_training=True)))
        images, _ = next(batches.epoch(0, 0))
        batches_seen.add(np.asarray(images).tobytes())
        after_first = len(compiled) if after_first is None else after_first
    assert len({tuple(map(id, each)) for each in kept}) == 1
    assert after_first == len(compiled)
    assert len(batches_seen) > 30


def test_policies_drawn_at_random_train_as_well():
    policy = RandomOperations(("Identity", "Rotate", "Invert", "Contrast"), tuple(map(float, range(10))), 2)
    child = augmented(Augmentation(baseline="standard", policy=policy))
    assert np.isfinite(trainer_on(child, engine="blocks").train(child, epochs=1, seed=0).losses).all()


def test_without_a_policy_cutout_is_the_only_change():
    data = image_data()
    learning = ImageLearningTask(augmented(Augmentation(baseline="standard")), data)
    whole, cut = (
        np.asarray(next(learning.batches(augmented(Augmentation(baseline="standard", cutout=share))).epoch(0, 0))[0])
        for share in (0.0, 0.5)
    )
    differs = whole != cut
    assert (cut[differs] == 0).all()
    assert 4 / 36 <= differs.mean() <= 9 / 36


def float_child(tmp_path, augmentation: Augmentation) -> Child:
    file = tmp_path / "floats.npz"
    random = np.random.default_rng(0)
    np.savez(file, images=random.random((200, 6, 6, 1)).astype(np.float32), labels=np.arange(200) % 2)
    child = child_on(LINES, source=str(file))
    return child.filled(augmentation=filling_of("augmentation-policy", augmentation))


def test_floating_point_pixels_become_bytes_which_a_policy_can_change(tmp_path):
    child = float_child(tmp_path, AUGMENTATIONS["paper"])
    problem = problem_named("images")
    problem.check(child)
    images, _ = next(problem.open(child).batches(child).epoch(0, 0))
    assert np.isfinite(np.asarray(images)).all()
