"""Augmentation policies of AutoAugment (Cubuk, Zoph, Mane, Vasudevan and Le, arXiv 1805.09501).

Decisions: a policy is 5 sub-policies, of which one is drawn for every image; a sub-policy is 2 operations in order, each one of
16, with a probability of 0.0, 0.1, … 1.0 and a level of 0 … 9: 5 x 2 x 3 = 30 decisions.
Size: (16 * 11 * 10)^10 = 285,184,999,433,627,773,173,760,000,000,000.

Two genotypes mean the same where they differ in the order of sub-policies, in what does nothing (probability 0, rotation by 0,
8 bits kept), or in levels that mean the same (Invert has none). `best.json` joins the sub-policies of the 5 best trials.

Mutation: one decision changed, and another one anew where the policy still means the same.

Differs from the paper: its controller is trained by PPO with the constants of NASNet (arXiv 1707.07012), which version 1 refers
to. How many examples validate a child is not published: of the 4,000 (CIFAR-10), 1,000 (SVHN) and 6,000 (ImageNet) images the
rule of this tool splits them off. The 6,000 images of ImageNet are drawn from all 1,000 classes where the paper draws 120; a
folder of 120 classes, given with --dataset, is that set. The batch size of children is not published; 128 is that of the
authors' code. The quick preset trains a small network on digits, which it neither mirrors nor cuts out of.
"""

from random import Random
from typing import Any, Literal, get_args

from msgspec.structs import replace

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.errors import SpaceError, unknown_name
from automl_cli.core.spaces import Options, Plugin, SearchPreset, SpaceOption
from automl_cli.values.augmentation import Augmentation, BaselineName
from automl_cli.values.child import ChildPreset
from automl_cli.values.policy import (
    MAPPINGS,
    OPERATIONS,
    TOP_LEVEL,
    AppliedOperation,
    MappingName,
    OperationName,
    SubPolicies,
    arguments,
    is_defined,
)
from automl_cli.values.policy_words import sub_policy_words
from automl_cli.values.recipe import Recipe

Part = Literal["operation", "probability", "level"]

PROBABILITIES = tuple(tenth / 10 for tenth in range(11))
LEVELS = tuple(range(TOP_LEVEL + 1))
PER_SUB_POLICY = 2
FIELDS = 3
LARGEST_COUNT = 100
"""Of the sub-policies; the paper has 5. What follows from a number typed by mistake would fill the memory."""

ALL = "all"

OPTIONS = (
    SpaceOption("baseline", "flip-crop", "What is done before the policy.", choices=get_args(BaselineName)),
    SpaceOption("cutout", 0.5, "Side of the square that Cutout sets to the mean after it, as a share of the image's; 0: none."),
    SpaceOption("mapping", "paper", "What a level means.", choices=tuple(MAPPINGS)),
    SpaceOption("operations", ALL, "Operations that are searched, with commas between them; all: those of the mapping."),
    SpaceOption("sub_policies", 5, "Sub-policies of a policy."),
)


def decisions(options: Options) -> DecisionList:
    """Return the decisions: per sub-policy and operation which it is, its probability and its level.

    Raises SpaceError for options out of range, and for an operation that is unknown or that the mapping does not define.
    """
    count = int(options["sub_policies"])
    if not 1 <= count <= LARGEST_COUNT:
        raise SpaceError(f"space option sub_policies={count} of autoaugment must be from 1 to {LARGEST_COUNT}")
    if not 0 <= float(options["cutout"]) <= 1:
        raise SpaceError(f"space option cutout={options['cutout']} of autoaugment must be from 0 to 1")
    choices: dict[Part, tuple[Any, ...]] = {"operation": searched(options), "probability": PROBABILITIES, "level": LEVELS}
    return DecisionList(
        tuple(
            Decision(f"sub-policy {number}: {part} {place}", choices[part])
            for number in range(1, count + 1)
            for place in range(1, PER_SUB_POLICY + 1)
            for part in choices
        )
    )


