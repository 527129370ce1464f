"""Score an augmentation policy by trained networks on augmented examples, without a training of its own: density matching.

Fast AutoAugment (Lim, Kim, Kim, Kim and Kim, arXiv 1905.00397), section 3. Per fold 40 % of the training examples are held out,
stratified by class, and a network is trained on the others, without a policy, once for a study. A policy scores the mean over
the folds of the share of held-out images that at least one of five augmented versions gets right.

Differs from the paper: policies come from our spaces, whose probabilities and levels are discrete, and from our strategies in
place of TPE, and one policy is scored on all folds, where the paper searches each fold by itself. The sub-policies of the
study's best 5 are joined, in place of the best 10 of each fold. By default there are 2 folds, in the paper 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil
from statistics import fmean
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from automl_cli.children.cost import EFFICIENCY
from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import UserError
from automl_cli.core.flags import Flag
from automl_cli.core.numbers import counted
from automl_cli.core.protocols import EvaluationRequest, EvaluatorSetup, Report, SecondsEstimate
from automl_cli.core.settings import settle
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Costs, EvaluatorSpec, Measurement, Task
from automl_cli.evaluators.fold_models import FoldModels, without_policy
from automl_cli.evaluators.trained import TrainedEvaluator, with_augmentation
from automl_cli.plugins.discovery import open_space
from automl_cli.plugins.listing import kind_named, problem_named
from automl_cli.plugins.roles import built_by, costs_of, filling_of, typed_dataset, typed_facts, value_of
from automl_cli.system.process import workers_have_accelerator
from automl_cli.system.speed import matrix_speed
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.child import Child, Filling
from automl_cli.values.dataset import IMAGES
from automl_cli.values.engine import EngineName

TRAINED_SHARE = 0.6
"""The share of the training examples that the network of a fold is trained on."""


class DensitySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of density matching: the networks, and how a policy is scored by them."""

    folds: Annotated[
        int, Meta(ge=1, le=100, description="Networks, each trained on 60 % of the training examples; paper: 5.")
    ] = 2
    versions: Annotated[int, Meta(ge=1, le=1000, description="Augmented versions of an image; one must be right.")] = 5
    seed: Annotated[int, Meta(ge=0, description="Seed of folds and networks, which all policies share.")] = 0
    epochs: Annotated[int, Meta(ge=1, description="Epochs of the networks. Default: --epochs, which it must equal.")]
    engine: Annotated[EngineName, Meta(description="How the networks are compiled. Default: by their number of steps.")]


