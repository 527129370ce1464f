"""Augmentations: a baseline, a policy that a search found or a paper published, and Cutout."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, get_args

from msgspec.structs import replace

from automl_cli.core.errors import UserError, unknown_name
from automl_cli.core.numbers import counted
from automl_cli.core.spaces import Baseline
from automl_cli.plugins.kind import Joining, Kind
from automl_cli.store.artifact import Schema
from automl_cli.store.study import FoundBody, JoinedTrial, joined_in_words
from automl_cli.values.augmentation import Augmentation, BaselineName
from automl_cli.values.policy import MOST_APPLIED, Policy, RandomOperations, SubPolicies
from automl_cli.values.policy_words import meaning, operation_words, sub_policy_words
from automl_cli.values.published_policies import CIFAR10, IMAGENET, SVHN, rand_augment, trivial_augment
from automl_cli.values.sheet import Facts, Grid, Part

JOINED_TRIALS = 5
"""Trials whose sub-policies are joined into the policy of a search (arXiv 1805.09501, section 3)."""


class AugmentationPolicyBody(FoundBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An augmentation that a search found, or a published one.

    `joined` are the trials whose sub-policies the policy joins, the best first; `found` is about the first of them alone.
    """

    SCHEMA: ClassVar[Schema] = Schema("augmentation-policy")

    value: Augmentation
    joined: tuple[JoinedTrial, ...] = ()


NAMED: Mapping[str, Augmentation] = {
    **{name: Augmentation(baseline=name) for name in get_args(BaselineName)},
    "flip-crop-cutout": Augmentation(baseline="flip-crop", cutout=0.5),
    "autoaugment-cifar10": Augmentation(baseline="flip-crop", policy=CIFAR10, cutout=0.5),
    "autoaugment-svhn": Augmentation(baseline="none", policy=SVHN, cutout=20 / 32),
    "autoaugment-imagenet": Augmentation(baseline="inception", policy=IMAGENET),
    "randaugment": Augmentation(baseline="flip-crop", policy=rand_augment(2, 9), cutout=0.5, mapping="torchvision"),
    "trivialaugment": Augmentation(baseline="flip-crop", policy=trivial_augment(), cutout=0.5, mapping="torchvision"),
}
"""Augmentations by name. Cutout is a square of 16 pixels of 32 with CIFAR-10 and of 20 with SVHN, as in arXiv 1805.09501."""


def of_counts(name: str) -> Augmentation | None:
    """Return RandAugment with N operations of level M, of 30. Raises UserError for numbers out of range.

    >>> of_counts("randaugment-2-9") == NAMED["randaugment"], of_counts("randaugment")
    (True, None)
    """
    match = re.fullmatch(r"randaugment-([0-9]{1,9})-([0-9]{1,9})", name)
    if match is None:
        return None
    count, level = map(int, match.groups())
    if not 1 <= count <= MOST_APPLIED or not 0 <= level <= 30:
        raise UserError(f"{name}: N is from 1 to {MOST_APPLIED}, and M from 0 to 30, as in randaugment-2-9")
    return replace(NAMED["randaugment"], policy=rand_augment(count, level))


def behind_baseline(name: str) -> Augmentation | None:
    """Return a named policy behind another baseline, without Cutout. Raises UserError for a policy that has no name.

    >>> behind_baseline("none+autoaugment-cifar10").baseline, behind_baseline("none")
    ('none', None)
    """
    baseline, plus, rest = name.partition("+")
    baselines = {text: text for text in get_args(BaselineName)}
    if not plus or baseline not in baselines:
        return None
    augmentation = NAMED.get(rest) or of_counts(rest)
    if augmentation is None or augmentation.policy is None:
        with_policy = (known for known, value in NAMED.items() if value.policy is not None)
        raise unknown_name(f"policy in {name!r}:", rest, with_policy, hint="Write BASELINE+POLICY")
    return replace(augmentation, baseline=baselines[baseline], cutout=0.0)


def words(augmentation: Augmentation) -> tuple[str, ...]:
    """Return the augmentation in one line, then a line for each sub-policy.

    >>> words(Augmentation(baseline="flip-crop", cutout=0.5))
    ('flip-crop, Cutout 0.5',)
    """
    policy, parts = augmentation.policy, _steps(augmentation)
    if policy is not None and augmentation.mapping != "paper":
        parts.append(f"mapping {augmentation.mapping}")
    rows = policy.sub_policies if isinstance(policy, SubPolicies) else ()
    return (", ".join(parts), *map(sub_policy_words, rows))


