"""Train the child of a genotype and measure it: the one evaluator of everything that is trained.

The child of a study has every role filled but one; the space fills that one. Which role it is, what is built from its values
and what they cost is asked of the row of their kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from automl_cli.children.cost import START_SECONDS, blocks_of, child_seconds, compile_seconds, programs_of
from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import DataError, UserError
from automl_cli.core.flags import Flag
from automl_cli.core.numbers import LARGEST
from automl_cli.core.protocols import Diverged, EvaluationRequest, EvaluatorSetup, Report, SecondsEstimate
from automl_cli.core.random_streams import stream_seed
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Costs, Measurement, Stage, Task
from automl_cli.plugins.discovery import open_space
from automl_cli.plugins.kind import Kind
from automl_cli.plugins.listing import kind_named, problem_named, standing_kind
from automl_cli.plugins.roles import (
    costs_of,
    filling_of,
    needs_whole,
    numpy_batch,
    numpy_computes,
    rate_in_words,
    typed_dataset,
    typed_facts,
    value_of,
    words_of,
)
from automl_cli.plugins.same_data import changes_of_data
from automl_cli.store.encoding import plain
from automl_cli.system.linear_algebra import workers_have_one_thread
from automl_cli.system.speed import matrix_speed
from automl_cli.values.child import Child, Filling
from automl_cli.values.engine import EngineName, engine_for_training
from automl_cli.values.expressions.tree import number_text


class TrainedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the trained evaluator. How children are compiled fixes the low bits of their results."""

    engine: Annotated[EngineName, Meta(description="Train a child whole, or block by block. Default: whichever is faster.")]
    as_data: Annotated[
        bool, Meta(description="Data to one program. Default: activations with engine=blocks, rules with engine=whole.")
    ] = False


FOLDS = Flag(
    name="folds",
    type=int,
    panel="What is searched",
    metavar="K",
    help="Cross-validation: train each child K times, validated on another part each time. [default: once]",
    at_least=2,
    at_most=20,
    recorded="child.problem.dataset.folds",
    of_children=True,
)
"""Cross-validation, for problems whose data sets have a field `folds`."""


