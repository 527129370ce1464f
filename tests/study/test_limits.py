"""Limits do not eat the budget: as many trials as are wanted are within them, whatever is between; and there is an end."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import ArtifactError, RunFailed
from automl_cli.core.trials import Costs, Limits, Outcome, Status
from automl_cli.jobs.run_checks import check_journal
from automl_cli.reporting.search_course import SearchCourse
from automl_cli.running.limit_warnings import limits_at_the_end
from automl_cli.store.journal import read_records
from automl_cli.store.study import Replication
from automl_cli.study import limits
from automl_cli.study.limits import OverLimit
from tests.study.worlds import Obedient, PowerCut, World, settings

AT_MOST = Limits(max_parameters=5)


@pytest.fixture(autouse=True)
def instant_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about what is written, not about when it is flushed."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def price(genotype: Genotype) -> Costs:
    """About half of the genotypes of eight layers have more than five parameters."""
    return Costs(parameters=sum(genotype), multiply_adds=1)


def over(world: World) -> set[int]:
    return {told.trial for told in world.told() if told.outcome.status is Status.OVER_LIMIT}


def course_of(world: World) -> SearchCourse:
    course = SearchCourse(None)
    for record in read_records(world.journal_file):
        course.take(record)
    return course


@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    in_flight=st.integers(1, 9),
    batch=st.integers(1, 4),
    together=st.integers(1, 3),
    bound=st.integers(3, 8),
    reuse=st.booleans(),
    replicated=st.booleans(),
)
def test_as_many_trials_as_wanted_are_within_the_limits_whatever_the_order_and_the_power_cuts(
    data: st.DataObject,
    in_flight: int,
    batch: int,
    together: int,
    bound: int,
    reuse: bool,
    replicated: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    replication = Replication(seeds=2, share=0.25) if replicated else None
    config = settings(
        layers=8,
        trials=15,
        in_flight=in_flight,
        reuse=reuse,
        limits=Limits(max_parameters=bound),
        replication=replication,
        retrain_top=1,
    )
    calm = World(tmp_path_factory.mktemp("calm"), config, batch=batch)
    executor = Obedient()
    calm.run(executor, together=together, price=price)
    endings = [told.outcome.status for told in calm.told() if told.stage == "search"]
    assert endings.count(Status.OK) == 15
    assert over(calm) == {at for at, genotype in enumerate(calm.genotypes()) if sum(genotype) > bound}
    assert max(sum(task.genotype) for task in executor.submitted) <= bound
    check_journal(calm.journal_file, config, calm.space)

    def order(count: int) -> int:
        return data.draw(st.integers(0, count - 1))

    stormy = World(tmp_path_factory.mktemp("stormy"), config, batch=batch)
    for cut_after in data.draw(st.lists(st.integers(0, 12), max_size=3)):
        try:
            stormy.run(Obedient(order=order, cut_after=cut_after), together=together, price=price)
        except PowerCut:
            continue
    stormy.run(Obedient(order=order), together=together, price=price)
    assert stormy.best == calm.best
    assert stormy.asked()[: len(calm.asked())] == calm.asked()


@pytest.mark.parametrize(("in_flight", "batch", "together"), [(3, 1, 1), (4, 2, 1), (4, 1, 3)])
def test_every_prefix_of_a_journal_with_limits_resumes_to_the_same_end(
    in_flight: int, batch: int, together: int, tmp_path: Path
) -> None:
    config = settings(layers=8, trials=5, in_flight=in_flight, limits=AT_MOST, retrain_top=1)
    whole = World(tmp_path, config, batch=batch)
    whole.run(together=together, price=price)
    assert over(whole)
    lines, proposals = whole.journal_file.read_bytes().splitlines(keepends=True), whole.genotypes()
    resumed = World(tmp_path, config, batch=batch)
    for count in range(len(lines)):
        resumed.journal_file.write_bytes(b"".join(lines[:count]))
        resumed.best = b""
        resumed.run(Obedient(order=lambda many: many - 1), together=together, price=price)
        assert resumed.best == whole.best
        assert resumed.genotypes() == proposals


def test_raised_trials_continue_as_if_there_had_been_more_from_the_start(tmp_path: Path) -> None:
    for name, trials in (("long", 20), ("short", 6)):
        (tmp_path / name).mkdir()
        world = World(tmp_path / name, settings(layers=8, trials=trials, limits=AT_MOST))
        world.run(price=price)
    world.config = msgspec.structs.replace(world.config, trials=20)
    world.run(price=price)
    assert world.genotypes() == World(tmp_path / "long").genotypes()


def test_a_search_that_counted_proposals_over_a_limit_goes_on_to_as_many_children_as_were_wanted(tmp_path: Path) -> None:
    """As journals were before: as many proposals as trials, and a good end."""
    world = World(tmp_path, settings(layers=8, trials=12, in_flight=1, limits=AT_MOST))
    world.run(price=price)
    proposals = world.genotypes()
    lines = world.journal_file.read_bytes().splitlines(keepends=True)
    told = next(at for at, line in enumerate(lines) if b'"told","trial":11,' in line)
    world.journal_file.write_bytes(b"".join([*lines[: told + 1], lines[-1]]))
    assert b'"ended"' in lines[-1]
    world.run(price=price)
    assert world.genotypes() == proposals
    assert len(world.told()) - len(over(world)) == 12


def test_progress_counts_trials_within_the_limits(tmp_path: Path) -> None:
    world = World(tmp_path, settings(layers=8, trials=10, limits=AT_MOST))
    world.run(price=price)
    assert {event.planned for event in world.progress} == {10}
    finished = [event.finished for event in world.progress]
    assert finished == sorted(finished)
    assert finished[-1] == 10
    assert world.progress[-1].endings[Status.OVER_LIMIT] == len(over(world)) > 0


@pytest.mark.parametrize(("trials", "proposals"), [(3, 300), (12, 1000)])
def test_where_nothing_fits_the_search_ends_with_what_to_do(trials: int, proposals: int, tmp_path: Path) -> None:
    world = World(tmp_path, settings(layers=8, trials=trials, limits=Limits(max_multiply_adds=0), in_flight=2))
    executor = Obedient()
    with pytest.raises(RunFailed) as caught:
        world.run(executor, price=price)
    smallest = min(map(sum, world.genotypes()))
    assert str(caught.value) == (
        f"nothing fits: all of {proposals:,} proposals are over a limit (--max-multiply-adds 0); the smallest has {smallest} "
        f"parameter{'s' * (smallest != 1)} and 1 multiply-add. "
        "Start a new run with a higher --max-multiply-adds, or search a space of smaller networks"
    )
    assert executor.submitted == []
    assert len(world.told()) == proposals
    with pytest.raises(RunFailed, match=r"^nothing fits: all of"):  # and nothing more is drawn when it is resumed
        world.run(price=price)
    assert len(world.told()) == proposals


@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.parametrize("in_flight", [1, 5])
def test_where_almost_nothing_fits_the_search_ends_with_what_it_has(
    together: int, in_flight: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first five proposals fit, and then none: children under way end, and the best of them is the winner."""
    monkeypatch.setattr(limits, "MOST_IN_A_ROW", 40)
    config = settings(layers=8, trials=20, limits=AT_MOST, in_flight=in_flight)
    world = World(tmp_path, config)
    first: list[Genotype] = []

    def late(genotype: Genotype) -> Costs:
        first.append(genotype)
        return Costs(parameters=9 * (len(first) > 5), multiply_adds=1)

    winner = world.run(Obedient(order=lambda count: count - 1), together=together, price=late)
    assert [told.outcome.status for told in world.told()].count(Status.OK) == 5
    assert len(world.told()) == 45
    assert winner.trial.number < 5
    assert limits_at_the_end(config, course_of(world)) == (
        "the search ended after 5 of 20 trials: 40 of 45 proposals are over a limit (--max-parameters 5), the last 40 in a "
        "row. Start a new run with a higher --max-parameters, or search a space of smaller networks"
    )
    check_journal(world.journal_file, config, world.space)
    before = world.journal_file.read_bytes()
    assert world.run(together=together, price=late).trial == winner.trial
    assert len(world.told()) == 45, "the same end again"
    assert world.journal_file.read_bytes().startswith(before)


