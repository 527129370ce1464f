"""What `automl train` trains: networks, cells and scaled cells; with which recipe, on which data; its plan."""

import msgspec
import pytest

from automl_cli.children.cost import EFFICIENCY, PASS_SECONDS
from automl_cli.cli.plans import training_text
from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.kinds.network import stacked_network
from automl_cli.plugins.kind import TrainingChoices
from automl_cli.plugins.roles import value_of
from automl_cli.plugins.trainables import trainable_of
from automl_cli.references import open_any
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.training.plan import plan_training
from automl_cli.training.request import TrainingRequest
from automl_cli.training.settings import new_training, resumed
from automl_cli.training.trainable import NamedTrainable, named_by, needed
from automl_cli.values.child import Child
from automl_cli.values.network import Network
from automl_cli.values.published_recipes import TRAININGS, FinalTraining
from automl_cli.values.skeleton import cell_network, parse_stack
from search_spaces import cnn
from tests.store.samples import architecture
from tests.study.worlds import DIGITS as DIGITS_FACTS
from tests.training.conftest import found_with

CELL = NamedTrainable("cell", "nasnet-a")
DIGITS = {"dataset": "digits", "stack": "1@96"}


def nasnet_a():
    return open_any("nasnet-a").artifact.body


def network_of(child: Child) -> Network:
    return value_of(child.roles["network"])


def named_in(child: Child) -> dict[str, str | None]:
    """What stands in the roles beside the network, by name."""
    return {role: filling.name for role, filling in child.roles.items() if role != "network"}


def roles_of(training: FinalTraining) -> dict[str, str]:
    return {role: getattr(training, role) for role in ("activation", "optimizer", "augmentation")}


@pytest.fixture
def network(tmp_path):
    """NASNet-A as it is scaled to digits, in a run directory."""
    pair = nasnet_a().value
    chosen = parse_stack("1@96", pair, (8, 8, 1))
    body = stacked_network(pair, chosen, target="digits", image_shape=(8, 8, 1), classes=10)
    write_artifact(tmp_path / "network.json", artifact_of(body))
    return tmp_path


def test_a_cell_is_stacked_for_the_images_and_trained_by_the_preset_of_its_skeleton():
    training = new_training(nasnet_a(), "nasnet-a", TrainingRequest(**DIGITS))
    pair = nasnet_a().value
    assert network_of(training.child) == cell_network(pair, parse_stack("1@96", pair, (8, 8, 1)), (8, 8, 1))
    quick = TRAININGS["cifar"]["quick"]
    assert (training.child.recipe, training.epochs) == (quick.recipe, quick.epochs)
    assert named_in(training.child) == roles_of(quick)
    paper = new_training(nasnet_a(), "nasnet-a", TrainingRequest(**DIGITS, preset="paper", drop_path_keep=0.8))
    assert paper.child.recipe == msgspec.structs.replace(TRAININGS["cifar"]["paper"].recipe, drop_path_keep=0.8)
    assert paper.epochs == 600


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({}, "paths of the last cell are kept with probability 0.6 at the end, those of earlier cells more often"),
        ({"drop_path_schedule": "time"}, "paths of all cells are kept with probability 0.6 at the end"),
        ({"drop_path_keep": 1.0}, "none"),
    ],
)
def test_the_plan_says_which_paths_are_dropped(flags, words):
    plan = plan_training(CELL, TrainingRequest(**DIGITS, preset="paper", **flags))
    assert f"drop path        {words}\n" in training_text(plan)


def test_the_time_of_a_training_on_the_validation_examples_too_counts_them_as_trained_on(monkeypatch):
    monkeypatch.setattr("automl_cli.training.plan.matrix_speed", lambda: 1e9)
    apart, together = (
        plan_training(CELL, TrainingRequest(**DIGITS, with_validation=with_validation)) for with_validation in (False, True)
    )
    more, blocks = apart.child.problem.facts["validation_examples"], len(network_of(apart.child).blocks)
    arithmetic = 3 * more * apart.epochs * 2 * apart.multiply_adds / (EFFICIENCY * 1e9)
    passes = 3 * (together.steps - apart.steps) * blocks * PASS_SECONDS
    assert together.compute_seconds - apart.compute_seconds == pytest.approx(arithmetic + passes)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"preset": "paper"}, "none: this network has none; only stacks of cells have one, on a map of at least 5×5"),
        ({"preset": "paper", "image_size": 32}, "its loss weighs 0.4"),
        ({"image_size": 32}, "none"),
    ],
)
def test_the_plan_knows_whether_the_network_has_an_auxiliary_head(flags, words):
    request = TrainingRequest(**DIGITS, **flags)
    plan = plan_training(CELL, request)
    assert plan.auxiliary_head == (words == "its loss weighs 0.4")
    assert f"auxiliary head   {words}\n" in training_text(plan)


