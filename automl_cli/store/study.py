"""The resolved configuration of a search (`study.json`), and what every search says of what it found."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from automl_cli.core.decisions import Choice, Genotype
from automl_cli.core.numbers import LARGEST, counted
from automl_cli.core.rewards import Reward
from automl_cli.core.spaces import SpaceReference
from automl_cli.core.trials import Cluster, Costs, EvaluatorSpec, Limits
from automl_cli.store.artifact import Body, Schema
from automl_cli.system.machine import Environment
from automl_cli.values.child import Child, Filling
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.timings import TimingTable

Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]
Seed = Annotated[int, Meta(ge=0, le=LARGEST)]
"""Root seeds: whole numbers that every reader of JSON holds exactly."""
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
"""SHA-256 of a file's bytes, as `sha256sum` prints it."""


class TransferSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings for scaling the winner of a search (`--transfer`): a data set, the stack `N@P`, and filters where they override
    it.

    `problem` says why the data could not be read when the search was started; then the network is written and not trained.
    Otherwise it is trained for `epochs` by the recipe that `preset` means for stacks of cells, with the `roles` that the user
    filled; an augmentation stands there, too, where the recipe's crops pictures and the data are arrays.
    """

    dataset: DatasetReference
    image_shape: tuple[int, int, int]
    classes: Positive
    stack: str
    filters: Positive | None
    preset: str
    epochs: Positive
    problem: str | None
    roles: dict[str, Filling] = {}


class Replication(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`--replicates`: what looks best is measured again until it has so many seeds, by at most this share of the trials."""

    seeds: Annotated[int, Meta(ge=2)]
    share: Annotated[float, Meta(gt=0, lt=1)]


class WarmStart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`--warm-start costs`: the first trials propose the `count` costliest of so many uniform genotypes."""

    by: Literal["costs"]
    count: Positive
    draws: Positive


SHARES = {2: "half", 3: "third", 4: "quarter"}


class EarlyStop(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`--early-stop asha`: a trial is trained for the epochs of the first rung, and goes on to the next while it is among the
    best `1 / factor` of the trials so far at its rung. The last rung has all epochs.

    Raises ValueError for rungs that do not rise.
    """

    by: Literal["asha"]
    rungs: Annotated[tuple[Positive, ...], Meta(min_length=2)]
    factor: Annotated[int, Meta(ge=2)]

    def __post_init__(self) -> None:
        if any(later <= earlier for earlier, later in pairwise(self.rungs)):
            raise ValueError(f"the epochs of rungs must rise, and are {', '.join(map(str, self.rungs))}")

    @property
    def words(self) -> str:
        """Return the rule in words.

        >>> EarlyStop(by="asha", rungs=(1, 3, 9), factor=3).words
        'asha: the best third after 1 epoch goes on to 3, the best third of those to 9'
        """
        first, second, *others = self.rungs
        share = f"the best {SHARES.get(self.factor, f'1/{self.factor}')}"
        further = "".join(f", {share} of those to {epochs}" for epochs in others)
        return f"{self.by}: {share} after {counted(first, 'epoch')} goes on to {second}{further}"


