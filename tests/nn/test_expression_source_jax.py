"""Exported files for JAX compute what this tool computes, in a process that cannot import it."""

import json
import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings

from automl_cli.nn.interpret.functions import FUNCTIONS
from automl_cli.nn.interpret.rules import begin, scale_by_rule
from automl_cli.values import activation, optimizer
from automl_cli.values.expressions.evaluation import evaluate
from automl_cli.values.expressions.source import Origin, activation_source, rule_source
from automl_cli.values.expressions.writer import function_name
from automl_cli.values.optimizer import UpdateRule
from tests.nn.alone import module_in
from tests.values.expression_samples import MORE_RULES, NAMED_RULES, activations, rules

STEPS, TOTAL, SEED, RATE, DECAY = 5, 7, 2**40 + 12345, 0.25, 0.125
X = np.float32([[-3.0, -0.5, 0.0], [0.25, 1.0, 4.5]])
BETAS = {"beta": np.float32([0.5, -1.5, 2.0]), "beta2": np.float32([1.25, 0.75, -0.5])}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Writes a file and asks the other process about it."""
    folder = tmp_path_factory.mktemp("alone")
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "JAX_NUMPY_RANK_PROMOTION")}
    command = [sys.executable, "-I", str(Path(__file__).with_name("alone.py"))]
    errors, numbers = (folder / "errors").open("w+"), count()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=folder, env=environment
    )

    def ask(text, **request):
        file = folder / f"exported{next(numbers)}.py"  # bytecode of another text would be read again under one name
        file.write_text(text, encoding="utf-8")
        process.stdin.write(json.dumps({"file": str(file), **request}) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, f"{(folder / 'errors').read_text()}\n{text}"
        return json.loads(answer)

    yield ask
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()
    errors.close()


def origin(name):
    return Origin(name=name, tool="automl-cli 0.1.0")


def same(found, expected):
    np.testing.assert_allclose(np.float64(found), np.float64(expected), rtol=1e-6, atol=0, equal_nan=True)


def check_activation(alone, function, *, gradient):
    text = activation_source(function, "jax", origin("this function"))
    betas = {name: BETAS[name] for name in function.betas}
    found = alone(text, what="activation", x=X.tolist(), betas={n: b.tolist() for n, b in betas.items()}, gradient=gradient)

    def value(x, betas):
        rows = {name: jnp.broadcast_to(jnp.asarray(beta), X.shape) for name, beta in betas.items()}
        return jnp.broadcast_to(evaluate(function.tree, {"x": x, **rows}, FUNCTIONS), X.shape)

    x = jnp.asarray(X)
    starts = {name: jnp.float32(start) for name, start in zip(function.betas, function.starts, strict=True)}
    for answer, given_betas in zip(found[:3], (betas, starts, starts), strict=True):
        same(answer, value(x, given_betas))
    if gradient:
        same(found[3], jax.grad(lambda x: value(x, betas).sum())(x))


def check_rule(alone, rule, name, *, compiled):
    draw = np.random.default_rng(5)
    shapes = {"a": (2, 3), "b": (4,)}
    gradients = {key: draw.normal(0, 1, (STEPS, *shape)).astype(np.float32) for key, shape in shapes.items()}
    start = {key: draw.normal(0, 1, shape).astype(np.float32) for key, shape in shapes.items()}
    settings = {"learning_rate": RATE, "total_steps": TOTAL, "seed": SEED, "weight_decay": DECAY}
    found = alone(
        rule_source(rule, "jax", origin(name)),
        what="rule",
        name=function_name(name),
        gradients={key: value.tolist() for key, value in gradients.items()},
        parameters={key: value.tolist() for key, value in start.items()},
        steps=STEPS,
        settings=settings,
        compiled=compiled,
    )
    plain = begin(scale_by_rule(rule.expanded), total_steps=TOTAL, seed=SEED)
    decay = optax.add_decayed_weights(DECAY)
    parts = (plain, decay) if rule.decoupled else (decay, plain)
    whole = optax.chain(*parts, optax.scale(-RATE))
    update = jax.jit(whole.update) if compiled else whole.update
    parameters = jax.tree.map(jnp.asarray, start)
    state = whole.init(parameters)
    for number in range(STEPS):
        updates, state = update({key: jnp.asarray(value[number]) for key, value in gradients.items()}, state, parameters)
        parameters = optax.apply_updates(parameters, updates)
        for key, value in updates.items():
            same(found[number][key], value)


@pytest.mark.parametrize("name", activation.NAMED)
def test_a_published_activation_function_computes_the_same_with_the_same_derivatives(alone, name):
    check_activation(alone, activation.NAMED[name], gradient=True)


@settings(max_examples=60)
@given(activations())
def test_any_activation_function_computes_the_same(alone, function):
    check_activation(alone, function, gradient=False)


@pytest.mark.parametrize("name", [*NAMED_RULES, *MORE_RULES])
def test_a_compiled_rule_takes_the_same_steps(alone, name):
    check_rule(alone, {**NAMED_RULES, **MORE_RULES}[name], name, compiled=True)


@settings(max_examples=25)
@given(rules())
def test_any_rule_takes_the_same_steps(alone, rule):
    check_rule(alone, rule, "this rule", compiled=False)


def test_an_exported_rule_takes_a_schedule_a_bound_and_a_mask(alone, tmp_path):
    file = tmp_path / "optimizer.py"
    file.write_text(rule_source(optimizer.NAMED["adam"], "jax", origin("adam")), encoding="utf-8")
    schedule = optax.linear_schedule(1.0, 0.0, 4)
    rule = optax.chain(optax.clip_by_global_norm(1.0), module_in(file).adam(schedule))
    masked = optax.masked(rule, {"a": True, "b": False})
    expected = optax.masked(optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule)), {"a": True, "b": False})
    parameters = {"a": jnp.ones(3), "b": jnp.ones(2)}
    states = [masked.init(parameters), expected.init(parameters)]
    for _ in range(3):
        gradients = {"a": jnp.array([1.0, 2.0, -3.0]), "b": jnp.ones(2)}
        found, states[0] = masked.update(gradients, states[0], parameters)
        wanted, states[1] = expected.update(gradients, states[1], parameters)
        np.testing.assert_allclose(found["a"], wanted["a"], rtol=1e-5)
        np.testing.assert_array_equal(found["b"], gradients["b"])


def test_an_exported_rule_says_what_it_needs(tmp_path):
    file = tmp_path / "optimizer.py"
    file.write_text(rule_source(UpdateRule("g + ld * w"), "jax", origin("a rule")), encoding="utf-8")
    with pytest.raises(ValueError, match="a_rule needs total_steps, the length of the training"):
        module_in(file).a_rule(0.1)
    rule = module_in(file).a_rule(0.1, total_steps=3)
    with pytest.raises(ValueError, match="a_rule needs the parameters"):
        rule.update(jnp.ones(2), rule.init(jnp.ones(2)))


def written(folder, text):
    file = folder / f"exported{len(list(folder.iterdir()))}.py"
    file.write_text(text, encoding="utf-8")
    return module_in(file)


def types_of(tree):
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)


def test_a_step_keeps_types_and_shapes_in_half_precision(tmp_path):
    parameters = {"a": jnp.zeros((2, 3), jnp.bfloat16), "b": (jnp.zeros((), jnp.bfloat16), {})}
    for name, rule in {**NAMED_RULES, **MORE_RULES}.items():
        made = getattr(written(tmp_path, rule_source(rule, "jax", origin(name))), function_name(name))(
            0.1, 10, weight_decay=0.1
        )
        for given_parameters in (parameters, {}):
            state = made.init(given_parameters)
            updates, after = jax.eval_shape(made.update, given_parameters, state, given_parameters)
            assert types_of(updates) == types_of(given_parameters), name
            assert types_of(after) == types_of(state), name


def test_an_activation_function_keeps_type_and_shape_in_half_precision(tmp_path):
    for name, function in activation.NAMED.items():
        module = written(tmp_path, activation_source(function, "jax", origin(name)))
        found = jax.eval_shape(module.activation, jnp.zeros((2, 3), jnp.bfloat16))
        assert (found.shape, found.dtype) == ((2, 3), jnp.bfloat16), name