def searched(options: Options) -> tuple[OperationName, ...]:
    """Return the operations that are searched, in the order of the paper's table. Raises SpaceError for a name that is none of
    the mapping's."""
    mapping = _mapping(options)
    defined = tuple(name for name in OPERATIONS if is_defined(name, mapping))
    if options["operations"] == ALL:
        return defined
    named = [part.strip() for part in str(options["operations"]).split(",")]
    for name in named:
        if name not in OPERATIONS:
            raise SpaceError(f"space autoaugment: {unknown_name('operation', name, OPERATIONS)}")
        if name not in defined:
            able = ", ".join(other for other in MAPPINGS if is_defined(name, other))
            raise SpaceError(
                f"space autoaugment: mapping {mapping!r} does not define {name}; leave it out, or take mapping={able}"
            )
    return tuple(name for name in defined if name in named)


def decode(options: Options, genotype: Genotype) -> Augmentation:
    """Return the augmentation with the policy of a genotype."""
    operations = searched(options)
    applied = [
        AppliedOperation(operations[operation], PROBABILITIES[probability], float(LEVELS[level]))
        for operation, probability, level in zip(*(iter(genotype),) * FIELDS, strict=True)
    ]
    policy = SubPolicies(tuple(zip(*(iter(applied),) * PER_SUB_POLICY, strict=True)))
    return replace(_without_policy(options), policy=policy)


def _without_policy(options: Options) -> Augmentation:
    baselines: dict[str, BaselineName] = {name: name for name in get_args(BaselineName)}
    return Augmentation(
        baseline=baselines[str(options["baseline"])], cutout=float(options["cutout"]), mapping=_mapping(options)
    )


def _mapping(options: Options) -> MappingName:
    """Return the name of the mapping, the same object wherever the options come from: msgspec leaves out a default by that."""
    return next(name for name in MAPPINGS if name == options["mapping"])


def encode(options: Options, value: Any) -> Genotype:
    """Return the genotype that decodes to this augmentation. Raises SpaceError, saying why, where the space holds none."""
    if not isinstance(value, Augmentation) or not isinstance(value.policy, SubPolicies):
        raise SpaceError("it has no policy of sub-policies")
    around, own = replace(value, policy=None), _without_policy(options)
    for name in ("baseline", "cutout", "mapping", "order"):
        if (theirs := getattr(around, name)) != (ours := getattr(own, name)):
            raise SpaceError(f"its {name} is {theirs}, here it is {ours}")
    rows = value.policy.sub_policies
    if len(rows) != options["sub_policies"]:
        raise SpaceError(f"it has {len(rows)} sub-policies; this space has {options['sub_policies']}")
    if odd := [row for row in rows if len(row) != PER_SUB_POLICY]:
        raise SpaceError(f"the sub-policy {sub_policy_words(odd[0])!r} has not {PER_SUB_POLICY} operations")
    return tuple(index for row in rows for applied in row for index in _indices(options, applied))


def _indices(options: Options, applied: AppliedOperation) -> tuple[int, int, int]:
    places = (
        (searched(options), applied.operation),
        (PROBABILITIES, applied.probability),
        (LEVELS, applied.level),
    )
    for choices, value in places:
        if value not in choices:
            known = ", ".join(map(str, choices))
            raise SpaceError(f"{sub_policy_words((applied,))!r} has {value}, which is not among: {known}")
    operation, probability, level = (list(choices).index(value) for choices, value in places)
    return operation, probability, level


def tokens(options: Options, genotype: Genotype) -> tuple[str, ...]:
    """Return the sub-policies: "Invert 0.1 7, Contrast 0.2 6", …"""
    policy = decode(options, genotype).policy
    assert isinstance(policy, SubPolicies)
    return tuple(map(sub_policy_words, policy.sub_policies))


SIDE = 1_000_000
"""Of an image on which every level of a length means something else."""

NEUTRAL = {
    **dict.fromkeys(("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Cutout", "SamplePairing"), 0.0),
    **dict.fromkeys(("Contrast", "Color", "Brightness", "Sharpness"), 1.0),
    "Solarize": 256.0,
    "Posterize": 8.0,
}
"""The argument by which an operation leaves an image as it is."""

