"""Every named update rule against Optax's own or its formula, over twenty steps with weight decay and clipping."""

from collections.abc import Iterator
from typing import get_args

import msgspec
import numpy as np
import optax
import pytest

from automl_cli.children import optimizer
from automl_cli.core.errors import UserError
from automl_cli.plugins.roles import built_by, by_names, replaced, value_of, words_of
from automl_cli.values.optimizer import WITH_MOMENTUM, Optimizer, OptimizerName
from automl_cli.values.recipe import Recipe

NAMES = get_args(OptimizerName)
STEPS, RATE, DECAY = 20, 0.01, 0.1
PLAIN = Recipe(batch_size=1, learning_rate=RATE, weight_decay=0.0)
DECAYING = msgspec.structs.replace(PLAIN, weight_decay=DECAY)
START = np.array([1.0, -2.0, 0.5], np.float32)
GRADIENTS = np.random.default_rng(0).normal(size=(STEPS, 3)).astype(np.float32)


def rmsprop_tf(momentum: float) -> optax.GradientTransformation:
    """Return the update of TensorFlow's RMSProp with decay 0.9 and epsilon 1, without a learning rate."""
    return optax.rmsprop(1.0, decay=0.9, eps=1.0, initial_scale=1.0, momentum=momentum)


OPTAX = {
    "sgd": optax.sgd(RATE),
    "momentum": optax.sgd(RATE, momentum=0.9),
    "nesterov": optax.sgd(RATE, momentum=0.9, nesterov=True),
    "rmsprop-tf": optax.chain(rmsprop_tf(0.9), optax.scale(RATE)),
    "adam": optax.adam(RATE),
    "adamw": optax.adamw(RATE, weight_decay=0.0),
    "lion": optax.lion(RATE, b1=0.9, b2=0.99, weight_decay=0.0),
}


def path(rule: optax.GradientTransformation, gradients: np.ndarray = GRADIENTS) -> np.ndarray:
    """Return the parameters after each step, (steps, parameters), where updates are added."""
    parameters, state, found = START, rule.init(START), []
    for gradient in gradients:
        update, state = rule.update(gradient, state, parameters)
        parameters = optax.apply_updates(parameters, update)
        found.append(np.asarray(parameters))
    return np.stack(found)


def ours(rule: Optimizer, recipe: Recipe = PLAIN) -> optax.GradientTransformation:
    """Return the rule as engines apply it: the update times the learning rate is subtracted."""
    return optax.chain(optimizer.by_name(rule, recipe), optax.scale(-RATE))


def by_formula(rule: Optimizer, *, decay: float) -> Iterator[np.ndarray]:
    """Return the parameters after each step in float64, by the formulas in `values.optimizer`."""
    p, m, s = START.astype(np.float64), np.zeros(3), np.full(3, 1.0 if rule.name == "rmsprop-tf" else 0.0)
    for step, gradient in enumerate(GRADIENTS.astype(np.float64), start=1):
        g = gradient if rule.decoupled else gradient + decay * p
        match rule.name:
            case "sgd":
                update = g
            case "momentum" | "nesterov":
                m = rule.momentum * m + g
                update = g + rule.momentum * m if rule.name == "nesterov" else m
            case "rmsprop-tf":
                s = 0.9 * s + 0.1 * g**2
                m = rule.momentum * m + g / np.sqrt(s + 1)
                update = m
            case "adam" | "adamw":
                m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
                update = m / (1 - 0.9**step) / (np.sqrt(s / (1 - 0.999**step)) + 1e-8)
            case "lion":
                update, m = np.sign(0.9 * m + 0.1 * g), 0.99 * m + 0.01 * g
        p = p - RATE * (update + (decay * p if rule.decoupled else 0))
        yield p


def test_every_name_has_an_oracle():
    assert set(OPTAX) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_is_that_of_optax(name):
    np.testing.assert_allclose(path(ours(Optimizer(name))), path(OPTAX[name]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize("rule", [*map(Optimizer, NAMES), *(Optimizer(name, 0.3) for name in WITH_MOMENTUM)], ids=repr)
def test_a_rule_is_its_formula_with_and_without_weight_decay(rule, decay):
    found = path(ours(rule, msgspec.structs.replace(PLAIN, weight_decay=decay)))
    np.testing.assert_allclose(found, list(by_formula(rule, decay=decay)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_weight_decay_alone_moves_parameters_by_the_rule_unless_it_is_decoupled(name):
    """With gradients of zero a decoupled rule shrinks parameters by rate * decay a step; the first step of others is the rule's
    own of decay * parameter."""
    nothing = np.zeros_like(GRADIENTS)
    found = path(ours(Optimizer(name), DECAYING), nothing)
    if Optimizer(name).decoupled:
        expected = START * (1 - RATE * DECAY) ** np.arange(1, STEPS + 1)[:, None]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    else:
        (first,) = path(ours(Optimizer(name)), DECAY * START[None])
        np.testing.assert_allclose(found[0], first, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_gradient_is_clipped_before_the_rule_with_its_decay_unless_that_is_decoupled(name):
    clipped = msgspec.structs.replace(DECAYING, gradient_clip=0.5)
    gradient = GRADIENTS[:1] * 10
    seen = gradient if Optimizer(name).decoupled else gradient + DECAY * START
    scaled = seen * 0.5 / np.linalg.norm(seen)
    decayed = RATE * DECAY * START if Optimizer(name).decoupled else 0
    expected = path(ours(Optimizer(name)), scaled) - decayed
    np.testing.assert_allclose(path(ours(Optimizer(name), clipped), gradient), expected, rtol=1e-5, atol=1e-6)


def test_equal_arguments_give_one_object_and_others_another():
    """Compiled programs are cached by the rule."""
    rule = optimizer.by_name(Optimizer("momentum"), PLAIN)
    assert optimizer.by_name(Optimizer("momentum", 0.9), msgspec.structs.replace(PLAIN)) is rule
    assert optimizer.by_name(Optimizer("nesterov"), PLAIN) is not rule
    assert optimizer.by_name(Optimizer("momentum", 0.8), PLAIN) is not rule
    assert optimizer.by_name(Optimizer("momentum"), DECAYING) is not rule


@pytest.mark.parametrize("name", NAMES)
def test_a_role_builds_its_rule_and_says_its_momentum_if_it_has_one(name):
    momentum = 0.9 if Optimizer(name).has_momentum else None
    filling = by_names({"optimizer": name})["optimizer"]
    assert built_by(filling)(value_of(filling), PLAIN) is optimizer.by_name(Optimizer(name), PLAIN)
    assert words_of(filling) == (name if momentum is None else f"{name}, momentum 0.9")
    assert filling.value == {"name": name, "momentum": momentum}
    if momentum is not None:
        assert value_of(replaced(filling, momentum=0.5)) == Optimizer(name, 0.5)


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_a_momentum_that_means_nothing_is_refused(momentum):
    with pytest.raises(UserError, match=f"momentum is {momentum:g}; it must be at least 0 and below 1"):
        Optimizer("momentum", momentum)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(WITH_MOMENTUM)))
def test_a_momentum_of_a_rule_without_one_is_refused(name):
    with pytest.raises(UserError, match=f"momentum is 0.5; {name} has none"):
        Optimizer(name, 0.5)
