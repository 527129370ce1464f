"""Which examples are scored, which of them were trained on, and whether a set is still that of the training."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from automl_cli.core.errors import DataError, UserError
from automl_cli.reporting.plots import confusion_figure, write_figure
from automl_cli.store.file_names import CONTENTS_FILE, MODEL_FILE
from automl_cli.training.directory import open_training
from automl_cli.training.evaluate import evaluate
from automl_cli.training.request import TrainingRequest
from automl_cli.training.run import train
from automl_cli.training.settings import new_training
from automl_cli.training.trainable import NamedTrainable
from automl_cli.values.class_scores import class_scores, confused_pairs


@pytest.fixture
def model(found: Path, tmp_path: Path) -> Path:
    out = tmp_path / "run"
    with open_training(out, TrainingRequest(epochs=3), NamedTrainable("arch", str(found)), resume=False, overwrite=False):
        train(out)
    return out / MODEL_FILE


def arrays_of(images: Path) -> dict[str, np.ndarray]:
    with np.load(images) as arrays:
        return dict(arrays)


def test_the_own_set_is_scored_on_its_test_split_of_which_nothing_was_trained_on(model: Path) -> None:
    found = evaluate(model)
    assert (found.split, found.own, found.test_examples) == ("test", True, 30)
    assert (found.trained_on, found.same_test) == (0, True)
    assert (model.parent / CONTENTS_FILE).is_file()
    everything = evaluate(model, split="all")
    assert (everything.test_examples, everything.trained_on) == (150, 90)


def test_another_set_is_scored_as_a_whole(model: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    images, labels = random.integers(0, 256, (9, 6, 6, 1)).astype(np.uint8), np.arange(9) % 3
    np.savez(tmp_path / "new.npz", images=images, labels=labels)
    found = evaluate(model, source=str(tmp_path / "new.npz"))
    assert (found.split, found.own, found.test_examples, found.trained_on, found.same_test) == ("all", False, 9, 0, None)


def test_another_set_may_have_classes_of_one_picture_since_it_is_not_split(model: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    images, labels = random.integers(0, 256, (6, 6, 6, 1)).astype(np.uint8), np.array([0, 1, 1, 1, 1, 2])
    np.savez(tmp_path / "few.npz", images=images, labels=labels)
    assert evaluate(model, source=str(tmp_path / "few.npz")).test_examples == 6
    with pytest.raises(DataError, match=r"2 classes of fewer than 3 pictures, .*: 0 1, 2 1"):
        evaluate(model, source=str(tmp_path / "few.npz"), split="test")


def test_the_set_of_the_training_is_known_again_where_it_lies_elsewhere(model: Path, images: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere.npz"
    moved.write_bytes(images.read_bytes())
    found = evaluate(model, source=str(moved))
    assert (found.split, found.own, found.test_examples, found.same_test) == ("test", True, 30, True)


def test_examples_that_were_trained_on_are_counted_in_another_set(model: Path, images: Path, tmp_path: Path) -> None:
    arrays = arrays_of(images)
    np.savez(tmp_path / "pool.npz", images=arrays["x_train"], labels=arrays["y_train"])
    found = evaluate(model, source=str(tmp_path / "pool.npz"))
    assert (found.test_examples, found.trained_on) == (120, 90)  # the other 30 validated


def test_a_set_that_has_changed_since_the_training_is_noticed(model: Path, images: Path) -> None:
    arrays = arrays_of(images)
    arrays["x_test"][0] = arrays["x_train"][0]
    np.savez(images, **arrays)
    found = evaluate(model)
    assert found.same_test is False
    assert found.trained_on in (0, 1)  # the first training example may have validated
    (model.parent / CONTENTS_FILE).unlink()
    unknown = evaluate(model)
    assert (unknown.same_test, unknown.trained_on) == (None, None)


def test_classes_and_confusion_agree_with_the_scores(model: Path) -> None:
    found = evaluate(model)
    assert found.names is not None
    assert found.confusion is not None
    matrix = np.array(found.confusion)
    assert matrix.sum() == 30
    assert np.trace(matrix) / 30 == pytest.approx(found.scores["test_accuracy"])
    scores = class_scores(found.names, found.confusion)
    assert np.mean([one.recall for one in scores]) == pytest.approx(found.scores["test_balanced_accuracy"])
    assert sum(pair.examples for pair in confused_pairs(found.names, found.confusion)) == 30 - np.trace(matrix)
    assert json.loads(json.dumps(found.document["confusion"])) == matrix.tolist()


def test_the_confusion_matrix_is_drawn_the_same_each_time(tmp_path: Path) -> None:
    names, matrix = ("$a$ <b>", "long name of a class"), ((3, 1), (0, 2))
    for name in ("one.svg", "two.svg"):
        write_figure(lambda: confusion_figure(names, matrix, "a title"), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert b"long name of a class" in (tmp_path / "one.svg").read_bytes()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"optimizer": "adam", "learning_rate": 1.5}, "--learning-rate is 1.5; .* must be at most 1:"),
        ({"optimizer": "lion", "learning_rate": 0.5}, "--learning-rate is 0.5; .* must be at most 0.1:"),
        (
            {"learning_rate": 50.0, "weight_decay": 0.1},
            "--weight-decay is 0.1; at the learning rate 50 it must be at most 0.02",
        ),
        ({"learning_rate": 101.0}, "--learning-rate is 101; it must be at most 100"),
    ],
)
def test_rates_that_can_only_diverge_are_refused_by_their_flag(architecture, asked, message) -> None:
    with pytest.raises(UserError, match=message):
        new_training(architecture, "found", TrainingRequest(**asked))


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_adam_brings_the_rate_that_suits_it(architecture, optimizer) -> None:
    assert new_training(architecture, "found", TrainingRequest(optimizer=optimizer)).child.recipe.learning_rate == 1e-3


def test_a_moved_set_is_known_again_however_it_was_split(found: Path, images: Path, tmp_path: Path) -> None:
    arrays, pool, moved = arrays_of(images), tmp_path / "pool.npz", tmp_path / "moved.npz"
    np.savez(pool, images=arrays["x_train"], labels=arrays["y_train"])
    moved.write_bytes(pool.read_bytes())
    named = NamedTrainable("arch", str(found))
    request = TrainingRequest(epochs=1, dataset=str(pool), test_share=0.4)
    with open_training(tmp_path / "run", request, named, resume=False, overwrite=False):
        train(tmp_path / "run")
    scores = evaluate(tmp_path / "run" / MODEL_FILE, source=str(moved))
    assert (scores.own, scores.split, scores.test_examples, scores.trained_on) == (True, "test", 48, 0)


def test_arrays_of_another_file_are_read_as_those_of_the_training(found: Path, images: Path, tmp_path: Path) -> None:
    """Pixels of 12 bits have no usual range, so that the one given for the training holds."""
    arrays = {name: value.astype(np.int32) * 16 if name.startswith("x") else value for name, value in arrays_of(images).items()}
    np.savez(tmp_path / "one.npz", **arrays)
    np.savez(tmp_path / "two.npz", images=arrays["x_test"][:9] // 2 + 16, labels=arrays["y_test"][:9])
    request = TrainingRequest(epochs=1, dataset=str(tmp_path / "one.npz"), pixel_range="0,4080")
    with open_training(tmp_path / "run", request, NamedTrainable("arch", str(found)), resume=False, overwrite=False):
        train(tmp_path / "run")
    scores = evaluate(tmp_path / "run" / MODEL_FILE, source=str(tmp_path / "two.npz"))
    assert (scores.own, scores.test_examples) == (False, 9)


def test_broken_pictures_of_another_set_are_refused_or_left_out(model: Path, tmp_path: Path) -> None:
    for label in "012":
        (tmp_path / "new" / label).mkdir(parents=True)
        for number in range(4):
            Image.fromarray(np.full((6, 6), 40 * number, np.uint8)).save(tmp_path / "new" / label / f"{number}.png")
    (tmp_path / "new" / "1" / "2.png").write_bytes(b"")
    with pytest.raises(UserError, match="1 fault"):
        evaluate(model, source=str(tmp_path / "new"))
    assert evaluate(model, source=str(tmp_path / "new"), skip_broken=True).test_examples == 11