NOTHING = (0, 0, 0)
"""An operation that is never done, in a genotype."""


def canonical(options: Options, genotype: Genotype) -> Genotype:
    """Return the genotype that stands for all which mean the same policy.

    Operations that do nothing stand last in their sub-policy, levels that mean the same are the lowest of them, and
    sub-policies are sorted.
    """
    operations, mapping = searched(options), _mapping(options)
    triples = [_simplest(operations, mapping, *triple) for triple in zip(*(iter(genotype),) * FIELDS, strict=True)]
    rows = []
    for row in zip(*(iter(triples),) * PER_SUB_POLICY, strict=True):
        done = [triple for triple in row if triple != NOTHING]
        rows.append([*done, *[NOTHING] * (PER_SUB_POLICY - len(done))])
    return tuple(index for row in sorted(rows) for triple in row for index in triple)


def _simplest(
    operations: tuple[OperationName, ...], mapping: MappingName, operation: int, probability: int, level: int
) -> tuple[int, int, int]:
    """Return an operation with the lowest level of the same meaning, or `NOTHING` where it does nothing."""
    name = operations[operation]
    meant = arguments(name, LEVELS[level], mapping, shape=(SIDE, SIDE))
    if probability == 0 or (name in NEUTRAL and meant == (NEUTRAL[name],) * 2):
        return NOTHING
    same = (one for one in LEVELS if arguments(name, one, mapping, shape=(SIDE, SIDE)) == meant)
    return operation, probability, next(same)


MUTATION_ATTEMPTS = 20


def mutate(options: Options, genotype: Genotype, random: Random) -> Genotype:
    """Return a policy with one decision changed that means something else, or the last one tried where none does."""
    listed, before = decisions(options), canonical(options, genotype)
    for _ in range(MUTATION_ATTEMPTS):
        mutated = listed.mutate(genotype, random)
        if canonical(options, mutated) != before:
            break
    return mutated


QUICK = SearchPreset(
    trials=128,
    epochs=6,
    retrain_seeds=3,
    strategy="ppo",
    child=ChildPreset(network="wrn-10-1", recipe=Recipe(batch_size=64, learning_rate=0.1, schedule="cosine")),
    space_options={"baseline": "none", "cutout": 0.0},
)

_RECIPE = Recipe(batch_size=128, learning_rate=0.01, weight_decay=1e-4, schedule="cosine")
_CHILD = ChildPreset(dataset="cifar10", data={"train_examples": 4000}, network="wrn-40-2", recipe=_RECIPE)

PAPER = SearchPreset(
    trials=15_000,
    epochs=120,
    strategy="ppo",
    in_flight=500,
    child=_CHILD,
    strategy_settings={name: {"constants": "paper"} for name in ("reinforce", "ppo", "evolution")},
    published_cost="5,000 hours of a GPU (P100) for CIFAR-10",
)

SVHN = replace(
    PAPER,
    child=replace(_CHILD, dataset="svhn_cropped", data={"train_examples": 1000}),
    space_options={"baseline": "none", "cutout": 0.0},
    published_cost="1,000 hours of a GPU (P100) for SVHN",
)

IMAGENET = replace(
    PAPER,
    epochs=200,
    child=replace(
        _CHILD,
        dataset="imagenet2012",
        data={"train_examples": 6000},
        recipe=replace(_RECIPE, learning_rate=0.1, weight_decay=1e-5),
    ),
    space_options={"baseline": "inception", "cutout": 0.0},
    published_cost="15,000 hours of a GPU (P100) for ImageNet",
)

SPACE = Plugin(
    name="autoaugment",
    version=1,
    command="search-augment",
    produces="augmentation-policy",
    summary="augmentation policies: sub-policies of two operations, each with a probability and a level (AutoAugment)",
    decisions=decisions,
    decode=decode,
    encode=encode,
    tokens=tokens,
    mutate=mutate,
    canonical=canonical,
    options=OPTIONS,
    presets={"quick": QUICK, "paper": replace(PAPER, by_dataset={"svhn_cropped": SVHN, "imagenet2012": IMAGENET})},
)
