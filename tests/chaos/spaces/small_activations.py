"""27 activation functions, so that the exhaustive strategy ends within a storm: b(u1(x), u2(x)) of three forms each."""

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.spaces import Options, Plugin, SearchPreset
from automl_cli.values.activation import ACTIVATIONS, ActivationFunction, activation_of
from automl_cli.values.child import ChildPreset
from automl_cli.values.expressions.parser import parse
from automl_cli.values.recipe import Recipe

UNARY, BINARY = ("x", "tanh(x)", "sigmoid(x)"), ("({}) * ({})", "max({}, {})", "({}) - 2 * ({})")


def decode(options: Options, genotype: Genotype) -> ActivationFunction:
    """The function of this genotype."""
    first, second, binary = genotype
    return activation_of(parse(BINARY[binary].format(UNARY[first], UNARY[second]), ACTIVATIONS))


CHILD = ChildPreset(network="resnet-8", recipe=Recipe(batch_size=64, learning_rate=0.1))
SPACE = Plugin(
    name="small-activations",
    version=1,
    command="search-activation",
    produces="activation",
    summary="27 functions, for tests.",
    decisions=lambda options: DecisionList(
        (Decision("unary 1", UNARY), Decision("unary 2", UNARY), Decision("binary", BINARY))
    ),
    decode=decode,
    tokens=lambda options, genotype: (decode(options, genotype).expression,),
    presets={"quick": SearchPreset(trials=27, epochs=1, strategy="random", child=CHILD)},
)
