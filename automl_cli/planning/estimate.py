"""What a search will take, before it is started: `--dry-run`.

How long a child takes is asked of the evaluator, for the exact costs of networks that the search could propose, spread over the
whole of it.
"""

from msgspec import Struct

from automl_cli.core.rewards import Reward
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Limits
from automl_cli.store.study import StudySettings, TransferSettings
from automl_cli.study.session import costs_of, evaluator_of, setup_of
from automl_cli.system.process import default_workers

SAMPLES = 64


class SecondsRange(Struct, frozen=True):
    """The lowest and the highest of something over the search."""

    lowest: int
    highest: int


class SearchPlan(Struct, frozen=True, kw_only=True):
    """What `--dry-run` says. `measured` are rows of the evaluator, name and words.

    `compute_seconds` is what all children take together, one core each; None where nothing is known of them. `wall_seconds` is
    that on as many workers as have something to do and a core (or GPU) to do it on.
    """

    command: str
    space: str
    space_options: dict[str, str | int | float | bool]
    dataset: str | None
    measured: tuple[tuple[str, str], ...]
    strategy: str
    seed: int
    trials: int
    epochs: int
    in_flight: int
    reward: Reward
    retrain_top: int
    retrain_epochs: int
    decisions: SecondsRange
    multiply_adds: SecondsRange | None
    limits: Limits
    executor: str
    workers: int
    compute_seconds: float | None
    wall_seconds: float | None
    published_cost: str
    transfer: TransferSettings | None = None


def plan_of(settings: StudySettings, space: SearchSpace) -> SearchPlan:
    """The plan of a study, with an estimate for this machine."""
    genotypes = [space.sample(settings.seed, trial) for trial in _spread(settings.trials)]
    costs = [found for genotype in genotypes if (found := costs_of(settings, space, genotype)) is not None]
    evaluator, setup = evaluator_of(settings), setup_of(settings)
    each = evaluator.seconds(setup, costs, settings.epochs)
    again = evaluator.seconds(setup, costs, settings.retrain_epochs)
    seconds = None if each is None or again is None else settings.trials * each + settings.retrain_top * again
    return SearchPlan(
        command=settings.command,
        space=settings.space.name,
        space_options=settings.space.options,
        dataset=settings.source,
        measured=tuple(evaluator.describe(setup, space, genotypes)),
        strategy=settings.strategy,
        seed=settings.seed,
        trials=settings.trials,
        epochs=settings.epochs,
        in_flight=settings.in_flight,
        reward=settings.reward,
        retrain_top=settings.retrain_top,
        retrain_epochs=settings.retrain_epochs,
        decisions=_range([len(genotype) for genotype in genotypes]),
        multiply_adds=_range([one.multiply_adds for one in costs]) if costs else None,
        limits=settings.limits,
        executor=settings.executor,
        workers=settings.workers,
        compute_seconds=seconds,
        wall_seconds=None if seconds is None else seconds / min(settings.workers, settings.in_flight, default_workers()),
        published_cost=settings.published_cost,
        transfer=settings.transfer,
    )


def _spread(trials: int) -> list[int]:
    """At most `SAMPLES` trial numbers, evenly from the first to the last."""
    count = min(trials, SAMPLES)
    return sorted({round(at * (trials - 1) / max(1, count - 1)) for at in range(count)})


def _range(values: list[int]) -> SecondsRange:
    return SecondsRange(min(values), max(values))
