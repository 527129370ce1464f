"""Children that are stopped early: what becomes of a trial is a function of the proposals and the scores up to it."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from automl_cli.core.errors import ArtifactError, RunFailed
from automl_cli.core.protocols import Strategy, canonical
from automl_cli.core.trials import Costs, Limits, Measurement, Outcome, Stage, Status, Task
from automl_cli.store.journal import Asked, Journal, read_records
from automl_cli.store.ledger import read_trials
from automl_cli.store.rung_records import AtRung, Promoted
from automl_cli.store.study import EarlyStop, Replication, StudySettings
from automl_cli.strategies.random_search import RandomSearch
from automl_cli.study.evaluation_cache import child_seed
from automl_cli.study.loop import Study
from tests.store.lines import unsigned
from tests.study.worlds import Obedient, PowerCut, World, settings, value

ASHA = EarlyStop(by="asha", rungs=(1, 3, 9), factor=3)


@pytest.fixture(autouse=True)
def instant_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about what is written, not about when it is flushed."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def stopping(**changed: Any) -> StudySettings:
    """The settings of a study that stops children early."""
    return settings(**{"early_stop": ASHA, "epochs": ASHA.rungs[-1], "trials": 30, "in_flight": 6, "layers": 4, **changed})


def sometimes_failing(task: Task) -> Outcome:
    """Every fifth genotype diverges, every seventh training is killed. Scores are few, so that many are equal."""
    if sum(task.genotype) % 5 == 4:
        return Outcome(Status.DIVERGED, message="loss is nan", seconds=1.0)
    if task.seed % 7 == 0:
        return Outcome(Status.KILLED, message="memory ran out", seconds=1.0)
    random = Random(f"{canonical(task.genotype)} {task.seed}")
    scores = tuple(round(random.random(), 1) for _ in range(task.epochs))
    return Outcome(Status.OK, Measurement(scores), seconds=float(task.epochs), worker="w")


class Uniform(World):
    """A study by random search, which learns nothing."""

    def study(self, executor: Obedient, journal: Journal, strategy: Strategy, **changed: Any) -> Study:
        return super().study(executor, journal, RandomSearch(self.space, seed=self.config.seed, settings={}), **changed)


class Expected(NamedTuple):
    """Of a trial: the epochs of its trainings in order, and the outcome of the last; the trial whose outcome it took."""

    epochs: tuple[int, ...]
    outcome: Outcome
    reused: int | None


def expected(world: World, evaluate: Callable[[Task], Outcome]) -> dict[int, Expected]:
    """What should become of each proposal, computed one after the other, with no window, no journal and no workers."""
    config = world.config
    at_rung: list[list[float]] = [[] for _ in config.rungs]
    first: dict[Any, int] = {}
    times: dict[Any, int] = {}
    found: dict[int, Expected] = {}
    for asked in world.asked():
        if asked.stage is not Stage.SEARCH:
            continue
        number = None if config.reuse else times.get(asked.genotype, 0)
        times[asked.genotype] = times.get(asked.genotype, 0) + 1
        if config.reuse and asked.genotype in first:
            earlier = first[asked.genotype]
            found[asked.trial] = Expected((), found[earlier].outcome, earlier)
            continue
        first.setdefault(asked.genotype, asked.trial)
        for rung, epochs in enumerate(config.rungs):
            seed = child_seed(config.seed, asked.genotype, Stage.SEARCH, epochs, replicate=number)
            outcome = evaluate(Task(asked.trial, asked.genotype, seed, epochs))
            before = at_rung[rung]
            reward = None if outcome.measurement is None else config.reward.of(outcome.measurement)
            is_best = reward is not None and sum(other >= reward for other in before) < max(1, (len(before) + 1) // 3)
            before.append(-1.0 if reward is None else reward)
            if not is_best or rung == len(config.rungs) - 1:
                found[asked.trial] = Expected(config.rungs[: rung + 1], outcome, None)
                break
    return found


def as_told(world: World) -> dict[int, Expected]:
    """The same, as the journal has it."""
    trainings: dict[int, list[int]] = {}
    told: dict[int, Expected] = {}
    for record in read_records(world.journal_file):
        if isinstance(record, Asked | Promoted) and getattr(record, "stage", Stage.SEARCH) is Stage.SEARCH:
            trainings.setdefault(record.trial, []).append(record.epochs)
    for one in world.told():
        if one.stage is Stage.SEARCH:
            epochs = () if one.reused is not None else tuple(trainings[one.trial])
            told[one.trial] = Expected(epochs, one.outcome, one.reused)
    return told


def kill(world: World, executor: Obedient) -> None:
    """A session that is killed, so that no record says how it ended."""
    with suppress(PowerCut):
        world.run(executor)
    lines = world.journal_file.read_bytes().splitlines(keepends=True)
    assert b'"ended"' in lines[-1]
    world.journal_file.write_bytes(b"".join(lines[:-1]))


def lasting(rows: Mapping[int, Expected]) -> dict[int, Expected]:
    """The rows without seconds and workers."""
    bare = {"seconds": 0.0, "worker": ""}
    return {trial: row._replace(outcome=msgspec.structs.replace(row.outcome, **bare)) for trial, row in sorted(rows.items())}


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    in_flight=st.integers(1, 12),
    batch=st.integers(0, 4),
    reuse=st.booleans(),
    cuts=st.booleans(),
)
def test_what_becomes_of_a_trial_depends_on_the_trials_up_to_it_and_on_no_order_of_arrival(
    seed: int, in_flight: int, batch: int, reuse: bool, cuts: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With batches of 0: by a strategy that learns nothing."""
    random = Random(seed)
    config = stopping(in_flight=in_flight, reuse=reuse, layers=random.choice((1, 2, 4)), max_failures=1000)
    path = tmp_path_factory.mktemp("run")
    world = World(path, config, batch=batch) if batch else Uniform(path, config)
    for _ in range(3 * cuts):
        kill(world, Obedient(sometimes_failing, order=random.randrange, cut_after=random.randrange(12)))
    winner = world.run(Obedient(sometimes_failing, order=random.randrange))
    rows = expected(world, sometimes_failing)
    assert lasting(as_told(world)) == lasting(rows)
    reached = {trial: row.epochs[-1] for trial, row in rows.items() if row.epochs and row.outcome.measurement is not None}
    assert winner.trial.task.epochs == max(reached.values())


