"""`automl_cli.load`: what artifacts and names give to a program in Python."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import automl_cli
from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.kinds.activation import ActivationBody
from automl_cli.kinds.optimizer_rule import RuleBody
from automl_cli.nn.interpret.rules import begin, scale_by_rule
from automl_cli.plugins.listing import kinds
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.values import activation, optimizer
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.optimizer import UpdateRule
from tests.conftest import ROOT

WEIGHTS = {"a": jnp.array([1.0, -2.0, 3.0]), "b": jnp.array([[0.5, -0.25]])}
X = jnp.linspace(-4, 4, 30).reshape(5, 6)


def quadratic(weights: Any) -> jax.Array:
    return sum((leaf**2).sum() for leaf in jax.tree.leaves(weights)) / 2


def trained(transformation: optax.GradientTransformation, steps: int) -> Any:
    """The weights after so many steps on the quadratic, compiled."""

    @jax.jit
    def step(weights: Any, state: Any) -> Any:
        updates, state = transformation.update(jax.grad(quadratic)(weights), state, weights)
        return optax.apply_updates(weights, updates), state

    weights, state = WEIGHTS, transformation.init(WEIGHTS)
    for _ in range(steps):
        weights, state = step(weights, state)
    return weights


def close(found: Any, expected: Any) -> None:
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6), found, expected)


def test_loading_imports_nothing_heavy_before_something_is_built() -> None:
    program = (
        "import sys, automl_cli\n"
        "heavy = {'jax', 'flax', 'optax', 'numpy', 'msgspec', 'automl_cli.jobs'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert automl_cli.load('swish').value.expression == 'x * sigmoid(beta * x)'\n"
        "assert not {'jax', 'flax', 'optax'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_name_and_a_file_say_what_they_hold(tmp_path: Path) -> None:
    rule = UpdateRule("g * exp(sign(g) * sign(m))", learning_rate=0.03)
    file = tmp_path / "best.json"
    write_artifact(file, artifact_of(RuleBody(value=rule, words=("a rule",), found=None)))
    by_name, by_file = automl_cli.load("powersign"), automl_cli.load(tmp_path)
    assert (by_name.kind, by_name.name, by_name.place) == ("optimizer-rule", "powersign", "powersign")
    assert (by_file.kind, by_file.name, by_file.place) == ("optimizer-rule", None, str(file))
    assert (by_file.value, by_file.words) == (rule, ("a rule",))
    close(trained(by_file.build(), 4), trained(by_name.build(learning_rate=0.03), 4))


@pytest.mark.parametrize("name", [name for name, rule in optimizer.NAMED.items() if isinstance(rule, UpdateRule)])
def test_a_rule_is_what_searches_train_with(name: str) -> None:
    rule = optimizer.NAMED[name]
    assert isinstance(rule, UpdateRule)
    plain = begin(scale_by_rule(rule.expanded), total_steps=12, seed=3)
    built = automl_cli.load(name).build(learning_rate=0.01, total_steps=12, seed=3)
    close(trained(built, 8), trained(optax.chain(plain, optax.scale(-0.01)), 8))


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("sgd", lambda rate, decay: optax.chain(optax.add_decayed_weights(decay), optax.sgd(rate))),
        ("adam", lambda rate, decay: optax.chain(optax.add_decayed_weights(decay), optax.adam(rate))),
        ("adamw", lambda rate, decay: optax.adamw(rate, weight_decay=decay)),
        ("lion", lambda rate, decay: optax.lion(rate, weight_decay=decay)),
    ],
)
def test_schedules_clipping_and_weight_decay_compose_as_in_optax(name: str, theirs: Callable[..., Any]) -> None:
    rate = optax.cosine_decay_schedule(0.1, 20)
    clip = optax.clip_by_global_norm(0.5)
    ours = automl_cli.load(name).build(learning_rate=rate, weight_decay=0.01)
    close(trained(optax.chain(clip, ours), 20), trained(optax.chain(clip, theirs(rate, 0.01)), 20))


def test_a_rule_with_a_decay_goes_down_a_quadratic() -> None:
    rule = automl_cli.load("powersign-ld").build(learning_rate=0.05, total_steps=60)
    assert quadratic(trained(rule, 60)) < 0.01 * quadratic(WEIGHTS)


def test_what_a_rule_lacks_is_said() -> None:
    with pytest.raises(UserError, match="no learning rate is known of this update rule; give learning_rate"):
        automl_cli.load("powersign").build()
    with pytest.raises(UserError, match="depends on how many steps there are in all; give total_steps"):
        automl_cli.load("addsign-cd").build(learning_rate=0.1)
    with pytest.raises(UserError, match=r"'muon' is an optimizer of optax\.contrib; build it there"):
        automl_cli.load("muon").build(learning_rate=0.1)
    with pytest.raises(TypeError, match="steps"):
        automl_cli.load("sgd").build(learning_rate=0.1, steps=3)


def formula(name: str) -> Callable[..., jax.Array]:
    known = {
        "relu": jax.nn.relu,
        "gelu": lambda x: jax.nn.gelu(x, approximate=False),
        "swish": lambda x, beta=1.0: x * jax.nn.sigmoid(beta * x),
        "prelu": lambda x, beta=0.25: jnp.where(x > 0, x, beta * x),
    }
    return known[name]


@pytest.mark.parametrize("name", ["relu", "gelu", "swish", "prelu"])
def test_a_function_and_its_slope_under_jit_are_those_of_the_formula(name: str) -> None:
    built, expected = automl_cli.load(name).build(), formula(name)
    close(jax.jit(built)(X), expected(X))
    close(jax.jit(jax.grad(lambda x: built(x).sum()))(X), jax.grad(lambda x: expected(x).sum())(X))
    assert built(X.astype(jnp.bfloat16)).dtype == jnp.bfloat16


@pytest.mark.parametrize("name", ["swish", "prelu"])
def test_betas_are_given_as_numbers_or_by_channel_and_trained_in_a_module(name: str) -> None:
    built, expected = automl_cli.load(name).build(), formula(name)
    betas = jnp.linspace(0.5, 2, 6)
    close(built(X, 0.5), expected(X, 0.5))
    close(built(X, betas), expected(X, betas[None, :]))
    with pytest.raises(TypeError, match="has 1 betas, not 2"):
        built(X, 1.0, 2.0)
    layer = automl_cli.load(name).build(channels=6)
    assert isinstance(layer, nnx.Module)
    assert [leaf.shape for leaf in jax.tree.leaves(nnx.state(layer, nnx.Param))] == [(1, 6)]
    close(layer(X), expected(X))
    slopes = nnx.grad(lambda layer: layer(X).sum())(layer)
    start = activation.NAMED[name].starts[0]
    close(jax.tree.leaves(slopes)[0][0], jax.grad(lambda beta: expected(X, beta[None, :]).sum())(jnp.full(6, start)))


def test_a_module_of_a_function_without_betas_trains_nothing() -> None:
    layer = automl_cli.load("gelu").build(channels=6)
    assert jax.tree.leaves(nnx.state(layer, nnx.Param)) == []
    close(layer(X), formula("gelu")(X))


def test_a_found_function_of_constants_keeps_the_shape(tmp_path: Path) -> None:
    file = tmp_path / "best.json"
    write_artifact(file, artifact_of(ActivationBody(value=ActivationFunction("beta + beta2"), words=("beta + beta2",))))
    assert automl_cli.load(file).build()(X, 2.0).tolist() == [[3.0] * 6] * 5
    assert automl_cli.load(file).build(channels=6)(X).tolist() == [[2.0] * 6] * 5


@pytest.mark.parametrize(
    ("name", "more"), [("resnet-8", {}), ("nasnet-a", {"stack": "1@96"}), ("resnet-8", {"activation": "swish"})]
)
def test_a_network_is_a_module_from_images_to_logits(name: str, more: dict[str, Any]) -> None:
    network = automl_cli.load(name).build(image_shape=(8, 8, 1), classes=3, **more)
    assert network(jnp.zeros((2, 8, 8, 1)), train=False).shape == (2, 3)


def test_a_kind_that_is_not_built_says_which_are() -> None:
    from automl_cli.jobs.loading import Loaded

    able = ", ".join(row.name for row in kinds().values() if row.library is not None)
    assert {"activation", "optimizer-rule", "architecture", "cell", "network"} <= set(able.split(", "))
    with pytest.raises(ArtifactError, match=rf"study\.json: nothing is built of 'study', but of: {able}"):
        Loaded(kind="study", value=None, name=None, place="study.json", words=()).build()


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UserError, match=r"unknown artifact 'swsh'\. Did you mean 'swish'\?"):
        automl_cli.load("swsh")


def test_a_function_takes_a_single_number_and_a_layer_needs_no_betas() -> None:
    for name, expected in (("swish", 1.2263616), ("silu", 1.2263616), ("relu", 1.5)):
        assert automl_cli.load(name).build()(1.5) == pytest.approx(expected)
        np.testing.assert_allclose(automl_cli.load(name).build(channels=6)(X), automl_cli.load(name).build()(X), rtol=1e-6)
