"""Summaries of runs as frozen plain data: the document of `automl report --json`.

Wall-clock figures stand here and in journals, never in the artifacts of a search.
"""

from typing import ClassVar, Literal

from msgspec import UNSET, UnsetType

from automl_cli.core.decisions import Choice, Genotype
from automl_cli.store.artifact import Body, Schema
from automl_cli.store.run_groups import Comparison, ReportPart
from automl_cli.store.study import Count, Retraining
from automl_cli.values.recipe import Recipe

Metrics = dict[str, int | float]


State = Literal["planned", "written", "training", "trained"]

RunState = Literal["running", "waiting", "finished", "interrupted", "out of time", "failed", "killed", "not started"]
"""How far a run is. A repeat waits while others of its search run; a killed run left no word of its end."""


class RankedTrial(ReportPart, frozen=True):
    """A successful trial. `score` is the validation score; `choices` are what the genotype chose."""

    trial: Count
    score: float
    reward: float
    genotype: Genotype
    choices: dict[str, Choice]
    metrics: Metrics


class CurvePoint(ReportPart, frozen=True):
    """The best score after this many trials; only where it rose or, as a mean over seeds, changed."""

    trials: Count
    score: float


class ParetoPoint(ReportPart, frozen=True):
    """The best value of its length, which is better than every shorter one. `words` is the value in words."""

    length: Count
    score: float
    trial: Count
    words: str


class Reason(ReportPart, frozen=True):
    """A reason why trials have no score: so many with this status, whose messages differ in numbers at most; `message` is that
    of the first of them, trial `first`."""

    status: str
    message: str
    trials: Count
    first: Count


class RunCost(ReportPart, frozen=True):
    """Time and computing that a run spent.

    `compute_seconds` is the sum over its children of the seconds each took, `wall_seconds` the sum over its sessions. `trained`
    children, trained or looked up, ended well, `reused` trials took the outcome of an earlier one, `failed` ones gave no score,
    for whatever reason. `published` is what the paper spent on its search, in words.
    """

    compute_seconds: float
    wall_seconds: float
    trained: Count
    reused: Count
    failed: Count
    published: str


class TransferSummary(ReportPart, frozen=True):
    """The winner of a run scaled to the data set it is meant for.

    `state`: planned (the search goes on), written (nothing is trained, for the reason in `problem`; `command` trains it),
    training (not finished; `command` goes on with it) or trained. `stack` is the stack that was asked for, and that of the
    network once it is written: P is rounded down to what the last cell can put out. `parameters` and `multiply_adds` are exact,
    for one image.
    """

    target: str
    image_shape: tuple[int, int, int]
    classes: Count
    stack: str
    filters: Count | None
    parameters: Count | None
    multiply_adds: Count | None
    state: State
    problem: str | None
    command: str | None
    network: str | None
    model: str | None
    epochs: Count
    test_accuracy: float | None
    test_top5_accuracy: float | None


class MadeByHand(ReportPart, frozen=True):
    """The winner of a run, trial `trial`, beside what people would make by hand: both trained after the search, for as many
    epochs, on seeds that the winner was not chosen by.

    `name` is what is made by hand, `role` what it is of a child. The scores are those of the seeds. `gain` is by how much the
    winner is better in the mean, and `error` the standard error of that, None with one seed. `beats` says whether the gain is
    more than twice that error, or above 0 where there is none; None while trainings are missing, or where one failed, for the
    reason in `problem`.
    """

    name: str
    role: str
    trial: Count
    epochs: Count
    seeds: Count
    winner_scores: tuple[float, ...]
    scores: tuple[float, ...]
    gain: float | None
    error: float | None
    beats: bool | None
    problem: str = ""


class ReachedScore(ReportPart, frozen=True):
    """The number of trials after which a run had this score; None while it has not."""

    target: float
    trials: Count | None


