"""Which engine trains and predicts: the rule, that it is recorded, and that what was recorded stays."""

import msgspec
import numpy as np
import pytest

from automl_cli.children.trainer import Trainer
from automl_cli.cli.plans import training_text
from automl_cli.core.decisions import Decision, DecisionList
from automl_cli.core.protocols import EvaluationRequest
from automl_cli.core.spaces import SearchSpace
from automl_cli.data import ImageSplit
from automl_cli.evaluators.trained import TrainedEvaluator
from automl_cli.nn.engines import BlocksEngine, WholeEngine
from automl_cli.planning.compare import plan_comparison
from automl_cli.planning.compare_flags import ComparisonRequest
from automl_cli.planning.estimate import plan_of
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.store.file_names import MODEL_FILE
from automl_cli.system.tuning import SWITCH
from automl_cli.training.directory import settings_of
from automl_cli.training.evaluate import predictor, weights_beside
from automl_cli.training.plan import plan_training
from automl_cli.training.request import TrainingRequest
from automl_cli.training.run import train
from automl_cli.training.settings import new_training
from automl_cli.training.trainable import NamedTrainable
from automl_cli.values import engine as engines
from automl_cli.values.engine import BATCHES_THAT_PAY, STEPS_THAT_PAY, engine_for_prediction, engine_for_training
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network, SeparableUnit
from tests.children.line_images import held_out
from tests.study.worlds import digits_child
from tests.tiny_space import SPACE as TINY
from tests.training.conftest import looked_at_last
from tests.training.test_run import Killed, files_of, killed_after, started


def test_a_cpu_trains_block_by_block_until_one_program_pays_and_an_accelerator_never_does():
    for steps in (1, STEPS_THAT_PAY - 1):
        assert engine_for_training(steps, accelerated=False).engine == "blocks"
        assert engine_for_training(steps, accelerated=True).engine == "whole"
    assert engine_for_training(STEPS_THAT_PAY, accelerated=False).engine == "whole"


def test_on_one_thread_numpy_trains_its_networks_for_any_number_of_steps():
    for steps in (1, 10 * STEPS_THAT_PAY):
        assert engine_for_training(steps, accelerated=False, by_numpy=True).engine == "blocks"
        assert engine_for_training(steps, accelerated=True, by_numpy=True).engine == "whole"
        assert engine_for_training(steps, accelerated=False, by_numpy=True, needs_whole="muon").engine == "whole"


def test_a_few_batches_are_looked_at_by_the_programs_of_the_training():
    few, many = BATCHES_THAT_PAY - 1, BATCHES_THAT_PAY
    assert engine_for_prediction(few, trained="blocks", accelerated=False) == "blocks"
    for batches, trained, accelerated in ((many, "blocks", False), (few, "whole", False), (few, "blocks", True)):
        assert engine_for_prediction(batches, trained=trained, accelerated=accelerated) == "whole"


@pytest.fixture
def several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_cli.training.settings.has_one_thread", lambda: False)


