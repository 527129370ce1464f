"""The sweep over learning rates, and candidates that are data to one program."""

import jax
import msgspec
import numpy as np
import pytest
from flax import nnx

from automl_cli.children.network import module_of
from automl_cli.children.trainer import Trainer
from automl_cli.core.protocols import Diverged, EvaluatorSetup
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import EvaluatorSpec, Task
from automl_cli.evaluators.trained import TrainedEvaluator
from automl_cli.nn.compilation import Program
from automl_cli.plugins.roles import filling_of
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network
from automl_cli.values.optimizer import UpdateRule
from search_spaces import activation_units, update_rules
from tests.children.line_images import LINES, RECIPE, child_on, image_data, trainer_on
from tests.study.worlds import digits_child

RATES = (1e-5, 0.1, 1e9)


def sweeping(*rates: float):
    return child_on(recipe=msgspec.structs.replace(RECIPE, learning_rates=rates))


@pytest.mark.parametrize("rates", [RATES, RATES[::-1]])
def test_the_sweep_takes_the_best_rate_and_survives_those_that_diverge(rates):
    child = sweeping(*rates)
    trainer = trainer_on(child, engine="blocks")
    settled = trainer.at_best_rate(child, seed=1)
    assert (settled.recipe.learning_rate, settled.recipe.learning_rates) == (0.1, ())
    scores = {}
    for rate in (1e-5, 0.1):
        one = child_on(recipe=msgspec.structs.replace(RECIPE, learning_rate=rate))
        scores[rate] = trainer.train(one, epochs=1, seed=1).scores[-1]
    assert scores[0.1] > scores[1e-5]
    with pytest.raises(Diverged):
        trainer.train(child_on(recipe=msgspec.structs.replace(RECIPE, learning_rate=1e9)), epochs=1, seed=1)


def test_a_child_without_a_sweep_is_itself():
    child = child_on()
    assert trainer_on(child).at_best_rate(child, seed=0) is child


def test_of_equal_rates_the_lowest_is_taken():
    child = sweeping(1e-9, 1e-8, 1e-10)
    assert trainer_on(child, engine="blocks").at_best_rate(child, seed=0).recipe.learning_rate == 1e-10


def test_a_child_that_diverges_at_every_rate_says_so():
    child = sweeping(1e9, 1e10)
    with pytest.raises(Diverged, match="it diverges at every learning rate of 1000000000, 10000000000"):
        trainer_on(child, engine="blocks").at_best_rate(child, seed=0)


def evaluator(monkeypatch: pytest.MonkeyPatch, plugin, role: str, recipe=RECIPE, **changes) -> TrainedEvaluator:
    monkeypatch.setattr("automl_cli.data.load_images", lambda dataset, report, fold: image_data())
    whole = child_on()
    given = digits_child(LINES, recipe=recipe)
    roles = {name: filling for name, filling in whole.roles.items() if name != role}
    child = msgspec.to_builtins(msgspec.structs.replace(given, roles=roles))
    space = SearchSpace(msgspec.structs.replace(plugin, **changes))
    spec = EvaluatorSpec("trained", {"engine": "blocks", "as_data": True})
    found = TrainedEvaluator(EvaluatorSetup(spec, SearchSpace(plugin).reference(), child))
    found._space = space
    return found


BAD_FUNCTIONS = ["sqrt(x)", "beta", "exp(exp(exp(x)))", "x - x", "x / 0", "log(x)"]
BAD_RULES = ["log(g)", "w", "g - g", "exp(exp(exp(1000 * g)))", "noise", "g / 0", "sign(g)^0.5"]


@pytest.mark.parametrize("text", BAD_FUNCTIONS)
def test_a_function_that_is_not_finite_or_ignores_x_diverges_untrained(monkeypatch, text):
    made = evaluator(
        monkeypatch, activation_units.SPACE, "activation", decode=lambda options, genotype: ActivationFunction(text)
    )
    monkeypatch.setattr(Trainer, "train", None)
    with pytest.raises(Diverged, match="not trained: it"):
        made.evaluate(Task(trial=0, genotype=(0, 0, 0), seed=1, epochs=1))


@pytest.mark.parametrize("text", BAD_RULES)
def test_a_rule_that_is_not_finite_or_ignores_the_gradient_diverges_untrained(monkeypatch, text):
    made = evaluator(monkeypatch, update_rules.SPACE, "optimizer", decode=lambda options, genotype: UpdateRule(text))
    monkeypatch.setattr(Trainer, "train", None)
    with pytest.raises(Diverged, match="not trained: "):
        made.evaluate(Task(trial=0, genotype=(0, 0, 0, 0, 0), seed=1, epochs=1))


