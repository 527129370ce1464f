"""From what was asked for to the settings of a training; what a resumed one may be asked for."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from automl_cli.core.errors import ArtifactError, DataError, RunInUse, SpaceError, UserError
from automl_cli.plugins.roles import by_names, value_of
from automl_cli.references import open_filling
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.training.anew import RecordedTraining, flags_for, train_anew
from automl_cli.training.directory import open_training, settings_of
from automl_cli.training.request import TrainingRequest
from automl_cli.training.settings import new_training
from automl_cli.training.trainable import NamedTrainable
from automl_cli.values.dataset import DatasetReference, dataset_of, facts_of
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network
from automl_cli.values.optimizer import NAMED
from search_spaces.cnn import SPACE
from tests.training.conftest import NETWORK, found_with


def arch(path: Path) -> NamedTrainable:
    return NamedTrainable("arch", str(path))


def test_data_recipe_and_roles_are_those_of_the_search_but_all_examples_are_trained_on(architecture, child):
    training = new_training(architecture, "found", TrainingRequest())
    assert dataset_of(training.child) == msgspec.structs.replace(dataset_of(child), train_examples=None)
    assert training.child.recipe == child.recipe
    assert {role: filling for role, filling in training.child.roles.items() if role != "network"} == child.roles
    assert value_of(training.child.roles["network"]) == NETWORK
    assert (training.epochs, training.seed, training.with_validation) == (120, 0, False)  # 600 steps of 5 an epoch
    facts = facts_of(training.child)
    assert facts.train_examples + facts.validation_examples == 120


def test_flags_replace_single_fields(architecture, child):
    asked = TrainingRequest(train_examples=40, epochs=7, seed=3, learning_rate=0.5, schedule="constant", flip=True)
    training = new_training(architecture, "found", asked)
    assert dataset_of(training.child).train_examples == 40
    assert training.child.recipe == msgspec.structs.replace(child.recipe, learning_rate=0.5, schedule="constant")
    assert (training.epochs, training.seed, facts_of(training.child).flip) == (7, 3, True)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"learning_rate": -1.0}, "--learning-rate is -1; it must be above 0"),
        ({"momentum": 2.0}, "--momentum is 2; it must be below 1"),
        ({"drop_path_schedule": "time"}, "--drop-path-schedule is about the paths of stacked cells, and this network has none"),
        ({"drop_path_keep": 0.5, "epochs": 2}, "--drop-path-keep is about the paths of stacked cells"),
    ],
)
def test_what_cannot_act_or_is_out_of_bounds_is_refused_by_its_flag_whoever_asks(architecture, asked, text):
    with pytest.raises(UserError, match=text):
        new_training(architecture, "found", TrainingRequest(**asked))


def test_flags_fill_roles(architecture, child):
    training = new_training(
        architecture, "found", TrainingRequest(optimizer="momentum", augment="standard", activation="swish")
    )
    asked = {"optimizer": "momentum", "augmentation": "standard", "activation": "swish"}
    expected = {role: open_filling(role, name) for role, name in asked.items()}
    assert {role: training.child.roles[role] for role in expected} == expected
    alone = new_training(architecture, "found", TrainingRequest(momentum=0.5))
    assert value_of(alone.child.roles["optimizer"]) == msgspec.structs.replace(NAMED["nesterov"], momentum=0.5)
    both = new_training(architecture, "found", TrainingRequest(optimizer="rmsprop-tf", momentum=0.0))
    assert value_of(both.child.roles["optimizer"]) == msgspec.structs.replace(NAMED["rmsprop-tf"], momentum=0.0)


def test_given_roles_take_the_place_of_those_of_the_search(architecture):
    roles = by_names({"optimizer": "lion"})
    training = new_training(architecture, "found", TrainingRequest(), roles=roles)
    assert training.child.roles["optimizer"] == roles["optimizer"]


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "lion"])
def test_momentum_is_refused_for_a_rule_that_has_none(architecture, name):
    with pytest.raises(UserError, match=f"--momentum means nothing to the optimizer {name}; leave it out"):
        new_training(architecture, "found", TrainingRequest(optimizer=name, momentum=0.5))


def test_another_data_set_starts_from_the_defaults_of_a_data_set(architecture):
    training = new_training(architecture, "found", TrainingRequest(dataset="digits", data_dir="/data"))
    assert dataset_of(training.child) == DatasetReference(source="digits", data_dir="/data")
    assert facts_of(training.child).image_shape == (8, 8, 1)


def test_a_preset_gives_recipe_and_roles_of_the_space(child):
    training = new_training(found_with(child, space="cnn"), "found", TrainingRequest(preset="paper"))
    preset = SPACE.presets["paper"].child
    assert training.child.recipe == preset.recipe
    assert [training.child.roles[role].name for role in ("optimizer", "augmentation")] == [
        preset.optimizer,
        preset.augmentation,
    ]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"epochs": 0}, "--epochs is 0; it must be at least 1"),
        ({"seed": -1}, "--seed is -1; it must be at least 0"),
        ({"preset": "papre"}, r"unknown preset of space 'cnn': 'papre'\. Did you mean 'paper'\? Known: paper, quick"),
        ({"batch_size": 0}, "--batch-size is 0; it must be at least 1"),
        ({"learning_rate": 0.0}, "--learning-rate is 0; it must be above 0"),
        ({"schedule": "cosin"}, "unknown schedule 'cosin'. Did you mean 'cosine'?"),
        ({"optimizer": "adm"}, "unknown optimizer 'adm'. Did you mean 'adam'"),
        ({"augment": "inceptoin"}, "unknown augmentation 'inceptoin'. Did you mean 'inception'"),
        ({"dataset": "digist"}, "unknown data set 'digist'. Did you mean 'digits'?"),
        ({"train_examples": 500}, "--train-examples is 500, but rows has 120 examples"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_made(child, tmp_path, asked, message):
    write_artifact(tmp_path / "found.json", artifact_of(found_with(child, space="cnn")))
    with pytest.raises(UserError, match=message):
        open_training(tmp_path / "run", TrainingRequest(**asked), arch(tmp_path / "found.json"), resume=False, overwrite=False)
    assert not (tmp_path / "run").exists()


def test_an_artifact_of_another_kind_is_refused(found, tmp_path):
    open_training(tmp_path / "run", TrainingRequest(), arch(found), resume=False, overwrite=False).close()
    with pytest.raises(ArtifactError, match=r"training\.json: this is a training artifact; an architecture artifact is needed"):
        open_training(
            tmp_path / "next", TrainingRequest(), arch(tmp_path / "run" / "training.json"), resume=False, overwrite=False
        )


def open_there(out: Path, found: Path | None, *, resume: bool = False, overwrite: bool = False, **asked):
    return open_training(out, TrainingRequest(**asked), found and arch(found), resume=resume, overwrite=overwrite)


def test_an_existing_directory_is_refused_with_the_ways_out(found, tmp_path):
    open_there(tmp_path / "run", found).close()
    with pytest.raises(UserError, match="exists already: continue it with --resume, replace it with --overwrite"):
        open_there(tmp_path / "run", found)
    open_there(tmp_path / "run", found, overwrite=True, seed=9).close()
    assert settings_of(tmp_path / "run").seed == 9


def test_a_directory_of_something_else_is_never_overwritten(found, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("")
    with pytest.raises(UserError, match=r"is not a training directory \(it holds chapter1\.tex\)"):
        open_there(tmp_path / "thesis", found, overwrite=True)


def test_a_directory_in_use_is_refused(found, tmp_path):
    with open_there(tmp_path / "run", found), pytest.raises(RunInUse, match="is in use by another process"):
        open_there(tmp_path / "run", None, resume=True)


def test_a_preset_or_a_stack_on_resume_needs_to_know_of_what(found, tmp_path):
    open_there(tmp_path / "run", found).close()
    for asked in ({"preset": "paper"}, {"stack": "2@96"}):
        with pytest.raises(UserError, match=f"--{next(iter(asked))} was settled when this training was started"):
            open_there(tmp_path / "run", None, resume=True, **asked)


def test_resuming_needs_only_the_directory_and_accepts_what_was_asked_before(found, tmp_path):
    open_there(tmp_path / "run", found, epochs=5, seed=2, learning_rate=0.3).close()
    open_there(tmp_path / "run", None, resume=True).close()
    open_there(tmp_path / "run", found, resume=True, epochs=5, seed=2, learning_rate=0.3).close()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"epochs": 6}, "was started with --epochs 5, not 6"),
        ({"seed": 1}, "was started with --seed 0, not 1"),
        ({"with_validation": True}, "was started with --with-validation False, not True"),
        ({"learning_rate": 0.2}, "was started with --learning-rate 0.1, not 0.2"),
        ({"optimizer": "adam"}, "was started with --optimizer nesterov, not adam"),
        ({"augment": "standard"}, "was started with --augment none, not standard"),
        ({"momentum": 0.5}, "was started with --momentum 0.9, not 0.5"),
        ({"train_examples": 50}, "was started with --train-examples None, not 50"),
        ({"dataset": "digits"}, r"was started with --dataset .*rows\.npz, not digits"),
    ],
)
def test_resuming_with_other_settings_is_refused_and_lets_go_of_the_directory(found, tmp_path, asked, message):
    open_there(tmp_path / "run", found, epochs=5).close()
    with pytest.raises(UserError, match=message):
        open_there(tmp_path / "run", None, resume=True, **asked)
    open_there(tmp_path / "run", None, resume=True).close()


def test_resuming_with_another_network_or_changed_data_is_refused(found, child, images, tmp_path):
    open_there(tmp_path / "run", found).close()
    other = Network((Block("a", ConvolutionUnit((1, 1), 4), (IMAGE,)),), ("a",))
    write_artifact(tmp_path / "other.json", artifact_of(found_with(child, other)))
    with pytest.raises(UserError, match="--arch holds another network than the one trained here"):
        open_there(tmp_path / "run", tmp_path / "other.json", resume=True)
    moved = images.rename(images.with_name("moved.npz"))
    with pytest.raises(DataError, match=r"no file at .*rows\.npz.*\. If the data of this run were moved, say .* --dataset "):
        open_there(tmp_path / "run", None, resume=True)
    open_there(tmp_path / "run", None, resume=True, dataset=str(moved)).close()
    assert settings_of(tmp_path / "run").child.problem.source == str(moved)
    arrays = dict(np.load(moved))
    np.savez(moved, **{name: (2 - array if array.ndim == 1 else array) for name, array in arrays.items()})
    with pytest.raises(UserError, match="the data are not those that this training was started with: examples or labels"):
        open_there(tmp_path / "run", None, resume=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"found": None}, "nothing says what is trained: give --arch or --cell"),
        ({"resume": True, "overwrite": True}, "--resume continues a training and --overwrite replaces it; give one of them"),
        ({"resume": True, "out": None}, "--resume needs --out"),
        ({"resume": True}, "there is no training at .*run to resume"),
    ],
)
def test_flags_that_miss_or_exclude_each_other_are_said(found, tmp_path, given, message):
    given = {"out": tmp_path / "run", "found": found} | given
    with pytest.raises(UserError, match=message):
        open_there(given.pop("out"), given.pop("found"), **given)


def test_a_network_that_the_images_do_not_fit_is_refused(child):
    from automl_cli.values.network import MaxPool

    pools = tuple(Block(f"p{i}", MaxPool((2, 2), (2, 2)), (f"p{i - 1}" if i else IMAGE,)) for i in range(3))
    joined = Block("sum", ConvolutionUnit((1, 1), 2), ("p0", "p2"), join="add")
    network = Network((*pools, joined), ("sum",))
    with pytest.raises(SpaceError, match="sum"):
        new_training(found_with(child, network), "found", TrainingRequest())


def test_a_resume_may_name_the_rule_without_its_momentum(found, tmp_path):
    open_there(tmp_path / "run", found, epochs=5, optimizer="momentum", momentum=0.8).close()
    open_there(tmp_path / "run", None, resume=True, optimizer="momentum").close()
    with pytest.raises(UserError, match=r"was started with --momentum 0\.8, not 0\.9"):
        open_there(tmp_path / "run", None, resume=True, optimizer="momentum", momentum=0.9)


def test_a_training_of_a_file_says_which_flag_its_flags_need_beside_them(found, tmp_path):
    """What the error tells, followed, gives the flags."""
    open_there(tmp_path / "run", found, epochs=5).close()
    recorded = RecordedTraining(tmp_path / "run", settings_of(tmp_path / "run"), {})
    with pytest.raises(UserError, match=r"--write-config FILE\.toml and, as it was given, --arch, --cell or --network, and"):
        train_anew(recorded, TrainingRequest(epochs=6), None)
    with pytest.raises(UserError, match=f"FILE.toml --arch {found}, and change them there"):
        train_anew(recorded, TrainingRequest(epochs=6), arch(found))
    said = flags_for(recorded, TrainingRequest(), arch(found))
    assert (said["arch"], said["epochs"]) == (str(found), 5)