@pytest.mark.usefixtures("several_threads")
def test_a_training_has_the_engine_of_its_number_of_steps(architecture, monkeypatch):
    short = new_training(architecture, "found", TrainingRequest(epochs=1))
    assert short.steps_per_epoch == short.child.problem.facts["train_examples"] // 16 > 1
    enough = -(-STEPS_THAT_PAY // short.steps_per_epoch)
    for epochs, validation, engine in (
        (1, 0, "blocks"),
        (enough - 1, 0, "blocks"),
        (enough, 0, "whole"),
        (enough - 1, 1, "whole"),
    ):
        asked = TrainingRequest(epochs=epochs, with_validation=bool(validation))
        assert new_training(architecture, "found", asked).engine == engine
    monkeypatch.setattr("automl_cli.training.settings.has_accelerator", lambda: True)
    assert new_training(architecture, "found", TrainingRequest(epochs=1)).engine == "whole"


@pytest.mark.parametrize(
    ("options", "engine"),
    [
        ({}, "blocks"),
        ({"activation": "swish"}, "whole"),
        ({"precision": "mixed"}, "whole"),
        ({"optimizer": "muon"}, "whole"),
    ],
)
def test_a_long_training_on_one_thread_is_numpy_s_if_it_computes_all_of_it(architecture, options, engine):
    assert new_training(architecture, "found", TrainingRequest(epochs=400, **options)).engine == engine


@pytest.mark.usefixtures("several_threads")
@pytest.mark.parametrize(("epochs", "word"), [(2, "block by block"), (400, "make up for compiling it")])
def test_a_plan_says_which_engine_and_why(found, epochs, word):
    plan = plan_training(NamedTrainable("arch", str(found)), TrainingRequest(epochs=epochs))
    (line,) = (line for line in training_text(plan).splitlines() if line.startswith("engine "))
    assert word in line
    assert plan.engine == engine_for_training(plan.steps, accelerated=False).engine


@pytest.mark.parametrize("request_", [{}, {"epochs": 50}, {"preset": "paper"}])
@pytest.mark.parametrize("command", ["search-arch", "search-cell"])
def test_a_search_records_the_engine_of_its_children(command, request_):
    request = SearchRequest(strategy="random", **request_)
    engine = "whole" if request_ and command == "search-cell" else "blocks"  # cells have operations that NumPy lacks
    default = {"search-arch": "cnn", "search-cell": "nasnet"}[command]
    settings, _ = plan_search(command, request, default_space=default, data_needed=False)
    assert settings.evaluator.settings["engine"] == engine


@pytest.mark.parametrize(
    ("request_", "engine"),
    [
        ({"epochs": 50}, "blocks"),
        ({"epochs": 50, "activation": "swish"}, "whole"),
        ({"epochs": 50, "evaluator_option": {"engine": "whole"}}, "whole"),
    ],
)
def test_a_plan_counts_what_is_compiled_and_nothing_that_numpy_computes(request_, engine):
    plans = {}
    for name, request in (("asked", request_), ("compiled", {**request_, "activation": "swish", "epochs": 4})):
        settings, space = plan_search("search-arch", SearchRequest(strategy="random", **request), default_space="cnn")
        plans[name] = plan_of(settings, space)
        if name == "asked":
            assert settings.evaluator.settings["engine"] == engine
    assert plans["compiled"].compile_seconds > 10
    assert plans["asked"].compile_seconds > 10 if engine == "whole" else plans["asked"].compile_seconds < 1


@pytest.mark.parametrize(("operations", "engine"), [(("conv", "conv"), "blocks"), (("conv", "separable"), "whole")])
def test_the_engine_of_a_search_is_one_that_all_its_networks_can_have(operations, engine):
    kinds = {"conv": ConvolutionUnit(kernel=(3, 3), filters=4), "separable": SeparableUnit(kernel=3, filters=4)}

    def decode(options, genotype):
        return Network((Block("a", kinds[operations[genotype[0]]], (IMAGE,)),), ("a",))

    decision = Decision("operation", tuple(f"{name} {at}" for at, name in enumerate(operations)))
    mixed = msgspec.structs.replace(TINY, decisions=lambda options: DecisionList((decision,)), decode=decode)
    request = EvaluationRequest(
        space=SearchSpace(mixed, {"layers": 1}),
        child=digits_child(),
        data_needed=False,
        epochs=10**6,
        accelerated=False,
        given={},
        options={},
    )
    assert TrainedEvaluator.resolve(request)["engine"] == engine


def test_workers_with_several_threads_leave_long_trainings_to_programs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SWITCH, "1")
    monkeypatch.setattr("automl_cli.system.linear_algebra.available_cores", lambda: 8)
    settings, _ = plan_search("search-arch", SearchRequest(strategy="random", epochs=50), default_space="cnn")
    assert settings.evaluator.settings["engine"] == "whole"