def _steps(augmentation: Augmentation) -> list[str]:
    """Return in words what is done, in its order."""
    policy, cutout = augmentation.policy, augmentation.cutout
    steps = [str(augmentation.baseline), *([] if policy is None else [_in_short(policy)])]
    return [*(steps if augmentation.order == "paper" else steps[::-1]), *([f"Cutout {cutout:g}"] if cutout else [])]


def _in_short(policy: Policy) -> str:
    if isinstance(policy, SubPolicies):
        return counted(len(policy.sub_policies), "sub-policy/sub-policies")
    levels = f"level {policy.levels[0]:g}" if len(policy.levels) == 1 else f"one of {len(policy.levels)} levels"
    return f"{policy.count} of {counted(len(policy.operations), 'operation')} drawn for each image, {levels}"


def sheet(body: AugmentationPolicyBody, place: str) -> Iterator[Part]:
    """Yield the parts of the augmentation, then what is drawn: each sub-policy with what its levels mean."""
    value = body.value
    facts = [("done", ", then ".join(_steps(value)))]
    if value.policy is not None:
        facts.append(("mapping", f"{value.mapping}: what a level from 0 to 9 means; lengths in % of the side"))
    if value.cutout:
        facts.append(("Cutout", f"the side of the square as a share of the image's: {value.cutout:g}"))
    if body.joined:
        facts.append(("policy", joined_in_words([one.trial for one in body.joined])))
    yield Facts(tuple(facts))
    if value.policy is not None:
        yield _drawn(value.policy, value)


def _drawn(policy: Policy, value: Augmentation) -> Grid:
    """Return the table of what is drawn for an image: a sub-policy, or the operations of a policy drawn at random."""
    if isinstance(policy, RandomOperations):
        drawn = tuple((str(name), _levels_in_words(policy)) for name in policy.operations)
        return Grid(("operation", "level"), drawn, words=("operation", "level"))
    longest = max(map(len, policy.sub_policies))
    titles = [f"operation {number}" for number in range(1, longest + 1)]
    means = [f"level {number} means" for number in range(1, longest + 1)]
    columns = [title for pair in zip(titles, means, strict=True) for title in pair]
    rows = []
    for number, sub_policy in enumerate(policy.sub_policies, start=1):
        cells = [cell for one in sub_policy for cell in (operation_words(one), meaning(one, value.mapping))]
        rows.append((str(number), *cells, *[""] * (len(columns) - len(cells))))
    return Grid(("#", *columns), tuple(rows), words=tuple(columns))


def _levels_in_words(policy: RandomOperations) -> str:
    levels = policy.levels
    return f"{levels[0]:g}" if len(levels) == 1 else f"{len(levels)} from {min(levels):g} to {max(levels):g}"


def joined(found: Sequence[Augmentation]) -> Augmentation:
    """Return the augmentation that draws from the sub-policies of all of these, which differ in nothing else."""
    rows = [row for one in found if isinstance(one.policy, SubPolicies) for row in one.policy.sub_policies]
    return replace(found[0], policy=SubPolicies(tuple(rows)))


KIND = Kind(
    name="augmentation-policy",
    value=Augmentation,
    body=AugmentationPolicyBody,
    role="augmentation",
    flag="augment",
    names=NAMED,
    families={"randaugment-N-M": of_counts, "BASELINE+POLICY": behind_baseline},
    about="standard: upsample, crop, flip where allowed. flip-crop: such a flip, pad, crop. "
    "inception: windows of random area and aspect, flip, colours; the "
    "pictures are decoded as they are needed, any number of any size. "
    "BASELINE+POLICY: the policy behind another baseline, such as none+trivialaugment.",
    words=words,
    sheet=sheet,
    pictures="automl_cli.reporting.contact_sheet:contact_sheet",
    yardstick="trivialaugment",
    joining=Joining(count=JOINED_TRIALS, value=joined),
    baseline=Baseline("standard"),
    build="automl_cli.children.augmentation:images",
    export="automl_cli.jobs.export_policy:export_policy",
    formats=("pillow", "json"),
    library="automl_cli.children.library:augmentation",
)
