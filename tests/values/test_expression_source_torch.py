"""Exported files for PyTorch compute what NumPy computes from the expression, in float64."""

import importlib.util
from itertools import count

import numpy as np
import pytest
import scipy.special
from hypothesis import assume, given, settings

from automl_cli.values import activation, optimizer
from automl_cli.values.expressions.evaluation import evaluate, numpy_functions
from automl_cli.values.expressions.rule_step import RuleStep, averages, start_of
from automl_cli.values.expressions.source import Origin, activation_source, rule_source
from automl_cli.values.expressions.tree import uses
from automl_cli.values.expressions.writer import class_name
from automl_cli.values.optimizer import UpdateRule
from tests.values.expression_samples import MORE_RULES, NAMED_RULES, activations, rules

torch = pytest.importorskip("torch")

TOTAL, SEED, RATE, DECAY = 7, 12345, 0.25, 0.125
X = np.array([[-3.0, -0.5, 0.0], [0.25, 1.0, 4.5]])
BETAS = {"beta": np.array([0.5, -1.5, 2.0]), "beta2": np.array([1.25, 0.75, -0.5])}
EXACT = {**numpy_functions(), "sigmoid": scipy.special.expit}
"""The functions over NumPy's arrays; with a sigmoid that is exact where it is nearly 0 as well, as PyTorch's is."""


@pytest.fixture(scope="module")
def module_of(tmp_path_factory):
    """Imports a text as a module."""
    folder, numbers = tmp_path_factory.mktemp("exported"), count()

    def imported(text):
        name = f"exported{next(numbers)}"
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return imported


def origin(name):
    return Origin(name=name, tool="automl-cli 0.1.0")


def well_conditioned(of, x):
    """What a function gives, and where that hardly changes with the rounding of its argument."""
    with np.errstate(all="ignore"):
        value, *near = (np.broadcast_to(np.float64(of(x * (1 + shift))), x.shape) for shift in (0.0, 4e-16, -4e-16))
        steady = np.isfinite(value)
        for other in near:
            steady &= np.abs(other - value) <= 1e-8 * np.abs(value)
    return value, steady


def same(found, expected, where=True):
    found = found.detach().numpy()
    assert found.dtype == np.float64
    assert found.shape == expected.shape
    np.testing.assert_allclose(np.where(where, found, 0), np.where(where, expected, 0), rtol=1e-6)


def check_activation(module_of, function):
    text = activation_source(function, "torch", origin("this function"))
    module = module_of(text).Activation(*([3] if function.betas else [])).double()
    starts = {name: np.full(3, start) for name, start in zip(function.betas, function.starts, strict=True)}
    for betas in (starts, {name: BETAS[name] for name in function.betas}):
        value, steady = well_conditioned(lambda x, b=betas: evaluate(function.tree, {"x": x, **b}, EXACT), X)
        for name, beta in betas.items():
            parameter = getattr(module, name)
            if betas is starts:
                np.testing.assert_array_equal(parameter.detach().numpy(), np.float64(np.float32(beta)))
            parameter.data = torch.tensor(beta)
        same(module(torch.tensor(X)), value, steady)


def reference_steps(rule, gradients, w, drawn):
    """Updates and parameters behind each step, by `RuleStep` and NumPy; where they are finite."""
    expression, names = rule.expanded, averages(rule.expanded)
    kept = {name: np.full(w.shape, start_of(name)) for name in names}
    for t, gradient in enumerate(gradients):
        g = gradient if rule.decoupled else gradient + DECAY * w
        noise, normal, uniform = drawn(t)
        annealed = normal / (1 + t) ** (0.55 / 2)
        operands = {"g": g, "w": w, "t": np.float64(t), "T": np.float64(TOTAL), "noise": noise, "annealed_noise": annealed}
        with np.errstate(all="ignore"):
            step = RuleStep(operands, kept, numpy_functions(), uniform=uniform)
            update = np.broadcast_to(np.float64(step.value(expression)), w.shape)
            kept = {name: np.broadcast_to(step.kept_after[name], w.shape) for name in names}
        w = w - RATE * (update + DECAY * w * rule.decoupled)
        yield w


def check_rule(module_of, rule, name, steps, *, must_be_finite):
    module = module_of(rule_source(rule, "torch", origin(name)))
    draw = np.random.default_rng(5)
    gradients, start = draw.normal(0, 1, (steps, 2, 3)), draw.normal(0, 1, (2, 3))
    other, w = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.tensor(start))
    optimizer = getattr(module, class_name(name))([other, w], RATE, total_steps=TOTAL, seed=SEED, weight_decay=DECAY)

    def drawn(t):
        if not hasattr(module, "generator_of"):
            return 0.0, 0.0, None
        options = {"generator": module.generator_of(w.device, SEED, t, 1), "dtype": torch.float64}
        noise = 0.01 * torch.randn(2, 3, **options).numpy() if uses(rule.expanded, "noise") else 0.0
        normal = torch.randn(2, 3, **options).numpy() if uses(rule.expanded, "annealed_noise") else 0.0
        return noise, normal, torch.rand(2, 3, **options).numpy()

    for gradient, expected in zip(gradients, reference_steps(rule, gradients, start, drawn), strict=True):
        if not must_be_finite:
            assume(np.isfinite(expected).all())
        w.grad = torch.tensor(gradient)
        optimizer.step()
        same(w, expected)