def test_the_plan_of_a_network_that_is_no_stack_of_cells_has_no_auxiliary_head(tmp_path):
    write_artifact(tmp_path / "best.json", artifact_of(architecture()))
    named = NamedTrainable("arch", str(tmp_path / "best.json"))
    assert not plan_training(named, TrainingRequest(dataset="digits", auxiliary_weight=0.4)).auxiliary_head


def test_filters_override_what_follows_from_the_width():
    training = new_training(nasnet_a(), "nasnet-a", TrainingRequest(**DIGITS, filters=2))
    assert network_of(training.child).shapes((8, 8, 1))["final"][2] == 4 * 6 * 2


def test_a_scaled_cell_is_trained_as_it_is_on_what_it_was_scaled_to(network):
    body = NamedTrainable("network", str(network)).open().artifact.body
    training = new_training(body, "network.json", TrainingRequest())
    assert training.child.roles == new_training(nasnet_a(), "nasnet-a", TrainingRequest(**DIGITS)).child.roles
    assert training.child.problem.source == "digits"
    with pytest.raises(UserError, match="--stack and --filters are for a cell"):
        new_training(body, "network.json", TrainingRequest(stack="1@96"))


def test_resuming_accepts_what_was_asked_before_and_nothing_else():
    asked = TrainingRequest(**DIGITS, preset="paper", dropout=0.1)
    recorded = new_training(nasnet_a(), "nasnet-a", asked)
    resumed(recorded, asked, CELL)
    resumed(recorded, TrainingRequest(), None)
    for other, message in (
        ({"stack": "1@48"}, "--cell holds another network"),
        ({"preset": "quick"}, "started with --epochs 600, not 30"),
        ({"dropout": 0.2}, "started with --dropout 0.1, not 0.2"),
        ({"drop_path_schedule": "time"}, "started with --drop-path-schedule time-and-depth, not time"),
    ):
        with pytest.raises(UserError, match=message):
            resumed(recorded, TrainingRequest(**{**DIGITS, "preset": "paper", "dropout": 0.1, **other}), CELL)


def test_an_artifact_that_another_flag_takes_is_refused_with_that_flag(network):
    with pytest.raises(ArtifactError, match="an architecture artifact is needed here; give it with --cell"):
        NamedTrainable("arch", "nasnet-a").open()
    with pytest.raises(ArtifactError, match=r"this is a network artifact; .*cell, edge-cell; give it with --network$"):
        NamedTrainable("cell", str(network / "network.json")).open()
    with pytest.raises(UserError, match=r"unknown cell 'nasnt-a'\. Did you mean 'nasnet-a'"):
        NamedTrainable("cell", "nasnt-a").open()


@pytest.mark.parametrize("text", ["{", '{"schema": "automl.network/99", "tool": "x", "inputs": {}, "body": {}}'])
def test_a_broken_file_is_not_said_to_be_taken_by_another_flag(tmp_path, text):
    (tmp_path / "network.json").write_text(text)
    write_artifact(tmp_path / "best.json", artifact_of(nasnet_a()))
    with pytest.raises(ArtifactError, match=r"network\.json: ") as caught:
        NamedTrainable("network", str(tmp_path)).open()
    assert "--cell" not in str(caught.value)


def test_a_run_without_the_file_that_a_flag_takes_is_given_with_the_flag_of_the_file_that_it_holds(tmp_path):
    with pytest.raises(ArtifactError, match=r"holds no network\.json; see how far the run is"):
        NamedTrainable("network", str(tmp_path)).open()
    write_artifact(tmp_path / "best.json", artifact_of(nasnet_a()))
    with pytest.raises(ArtifactError, match=r"holds no network\.json; to train the best\.json in it, give it with --cell$"):
        NamedTrainable("network", str(tmp_path)).open()


def test_exactly_one_thing_is_trained():
    assert named_by(arch=None, cell="nasnet-a", network=None) == CELL
    with pytest.raises(UserError, match="--arch and --network both say what is trained; give one of them"):
        named_by(arch="a", cell=None, network="b")
    with pytest.raises(UserError, match="nothing says what is trained"):
        needed(named_by(arch=None, cell=None, network=None))


def test_the_plan_of_a_famous_set_that_is_absent_says_so_and_states_the_recipe_of_the_paper(tmp_path):
    request = TrainingRequest(dataset="imagenet", data_dir=str(tmp_path), preset="paper", with_validation=True)
    plan = plan_training(CELL, request)
    assert (plan.parameters, round(plan.multiply_adds / 1e6, 1)) == (5_289_978, 563.6)
    assert plan.child.recipe == TRAININGS["mobile"]["paper"].recipe
    assert named_in(plan.child) == roles_of(TRAININGS["mobile"]["paper"])
    assert (plan.steps_per_epoch, plan.child.problem.facts["test_examples"]) == (800, 50_000)
    assert "is not prepared under" in plan.problem
    assert plan.wall_seconds <= plan.compute_seconds
    assert plan.compile_seconds < plan.wall_seconds, "cores share the arithmetic and nothing else"
    assert plan.compute_seconds > 86_400


