"""27 augmentation policies, so that the exhaustive strategy ends within a storm: one operation, in every image or in some."""

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.spaces import Options, Plugin, SearchPreset
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.child import ChildPreset
from automl_cli.values.policy import AppliedOperation, OperationName, SubPolicies
from automl_cli.values.policy_words import sub_policy_words
from automl_cli.values.recipe import Recipe

OPERATIONS: tuple[OperationName, ...] = ("Rotate", "Color", "ShearX")
PROBABILITIES, LEVELS = (0.1, 0.5, 1.0), (1.0, 5.0, 9.0)


def decode(options: Options, genotype: Genotype) -> Augmentation:
    """The augmentation of this genotype."""
    operation, probability, level = genotype
    applied = AppliedOperation(OPERATIONS[operation], PROBABILITIES[probability], LEVELS[level])
    return Augmentation(baseline="none", cutout=0.0, mapping="paper", policy=SubPolicies(((applied,),)))


def tokens(options: Options, genotype: Genotype) -> tuple[str, ...]:
    """The policy in words."""
    policy = decode(options, genotype).policy
    assert isinstance(policy, SubPolicies)
    return tuple(sub_policy_words(row) for row in policy.sub_policies)


CHILD = ChildPreset(network="convnet-2x32", recipe=Recipe(batch_size=100, learning_rate=0.1))
SPACE = Plugin(
    name="small-policies",
    version=1,
    command="search-augment",
    produces="augmentation-policy",
    summary="27 policies, for tests.",
    decisions=lambda options: DecisionList(
        (Decision("operation", OPERATIONS), Decision("probability", PROBABILITIES), Decision("level", LEVELS))
    ),
    decode=decode,
    tokens=tokens,
    presets={"quick": SearchPreset(trials=27, epochs=1, strategy="random", child=CHILD)},
)
