"""Activation functions made of core units (Ramachandran, Zoph and Le, arXiv 1710.05941, section 2).

Decisions: a core unit is b(u1(x1), u2(x2)) with 25 unary and 10 binary functions. The first unit reads x twice; each later one
reads the unit before it and x (Figure 1 has two): b2(u3(b1(u1(x), u2(x))), u4(x)).
Size: 25^2 * 10 = 6,250 with one unit, 25^4 * 10^2 = 39,062,500 with two.
What the paper leaves open: epsilon is 1e-7; beta starts from 1, and from 0.5 where it mixes two inputs; every place of a beta
is a parameter of its own, one number per channel; the square root of a negative number is not a number, and sinc(x) is
sin(x) / x.
Differs from the paper: the quick preset trains a small ResNet on digits; the paper preset has ResNet-20, batches of 128 and 26
epochs of CIFAR-10, which are about 10,000 steps (batch size, optimizer and split are not published).
"""

from collections.abc import Iterator
from functools import cache

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.spaces import Options, Plugin, SearchPreset, SpaceOption
from automl_cli.values.activation import ACTIVATIONS, BETAS, ActivationFunction, activation_of
from automl_cli.values.child import ChildPreset
from automl_cli.values.expressions.canonical import canonical as canonical_form
from automl_cli.values.expressions.parser import parse
from automl_cli.values.expressions.sameness import activation_key
from automl_cli.values.expressions.tree import Expression, Language, Name, replace, uses
from automl_cli.values.recipe import Recipe

UNARY = (
    "x", "-x", "abs(x)", "x^2", "x^3", "sqrt(x)", "B * x", "x + B", "log(abs(x) + 1e-7)", "exp(x)", "sin(x)", "cos(x)",
    "sinh(x)", "cosh(x)", "tanh(x)", "asinh(x)", "atan(x)", "sinc(x)", "max(x, 0)", "min(x, 0)", "sigmoid(x)", "softplus(x)",
    "exp(-(x^2))", "erf(x)", "B",
)  # fmt: skip
BINARY = (
    "a + b", "a * b", "a - b", "a / (b + 1e-7)", "max(a, b)", "min(a, b)", "sigmoid(a) * b", "exp(-(B * (a - b)^2))",
    "exp(-(B * abs(a - b)))", "B * a + (1 - B) * b",
)  # fmt: skip
"""B is a trained beta."""

MIX = BINARY[-1]
FORMS = Language(what="form", operands=("x", "a", "b", "B"), functions=ACTIVATIONS.functions)

UNITS = SpaceOption("units", 1, "Core units of a function.", choices=(1, 2, 3))


def decisions(options: Options) -> DecisionList:
    """Per unit: the unary function of each input, then the binary function."""
    return DecisionList(
        tuple(
            Decision(f"unit {unit}: {name}", choices)
            for unit in range(1, int(options["units"]) + 1)
            for name, choices in (("unary 1", UNARY), ("unary 2", UNARY), ("binary", BINARY))
        )
    )


def decode(options: Options, genotype: Genotype) -> ActivationFunction:
    """The function of this genotype."""
    fresh, initial = iter(BETAS), list[float]()
    result: Expression = Name("x")
    for first, second, binary in zip(*(iter(genotype),) * 3, strict=True):
        inputs = []
        for unary, read in ((first, result), (second, Name("x"))):
            inputs.append(replace(_with_beta(UNARY[unary], fresh, initial), {"x": read}))
        form = _with_beta(BINARY[binary], fresh, initial)
        result = replace(form, dict(zip(("a", "b"), inputs, strict=True)))
    simple = canonical_form(result)
    used = activation_of(simple).betas
    return activation_of(simple, tuple(start for beta, start in zip(BETAS, initial, strict=False) if beta in used))


def _with_beta(form: str, fresh: Iterator[str], initial: list[float]) -> Expression:
    tree = _form(form)
    if not uses(tree, "B"):
        return tree
    initial.append(0.5 if form == MIX else 1.0)
    return replace(tree, {"B": Name(next(fresh))})


@cache
def _form(text: str) -> Expression:
    return parse(text, FORMS)


def tokens(options: Options, genotype: Genotype) -> tuple[str, ...]:
    """The formula."""
    return (decode(options, genotype).expression,)


def canonical(options: Options, genotype: Genotype) -> Genotype:
    """The same integers for all genotypes whose functions give the same outputs."""
    return activation_key(decode(options, genotype))


QUICK = SearchPreset(
    trials=128,
    epochs=4,
    least_steps=44,
    retrain_seeds=3,
    strategy="evolution",
    child=ChildPreset(network="resnet-8", recipe=Recipe(batch_size=64, learning_rate=0.1, schedule="cosine")),
)

PAPER = SearchPreset(
    trials=6250,
    epochs=26,
    strategy="exhaustive",
    child=ChildPreset(
        dataset="cifar10", network="resnet-20", recipe=Recipe(batch_size=128, learning_rate=0.1, schedule="cosine")
    ),
    strategy_settings={name: {"constants": "paper"} for name in ("reinforce", "ppo", "evolution")},
    published_cost="not published; a child takes 10,000 steps of ResNet-20",
)

SPACE = Plugin(
    name="activation-units",
    version=1,
    command="search-activation",
    produces="activation",
    summary="activation functions of one or more core units: 25 unary and 10 binary functions",
    decisions=decisions,
    decode=decode,
    tokens=tokens,
    canonical=canonical,
    options=(UNITS,),
    presets={"quick": QUICK, "paper": PAPER},
)