@pytest.mark.parametrize(
    ("values", "engine"),
    [
        ({"augment": "none,trivialaugment"}, "blocks"),
        ({"activation": "relu,swish"}, "whole"),
        ({"activation": "swish,relu"}, "whole"),
    ],
)
def test_a_comparison_is_numpy_s_if_all_its_children_are(found, values, engine):
    asked = ComparisonRequest(arch=str(found), epochs=400, **values)
    assert plan_comparison(asked, data_needed=False).engine == engine


def test_a_search_in_this_process_computes_on_the_cpu_whatever_else_is_here(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("automl_cli.planning.place.workers_have_accelerator", lambda: True)
    for executor, engine in (("serial", "blocks"), ("local", "whole")):
        settings, _ = plan_search("search-arch", SearchRequest(executor=executor), default_space="cnn")
        assert settings.evaluator.settings["engine"] == engine


@pytest.fixture
def rule(monkeypatch: pytest.MonkeyPatch, several_threads):
    """Sets what the rule says of short trainings."""
    pays_from = {"whole": 1, "blocks": 10**9}
    return lambda engine: monkeypatch.setattr(engines, "STEPS_THAT_PAY", pays_from[engine])


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The engines that were made, to train and to predict."""
    names: list[str] = []

    def watched(engine: type) -> object:
        return lambda *arguments, **options: names.append(engine.__name__) or engine(*arguments, **options)

    for engine in (WholeEngine, BlocksEngine):
        monkeypatch.setattr("automl_cli.children.prediction." + engine.__name__, watched(engine))
    monkeypatch.setattr(Trainer, "engine", lambda *given, real=Trainer.engine, **more: _noted(names, real(*given, **more)))
    return names


def _noted(names: list[str], engine: object) -> object:
    names.append(type(engine).__name__)
    return engine


@pytest.mark.parametrize(("engine", "other"), [("whole", "blocks"), ("blocks", "whole")])
def test_a_resumed_training_keeps_its_engine_and_its_bits_whatever_the_rule_says_by_then(
    found, tmp_path, rule, made, engine, other
):
    rule(engine)
    straight, killed = (started(found, tmp_path / name) for name in ("straight", "killed"))
    assert train(straight).body.engine == settings_of(straight).engine == engine
    with pytest.raises(Killed):
        train(killed, watch=killed_after(2), checkpoint_seconds=0)
    rule(other)
    made.clear()
    train(killed)
    assert set(made) == {f"{engine.title()}Engine"}
    assert files_of(killed) == files_of(straight)


def test_a_model_predicts_alike_with_either_engine(found, tmp_path, rule):
    rule("blocks")
    out = started(found, tmp_path / "run")
    model = train(out).body
    logits, testing = {}, looked_at_last(model)
    for engine in ("whole", "blocks"):
        trained = msgspec.structs.replace(model, engine=engine)
        logits[engine] = predictor(trained, weights_beside(out / MODEL_FILE, model)).outputs(testing)
    np.testing.assert_allclose(logits["blocks"], logits["whole"], rtol=1e-4, atol=1e-5)
    assert logits["whole"].shape == (30, 3)


def test_the_number_of_pictures_decides_how_a_model_looks_at_them(found, tmp_path, rule, made):
    rule("blocks")
    model = train(started(found, tmp_path / "run")).body
    weights = weights_beside(tmp_path / "run" / MODEL_FILE, model)
    made.clear()
    for count in (5, model.child.recipe.batch_size * (BATCHES_THAT_PAY - 1) + 1):
        pictures = ImageSplit(np.zeros((count, 6, 6, 1), np.uint8), np.zeros(count, np.int32))
        predictor(model, weights).outputs(held_out(model.child, pictures, model.preparation))
    assert made == ["BlocksEngine", "WholeEngine"]