@pytest.mark.parametrize(
    ("in_flight", "batch", "more"),
    [
        (4, 1, {}),
        (4, 2, {"retrain_top": 2}),
        (7, 1, {"reuse": False, "trials": 16}),
        (3, 1, {"replication": Replication(seeds=2, share=0.4), "trials": 14}),
    ],
)
def test_every_prefix_of_a_journal_resumes_to_the_same_end(
    in_flight: int, batch: int, more: dict[str, Any], tmp_path: Path
) -> None:
    config = stopping(**{"trials": 10, "layers": 2, "in_flight": in_flight, **more})
    whole = World(tmp_path, config, batch=batch)
    whole.run(Obedient(sometimes_failing))
    lines = whole.journal_file.read_bytes().splitlines(keepends=True)
    told, proposals = lasting(as_told(whole)), whole.genotypes()
    assert sum(b'"promoted"' in line for line in lines) >= 2
    resumed = World(tmp_path, config, batch=batch)
    for count in range(len(lines)):
        resumed.journal_file.write_bytes(b"".join(lines[:count]) + lines[count][: len(lines[count]) // 2])
        resumed.best = b""
        resumed.run(Obedient(sometimes_failing, order=lambda many: many - 1))
        assert resumed.best == whole.best
        assert resumed.genotypes() == proposals
        assert lasting(as_told(resumed)) == told
        for torn in tmp_path.glob("*torn*"):
            torn.unlink()


def test_no_training_is_done_twice_and_a_trial_is_told_once(tmp_path: Path) -> None:
    world = World(tmp_path, stopping())
    with pytest.raises(PowerCut):
        world.run(Obedient(cut_after=17))
    done = {(r.trial, r.epochs) for r in read_records(world.journal_file) if isinstance(r, AtRung)}
    assert done
    again = Obedient()
    world.run(again)
    assert not done & {(task.trial, task.epochs) for task in again.submitted}
    assert sorted(told.trial for told in world.told()) == list(range(30))


def test_a_trial_that_reaches_the_last_rung_has_the_outcome_that_it_has_without_rungs(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    stopped, whole = (
        World(tmp_path / "a", stopping(in_flight=30)),
        World(tmp_path / "b", stopping(early_stop=None, in_flight=30)),
    )
    stopped.run()
    whole.run()
    ended = {trial.number: trial for trial in read_trials(stopped.journal_file) if trial.task.epochs == 9}
    assert len(ended) > 1
    for trial in read_trials(whole.journal_file):
        if trial.number in ended:
            assert ended[trial.number].task == trial.task
            assert ended[trial.number].outcome.measurement == trial.outcome.measurement


def test_seconds_are_those_of_all_trainings_and_the_task_is_the_last_one(tmp_path: Path) -> None:
    world = World(tmp_path, stopping())
    world.run(Obedient(lambda task: msgspec.structs.replace(value(task), seconds=float(task.epochs))))
    for trial in read_trials(world.journal_file):
        if trial.reused is None:
            assert trial.outcome.seconds == sum(epochs for epochs in ASHA.rungs if epochs <= trial.task.epochs)
            assert trial.outcome.measurement is not None
            assert len(trial.outcome.measurement.scores) == trial.task.epochs


def test_the_winner_was_trained_longest_whatever_the_reward_of_the_others(tmp_path: Path) -> None:
    def worse_when_longer(task: Task) -> Outcome:
        return Outcome(Status.OK, Measurement((Random(task.seed).random() / task.epochs,) * task.epochs))

    world = World(tmp_path, stopping())
    winner = world.run(Obedient(worse_when_longer))
    every = {trial.number: trial for trial in read_trials(world.journal_file) if trial.reused is None}
    scores = {number: trial.outcome.measurement.scores[-1] for number, trial in every.items() if trial.outcome.measurement}
    assert winner.trial.task.epochs == 9
    assert scores[winner.trial.number] < max(scores.values())
    assert scores[winner.trial.number] == max(scores[number] for number, trial in every.items() if trial.task.epochs == 9)


def test_the_strategy_is_told_each_trial_once_by_its_last_training(tmp_path: Path) -> None:
    heard: list[tuple[int, float | None]] = []
    world = World(tmp_path, stopping())
    original = world.study

    def listening(executor: Any, journal: Any, strategy: Any, **changed: Any) -> Any:
        tell = strategy.tell
        strategy.tell = lambda trial, proposal, reward: (heard.append((trial, reward)), tell(trial, proposal, reward))
        return original(executor, journal, strategy, **changed)

    world.study = listening  # type: ignore[method-assign]
    world.run(Obedient(sometimes_failing, order=lambda count: count - 1))
    rows, reward = expected(world, sometimes_failing), world.config.reward
    rewards = {t: None if (one := row.outcome.measurement) is None else reward.of(one) for t, row in rows.items()}
    assert heard == sorted(rewards.items())[: len(heard)]
    assert len(heard) >= 30 - 6


def test_replicates_are_trained_as_long_as_what_they_are_replicates_of(tmp_path: Path) -> None:
    world = World(tmp_path, stopping(trials=60, in_flight=4, layers=3, replication=Replication(seeds=3, share=0.4)))
    winner = world.run()
    every = {trial.number: trial for trial in read_trials(world.journal_file)}
    replicates = [trial for trial in every.values() if trial.proposal.replicate]
    assert replicates
    for again in replicates:
        originals = [t for t in every.values() if t.task.genotype == again.task.genotype and not t.proposal.replicate]
        assert {again.task.epochs} == {trial.task.epochs for trial in originals}
    assert winner.trial.task.epochs == 9
    assert {one.task.epochs for one in winner.trial.replicates} <= {9}


def test_a_child_over_a_limit_is_on_no_rung(tmp_path: Path) -> None:
    def price(genotype: Any) -> Costs:
        return Costs(parameters=sum(genotype), multiply_adds=1)

    world = World(tmp_path, stopping(trials=20, limits=Limits(max_parameters=4)))
    world.run(Obedient(order=lambda count: count - 1), price=price)
    within = {trial: row for trial, row in as_told(world).items() if row.outcome.status is not Status.OVER_LIMIT}
    assert 0 < len(within) < len(as_told(world))
    proposals = [asked for asked in world.asked() if asked.trial in within]
    alone = World(tmp_path, world.config)
    alone.asked = lambda: proposals  # type: ignore[method-assign]
    assert lasting(within) == lasting(expected(alone, value))


def test_a_study_that_failed_goes_on_and_can_be_replayed(tmp_path: Path) -> None:
    """Trials that waited for one that failed are trained after all, behind decisions about later ones."""
    config = stopping(layers=2, in_flight=8, max_failures=2)

    def broken(task: Task) -> Outcome:
        return Outcome(Status.FAILED, message="no such file") if task.trial >= 3 else value(task)

    world = World(tmp_path, config)
    with pytest.raises(RunFailed):
        world.run(Obedient(broken, order=lambda count: count - 1))
    winner = world.run(Obedient(value))
    own, proposals = [told.trial for told in world.told() if told.reused is None], world.genotypes()
    assert any(proposals[trial] in proposals[:trial] for trial in own), "one that waited was trained after all"
    best, lines = world.best, world.journal_file.read_bytes().splitlines(keepends=True)
    failed = next(at for at, line in enumerate(lines) if b'"failed","elapsed"' in line)
    assert world.run(Obedient(value)).trial.number == winner.trial.number
    for count in range(failed + 1, len(lines), 3):
        world.journal_file.write_bytes(b"".join(lines[:count]))
        world.run(Obedient(value, order=lambda many: many - 1))
        assert world.best == best


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (b'"promoted"', "went on or ended otherwise than its scores say"),
        (b'"at-rung"', "went on or ended otherwise than its scores say|out of order"),
    ],
)
def test_a_journal_from_which_a_record_was_taken_is_refused(record: bytes, text: str, tmp_path: Path) -> None:
    world = World(tmp_path, stopping(trials=10))
    world.run()
    lines = world.journal_file.read_bytes().splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if record in line)
    world.journal_file.write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
    with pytest.raises(ArtifactError, match=text):
        world.run()


def test_a_promotion_that_the_scores_do_not_say_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path, stopping(trials=10))
    world.run()
    text = unsigned(world.journal_file.read_bytes())
    first = next(record for record in read_records(world.journal_file) if isinstance(record, Promoted))
    world.journal_file.write_bytes(text.replace(f'"seed":{first.seed}'.encode(), f'"seed":{first.seed + 1}'.encode()))
    with pytest.raises(ArtifactError, match="went on or ended otherwise"):
        world.run()
    world.journal_file.write_bytes(text)
    world.config = msgspec.structs.replace(world.config, early_stop=None, epochs=1)
    with pytest.raises(ArtifactError, match="trial 0 was not under way for 1 epoch"):
        world.run()


def test_with_one_rung_nothing_is_stopped_and_nothing_more_is_on_record(tmp_path: Path) -> None:
    world = World(tmp_path, settings(trials=20))
    world.run()
    assert not any(isinstance(record, AtRung | Promoted) for record in read_records(world.journal_file))