def test_a_journal_with_more_trials_than_wanted_within_the_limits_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path, settings(layers=8, trials=12, limits=AT_MOST))
    world.run(price=price)
    world.config = msgspec.structs.replace(world.config, trials=5)
    with pytest.raises(ArtifactError, match=r"was asked, but study\.json has only 5 trials"):
        world.run(price=price)
    with pytest.raises(ArtifactError, match=r"was asked, but study\.json has only 5 trials"):
        check_journal(world.journal_file, world.config, world.space)


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 5))
def test_the_count_is_that_of_the_definition(proposals: list[bool], wanted: int) -> None:
    """True: over a limit. Compared with the definition, read off the whole list."""
    counted = OverLimit()
    for asked, is_over in enumerate(proposals):
        row = next((at for at, before in enumerate(reversed(proposals[:asked])) if not before), asked)
        assert counted.in_a_row(asked) == row
        assert counted.is_enough(asked, wanted) == (proposals[:asked].count(False) >= wanted)
        if is_over:
            counted.add(asked)
    assert counted.count == sum(proposals)


def test_the_number_of_outcomes_that_are_over_a_limit_is_what_the_end_is_about(tmp_path: Path) -> None:
    """A search where all children fail is no search where nothing fits."""
    world = World(tmp_path, settings(layers=8, trials=4, limits=AT_MOST))
    with pytest.raises(RunFailed, match=r"^no trial succeeded"):
        world.run(Obedient(lambda task: Outcome(Status.DIVERGED)), price=price)