class DensityEvaluator:
    """Scores a policy by networks that were trained without one (`core.protocols.Evaluator`)."""

    summary = "Scores a policy by trained networks on augmented images: density matching."
    trains = True
    trains_baseline = False
    instant = False
    unused = ("early-stop", "retrain-top", "retrain-epochs", "retrain-seeds", "baseline")
    flags: tuple[Flag, ...] = ()
    options = DensitySettings
    settings = DensitySettings

    @staticmethod
    def resolve(request: EvaluationRequest) -> dict[str, Any]:
        """Return the options over their defaults. Raises UserError for a space of anything but policies on images."""
        child = _filled(request.space, request.child)
        if (epochs := request.options.get("epochs", request.epochs)) != request.epochs:
            raise UserError(f"--evaluator-option epochs is {epochs} and --epochs is {request.epochs}; give --epochs alone")
        if request.data_needed:
            problem_named(child.problem.name).check(child)
        derived = TrainedEvaluator.resolve(msgspec.structs.replace(request, options=_engine_option(request), data_needed=False))
        chosen = {"epochs": request.epochs, "engine": derived["engine"]}
        settled = settle(DensitySettings, request.options, owner="evaluator density", sources={"derived": chosen})
        return dict(msgspec.to_builtins(settled))

    @staticmethod
    def check(setup: EvaluatorSetup) -> None:
        """Raise DataError where the data set is no longer what it was."""
        TrainedEvaluator.check(setup)

    @staticmethod
    def prepare(setup: EvaluatorSetup, report: Report) -> None:
        """Prepare the data and train the networks, for all workers; where those have an accelerator, they train them."""
        TrainedEvaluator.prepare(setup, report)
        if workers_have_accelerator():
            return
        settings, models = _settings(setup), _models(setup)
        for number in range(settings.folds):
            models.weights(number)
            report(number + 1, settings.folds)

    @staticmethod
    def together(settings: Mapping[str, Any]) -> int:
        """Return 1: each policy is scored by itself."""
        return 1

    @staticmethod
    def noisy(settings: Mapping[str, Any]) -> bool:
        """Return True: another seed is other augmented images."""
        return True

    @staticmethod
    def costs(setup: EvaluatorSetup, space: SearchSpace, genotype: Genotype) -> Costs | None:
        """Return exact costs of the network, the same for all policies."""
        return TrainedEvaluator.costs(setup, space, genotype)

    @staticmethod
    def sizes(setup: EvaluatorSetup, space: SearchSpace) -> Callable[[Genotype], float] | None:
        """Return None: all policies are scored by the same networks."""
        return None

    @staticmethod
    def describe(setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype]) -> Iterator[tuple[str, str]]:
        """Yield the data set, the roles, and how policies are scored."""
        yield from TrainedEvaluator.describe(setup, space, genotypes)
        settings = _settings(setup)
        networks, epochs = counted(settings.folds, "network"), counted(settings.epochs, "epoch")
        versions = counted(settings.versions, "augmented version")
        yield "measured by", f"{networks} of {epochs}, each on 60 % of the examples; {versions} of each image of the others"

    @staticmethod
    def seconds(
        setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype], *, trials: int, epochs: int
    ) -> SecondsEstimate | None:
        """Estimate the trainings of the networks by the cost model of `children.cost`, and a forward pass for each version of
        each held-out image."""
        settings = _settings(setup)
        as_trained = msgspec.structs.replace(setup, evaluator=EvaluatorSpec("trained", {"engine": settings.engine}))
        networks = TrainedEvaluator.seconds(as_trained, space, genotypes, trials=settings.folds, epochs=epochs)
        costs = TrainedEvaluator.costs(setup, space, genotypes[0])
        if networks is None or costs is None:
            return None
        held_out = ceil((1 - TRAINED_SHARE) * _child(setup).problem.facts["train_examples"])
        images = trials * settings.folds * settings.versions * held_out
        scoring = images * 2 * costs.multiply_adds / (EFFICIENCY * matrix_speed())
        return SecondsEstimate(
            start=networks.start, training=TRAINED_SHARE * networks.training + scoring, compiling=networks.compiling
        )

    def __init__(self, setup: EvaluatorSetup) -> None:
        self._settings = _settings(setup)
        self._space = open_space(setup.space)
        self._child = _child(setup)
        self._facts = typed_facts(self._child.problem)
        self._metric, models = _metric(setup), _models(setup)
        self._folds = [models.examples(number) for number in range(self._settings.folds)]

    def evaluate(self, task: Task) -> Measurement:
        """Return the mean score over the folds, with exact costs of the network as metrics. It depends on genotype and seed
        alone."""
        augmentation = self._augmentation(task.genotype)
        scores = [
            fold.score(augmentation, self._metric, versions=self._settings.versions, seed=task.seed + number)
            for number, fold in enumerate(self._folds)
        ]
        costs = costs_of(self._child.roles, self._facts)
        return Measurement(scores=(fmean(scores),), metrics={} if costs is None else msgspec.structs.asdict(costs))

    def _filling(self, genotype: Genotype) -> Filling:
        return filling_of(self._space.plugin.produces, self._space.placed(genotype, self._facts))

    def _augmentation(self, genotype: Genotype) -> Any:
        """Return the augmentation of a genotype as functions of images."""
        filling = self._filling(genotype)
        return built_by(filling)(value_of(filling), flip=self._facts.flip)


def _filled(space: SearchSpace, child: Child) -> Child:
    """Return the child with the augmentation of one genotype. Raises UserError where no policy is searched, or where density
    matching cannot score it."""
    name, kind = space.plugin.name, kind_named(space.plugin.produces)
    if kind.role != "augmentation" or child.problem.name != IMAGES:
        raise UserError(
            f"--evaluator density scores augmentation policies of images, and space {name!r} gives values of kind "
            f"{kind.name!r}; give --evaluator trained"
        )
    filled = with_augmentation(child, space)
    value = value_of(filled.roles["augmentation"])
    if not isinstance(value, Augmentation) or value.streamed:
        raise UserError(
            f"--evaluator density scores images that are prepared as arrays, and space {name!r} has a baseline that decodes "
            "pictures on demand; give another baseline, such as --space-option baseline=flip-crop, or --evaluator trained"
        )
    return filled


def _engine_option(request: EvaluationRequest) -> dict[str, Any]:
    return {name: value for name, value in request.options.items() if name == "engine"}


def _child(setup: EvaluatorSetup) -> Child:
    return msgspec.convert(setup.child, Child)


def _settings(setup: EvaluatorSetup) -> DensitySettings:
    return msgspec.convert(setup.evaluator.settings, DensitySettings)


def _models(setup: EvaluatorSetup) -> FoldModels:
    from automl_cli.data import load_images

    settings, child = _settings(setup), without_policy(with_augmentation(_child(setup), open_space(setup.space)))
    data = load_images(typed_dataset(child.problem))
    return FoldModels(child, data, epochs=settings.epochs, seed=settings.seed, engine=settings.engine)


def _metric(setup: EvaluatorSetup) -> Any:
    from automl_cli.nn.metrics import Accuracy, BalancedAccuracy

    problem = _child(setup).problem
    balanced = problem.dataset["metric"] == "balanced-accuracy"
    return BalancedAccuracy(len(problem.facts["classes"])) if balanced else Accuracy()