@pytest.mark.parametrize("name", activation.NAMED)
def test_a_published_activation_function_computes_the_same(module_of, name):
    check_activation(module_of, activation.NAMED[name])


@settings(max_examples=200)
@given(activations())
def test_any_activation_function_computes_the_same(module_of, function):
    check_activation(module_of, function)


@pytest.mark.parametrize("name", [*NAMED_RULES, *MORE_RULES])
def test_a_rule_takes_the_same_steps(module_of, name):
    check_rule(module_of, {**NAMED_RULES, **MORE_RULES}[name], name, 6, must_be_finite=True)


@settings(max_examples=200)
@given(rules())
def test_any_rule_takes_the_same_first_step(module_of, rule):
    check_rule(module_of, rule, "this rule", 1, must_be_finite=False)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 5), (2, 3, 5, 4)])
def test_parameters_belong_to_channels(module_of, shape):
    module = module_of(activation_source(activation.NAMED["prelu"], "torch", origin("prelu"))).Activation(3)
    with torch.no_grad():
        module.beta.copy_(torch.tensor([0.0, 0.5, 1.0]))
    x = torch.linspace(-2, 2, int(np.prod(shape))).reshape(shape)
    expected = torch.nn.functional.prelu(x, torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(module(x), expected)
    last = module_of(activation_source(activation.NAMED["prelu"], "torch", origin("prelu"))).Activation(3, dim=-1)
    last.load_state_dict(module.state_dict())
    torch.testing.assert_close(last(x.movedim(1, -1)), expected.movedim(1, -1))
    module(x).sum().backward()
    assert module.beta.grad.shape == (3,)


def test_a_saved_optimizer_goes_on_as_if_it_had_not_stopped(module_of, tmp_path):
    rule = UpdateRule("m * ld + noise + drop(g, 0.5)")
    kind = module_of(rule_source(rule, "torch", origin("a rule"))).ARule
    target = torch.arange(4.0)

    def trained(w, optimizer, steps):
        def closure():
            optimizer.zero_grad()
            loss = ((w - target) ** 2).sum()
            loss.backward()
            return loss

        return [optimizer.step(closure).item() for _ in range(steps)]

    whole = torch.nn.Parameter(torch.zeros(4))
    losses = trained(whole, kind([whole], 0.1, total_steps=10, seed=3), 6)
    assert losses[-1] < losses[0]
    stopped = torch.nn.Parameter(torch.zeros(4))
    first = kind([stopped], 0.1, total_steps=10, seed=3)
    trained(stopped, first, 3)
    torch.save(first.state_dict(), tmp_path / "state")
    second = kind([stopped], 0.9, total_steps=99, seed=4)
    second.load_state_dict(torch.load(tmp_path / "state"))
    assert trained(stopped, second, 3) == losses[3:]
    torch.testing.assert_close(stopped, whole, rtol=0, atol=0)


def test_groups_have_their_own_rates_and_decays(module_of):
    kind = module_of(rule_source(optimizer.NAMED["adam"], "torch", origin("adam"))).Adam
    mine, theirs = ([torch.nn.Parameter(torch.tensor([1.0, -2.0])) for _ in range(2)] for _ in range(2))
    groups = [[{"params": [w[0]], "lr": 0.5}, {"params": [w[1]], "weight_decay": 0.1}] for w in (mine, theirs)]
    optimizers = [kind(groups[0], 0.01), torch.optim.Adam(groups[1], 0.01)]
    for optimizer_of, w in zip(optimizers, (mine, theirs), strict=True):
        for number in range(4):
            for each in w:
                each.grad = torch.tensor([0.5 * number, -1.0])
            optimizer_of.step()
    torch.testing.assert_close(mine, theirs)


def test_a_parameter_in_half_precision_takes_adams_first_step(module_of):
    w = torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
    w.grad = torch.tensor([0.5, -2.0, 1e-3], dtype=torch.bfloat16)
    module_of(rule_source(optimizer.NAMED["adam"], "torch", origin("adam"))).Adam([w], 0.25).step()
    torch.testing.assert_close(w.detach(), torch.tensor([0.75, 1.25, 0.75], dtype=torch.bfloat16))
