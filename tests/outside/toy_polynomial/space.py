"""Which of the powers 0 to 4 a polynomial has. Size: 2^5 = 32; without any, it has the power 0."""

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.rewards import InverseSquare
from automl_cli.core.spaces import Options, Plugin, SearchPreset
from automl_cli.values.child import ChildPreset
from automl_cli.values.recipe import Recipe
from toy_polynomial.kind import Polynomial, words

DECISIONS = DecisionList(tuple(Decision(f"x^{power}", (False, True)) for power in range(5)))


def decode(options: Options, genotype: Genotype) -> Polynomial:
    """The powers that were chosen."""
    return Polynomial(tuple(power for power, chosen in enumerate(genotype) if chosen) or (0,))


def encode(options: Options, polynomial: Polynomial) -> Genotype:
    """The genotype of these powers."""
    return tuple(int(power in polynomial.powers) for power in range(5))


def canonical(options: Options, genotype: Genotype) -> Genotype:
    """No power at all means the same as the power 0 alone."""
    return encode(options, decode(options, genotype))


CHILD = ChildPreset(
    problem="points",
    dataset="cubic",
    recipe=Recipe(batch_size=8, learning_rate=0.05, weight_decay=0.0),
    optimizer="momentum",
    augmentation="none",
)

SPACE = Plugin(
    name="polynomial",
    version=1,
    command="search-arch",
    produces="polynomial",
    summary="which powers of x a curve is made of",
    decisions=lambda options: DECISIONS,
    decode=decode,
    encode=encode,
    tokens=lambda options, genotype: words(decode(options, genotype)),
    canonical=canonical,
    presets={"quick": SearchPreset(trials=12, epochs=3, strategy="evolution", child=CHILD, reward=InverseSquare(1.0))},
)