@pytest.mark.parametrize("text", ["-1000000 * g", "g * exp(1000 * abs(w))", "g * exp(1 + t)"])
def test_a_rule_that_explodes_only_in_training_diverges(monkeypatch, text):
    made = evaluator(monkeypatch, update_rules.SPACE, "optimizer", decode=lambda options, genotype: UpdateRule(text))
    with pytest.raises(Diverged):
        made.evaluate(Task(trial=0, genotype=(0, 0, 0, 0, 0), seed=1, epochs=8))


def test_the_rate_of_a_rule_is_among_what_was_measured(monkeypatch):
    recipe = msgspec.structs.replace(RECIPE, learning_rates=RATES)
    made = evaluator(monkeypatch, update_rules.SPACE, "optimizer", recipe, decode=lambda options, genotype: UpdateRule("g"))
    measured = made.evaluate(Task(trial=0, genotype=(0, 0, 0, 0, 0), seed=1, epochs=2))
    assert measured.metrics["learning_rate"] in RATES[:2]
    assert len(measured.scores) == 2


def candidates(role: str, count: int):
    plugin, options = {
        "activation": (activation_units.SPACE, {"units": 1}),
        "optimizer": (update_rules.SPACE, {"iterations": 2, "decays": True}),
    }[role]
    space, kind = SearchSpace(plugin, options), plugin.produces
    return [filling_of(kind, space.decode(space.sample(0, trial))) for trial in range(count)]


@pytest.mark.parametrize("role", ["activation", "optimizer"])
def test_100_candidates_compile_nothing_after_the_first(monkeypatch, role):
    """Counted in `nn.compilation`; each takes a step and is scored. The sweep compiles nothing either: rates are arguments."""
    compiled: list[str] = []
    real = Program._compile
    monkeypatch.setattr(Program, "_compile", lambda self, given: compiled.append(str(self._identity)) or real(self, given))
    data = image_data()
    trainer = trainer_on(child_on(), data, engine="blocks", as_data=role)
    filters = {"activation": 5, "optimizer": 6}[role]  # of no other test, so that the first candidate compiles its programs
    network = Network((Block("a", ConvolutionUnit((3, 3), filters), (IMAGE,)),), ("a",))
    images, labels = np.ones((4, 6, 6, 1), np.float32), np.zeros(4, np.int32)
    after_first, outputs = None, set()
    for number, filling in enumerate(candidates(role, 100)):
        child = child_on(network=network).filled(**{role: filling})
        module = module_of(child, seed=0, activations_as_data=role == "activation")
        engine = trainer.engine(child, module, total_steps=3, seed=number)
        state = engine.initial()
        for rate in (0.1, 0.01):
            state, _ = engine.step(state, images, labels, rate)
        outputs.add(np.asarray(engine.outputs(state, images)).tobytes())
        after_first = len(compiled) if after_first is None else after_first
    assert after_first
    assert len(compiled) == after_first
    assert len(outputs) > 20


def test_only_what_is_searched_is_data(monkeypatch):
    """A function that is the same in all children is traced, however long, and has no parameters but its own."""

    def parameters(plugin, role: str, text: str) -> int:
        trainer = evaluator(monkeypatch, plugin, role)._trainers[0]
        child = child_on().filled(activation=filling_of("activation", ActivationFunction(text)))
        return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(trainer.module(child, seed=0), nnx.Param)))

    plain = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module_of(child_on(), seed=0), nnx.Param)))
    long = " + ".join(f"sin({number} * x)" for number in range(1, 60))
    assert parameters(update_rules.SPACE, "optimizer", long) == plain
    assert parameters(activation_units.SPACE, "activation", "sin(x)") > plain


def test_children_that_share_their_programs_do_not_have_them_compiled_again(monkeypatch):
    """JAX's caches are cleared between other children, whose programs would fill them."""
    monkeypatch.setattr("automl_cli.nn.compilation.CHILDREN_BETWEEN_CLEARINGS", 1)
    cleared = []
    monkeypatch.setattr(jax, "clear_caches", lambda: cleared.append(True))
    child = child_on()
    for as_data, times in ((None, 2), ("optimizer", 0), ("activation", 0)):
        cleared.clear()
        trainer = trainer_on(child, engine="blocks", as_data=as_data)
        for seed in (1, 2):
            trainer.train(child, epochs=1, seed=seed)
        assert (as_data, len(cleared)) == (as_data, times)
