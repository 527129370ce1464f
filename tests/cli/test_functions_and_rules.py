"""Functions and rules as a user meets them: what one search found goes into the next, into a training and out of the tool."""

import importlib.util
import json
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
from automl_cli.kinds.activation import ActivationBody
from automl_cli.kinds.optimizer_rule import RuleBody
from automl_cli.references import open_any
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.store.files import file_digest
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.optimizer import UpdateRule
from tests.cli.searches import SPACE
from tests.store.found_formulas import FOUND

Automl = Callable[..., Any]
FUNCTION = ActivationFunction("max(x, tanh(beta * x))", (0.5,))
RULE = UpdateRule("m * exp(sign(g) * sign(m))", learning_rate=0.0125)


@pytest.fixture(autouse=True)
def runs(environment_of_its_own: None) -> None:
    """What two searches found, `act` and `opt`."""
    for name, body in (("act", ActivationBody), ("opt", RuleBody)):
        value: Any = FUNCTION if name == "act" else RULE
        Path(name).mkdir()
        write_artifact(Path(name, "best.json"), artifact_of(body(value=value, words=(value.expression,), found=FOUND)))


def search(*more: object, **flags: Any) -> list[str]:
    """The arguments of a small search of networks that are trained."""
    small = {"space": SPACE, "space_option": "layers=1", "train_examples": 200, "epochs": 1, "executor": "serial"}
    given = ((f"--{name.replace('_', '-')}", value) for name, value in (small | flags).items())
    return [str(argument) for argument in ("search-arch", *(part for pair in given for part in pair), *more)]


def document(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return found


def plan(text: str) -> dict[str, str]:
    """The rows of a plan by name."""
    return {name: words.strip() for name, _, words in (line.partition("  ") for line in text.splitlines())}


def test_a_search_of_networks_takes_a_found_function_and_a_published_rule_and_names_both_digests(automl: Automl) -> None:
    more = {"activation": "act/best.json", "optimizer": "powersign-ld", "trials": 2}
    assert automl(*search(out="s", **more)).code == 0
    best, study = document("s/best.json"), document("s/study.json")
    digests = {"activation": file_digest(Path("act/best.json")), "optimizer": open_any("powersign-ld").digest}
    assert best["inputs"] == study["inputs"] == digests
    roles = best["body"]["found"]["child"]["roles"]
    assert roles["activation"]["value"] == {"expression": "max(x, tanh(beta * x))", "initial": [0.5]}
    assert roles["optimizer"]["name"] == "powersign-ld"
    assert automl("validate", "s").code == 0
    same = automl(*search(out="t", executor="local", workers=2, **more))
    assert (same.code, Path("t/best.json").read_bytes()) == (0, Path("s/best.json").read_bytes())


def test_such_a_search_goes_on_with_the_same_and_with_nothing_else(automl: Automl) -> None:
    more = {"activation": "act/best.json", "optimizer": "powersign-ld", "trials": 2}
    assert automl(*search(out="s", **more)).code == 0
    assert automl(*search("--resume", out="s", **{**more, "trials": 3})).code == 0
    assert automl(*search("--resume", out="s", trials=4)).code == 0
    refused = automl(*search("--resume", out="s", **{**more, "optimizer": "powersign-cd"}))
    assert (refused.code, refused.stdout) == (2, "")
    assert "--optimizer powersign-cd is not what this run was started with (powersign-ld)" in refused.stderr


def test_a_training_takes_both_and_its_plan_says_which_rate_and_why(automl: Automl) -> None:
    asked = ("train", "--network", "resnet-8", "--dataset", "digits", "--train-examples", 200, "--epochs", 1)
    by_rule = plan(automl(*asked, "--optimizer", "opt", "--dry-run").stdout)["learning rate"]
    assert by_rule == "0.0125, at which the optimizer is known to work; cosine to 0"
    by_name = plan(automl(*asked, "--optimizer", "adam", "--dry-run").stdout)["learning rate"]
    assert by_name.startswith("0.001, at which the optimizer is known to work;")
    assert ", of the recipe;" in plan(automl(*asked, "--optimizer", "powersign", "--dry-run").stdout)["learning rate"]
    told = plan(automl(*asked, "--optimizer", "opt", "--learning-rate", 0.5, "--dry-run").stdout)["learning rate"]
    assert told.startswith("0.5, of the recipe;")
    done = automl(*asked, "--activation", "swish", "--optimizer", "opt/best.json", "--out", "t")
    assert done.code == 0
    settings, model = document("t/training.json"), document("t/model.json")
    assert settings["inputs"] == {
        "network": open_any("resnet-8").digest,
        "activation": open_any("swish").digest,
        "optimizer": file_digest(Path("opt/best.json")),
    }
    assert settings["body"]["child"]["recipe"]["learning_rate"] == 0.0125
    evaluated = json.loads(automl("evaluate", "t", "--json").stdout)
    assert evaluated["test_accuracy"] == model["body"]["scores"]["test_accuracy"]
    assert automl("validate", "t").code == 0
    assert automl("train", "--resume", "--out", "t", "--activation", "swish", "--optimizer", "opt").code == 0
    refused = automl("train", "--resume", "--out", "t", "--activation", "silu")
    assert (refused.code, "--activation swish, not silu" in refused.stderr) == (2, True)


def test_trained_betas_are_counted_in_plan_model_and_network_alike(automl: Automl) -> None:
    asked = ("train", "--network", "resnet-8", "--dataset", "digits", "--train-examples", 200, "--epochs", 1)
    sizes = {}
    for name in ("relu", "swish"):
        planned = json.loads(automl(*asked, "--activation", name, "--dry-run", "--json").stdout)["parameters"]
        network = automl_cli.load("resnet-8").build(image_shape=(8, 8, 1), classes=10, activation=name)
        built = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))
        assert planned == built
        sizes[name] = built
    # The stem, and the two activations of one block in each stage of 16, 32 and 64 filters.
    assert sizes["swish"] - sizes["relu"] == 16 + 2 * (16 + 32 + 64)
    assert automl(*asked, "--activation", "swish", "--out", "t").code == 0
    assert document("t/model.json")["body"]["parameters"] == sizes["swish"]
    assert json.loads(automl("measure", "t", "--json").stdout)["parameters"] == sizes["swish"]


