"""27 update rules, so that the exhaustive strategy ends within a storm: an operand times a function of another."""

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.spaces import Options, Plugin, SearchPreset
from automl_cli.values.child import ChildPreset
from automl_cli.values.expressions.parser import parse
from automl_cli.values.optimizer import RULES, UpdateRule, rule_of
from automl_cli.values.recipe import Recipe

OPERANDS, FORMS, FUNCTIONS = ("g", "m", "sign(g)"), ("{} * {}", "{} + {}", "{} - {}"), ("exp(m)", "sign(m)", "sqrt(abs(g))")


def decode(options: Options, genotype: Genotype) -> UpdateRule:
    """The rule of this genotype."""
    operand, form, function = genotype
    return rule_of(parse(FORMS[form].format(OPERANDS[operand], FUNCTIONS[function]), RULES))


CHILD = ChildPreset(network="convnet-2x32", recipe=Recipe(batch_size=100, learning_rate=0.1))
SPACE = Plugin(
    name="small-rules",
    version=1,
    command="search-optimizer",
    produces="optimizer-rule",
    summary="27 rules, for tests.",
    decisions=lambda options: DecisionList(
        (Decision("operand", OPERANDS), Decision("form", FORMS), Decision("function", FUNCTIONS))
    ),
    decode=decode,
    tokens=lambda options, genotype: (decode(options, genotype).expression,),
    presets={"quick": SearchPreset(trials=27, epochs=1, strategy="random", child=CHILD)},
)
