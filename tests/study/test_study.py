"""The study: what is proposed when, what is told, what is reused, when it stops, who wins."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from automl_cli.core.errors import RunFailed
from automl_cli.core.trials import Costs, Limits, Measurement, Outcome, Stage, Status, Task
from automl_cli.store.journal import Ended, Started, read_records
from tests.study.worlds import Obedient, World, settings, value


@pytest.mark.parametrize(("in_flight", "batch"), [(1, 1), (4, 1), (3, 2), (4, 4), (40, 1), (40, 5)])
def test_a_proposal_is_drawn_when_exactly_the_trials_before_its_window_are_told(
    in_flight: int, batch: int, tmp_path: Path
) -> None:
    world = World(tmp_path, settings(in_flight=in_flight, trials=23, layers=8), batch=batch)
    executor = Obedient()
    world.run(executor)
    window = -(-in_flight // batch) * batch
    last_of_batch = [(trial // batch + 1) * batch - 1 for trial in range(23)]
    assert world.strategy.told_at_ask == [max(0, last - window + 1) for last in last_of_batch]
    assert executor.most_under_way == min(window, 23)


def test_outcomes_are_told_as_rewards_with_none_for_trials_without_one(tmp_path: Path) -> None:
    def evaluate(task: Task) -> Outcome:
        return Outcome(Status.DIVERGED) if task.trial % 2 else Outcome(Status.OK, Measurement((0.5, 0.25, 0.1)))

    told: list[Any] = []
    world = World(tmp_path, settings(trials=6, in_flight=1, layers=4))
    original = world.study

    def listening(executor: Any, journal: Any, strategy: Any, **changed: Any) -> Any:
        tell = strategy.tell
        strategy.tell = lambda trial, proposal, reward: (told.append((trial, reward)), tell(trial, proposal, reward))
        return original(executor, journal, strategy, **changed)

    world.study = listening  # type: ignore[method-assign]
    world.run(Obedient(evaluate))
    assert told == [(0, 0.25), (1, None), (2, 0.25), (3, None), (4, 0.25)]


def test_a_genotype_is_evaluated_once_and_later_trials_take_its_outcome(tmp_path: Path) -> None:
    world = World(tmp_path, settings(trials=60))
    executor = Obedient(order=lambda count: count - 1)
    world.run(executor)
    genotypes = world.genotypes()
    assert len(genotypes) == 60
    assert [task.genotype for task in executor.submitted] == list(dict.fromkeys(genotypes)), "each once, in order"
    first = {genotype: genotypes.index(genotype) for genotype in genotypes}
    outcomes = {told.trial: told for told in world.told()}
    for trial, genotype in enumerate(genotypes):
        if first[genotype] == trial:
            assert outcomes[trial].reused is None
        else:
            earlier = outcomes[first[genotype]].outcome
            assert outcomes[trial].reused == first[genotype]
            assert outcomes[trial].outcome == msgspec.structs.replace(earlier, seconds=0.0, worker="")


def test_a_trial_waits_for_an_equal_one_that_is_under_way(tmp_path: Path) -> None:
    world = World(tmp_path, settings(trials=9, in_flight=9, layers=1))
    executor = Obedient()
    world.run(executor)
    assert len(executor.submitted) == executor.most_under_way == len(set(world.genotypes())) <= 3
    assert [told.reused is None for told in world.told()].count(True) == len(executor.submitted)


def test_without_reuse_every_trial_is_a_replicate_with_a_seed_of_its_own(tmp_path: Path) -> None:
    world = World(tmp_path, settings(trials=30, layers=1, reuse=False))
    executor = Obedient()
    world.run(executor)
    assert len(executor.submitted) == len({task.seed for task in executor.submitted}) == 30
    assert all(told.reused is None for told in world.told())


def test_child_seeds_depend_on_the_child_and_not_on_its_trial(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = World(tmp_path / "a", settings(trials=30)), World(tmp_path / "b", settings(trials=30, in_flight=1))
    one.run()
    other.run()
    assert one.genotypes() != other.genotypes()
    seeds = {asked.genotype: asked.seed for asked in one.asked()}
    common = [asked for asked in other.asked() if asked.genotype in seeds]
    assert common
    assert all(asked.seed == seeds[asked.genotype] for asked in common)


def test_a_child_over_a_limit_is_never_trained(tmp_path: Path) -> None:
    world = World(tmp_path, settings(trials=20, limits=Limits(max_parameters=2)))
    executor = Obedient()
    winner = world.run(executor, price=lambda genotype: Costs(parameters=sum(genotype), multiply_adds=0))
    assert all(sum(task.genotype) <= 2 for task in executor.submitted)
    over = [told for told in world.told() if told.outcome.status is Status.OVER_LIMIT]
    assert {world.genotypes()[told.trial] for told in over} == {genotype for genotype in world.genotypes() if sum(genotype) > 2}
    assert over[0].outcome.message in ("3 parameters, and at most 2 are allowed", "4 parameters, and at most 2 are allowed")
    assert sum(winner.trial.task.genotype) <= 2


def test_the_highest_reward_wins_and_ties_go_to_the_lowest_trial(tmp_path: Path) -> None:
    world = World(tmp_path, settings(trials=20))
    winner = world.run()
    reward = world.config.reward
    scores = {told.trial: reward.score(told.outcome.measurement) for told in world.told() if told.outcome.measurement}
    assert winner.trial.number == max(scores, key=lambda trial: (scores[trial], -trial))
    (tmp_path / "ties").mkdir()
    ties = World(tmp_path / "ties", settings(trials=20))
    ties.run(Obedient(lambda task: Outcome(Status.OK, Measurement((0.5,))), order=lambda count: count - 1))
    assert ties.published[-1].trial.number == 0


def test_too_many_failures_in_a_row_stop_the_study_and_a_resumed_one_goes_on(tmp_path: Path) -> None:
    def evaluate(task: Task) -> Outcome:
        return value(task) if task.trial < 3 else Outcome(Status.FAILED, message="no such file: w.npz")

    world = World(tmp_path, settings(layers=8, trials=20, max_failures=3))
    executor = Obedient(evaluate)
    with pytest.raises(RunFailed) as caught:
        world.run(executor)
    assert str(caught.value) == (
        "3 children in a row failed, which is --max-failures; trial 5: failed: no such file: w.npz. "
        "Mend that, then continue with --resume"
    )
    assert executor.closed
    world.run()
    assert len(world.told()) == 20


@pytest.mark.parametrize("status", [Status.DIVERGED])
def test_what_is_the_proposals_fault_never_stops_the_study(status: Status, tmp_path: Path) -> None:
    world = World(tmp_path, settings(layers=8, trials=20, max_failures=1))
    world.run(Obedient(lambda task: value(task) if task.trial == 19 else Outcome(status)))
    assert world.published[-1].trial.number == 19


def test_what_failed_is_evaluated_again_once_a_failed_study_is_resumed(tmp_path: Path) -> None:
    broken = True

    def evaluate(task: Task) -> Outcome:
        return Outcome(Status.FAILED, message="no such file: w.npz") if broken else value(task)

    world = World(tmp_path, settings(layers=1, trials=20, max_failures=2))
    with pytest.raises(RunFailed):
        world.run(Obedient(evaluate))
    failed = {task.genotype for task in world.asked() if any(told.trial == task.trial for told in world.told())}
    broken = False
    again = Obedient(evaluate)
    world.run(again)
    assert failed & {task.genotype for task in again.submitted}
    later = [told for told in world.told() if told.reused is not None]
    assert later[-1].outcome.status is Status.OK
    world.run()  # and its journal can be replayed


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [1, 2, 4, 3, 0, 5], [3, 1, 2, 5, 4, 0]])
def test_failures_are_counted_in_the_order_of_trials_whatever_the_order_of_arrival(order: list[int], tmp_path: Path) -> None:
    """Trials 1, 2 and 4 fail: a row of two, then a success, whenever that success arrives."""

    def run(max_failures: int) -> None:
        (path := tmp_path / str(max_failures)).mkdir()
        world = World(path, settings(layers=8, trials=6, in_flight=6, max_failures=max_failures))
        left = list(range(6))

        def arriving(count: int) -> int:
            place = left.index(order[6 - count])
            del left[place]
            return place

        fails = {1, 2, 4}
        world.run(Obedient(lambda task: Outcome(Status.KILLED) if task.trial in fails else value(task), order=arriving))
        assert [told.trial for told in world.told()] == order

    run(3)
    with pytest.raises(RunFailed, match=r"^2 children in a row failed, which is --max-failures; trial 2: killed"):
        run(2)


def test_no_successful_trial_is_a_failed_run(tmp_path: Path) -> None:
    world = World(tmp_path, settings(layers=8))
    with pytest.raises(RunFailed, match=r"^no trial succeeded: 12 ended, none with a score; `automl report \S+` shows why$"):
        world.run(Obedient(lambda task: Outcome(Status.DIVERGED)))
    assert world.published == []


class Slow(Obedient):
    """Each child takes 10 s of its own clock."""

    now = 0.0

    def wait(self, timeout_seconds: float | None = None) -> tuple[Task, Outcome] | None:
        assert timeout_seconds is not None
        self.now += min(10.0, timeout_seconds)
        return super().wait() if timeout_seconds >= 10.0 else None


def test_the_time_budget_counts_all_sessions_and_drops_what_is_under_way(tmp_path: Path) -> None:
    slow = Slow()
    world = World(tmp_path, settings(layers=8, time_budget_seconds=35.0))
    world.run(slow, clock=lambda: slow.now)
    assert len(world.told()) == 3
    assert ended(world) == ("time-budget", 35.0)
    world.config = msgspec.structs.replace(world.config, time_budget_seconds=60.0)
    world.run(slow, clock=lambda: slow.now)
    assert len(world.told()) == 5
    world.config = msgspec.structs.replace(world.config, time_budget_seconds=None)
    world.run()
    assert ended(world)[0] == "finished"
    assert len(world.told()) == 12


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        (5.0, r"^the time budget of 5 seconds is spent, and no trial ended before\. Continue with --resume and a larger "),
        (
            35.0,
            r"^the time budget of 35 seconds is spent, and 3 trials ended, none with a score; `automl report \S+` shows why",
        ),
    ],
)
def test_a_time_budget_that_was_too_small_says_so(tmp_path: Path, budget: float, text: str) -> None:
    slow = Slow(lambda task: Outcome(Status.DIVERGED))
    world = World(tmp_path, settings(layers=8, time_budget_seconds=budget))
    with pytest.raises(RunFailed, match=text):
        world.run(slow, clock=lambda: slow.now)


def test_ctrl_c_closes_the_executor_publishes_the_best_and_leaves_a_whole_journal(tmp_path: Path) -> None:
    world = World(tmp_path)
    executor = Obedient(interrupt_after=3)
    with pytest.raises(KeyboardInterrupt):
        world.run(executor)
    assert executor.closed
    assert ended(world)[0] == "interrupted"
    reward = world.config.reward
    scores = {told.trial: reward.score(told.outcome.measurement) for told in world.told() if told.outcome.measurement}
    assert world.published[-1].trial.number == max(scores, key=lambda trial: scores[trial])


def test_the_best_are_retrained_on_new_seeds_and_the_winner_is_named_by_that(tmp_path: Path) -> None:
    def evaluate(task: Task) -> Outcome:
        if task.stage is Stage.RETRAIN:
            return Outcome(Status.OK, Measurement((1.0 - value_of_search[task.genotype],)))
        value_of_search[task.genotype] = world.config.reward.score(value(task).measurement)
        return value(task)

    value_of_search: dict[Any, float] = {}
    world = World(tmp_path, settings(trials=40, retrain_top=3, layers=4))
    winner = world.run(Obedient(evaluate))
    best = sorted(value_of_search.items(), key=lambda item: -item[1])[:3]
    again = [asked for asked in world.asked() if asked.stage is Stage.RETRAIN]
    assert [asked.genotype for asked in again] == [genotype for genotype, _ in best]
    assert [asked.epochs for asked in again] == [12, 12, 12]
    assert {asked.seed for asked in again}.isdisjoint(asked.seed for asked in world.asked() if asked.stage is Stage.SEARCH)
    assert winner.trial.task.genotype == best[2][0], "the third of the search is the first of the retraining"
    assert winner.retraining is not None
    assert winner.retraining.rank_correlation == pytest.approx(-1.0)
    assert [row.search_score for row in winner.retraining.candidates] == [score for _, score in best]
    assert [row.retrained_score for row in winner.retraining.candidates] == [1.0 - score for _, score in best]


def test_a_retraining_that_fails_stands_last(tmp_path: Path) -> None:
    world = World(tmp_path, settings(trials=40, retrain_top=2, layers=4))
    ranked: list[int] = []

    def evaluate(task: Task) -> Outcome:
        if task.stage is Stage.RETRAIN:
            ranked.append(task.trial)
            return Outcome(Status.FAILED) if len(ranked) == 1 else Outcome(Status.OK, Measurement((0.01,)))
        return value(task)

    winner = world.run(Obedient(evaluate))
    assert winner.trial.number == ranked[1]
    assert winner.retraining is not None
    assert winner.retraining.candidates[0].retrained_score is None
    assert winner.retraining.rank_correlation is None


def test_progress_counts_up_to_the_plan(tmp_path: Path) -> None:
    world = World(tmp_path, settings(trials=10, retrain_top=2))
    world.run()
    search = [event for event in world.progress if event.stage is Stage.SEARCH]
    assert [event.finished for event in search] == list(range(11))
    assert {event.planned for event in search} == {10}
    again = [event for event in world.progress if event.stage is Stage.RETRAIN]
    assert [(event.finished, event.planned) for event in again] == [(0, 2), (1, 2), (2, 2)]


def test_the_journal_is_durable_before_a_trial_is_named_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    durable = [0]
    monkeypatch.setattr("os.fsync", lambda descriptor: durable.__setitem__(0, (tmp_path / "journal.jsonl").stat().st_size))
    world = World(tmp_path, settings(trials=30))
    named: list[tuple[int, int]] = []
    original = world._publish
    world._publish = lambda winner: (named.append((winner.trial.number, durable[0])), original(winner))  # type: ignore[method-assign,assign,return-value]
    world.run(clock=iter(range(10**6)).__next__)
    text = (tmp_path / "journal.jsonl").read_bytes()
    assert len(named) > 1
    for trial, size in named:
        assert f'{{"record":"told","trial":{trial},'.encode() in text[:size]


def test_sessions_are_on_record(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run()
    records = list(read_records(world.journal_file))
    assert isinstance(records[0], Started)
    assert (records[0].executor, records[0].workers) == ("local", 2)
    assert ended(world)[0] == "finished"


def ended(world: World) -> tuple[str, float]:
    last = list(read_records(world.journal_file))[-1]
    assert isinstance(last, Ended)
    return last.reason, last.elapsed
