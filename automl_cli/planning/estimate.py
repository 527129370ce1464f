"""What a search will take, before it is started: `--dry-run`.

The cost model: a child takes

    START_SECONDS + epochs * (3 * training examples + validation examples) * 2 * multiply-adds / (EFFICIENCY * speed)

seconds on one core, since the backward pass costs twice the forward pass. The multiply-adds are exact, the mean over networks
that the search could propose, spread over the whole of it. The speed is what this machine reaches on one core in a matrix
product, measured now for a tenth of a second. Good to a factor of two.
"""

import time

from msgspec import Struct

from automl_cli.core.plugins import SearchSpace
from automl_cli.core.trials import Limits
from automl_cli.store.bodies import StudySettings, TransferSettings
from automl_cli.study.incumbent import costs_of
from automl_cli.system.process import default_workers
from automl_cli.values.dataset import DatasetReference, ImageFacts
from automl_cli.values.network import ConvolutionUnit, Network

START_SECONDS = 2.0
"""Building and compiling a child, the cache being empty."""

EFFICIENCY = 1.0
"""Speed of training, as a part of that of a large matrix product. It is not far below 1, since large kernels are not computed
as written: random networks of space cnn reached 1.3 on 8 x 8 images and 1.7 on 32 x 32 ones, on a CPU shared with others."""

SAMPLES = 64


class Range(Struct, frozen=True):
    """The lowest and the highest of something over the search."""

    lowest: int
    highest: int


class Plan(Struct, frozen=True, kw_only=True):
    """What `--dry-run` says. `depth` counts the convolution layers of the networks; None where there are none.

    `compute_seconds` is what all children take together, one core each; None where nothing is known of them. `wall_seconds` is
    that on as many workers as have something to do and a core (or GPU) to do it on.
    """

    command: str
    space: str
    space_options: dict[str, str | int | float | bool]
    dataset: str | None
    strategy: str
    seed: int
    trials: int
    epochs: int
    in_flight: int
    reward_exponent: float
    retrain_top: int
    retrain_epochs: int
    decisions: Range
    depth: Range | None
    multiply_adds: Range | None
    limits: Limits
    executor: str
    workers: int
    compute_seconds: float | None
    wall_seconds: float | None
    published_cost: str
    transfer: TransferSettings | None = None


def plan_of(settings: StudySettings, space: SearchSpace) -> Plan:
    """The plan of a study, with an estimate for this machine."""
    numbers = _spread(settings.trials)
    genotypes = [space.sample(settings.seed, trial) for trial in numbers]
    depths = [depth for genotype in genotypes if (depth := _depth(space.decode(genotype))) is not None]
    costs = [found.multiply_adds for genotype in genotypes if (found := costs_of(settings, space, genotype))]
    seconds = _compute_seconds(settings, sum(costs) / len(costs)) if costs else None
    return Plan(
        command=settings.command,
        space=settings.space.name,
        space_options=settings.space.options,
        dataset=None if settings.dataset is None else settings.dataset.source,
        strategy=settings.strategy,
        seed=settings.seed,
        trials=settings.trials,
        epochs=settings.epochs,
        in_flight=settings.in_flight,
        reward_exponent=settings.reward_exponent,
        retrain_top=settings.retrain_top,
        retrain_epochs=settings.retrain_epochs,
        decisions=_range([len(genotype) for genotype in genotypes]),
        depth=_range(depths) if depths else None,
        multiply_adds=_range(costs) if costs else None,
        limits=settings.limits,
        executor=settings.executor,
        workers=settings.workers,
        compute_seconds=seconds,
        wall_seconds=None if seconds is None else seconds / min(settings.workers, settings.in_flight, default_workers()),
        published_cost=settings.published_cost,
        transfer=settings.transfer,
    )


def child_seconds(facts: ImageFacts, *, epochs: int, multiply_adds: float, speed: float) -> float:
    """The cost model. `speed` is in multiply-adds and additions per second, two for each multiply-add."""
    examples = 3 * facts.train_examples + facts.validation_examples
    return START_SECONDS + epochs * examples * 2 * multiply_adds / (EFFICIENCY * speed)


def published_facts(dataset: DatasetReference) -> ImageFacts | None:
    """What is known of a well-known data set that is not here, enough to plan with."""
    from automl_cli.data.catalogue import MIRROR_SENSITIVE, canonical_name
    from automl_cli.data.splits import sizes_of

    name = canonical_name(dataset.source)
    if name not in _PUBLISHED:
        return None
    side, channels, classes, train, test = _PUBLISHED[name]
    sizes = sizes_of(name, {"train": train, "test": test}, dataset.train_examples)
    side = dataset.image_size or side
    return ImageFacts(
        image_shape=(side, side, channels),
        classes=tuple(map(str, range(classes))),
        train_examples=sizes.train,
        validation_examples=sizes.validation,
        test_examples=sizes.test,
        flip=name not in MIRROR_SENSITIVE,
    )


_PUBLISHED = {
    "cifar10": (32, 3, 10, 50_000, 10_000),
    "cifar100": (32, 3, 100, 50_000, 10_000),
    "mnist": (28, 1, 10, 60_000, 10_000),
    "fashion_mnist": (28, 1, 10, 60_000, 10_000),
    "svhn_cropped": (32, 3, 10, 73_257, 26_032),
    "imagenet2012": (224, 3, 1000, 1_281_167, 50_000),
}
"""Height and width, channels, classes, training and test examples, as published."""


def _spread(trials: int) -> list[int]:
    """At most `SAMPLES` trial numbers, evenly from the first to the last."""
    count = min(trials, SAMPLES)
    return sorted({round(at * (trials - 1) / max(1, count - 1)) for at in range(count)})


def _depth(value: object) -> int | None:
    if not isinstance(value, Network):
        return None
    return sum(isinstance(block.operation, ConvolutionUnit) for block in value.blocks) or None


def _compute_seconds(settings: StudySettings, multiply_adds: float) -> float | None:
    if settings.facts is None:
        return None
    speed = matrix_speed()
    search = child_seconds(settings.facts, epochs=settings.epochs, multiply_adds=multiply_adds, speed=speed)
    again = child_seconds(settings.facts, epochs=settings.retrain_epochs, multiply_adds=multiply_adds, speed=speed)
    return settings.trials * search + settings.retrain_top * again


def matrix_speed(seconds: float = 0.1) -> float:
    """Multiplications and additions per second of one core in a product of 512 x 512 matrices.

    Seconds of computing, not of the clock: what else the machine is doing now says nothing about the days to come.
    """
    import numpy as np

    size = 512
    left = np.ones((size, size), np.float32)
    _ = left @ left
    done, started = 0, time.process_time()
    while (elapsed := time.process_time() - started) < seconds:
        _ = left @ left
        done += 1
    return done * 2 * size**3 / elapsed


def _range(values: list[int]) -> Range:
    return Range(min(values), max(values))
