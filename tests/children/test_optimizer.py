"""Every named update rule against Optax's own or its formula, over twenty steps with weight decay and clipping."""

from collections.abc import Iterator

import jax
import msgspec
import numpy as np
import optax
import pytest

from automl_cli.children import optimizer
from automl_cli.core.errors import UserError
from automl_cli.plugins.roles import built_by, by_names, replaced, value_of, words_of
from automl_cli.values.optimizer import NAMED, LibraryOptimizer, UpdateRule
from automl_cli.values.recipe import Recipe

RULES = {name: rule for name, rule in NAMED.items() if isinstance(rule, UpdateRule)}
WITH_MOMENTUM = sorted(name for name, rule in RULES.items() if rule.has_momentum)
STEPS, RATE, DECAY = 20, 0.01, 0.1
PLAIN = Recipe(batch_size=1, learning_rate=RATE, weight_decay=0.0)
DECAYING = msgspec.structs.replace(PLAIN, weight_decay=DECAY)
START = np.array([1.0, -2.0, 0.5], np.float32)
GRADIENTS = np.random.default_rng(0).normal(size=(STEPS, 3)).astype(np.float32)

OPTAX = {
    "sgd": optax.identity(),
    "momentum": optax.trace(0.9),
    "nesterov": optax.trace(0.9, nesterov=True),
    "rmsprop": optax.scale_by_rms(0.9, eps=1e-8, initial_scale=0.0),
    "rmsprop-tf": optax.chain(optax.scale_by_rms(0.9, eps=1.0, initial_scale=1.0), optax.trace(0.9)),
    "adam": optax.scale_by_adam(),
    "adamw": optax.scale_by_adam(),
    "lion": optax.scale_by_lion(b1=0.9, b2=0.99),
}
"""The same rules as Optax has them, without a learning rate."""


def path(rule: optax.GradientTransformation, gradients: np.ndarray = GRADIENTS) -> np.ndarray:
    """Return the parameters after each step, (steps, parameters), where updates are added."""
    parameters, state, found = START, rule.init(START), []
    for gradient in gradients:
        update, state = rule.update(gradient, state, parameters)
        parameters = optax.apply_updates(parameters, update)
        found.append(np.asarray(parameters))
    return np.stack(found)


def stepped(rule: optax.GradientTransformation) -> optax.GradientTransformation:
    """Return the rule as engines apply it: the update times the learning rate is subtracted."""
    return optax.chain(rule, optax.scale(-RATE))


def ours(rule: UpdateRule, recipe: Recipe = PLAIN) -> optax.GradientTransformation:
    """Return the rule as a training of twenty steps applies it."""
    return stepped(optimizer.started(rule, recipe, total_steps=STEPS, seed=0))


def decay_at(name: str, step: int) -> float:
    """Return f(t) of PowerSign and AddSign at a step, from 0."""
    done = step / STEPS
    match name.partition("-")[2]:
        case "ld":
            return 1 - done
        case "cd" | "rd":
            return (1 + np.cos(np.pi * done)) / 2
    return 1.0


def by_formula(name: str, *, momentum: float, decay: float) -> Iterator[np.ndarray]:
    """Return the parameters after each step in float64, by the formulas of the papers."""
    p, m, s = START.astype(np.float64), np.zeros(3), np.full(3, 1.0 if name == "rmsprop-tf" else 0.0)
    decoupled = NAMED[name].decoupled
    for step, gradient in enumerate(GRADIENTS.astype(np.float64)):
        g = gradient if decoupled else gradient + decay * p
        match name.partition("-")[0] if name != "rmsprop-tf" else name:
            case "sgd":
                update = g
            case "momentum" | "nesterov":
                m = momentum * m + g
                update = g + momentum * m if name == "nesterov" else m
            case "rmsprop":
                s = 0.9 * s + 0.1 * g**2
                update = g / np.sqrt(s + 1e-8)
            case "rmsprop-tf":
                s = 0.9 * s + 0.1 * g**2
                m = momentum * m + g / np.sqrt(s + 1)
                update = m
            case "adam" | "adamw":
                m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
                update = m / (1 - 0.9 ** (step + 1)) / (np.sqrt(s / (1 - 0.999 ** (step + 1))) + 1e-8)
            case "lion":
                update, m = np.sign(0.9 * m + 0.1 * g), 0.99 * m + 0.01 * g
            case "signum":
                m = 0.9 * m + 0.1 * g
                update = np.sign(m)
            case "powersign" | "addsign" as family:
                m = 0.9 * m + 0.1 * g
                agreement = decay_at(name, step) * np.sign(g) * np.sign(m)
                update = g * (np.exp(agreement) if family == "powersign" else 1 + agreement)
        p = p - RATE * (update + (decay * p if decoupled else 0))
        yield p


@pytest.mark.parametrize("name", OPTAX)
def test_a_rule_is_that_of_optax(name):
    np.testing.assert_allclose(path(ours(NAMED[name])), path(stepped(OPTAX[name])), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "rmsprop-tf", "adam", "lion"])
