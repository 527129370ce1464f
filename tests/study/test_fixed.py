"""A strategy that learns nothing waits for no straggler, and proposes what it would have proposed anyway."""

from pathlib import Path
from typing import Any

import pytest

from automl_cli.core.protocols import FixedStrategy
from automl_cli.core.trials import Outcome, Task
from automl_cli.plugins.registry import STRATEGIES
from automl_cli.strategies.random_search import RandomSearch
from automl_cli.study.loop import Study
from tests.study.worlds import Obedient, World, settings, space


class Uniform(World):
    """A study by random search."""

    def study(self, executor: Obedient, journal: Any, strategy: Any, **changed: Any) -> Study:
        return super().study(executor, journal, RandomSearch(self.space, seed=self.config.seed, settings={}), **changed)


class Straggling(Obedient):
    """Trial 0 ends last of all that are under way."""

    def wait(self, timeout_seconds: float | None = None) -> tuple[Task, Outcome] | None:
        first = [at for at, task in enumerate(self._under_way) if task.trial > 0]
        task = self._under_way.pop(first[0] if first else 0)
        return task, self._evaluate(task)


def test_a_straggler_holds_up_nothing(tmp_path: Path) -> None:
    (tmp_path / "calm").mkdir()
    calm = Uniform(tmp_path / "calm", settings(layers=8, trials=40, in_flight=4, reuse=False))
    calm.run()
    world = Uniform(tmp_path, settings(layers=8, trials=40, in_flight=4, reuse=False))
    executor = Straggling()
    world.run(executor)
    assert [told.trial for told in world.told()][-1] == 0
    assert executor.most_under_way == 4
    assert world.genotypes() == calm.genotypes()
    assert world.best == calm.best


@pytest.mark.parametrize("together", [1, 3])
def test_every_prefix_of_its_journal_resumes_to_the_same_end(
    together: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    config = settings(layers=3, trials=12, in_flight=3, retrain_top=1)
    whole = Uniform(tmp_path, config)
    whole.run(Straggling(), together=together)
    lines, proposals = whole.journal_file.read_bytes().splitlines(keepends=True), whole.genotypes()
    resumed = Uniform(tmp_path, config)
    for count in range(len(lines)):
        resumed.journal_file.write_bytes(b"".join(lines[:count]))
        resumed.best = b""
        resumed.run(Obedient(order=lambda many: many - 1), together=together)
        assert resumed.best == whole.best
        assert resumed.genotypes() == proposals


def test_strategies_that_learn_nothing_propose_the_same_whatever_they_are_told() -> None:
    fixed = []
    for name in STRATEGIES.names():
        factory = STRATEGIES.load(name)
        told, untold = (factory(space(), seed=0, settings=factory.resolve(9, {})) for _ in range(2))
        if isinstance(told, FixedStrategy):
            fixed.append(name)
            for trial in range(9):
                proposal = told.ask(trial)
                assert proposal == untold.ask(trial)
                told.tell(trial, proposal, trial / 9 if trial % 2 else None)
    assert set(fixed) == {"random", "exhaustive"}