@pytest.mark.parametrize("stack", ["4@1056", "6@4032"])
@pytest.mark.parametrize(("with_validation", "steps"), [(True, 249_600), (False, 224_640)])
def test_the_paper_preset_on_imagenet_takes_the_released_code_s_250_000_steps_but_for_the_rest_of_an_epoch(
    tmp_path, stack, with_validation, steps
):
    """On all training examples; where a tenth of them is held out for validation, it takes a tenth fewer."""
    asked = {"dataset": "imagenet", "data_dir": str(tmp_path), "preset": "paper", "stack": stack}
    plan = plan_training(CELL, TrainingRequest(**asked, with_validation=with_validation))
    assert plan.steps == steps
    assert not with_validation or 0 <= 250_000 - plan.steps < plan.steps_per_epoch


@pytest.mark.parametrize(
    ("stack", "filters", "size"),
    [
        ("4@1056", None, "mobile"),
        ("6@2040", None, "mobile"),  # Cells of six states put out a multiple of 24 channels: 2040 is next below 2048.
        ("6@2064", None, "large"),
        ("6@4032", None, "large"),
        ("4@1056", 168, "large"),
    ],
)
def test_the_width_of_a_stack_on_imagenet_decides_whose_recipe_the_paper_preset_is(tmp_path, stack, filters, size):
    data = {"dataset": "imagenet", "data_dir": str(tmp_path), "preset": "paper"}
    plan = plan_training(CELL, TrainingRequest(**data, image_size=331, stack=stack, filters=filters))
    assert plan.child.recipe == TRAININGS[size]["paper"].recipe
    pair = nasnet_a().value
    chosen = parse_stack(stack, pair, (331, 331, 3), filters=filters)
    scaled = stacked_network(pair, chosen, target="imagenet", image_shape=(331, 331, 3), classes=1000)
    write_artifact(tmp_path / "network.json", artifact_of(scaled))
    assert plan_training(NamedTrainable("network", str(tmp_path)), TrainingRequest(**data)).child == plan.child


def test_the_plan_of_data_that_are_here_has_no_problem():
    plan = plan_training(CELL, TrainingRequest(**DIGITS))
    assert plan.problem is None
    assert plan.steps == plan.epochs * plan.child.recipe.steps(plan.child.problem.facts["train_examples"])


def test_a_network_of_a_search_that_trained_nothing_has_no_recipe_which_is_said():
    with pytest.raises(UserError, match="trained nothing and says of no recipe"):
        new_training(found_with(None, space="tiny"), "found", TrainingRequest(dataset="digits"))


def test_a_search_that_trained_nothing_in_a_space_with_presets_is_trained_by_its_quick_one():
    training = new_training(found_with(None, space="cnn"), "found", TrainingRequest())
    assert training.child.recipe == cnn.QUICK.child.recipe
    assert training.child.problem.source == "digits"


def test_what_is_trainable_says_its_data_and_its_place_without_looking_at_any():
    trainable = trainable_of(nasnet_a(), "nasnet-a", TrainingChoices(stack="1@96"))
    assert (trainable.problem, trainable.dataset["source"]) == ("images", "digits")
    pair = nasnet_a().value
    assert value_of(trainable.place(DIGITS_FACTS)) == cell_network(pair, parse_stack("1@96", pair, (8, 8, 1)), (8, 8, 1))
    trained_as = trainable.training(DIGITS_FACTS)
    assert (trained_as.recipe, trained_as.epochs) == (TRAININGS["cifar"]["quick"].recipe, TRAININGS["cifar"]["quick"].epochs)


def test_an_empty_stack_is_refused_and_not_the_default():
    trainable = trainable_of(nasnet_a(), "nasnet-a", TrainingChoices(stack=""))
    with pytest.raises(UserError, match=r"^--stack is ''; it must be N@P"):
        trainable.place(DIGITS_FACTS)


@pytest.mark.parametrize(("cores", "text"), [(1, "on one core, of which compiling "), (4, "on 4 cores, ")])
def test_the_plan_says_on_how_many_cores_in_words(cores: int, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_cli.training.plan.available_cores", lambda: cores)
    words = training_text(plan_training(NamedTrainable("cell", "nasnet-a"), TrainingRequest(dataset="digits", stack="1@48")))
    assert text in words
    assert "all 1 cores" not in words