class TrainedEvaluator:
    """Builds what a genotype stands for, trains it on the problem of the study, and scores it after every epoch."""

    summary = "Trains the child and scores it on validation examples."
    trains = True
    trains_baseline = True
    instant = False
    unused: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = (FOLDS,)
    options = TrainedSettings
    settings = TrainedSettings

    @staticmethod
    def resolve(request: EvaluationRequest) -> dict[str, Any]:
        """Return the engine: the option's, or else the faster one for so many steps on this machine; and whether what is
        searched is data to its programs."""
        space, child = request.space.plugin, request.child
        kind = standing_kind(kind_named(space.produces))
        if kind.role is None or kind.build is None:
            raise UserError(
                f"nothing is built from space {space.name!r} that could be trained; give --evaluator table --table FILE"
            )
        if "folds" in request.given and "folds" not in child.problem.dataset:
            raise UserError(f"--folds means nothing to problem {child.problem.name!r}; leave it out")
        if request.data_needed:
            problem_named(child.problem.name).check(with_augmentation(child, request.space))
        if (engine := request.options.get("engine")) is None:
            steps = request.epochs * child.recipe.steps(child.problem.facts["train_examples"])
            some = _networks(request.space, child, [request.space.sample(0, trial) for trial in range(8)])  # a few show all
            by_numpy = workers_have_one_thread() and numpy_computes(child.roles, child.recipe, some)
            needed = needs_whole(child.roles)
            engine = engine_for_training(steps, accelerated=request.accelerated, needs_whole=needed, by_numpy=by_numpy).engine
            if not request.accelerated and needed is None:
                engine = kind.as_data or engine
        elif engine == "blocks" and (needed := needs_whole(child.roles)) is not None:
            raise UserError(
                f"--evaluator-option engine=blocks does not go with {needed}, which works on whole arrays; leave it out"
            )
        as_data = request.options.get("as_data", kind.as_data is not None and engine == kind.as_data)
        if as_data and kind.as_data is None:
            raise UserError(f"--evaluator-option as_data: {kind.name!r} cannot be data to one program; leave it out")
        return dict(msgspec.to_builtins(TrainedSettings(engine=engine, as_data=as_data)))

    @staticmethod
    def check(setup: EvaluatorSetup) -> None:
        """Raise DataError where the data set is no longer what it was."""
        problem = _child(setup).problem
        now, before = plain(problem_named(problem.name).facts(typed_dataset(problem))), plain(typed_facts(problem))
        if (shown := changes_of_data(before, now)) is not None:
            raise DataError(
                f"data set {problem.source!r} is not what this run was started with: {shown}. Give the data back (--dataset "
                "says where they lie now), or start a new run"
            )

    @staticmethod
    def prepare(setup: EvaluatorSetup, report: Report) -> None:
        """Prepare the data for all workers."""
        child = with_augmentation(_child(setup), open_space(setup.space))
        problem_named(child.problem.name).prepare(child, report)

    @staticmethod
    def together(settings: Mapping[str, Any]) -> int:
        """Return 1: each child is trained by itself."""
        return 1

    @staticmethod
    def noisy(settings: Mapping[str, Any]) -> bool:
        """Return True: another seed is another network."""
        return True

    @staticmethod
    def costs(setup: EvaluatorSetup, space: SearchSpace, genotype: Genotype) -> Costs | None:
        """Return exact costs of the network that is trained: the genotype's, or the study's where another role is searched."""
        kind, child = _standing(space), _child(setup)
        facts = typed_facts(child.problem)
        assert kind.role is not None
        return costs_of({**child.roles, kind.role: filling_of(kind.name, space.placed(genotype, facts))}, facts)

    @staticmethod
    def sizes(setup: EvaluatorSetup, space: SearchSpace) -> Callable[[Genotype], float] | None:
        """Return the multiply-adds of the network where networks are searched, and None where another role is."""
        if _standing(space).role != "network":
            return None

        def multiply_adds(genotype: Genotype) -> float:
            costs = TrainedEvaluator.costs(setup, space, genotype)
            return 0.0 if costs is None else float(costs.multiply_adds)

        return multiply_adds

    @staticmethod
    def describe(setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype]) -> Iterator[tuple[str, str]]:
        """Yield the data set, the roles, the recipe, and the depth of the networks."""
        kind, child = _standing(space), _child(setup)
        recipe = child.recipe
        yield "data set", child.problem.source
        yield "examples", _examples_in_words(child)
        for role, filling in child.roles.items():
            if role != "network":
                yield role, words_of(filling)
            elif filling.name is not None:
                yield role, filling.name
        rates = ", ".join(map(number_text, child.recipe.learning_rates))
        found = rate_in_words(child.recipe, child.roles.get("optimizer"))
        yield "learning rate", f"the best after one epoch of {rates}" if rates else found
        yield "recipe", f"batches of {recipe.batch_size}, {recipe.schedule} rate, weight decay {recipe.weight_decay:g}"
        if kind.depth is not None:
            typed = typed_facts(child.problem)
            depths = [depth for one in genotypes if (depth := kind.depth(space.placed(one, typed))) is not None]
            if depths:
                yield "depth", f"{_span(min(depths), max(depths))} layers"

    @staticmethod
    def seconds(
        setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype], *, trials: int, epochs: int
    ) -> SecondsEstimate | None:
        """Estimate by the cost model of `children.cost`, at this machine's speed."""
        costs = [found for one in genotypes if (found := TrainedEvaluator.costs(setup, space, one)) is not None]
        if not costs:
            return None
        child, engine = _child(setup), msgspec.convert(setup.evaluator.settings, TrainedSettings).engine
        networks, image = _networks(space, child, genotypes), child.problem.facts.get("image_shape")
        blocks = fmean(map(blocks_of, networks))
        each = child_seconds(
            child.problem.facts,
            child.recipe,
            epochs=epochs + len(child.recipe.learning_rates),
            blocks=blocks,
            multiply_adds=fmean(one.multiply_adds for one in costs),
            speed=matrix_speed(),
        )
        programs = [programs_of(one, image, batch=numpy_batch(child.roles, child.recipe, one, engine)) for one in networks]
        more = max(1.0, trials / len(networks)) if engine == "whole" else 1.0  # the others of `whole` are networks of their own
        return SecondsEstimate(
            start=START_SECONDS,
            training=trials * _folds(child) * each.total,
            compiling=more * compile_seconds(engine, programs, blocks=blocks),
        )

    def __init__(self, setup: EvaluatorSetup) -> None:
        from automl_cli.children.trainer import Trainer

        settings = msgspec.convert(setup.evaluator.settings, TrainedSettings)
        self._space = open_space(setup.space)
        self._kind = _standing(self._space)
        self._child = _child(setup)
        self._facts = typed_facts(self._child.problem)
        as_data, folds = self._kind.role if settings.as_data else None, _folds(self._child)
        self._baseline = None if setup.baseline is None else msgspec.convert(setup.baseline, Filling)
        opened_for = with_augmentation(self._child, self._space)
        self._trainers = [
            Trainer(opened_for, engine=settings.engine, as_data=as_data, fold=fold if folds > 1 else None)
            for fold in range(folds)
        ]

    def evaluate(self, task: Task) -> Measurement:
        """Train the child and return one score per epoch: with folds the mean of as many trainings, each on a seed of its own,
        at the learning rate that was best on the first.

        Metrics are exact costs, the last epoch's mean `loss`, and the learning rate where several were tried. Raises Diverged,
        before any training, for a value that cannot be trained.
        """
        child = self._filled(task)
        settled, trained = child, []
        for fold, trainer in enumerate(self._trainers):
            seed = stream_seed(task.seed, "fold", fold) % LARGEST if fold else task.seed
            model = trainer.module(child, seed=seed)
            settled = trainer.at_best_rate(settled, seed=seed, model=model)
            trained.append(trainer.train(settled, epochs=task.epochs, seed=seed, model=model))
        costs = costs_of(child.roles, self._facts)
        metrics: dict[str, int | float] = {} if costs is None else msgspec.structs.asdict(costs)
        if settled is not child:
            metrics["learning_rate"] = settled.recipe.learning_rate
        scores = tuple(map(fmean, zip(*(one.scores for one in trained), strict=True)))
        return Measurement(scores=scores, metrics={"loss": fmean(one.losses[-1] for one in trained), **metrics})

    def _filled(self, task: Task) -> Child:
        """Return the child with the value of the genotype in the open role, or with the baseline. Raises Diverged for a value
        that cannot be trained."""
        role = self._kind.role
        assert role is not None
        if task.stage is Stage.BASELINE:
            assert self._baseline is not None, "a study without a baseline has no such tasks"
            return self._child.filled(**{role: self._baseline})
        placed = self._space.placed(task.genotype, self._facts)
        if self._kind.problem is not None and (problem := self._kind.problem(placed)) is not None:
            raise Diverged(f"not trained: {problem}")
        return self._child.filled(**{role: filling_of(self._kind.name, placed)})


