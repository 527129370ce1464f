"""Tasks of several trials: which trials make one is a function of the proposals, and nothing else depends on it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from automl_cli.core.decisions import Genotype
from automl_cli.core.trials import Costs, Limits, Outcome, Status, Task
from tests.study.worlds import Obedient, PowerCut, World, settings, value

TOGETHER = 3


@pytest.fixture(autouse=True)
def instant_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about what is written, not about when it is flushed."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def sometimes_failing(task: Task) -> Outcome:
    """Every fifth genotype diverges."""
    return Outcome(Status.DIVERGED, message="loss is nan") if sum(task.genotype) % 5 == 4 else value(task)


def numbers(executor: Obedient) -> list[tuple[int, ...]]:
    """The trials of each task, in the order in which they were submitted."""
    return [tuple(task.trial for task in group) for group in executor.groups]


def own_evaluations(world: World) -> set[int]:
    """The trials that were evaluated, rather than taking the outcome of an earlier one."""
    return {told.trial for told in world.told() if told.reused is None and told.outcome.status is not Status.OVER_LIMIT}


def expected(own: set[int], trials: int) -> list[tuple[int, ...]]:
    """Trials 0 to 2, 3 to 5, … as far as they have evaluations of their own."""
    groups = (range(start, min(start + TOGETHER, trials)) for start in range(0, trials, TOGETHER))
    return [found for group in groups if (found := tuple(trial for trial in group if trial in own))]


def outcomes(world: World) -> dict[int, Any]:
    return {told.trial: (told.outcome, told.reused) for told in world.told()}


@pytest.mark.parametrize(("in_flight", "batch"), [(1, 1), (4, 1), (7, 1), (4, 2), (5, 5)])
@pytest.mark.parametrize("trials", [20, 21])
def test_consecutive_trials_with_evaluations_of_their_own_make_one_task(
    in_flight: int, batch: int, trials: int, tmp_path: Path
) -> None:
    world = World(tmp_path, settings(trials=trials, in_flight=in_flight), batch=batch)
    executor = Obedient(sometimes_failing)
    world.run(executor, together=TOGETHER)
    own = own_evaluations(world)
    assert len(own) < trials, "some trials take the outcome of an earlier one"
    assert sorted(numbers(executor)) == expected(own, trials)
    assert numbers(executor) == sorted(numbers(executor))


@pytest.mark.parametrize("reuse", [True, False])
def test_the_trials_and_the_winner_are_those_of_tasks_of_one_trial(reuse: bool, tmp_path: Path) -> None:
    worlds = []
    for together in (1, TOGETHER):
        (path := tmp_path / str(together)).mkdir()
        world = World(path, settings(trials=20, in_flight=6, reuse=reuse, retrain_top=2))
        world.run(Obedient(sometimes_failing), together=together)
        worlds.append(world)
    one, three = worlds
    assert three.asked() == one.asked()
    assert outcomes(three) == outcomes(one)
    assert three.best == one.best


def test_a_trial_over_a_limit_is_not_in_its_task(tmp_path: Path) -> None:
    world = World(tmp_path, settings(layers=8, trials=9, limits=Limits(max_parameters=0)))

    def price(genotype: Genotype) -> Costs:
        return Costs(parameters=int(genotype[0] == 0), multiply_adds=1)

    executor = Obedient()
    world.run(executor, together=TOGETHER, price=price)
    over = {told.trial for told in world.told() if told.outcome.status is Status.OVER_LIMIT}
    assert over
    in_all = 9 + len(over)
    assert sorted(numbers(executor)) == expected(set(range(in_all)) - over, in_all)


@pytest.mark.parametrize(("in_flight", "batch", "retrain_top"), [(3, 1, 0), (4, 2, 1)])
def test_every_prefix_of_a_journal_resumes_to_the_same_end(
    in_flight: int, batch: int, retrain_top: int, tmp_path: Path
) -> None:
    config = settings(trials=7, epochs=2, in_flight=in_flight, retrain_top=retrain_top)
    whole = World(tmp_path, config, batch=batch)
    whole.run(Obedient(sometimes_failing), together=TOGETHER)
    lines = whole.journal_file.read_bytes().splitlines(keepends=True)
    proposals, told = whole.genotypes(), outcomes(whole)
    resumed = World(tmp_path, config, batch=batch)
    for count in range(len(lines)):
        resumed.journal_file.write_bytes(b"".join(lines[:count]))
        resumed.best = b""
        resumed.run(Obedient(sometimes_failing, order=lambda many: many - 1), together=TOGETHER)
        assert resumed.best == whole.best
        assert resumed.genotypes() == proposals
        assert outcomes(resumed) == told


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), in_flight=st.integers(1, 9), batch=st.integers(1, 4), together=st.integers(2, 5), reuse=st.booleans())
def test_any_finishing_order_and_any_power_cuts_give_the_same_trials(
    data: st.DataObject, in_flight: int, batch: int, together: int, reuse: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = settings(trials=20, in_flight=in_flight, reuse=reuse, retrain_top=2, max_failures=100)
    calm = World(tmp_path_factory.mktemp("calm"), config, batch=batch)
    calm.run(Obedient(sometimes_failing), together=together)
    stormy = World(tmp_path_factory.mktemp("stormy"), config, batch=batch)

    def order(count: int) -> int:
        return data.draw(st.integers(0, count - 1))

    for cut_after in data.draw(st.lists(st.integers(0, 12), max_size=4)):
        try:
            stormy.run(Obedient(sometimes_failing, order=order, cut_after=cut_after), together=together)
        except PowerCut:
            continue
    stormy.run(Obedient(sometimes_failing, order=order), together=together)
    assert stormy.best == calm.best
    assert stormy.asked()[: len(calm.asked())] == calm.asked()
    assert {told.trial: told.reused for told in stormy.told()} == {told.trial: told.reused for told in calm.told()}


@pytest.mark.parametrize("cut_after", [1, 2, 4, 5, 7])
def test_a_task_that_was_cut_off_is_submitted_again_as_a_whole(cut_after: int, tmp_path: Path) -> None:
    """In the first session as many outcomes arrive as `cut_after`; one child's outcome may depend on the others beside it."""
    calm = Obedient()
    (tmp_path / "calm").mkdir()
    World(tmp_path / "calm", settings(layers=8, in_flight=6)).run(calm, together=TOGETHER)
    world = World(tmp_path, settings(layers=8, in_flight=6))
    with pytest.raises(PowerCut):
        world.run(Obedient(cut_after=cut_after), together=TOGETHER)
    done = {told.trial for told in world.told()}
    again = Obedient()
    world.run(again, together=TOGETHER)
    assert set(numbers(again)) == {group for group in numbers(calm) if not set(group) <= done}
    assert sorted(told.trial for told in world.told()) == list(range(12)), "each trial is told once"
    assert again.is_idle, "nothing of this study is left for the next one on this executor"