def test_the_rules_of_earlier_versions_have_the_bits_of_optax(name):
    """In compiled programs, where a division by a root is a product with its reciprocal."""
    found, expected = (
        path(optax.GradientTransformation(rule.init, jax.jit(rule.update)))
        for rule in (ours(NAMED[name]), stepped(OPTAX[name]))
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_its_formula_with_and_without_weight_decay(name, decay):
    found = path(ours(NAMED[name], msgspec.structs.replace(PLAIN, weight_decay=decay)))
    np.testing.assert_allclose(found, list(by_formula(name, momentum=0.9, decay=decay)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", WITH_MOMENTUM)
def test_a_rule_with_another_momentum_is_its_formula(name):
    found = path(ours(msgspec.structs.replace(NAMED[name], momentum=0.3)))
    np.testing.assert_allclose(found, list(by_formula(name, momentum=0.3, decay=0.0)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", RULES)
def test_weight_decay_alone_moves_parameters_by_the_rule_unless_it_is_decoupled(name):
    """With gradients of zero a decoupled rule shrinks parameters by rate * decay a step; the first step of others is the rule's
    own of decay * parameter."""
    nothing = np.zeros_like(GRADIENTS)
    found = path(ours(NAMED[name], DECAYING), nothing)
    if NAMED[name].decoupled:
        expected = START * (1 - RATE * DECAY) ** np.arange(1, STEPS + 1)[:, None]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    else:
        (first,) = path(ours(NAMED[name]), DECAY * START[None])
        np.testing.assert_allclose(found[0], first, rtol=1e-6)


@pytest.mark.parametrize("name", RULES)
def test_the_whole_gradient_is_clipped_before_the_rule_with_its_decay_unless_that_is_decoupled(name):
    clipped = msgspec.structs.replace(DECAYING, gradient_clip=0.5)
    gradient = GRADIENTS[:1] * 10
    seen = gradient if NAMED[name].decoupled else gradient + DECAY * START
    scaled = seen * 0.5 / np.linalg.norm(seen)
    decayed = RATE * DECAY * START if NAMED[name].decoupled else 0
    expected = path(ours(NAMED[name]), scaled) - decayed
    np.testing.assert_allclose(path(ours(NAMED[name], clipped), gradient), expected, rtol=1e-5, atol=1e-6)


def test_equal_arguments_give_one_object_and_others_another():
    """Compiled programs are cached by the rule, and by its update where a training begins."""
    momentum = NAMED["momentum"]
    rule = optimizer.transformation(momentum, PLAIN)
    assert optimizer.transformation(UpdateRule(momentum.expression, 0.9), msgspec.structs.replace(PLAIN)) is rule
    assert optimizer.transformation(NAMED["nesterov"], PLAIN) is not rule
    assert optimizer.transformation(UpdateRule(momentum.expression, 0.8), PLAIN) is not rule
    assert optimizer.transformation(momentum, DECAYING) is not rule
    assert optimizer.started(momentum, PLAIN, total_steps=3, seed=0).update is rule.update


def test_one_program_serves_all_learning_rates():
    other = msgspec.structs.replace(PLAIN, learning_rate=0.5, batch_size=7)
    found = msgspec.structs.replace(NAMED["adam"], learning_rate=0.25)
    assert optimizer.transformation(found, other) is optimizer.transformation(NAMED["adam"], PLAIN)
    one, another = (
        optimizer.started(rule, recipe, total_steps=3, seed=0, as_data=True).update
        for rule, recipe in ((NAMED["adam"], PLAIN), (NAMED["sgd"], other))
    )
    assert one is another


@pytest.mark.parametrize("name", RULES)
def test_a_role_builds_its_rule_and_says_its_formula_and_its_momentum_if_it_has_one(name):
    filling = by_names({"optimizer": name})["optimizer"]
    built = built_by(filling)(value_of(filling), PLAIN, total_steps=STEPS, seed=0)
    assert built.update is optimizer.transformation(NAMED[name], PLAIN).update
    momentum = ", momentum 0.9" * (name in WITH_MOMENTUM)
    decoupled = ", decoupled weight decay" * NAMED[name].decoupled
    words = f"{NAMED[name].expression}{momentum}{decoupled}"
    assert words_of(filling) == (words if words.startswith(name) else f"{name}: {words}")


@pytest.mark.parametrize("name", WITH_MOMENTUM)
def test_momentum_of_a_role_can_be_replaced(name):
    filling = replaced(by_names({"optimizer": name})["optimizer"], momentum=0.5)
    assert value_of(filling) == msgspec.structs.replace(NAMED[name], momentum=0.5)
    assert ", momentum 0.5" in words_of(filling)


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_a_momentum_that_means_nothing_is_refused(momentum):
    with pytest.raises(UserError, match=f"momentum is {momentum:g}; it must be at least 0 and below 1"):
        UpdateRule("trace(g, momentum)", momentum)


@pytest.mark.parametrize("name", sorted(set(RULES) - set(WITH_MOMENTUM)))
def test_a_momentum_of_a_rule_without_one_is_refused(name):
    with pytest.raises(UserError, match=r"momentum is 0\.5; the update rule .* has none"):
        msgspec.structs.replace(NAMED[name], momentum=0.5)


def test_optimizers_of_the_library_go_by_their_names():
    assert {name for name, rule in NAMED.items() if isinstance(rule, LibraryOptimizer)} == {"muon", "schedule-free"}