def with_augmentation(child: Child, space: SearchSpace) -> Child:
    """Return the child with the augmentation of one genotype where augmentations are searched: it says how data are read, and
    that of all genotypes is read alike. Other roles stay open."""
    kind = _standing(space)
    if kind.role != "augmentation":
        return child
    return child.filled(augmentation=filling_of(kind.name, space.placed(space.sample(0, 0), typed_facts(child.problem))))


def _networks(space: SearchSpace, child: Child, genotypes: Sequence[Genotype]) -> list[Any]:
    """Return the networks that are trained for these genotypes; one where another role is searched."""
    if _standing(space).role != "network":
        return [value_of(child.roles["network"])]
    facts = typed_facts(child.problem)
    return [space.placed(one, facts) for one in genotypes]


def _standing(space: SearchSpace) -> Kind:
    """Return the kind of the values that stand in the open role."""
    return standing_kind(kind_named(space.plugin.produces))


def _folds(child: Child) -> int:
    """Return how many trainings make the score of a child."""
    return int(child.problem.dataset.get("folds", 1))


def _examples_in_words(child: Child) -> str:
    facts, folds = child.problem.facts, _folds(child)
    each = "" if folds == 1 else f", in each of {folds} folds; the score is the mean over them"
    return f"{facts['train_examples']:,} to train, {facts['validation_examples']:,} to validate{each}"


def _child(setup: EvaluatorSetup) -> Child:
    return msgspec.convert(setup.child, Child)


def _span(lowest: int, highest: int) -> str:
    return str(lowest) if lowest == highest else f"{lowest} to {highest}"