def test_runs_whose_costs_count_trained_betas_are_sound(automl: Automl) -> None:
    assert automl(*search(out="s", activation="swish", trials=1)).code == 0
    assert automl("validate", "s").code == 0
    small = (
        "--train-examples",
        200,
        "--epochs",
        1,
        "--trials",
        4,
        "--executor",
        "serial",
        "--network",
        "convnet-1x4",
        "--no-baseline",
    )
    assert automl("search-activation", *small, "--out", "a").code == 0
    best = document("a/best.json")["body"]
    assert "beta" in best["value"]["expression"]
    without = automl_cli.load("convnet-1x4").build(image_shape=(8, 8, 1), classes=10)
    plain = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(without, nnx.Param)))
    betas = ActivationFunction(best["value"]["expression"]).betas
    assert best["found"]["costs"]["parameters"] == plain + 4 * len(betas)
    assert automl("validate", "a").code == 0


@pytest.mark.parametrize(
    ("flag", "formula", "message"),
    [
        (
            "--activation",
            "x * sigmoid(",
            "activation function 'x * sigmoid(', column 13: expected a number, a name, a function",
        ),
        ("--activation", "x * sigmoidd(x)", "column 5: unknown function 'sigmoidd'. Did you mean 'sigmoid'?"),
        ("--optimizer", "g * exp(sign(g)) sign(m)", "column 18: expected an operator or the end, found 'sign'"),
        ("--optimizer", "g + q", "column 5: unknown operand 'q'"),
    ],
)
def test_a_malformed_formula_is_refused_with_the_column(flag: str, formula: str, message: str, automl: Automl) -> None:
    done = automl("train", "--network", "resnet-8", flag, formula, "--dry-run")
    assert (done.code, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    searched = automl(*search("--dry-run", flag, formula))
    assert (searched.code, message in searched.stderr) == (2, True)


@pytest.mark.parametrize("formula", ["-g", "g/2", "g-w"])
def test_a_formula_of_signs_that_names_and_paths_have_as_well_is_one(formula: str, automl: Automl) -> None:
    asked = ("train", "--network", "resnet-8", "--dataset", "digits", "--dry-run", "--optimizer")
    assert plan(automl(*asked, formula).stdout)["optimizer"] == formula
    for text in ("powersing-ld", "runs/opt", "g/q"):
        refused = automl(*asked, text)
        assert (refused.code, "column" in refused.stderr) == (2, False)


def test_a_formula_may_be_longer_than_a_path(automl: Automl) -> None:
    long = " + ".join(f"sin({number} * x)" for number in range(1, 60))
    done = automl("train", "--network", "resnet-8", "--dataset", "digits", "--activation", long, "--dry-run")
    assert done.code == 0
    assert "sin(59 * x)" in done.stdout


@pytest.mark.parametrize(
    ("run", "flag", "what"), [("act", "--activation", "activation function"), ("opt", "--optimizer", "update rule")]
)
def test_a_newer_version_of_the_language_says_so(run: str, flag: str, what: str, automl: Automl) -> None:
    file = Path(run, "best.json")
    newer = document(str(file))
    newer["body"]["value"]["language"] = 2
    file.write_text(json.dumps(newer), encoding="utf-8")
    said = f"this {what} is written in version 2 of the language of expressions, and this tool reads up to 1; update"
    for arguments in (("train", "--network", "resnet-8", flag, run, "--dry-run"), ("show", run), ("export", run)):
        done = automl(*arguments)
        assert (done.code, done.stdout) == (2, "")
        assert said in done.stderr


def imported(file: str) -> Any:
    spec = importlib.util.spec_from_file_location("exported", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_run_is_exported_beside_itself_and_computes_what_load_does(automl: Automl) -> None:
    done = automl("export", "act")
    assert (done.code, done.stdout, done.stderr) == (0, "act/export/activation.py\n", "")
    x = jnp.asarray(np.random.default_rng(0).normal(size=(50, 4)), jnp.float32)
    theirs, ours = jax.jit(imported("act/export/activation.py").activation), automl_cli.load("act").build()
    np.testing.assert_allclose(theirs(x), ours(x), rtol=1e-6)
    assert automl("export", "opt", "--out", "o").stdout == "o/optimizer.py\n"
    theirs, ours = imported("o/optimizer.py").found_rule(0.1), automl_cli.load("opt").build(learning_rate=0.1)
    for transformation in (theirs, ours):
        assert isinstance(transformation, optax.GradientTransformation)
    first = theirs.update(x, theirs.init(x), x)[0]
    np.testing.assert_allclose(first, ours.update(x, ours.init(x), x)[0], rtol=1e-6)


def test_a_name_is_exported_for_the_library_that_is_asked_for(automl: Automl) -> None:
    done = automl("export", "powersign-ld", "--format", "torch", "--json")
    assert json.loads(done.stdout) == {
        "kind": "optimizer-rule",
        "format": "torch",
        "file": "export/optimizer.py",
        "bytes": Path("export/optimizer.py").stat().st_size,
    }
    text = Path("export/optimizer.py").read_text(encoding="utf-8")
    assert "class PowersignLd(torch.optim.Optimizer):" in text
    assert "From: Neural Optimizer Search with Reinforcement Learning, arXiv 1709.07417." in text
    again = automl("export", "powersign-ld")
    assert (again.code, "exists already: replace it with --overwrite, or choose another --out" in again.stderr) == (2, True)
    assert automl("export", "powersign-ld", "--overwrite").code == 0
    assert "import optax" in Path("export/optimizer.py").read_text(encoding="utf-8")


def test_what_cannot_be_exported_is_refused(automl: Automl) -> None:
    for arguments, message in (
        (("swish", "--format", "onnx"), "unknown format of activation artifacts: 'onnx'. Known: jax, torch"),
        (("swsh",), "unknown artifact 'swsh'. Did you mean 'swish'?"),
        (("muon",), "muon: 'muon' is an optimizer of optax.contrib and cannot be exported; use it from there"),
    ):
        done = automl("export", *arguments)
        assert (done.code, done.stdout) == (2, "")
        assert message in done.stderr
    assert not Path("export").exists()


def test_a_model_is_written_in_its_own_formats(automl: Automl) -> None:
    asked = ("train", "--network", "convnet-1x4", "--dataset", "digits", "--train-examples", 200, "--epochs", 1, "--out", "t")
    assert automl(*asked).code == 0
    done = automl("export", "t", "--format", "jax")
    assert (done.code, done.stdout) == (2, "")
    assert "unknown format of model artifacts: 'jax'." in done.stderr
    written = json.loads(automl("export", "t", "--format", "stablehlo", "--json").stdout)
    assert (written["kind"], written["format"]) == ("model", "stablehlo")
    assert (written["file"], written["readme"]) == ("t/export/model.jaxexport", "t/export/README-stablehlo.md")