class EarlierRun(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run of which the strategy was told the first so many trials before its own (`--start-from RUN`).

    They stand at the head of the journal as `taken-over` records; the digest is that of their lines.
    """

    path: str
    trials: Positive
    digest: Digest


class StudySettings(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that decide the trials of a search, and how it is run.

    `child` holds the settings that children are trained by, with the role open that the space fills; None where nothing is
    trained. The study rounds `in_flight` up to whole minibatches. `baseline` is what people would have put into that role by
    hand: it is trained after the search, beside the winner; None for nothing.
    """

    SCHEMA: ClassVar[Schema] = Schema("study")

    command: str
    preset: str
    space: SpaceReference
    child: Child | None
    evaluator: EvaluatorSpec
    strategy: str
    strategy_settings: dict[str, Any]
    seed: Seed
    trials: Positive
    epochs: Positive
    in_flight: Positive
    reward: Reward
    reuse: bool
    limits: Limits
    retrain_top: Count
    retrain_epochs: Positive
    retrain_seeds: Positive = 1
    baseline: Filling | None = None
    max_failures: Positive
    trial_timeout_seconds: float | None
    time_budget_seconds: float | None
    executor: str
    workers: Positive
    published_cost: str
    environment: Environment
    transfer: TransferSettings | None = None
    replication: Replication | None = None
    warm_start: WarmStart | None = None
    strategy_rule: str = ""
    """Why `--strategy auto` chose the strategy, in words; empty where it was named."""
    taken_over: tuple[EarlierRun, ...] = ()
    early_stop: EarlyStop | None = None
    memory_limit_bytes: Positive | None = None
    cluster: Cluster | None = None
    """The Ray cluster of `--executor ray`, and the share of each worker; None for the other executors."""
    timings: TimingTable | None = None
    """The table by which every worker chooses forms of convolution, whatever its machine; None where nothing is trained."""

    @property
    def rungs(self) -> tuple[int, ...]:
        """The epochs for which a trial may be trained, the fewest first: all epochs where no child is stopped early."""
        return (self.epochs,) if self.early_stop is None else self.early_stop.rungs

    @property
    def has_baseline(self) -> bool:
        """True where the winner is compared with what is made by hand."""
        return self.baseline is not None

    @property
    def trainings_after(self) -> int:
        """The number of trainings after the search, where so many trials have a score."""
        return self.retrain_seeds * (self.retrain_top + 2 * self.has_baseline)

    @property
    def source(self) -> str | None:
        """The data set that children are trained on, if they are trained."""
        return None if self.child is None else self.child.problem.source

    @property
    def inputs(self) -> dict[str, str]:
        """The digests of the artifacts that were put into roles of the child."""
        return {} if self.child is None else self.child.inputs


class RetrainedCandidate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of the best of a search, trained longer on new seeds. `retrained_score` is the mean over them, None when one of those
    trainings failed; with more than one seed, `scores_by_seed` has the score of each."""

    trial: Count
    search_score: float
    retrained_score: float | None
    scores_by_seed: tuple[float, ...] = ()


class Retraining(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`--retrain-top`: both scores of every candidate, and Spearman's rank correlation between them (None: undefined)."""

    epochs: Positive
    candidates: tuple[RetrainedCandidate, ...]
    rank_correlation: float | None


class Found(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Origin of a found value, and the scores of its child: the same in every found artifact.

    `validation_scores` has one score per epoch, `validation_score` is the best of the last min(5, epochs) of them, and `reward`
    what `reward_function` makes of it. Where the value was measured on several seeds (`--replicates`), `scores_by_seed` has the
    score of each, the first that of `validation_scores`; then score and reward are means over the seeds. `costs` are exact,
    those of the child. `child` is what it was trained on and by, without what was searched and without a path of the machine
    that searched; None where nothing was trained.
    """

    space: SpaceReference
    genotype: Genotype
    choices: dict[str, Choice]
    costs: Costs | None
    trial: Count
    validation_scores: tuple[float, ...]
    validation_score: float
    reward: float
    reward_function: Reward
    child: Child | None
    epochs: Positive
    strategy: str
    seed: Seed
    retraining: Retraining | None = None
    scores_by_seed: tuple[float, ...] = ()


class JoinedTrial(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the best trials of a search, whose value is joined with those of others. `validation_score` is its own."""

    trial: Count
    genotype: Genotype
    validation_score: float


def joined_in_words(trials: Sequence[int]) -> str:
    """Return in words which trials are joined, the best first, and whose score stands beside them.

    >>> joined_in_words((3, 0))
    'joins trials 3, 0; the score is that of trial 3 alone, until what is joined has been trained'
    """
    if len(trials) == 1:
        return f"holds trial {trials[0]} alone"
    alone = f"the score is that of trial {trials[0]} alone, until what is joined has been trained"
    return f"joins trials {', '.join(map(str, trials))}; {alone}"


class FoundBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of what a search finds: the value, the value in words, and how it was found (None for a published one).

    A kind declares its own with `value` as a field of its type.
    """

    words: tuple[str, ...]
    found: Found | None = None
