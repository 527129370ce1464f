"""A small world for tests of the study: settings, a space, a strategy that notices any change, an executor that obeys."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from automl_cli.core.decisions import Genotype
from automl_cli.core.protocols import Strategy, canonical
from automl_cli.core.random_streams import stream
from automl_cli.core.rewards import Power
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import EvaluatorSpec, Limits, Measurement, Outcome, Proposal, Status, Task
from automl_cli.plugins.listing import kind_named
from automl_cli.plugins.roles import by_names
from automl_cli.store.artifact import encode_artifact
from automl_cli.store.encoding import plain
from automl_cli.store.journal import Asked, Journal, Told, cut_torn_tail, read_records
from automl_cli.store.study import StudySettings
from automl_cli.strategies.replicates import Replicating
from automl_cli.study.incumbent import Winner, winner_artifact
from automl_cli.study.loop import SearchProgress, Study
from automl_cli.system.machine import Environment
from automl_cli.values.child import Child, ProblemReference
from automl_cli.values.dataset import DatasetReference, ImageFacts
from automl_cli.values.recipe import Recipe
from tests.tiny_space import SPACE

DIGITS = ImageFacts(
    image_shape=(8, 8, 1),
    classes=tuple("0123456789"),
    train_examples=1293,
    validation_examples=144,
    test_examples=360,
    flip=False,
)


def settings(**changed: Any) -> StudySettings:
    """Those of a small study, with changes: the one place where tests make them."""
    usual = StudySettings(
        command="search-arch",
        preset="quick",
        space=space(changed.pop("layers", 2)).reference(),
        child=None,
        evaluator=EvaluatorSpec("analytic", {"function": "one-max"}),
        strategy="attentive",
        strategy_settings={},
        seed=7,
        trials=12,
        epochs=3,
        in_flight=4,
        reward=Power(2.0),
        reuse=True,
        limits=Limits(),
        retrain_top=0,
        retrain_epochs=12,
        max_failures=5,
        trial_timeout_seconds=None,
        time_budget_seconds=None,
        executor="local",
        workers=2,
        published_cost="",
        environment=Environment(python="3.11.0", system="Linux", cpu="a CPU", packages={}, git=None),
    )
    return msgspec.structs.replace(usual, **changed)


def digits_child(
    facts: ImageFacts = DIGITS, *, recipe: Recipe | None = None, open_role: str = "network", **dataset: Any
) -> Child:
    """A child on digits, or on the data set that these facts and fields are of, with one role left open."""
    names = {"activation": "relu", "optimizer": "nesterov", "augmentation": "standard"}
    reference = DatasetReference(**{"source": "digits", **dataset})
    return Child(
        problem=ProblemReference(name="images", dataset=plain(reference), facts=plain(facts)),
        recipe=recipe or Recipe(batch_size=32, learning_rate=0.1),
        roles=by_names({role: name for role, name in names.items() if role != open_role}),
    )


def space(layers: int = 2) -> SearchSpace:
    """Chains of so many layers."""
    return SearchSpace(SPACE, {"layers": layers})


class Attentive:
    """A strategy whose every proposal depends on every single thing it was told and on the order of it all."""

    def __init__(self, search_space: SearchSpace, *, seed: int, batch: int = 1) -> None:
        self.batch = batch
        self.told = 0
        self.told_at_ask: list[int] = []
        self._space = search_space
        self._seed = seed
        self._history = hashlib.sha256()

    @staticmethod
    def resolve(trials: int, given: Mapping[str, Any]) -> dict[str, Any]:
        return dict(given)

    def ask(self, trial: int) -> Proposal:
        self.told_at_ask.append(self.told)
        random = stream(self._seed, self._history.hexdigest(), trial)
        return Proposal(self._space.decisions.sample(random), random.random())

    def tell(self, trial: int, proposal: Proposal, reward: float | None) -> None:
        assert trial == self.told, "told out of order"
        self.told += 1
        self._history.update(f"{trial} {proposal} {reward};".encode())


def value(task: Task) -> Outcome:
    """A score for every epoch that depends on the genotype and on the seed."""
    random = Random(f"{canonical(task.genotype)} {task.seed}")
    return Outcome(Status.OK, Measurement(tuple(random.random() for _ in range(task.epochs))), seconds=1.0, worker="w")


class PowerCut(BaseException):
    """What a kill does to the loop, by way of `Obedient(cut_after=…)`."""


class Obedient:
    """An executor that ends tasks in the order it is given: each drawn number picks one of those under way."""

    def __init__(
        self,
        evaluate: Callable[[Task], Outcome] = value,
        *,
        order: Callable[[int], int] = lambda count: 0,
        cut_after: int | None = None,
        interrupt_after: int | None = None,
    ) -> None:
        self.submitted: list[Task] = []
        self.groups: list[tuple[Task, ...]] = []
        self.closed = False
        self.most_under_way = 0
        self._evaluate = evaluate
        self._order = order
        self._under_way: list[Task] = []
        self._left = {PowerCut: cut_after, KeyboardInterrupt: interrupt_after}

    def submit(self, *tasks: Task) -> None:
        self.groups.append(tasks)
        self.submitted.extend(tasks)
        self._under_way.extend(tasks)
        self.most_under_way = max(self.most_under_way, len(self._under_way))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._under_way

    def wait(self, timeout_seconds: float | None = None) -> tuple[Task, Outcome] | None:
        for end, left in self._left.items():
            if left == 0:
                raise end
            self._left[end] = None if left is None else left - 1
        task = self._under_way.pop(self._order(len(self._under_way)))
        return task, self._evaluate(task)

    def close(self) -> None:
        self.closed = True


class World:
    """One run directory's worth of study: run it, cut it, run it again."""

    def __init__(
        self, path: Path, config: StudySettings | None = None, *, batch: int = 1, search_space: SearchSpace | None = None
    ) -> None:
        self.journal_file = path / "journal.jsonl"
        self.config = config or settings()
        self.batch = batch
        self.best = b""
        self.published: list[Winner] = []
        self.progress: list[SearchProgress] = []
        self.strategy = Attentive(space(), seed=0)
        self.space = search_space or space(int(self.config.space.options["layers"]))

    def run(self, executor: Obedient | None = None, **changed: Any) -> Winner:
        """A session: the whole study, or what is left of it."""
        cut_torn_tail(self.journal_file)
        self.strategy = Attentive(self.space, seed=self.config.seed, batch=self.batch)
        strategy: Strategy = self.strategy
        if (again := self.config.replication) is not None:
            strategy = Replicating(strategy, self.space, seeds=again.seeds, share=again.share, reuse=self.config.reuse)
        journal = Journal(self.journal_file)
        try:
            return self.study(executor or Obedient(), journal, strategy, **changed).run(read_records(self.journal_file))
        finally:
            journal.close()

    def study(self, executor: Obedient, journal: Journal, strategy: Strategy, **changed: Any) -> Study:
        return Study(
            self.config,
            strategy=strategy,
            executor=executor,
            journal=journal,
            publish=self._publish,
            on_progress=self.progress.append,
            **{"joins": kind_named(self.space.plugin.produces).joins, "standing_for": self.space.canonical, **changed},
        )

    def _publish(self, winner: Winner) -> None:
        self.published.append(winner)
        self.best = encode_artifact(winner_artifact(self.config, self.space, winner))

    def asked(self) -> list[Asked]:
        """Every proposal on record, each once, in order."""
        return [record for record in read_records(self.journal_file) if isinstance(record, Asked)]

    def told(self) -> list[Told]:
        return [record for record in read_records(self.journal_file) if isinstance(record, Told)]

    def genotypes(self) -> list[Genotype]:
        return [record.genotype for record in self.asked() if record.stage == "search"]