class RungSummary(ReportPart, frozen=True):
    """A rung of so many epochs, and how many trials ended there: were stopped, failed, or were trained to the end."""

    epochs: Count
    ended: Count


class EarlyStopSummary(ReportPart, frozen=True):
    """The rungs of a search that stops children early, the epochs of all its trainings, and those with none stopped."""

    rungs: tuple[RungSummary, ...]
    epochs: Count
    epochs_without: Count


class RunSummary(ReportPart, frozen=True):
    """One run. `trials` counts the finished ones, of `planned_trials` as far as that is known: those over a limit are in both,
    since they are drawn again. `statuses` says how trials ended, `reasons` why some have no score, the most frequent first;
    `running` is whether a process holds it.

    `best` is the trial that `best.json` names: the best by reward, or after retraining where that was done. `top` are the best
    by reward, in order; a genotype that was proposed again is listed once. `to_retrain` of them are to be trained again, where
    that is not complete. `curve` has the points where the best score rose.
    `quarters` are the mean scores of the successful trials in each quarter of the trials: whether the strategy learns.
    `pareto` is the front of score against length, for kinds of value that have a length, such as formulas.
    `joined` are the trials whose values `best.json` joins, for kinds of value that are; its score is that of `best` alone.
    `reach` is about the score that was asked for, and `baseline` about what people would make by hand. `early_stop` says how
    long children were trained, where some are stopped.
    """

    name: str
    command: str
    space: str
    strategy: str
    seed: int
    dataset: str | None
    trials: Count
    planned_trials: Count
    statuses: dict[str, int]
    reasons: tuple[Reason, ...]
    running: bool
    best: RankedTrial | None
    top: tuple[RankedTrial, ...]
    curve: tuple[CurvePoint, ...]
    quarters: tuple[float | None, float | None, float | None, float | None]
    retraining: Retraining | None
    to_retrain: Count
    cost: RunCost
    transfer: TransferSummary | None = None
    pareto: tuple[ParetoPoint, ...] | UnsetType = UNSET
    joined: tuple[Count, ...] | UnsetType = UNSET
    baseline: MadeByHand | UnsetType = UNSET
    reach: ReachedScore | UnsetType = UNSET
    early_stop: EarlyStopSummary | UnsetType = UNSET

    @property
    def complete(self) -> bool:
        """Return whether nothing is missing of the trials, and of what is trained after them."""
        searched = self.trials >= self.planned_trials and not self.to_retrain
        return searched and not (self.baseline and self.baseline.gain is None and not self.baseline.problem)


class EpochPoint(ReportPart, frozen=True):
    """The mean loss of an epoch, and the score of the validation examples after it."""

    epoch: Count
    loss: float
    score: float


class TrainingSummary(ReportPart, frozen=True):
    """One training. `epochs` are those on record of `planned_epochs`, and `curve` has all of these.

    `trained` is the network by name or in words, `roles` what else its child is made of, in words. `metric` is that of the
    validation examples, which the network has seen where `with_validation`. `scores` are those of the model, by name: none
    before the end. `parameters` and `multiply_adds` (for one example) are exact, where the kind of the network knows them.
    `wall_seconds` is the sum over `sessions`. `resume` is the command that goes on with a training that did not end.
    """

    name: str
    state: RunState
    trained: str
    dataset: str
    metric: str
    seed: int
    epochs: Count
    planned_epochs: Count
    steps_per_epoch: Count
    with_validation: bool
    roles: dict[str, str]
    recipe: Recipe
    curve: tuple[EpochPoint, ...]
    scores: dict[str, float]
    parameters: Count | None
    multiply_adds: Count | None
    wall_seconds: float
    sessions: Count
    resume: str | None


class Report(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Document that `automl report --json` prints. `comparison` is None for a single run, and for runs on different tasks."""

    SCHEMA: ClassVar[Schema] = Schema("report")

    runs: tuple[RunSummary, ...]
    comparison: Comparison | None = None
    trainings: tuple[TrainingSummary, ...] = ()
