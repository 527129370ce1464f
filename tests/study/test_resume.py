"""Resume: killed anywhere, finished in any order, any number of times: the same proposals and the same winner."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.trials import Outcome, Status, Task
from automl_cli.store.ledger import read_trials
from tests.study.worlds import Obedient, PowerCut, World, settings, value


@pytest.fixture(autouse=True)
def instant_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about what is written, not about when it is flushed."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def sometimes_failing(task: Task) -> Outcome:
    """Every fifth genotype diverges, every seventh child is killed."""
    if sum(task.genotype) % 5 == 4:
        return Outcome(Status.DIVERGED, message="loss is nan")
    return Outcome(Status.KILLED, message="memory ran out") if task.seed % 7 == 0 else value(task)


def reference(path: Path, **changed: int) -> World:
    path.mkdir()
    world = World(path, settings(**changed), batch=changed.pop("batch", 1))
    world.run(Obedient(sometimes_failing))
    return world


@pytest.mark.parametrize(("in_flight", "batch", "retrain_top"), [(3, 1, 0), (4, 2, 1)])
def test_every_byte_prefix_of_a_journal_resumes_to_the_same_end(
    in_flight: int, batch: int, retrain_top: int, tmp_path: Path
) -> None:
    config = settings(trials=6, epochs=2, in_flight=in_flight, retrain_top=retrain_top)
    whole = World(tmp_path, config, batch=batch)
    whole.run(Obedient(sometimes_failing))
    text = whole.journal_file.read_bytes()
    proposals = [asked for asked in whole.asked() if asked.stage == "search"]
    resumed = World(tmp_path, config, batch=batch)
    for length in range(len(text)):
        for old in tmp_path.iterdir():
            old.unlink()
        resumed.journal_file.write_bytes(text[:length])
        resumed.best = b""
        resumed.run(Obedient(sometimes_failing, order=lambda count: count - 1))
        assert resumed.best == whole.best
        assert [asked for asked in resumed.asked() if asked.stage == "search"] == proposals
        assert len(resumed.told()) == 6 + retrain_top
        assert sum(1 for _ in read_trials(resumed.journal_file)) == 6 + retrain_top


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), in_flight=st.integers(1, 9), batch=st.integers(1, 4), reuse=st.booleans())
def test_any_finishing_order_and_any_power_cuts_give_the_same_trials(
    data: st.DataObject, in_flight: int, batch: int, reuse: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = settings(trials=20, in_flight=in_flight, reuse=reuse, retrain_top=2, max_failures=100)
    calm = World(tmp_path_factory.mktemp("calm"), config, batch=batch)
    calm.run(Obedient(sometimes_failing))
    stormy = World(tmp_path_factory.mktemp("stormy"), config, batch=batch)

    def order(count: int) -> int:
        return data.draw(st.integers(0, count - 1))

    for cut_after in data.draw(st.lists(st.integers(0, 12), max_size=4)):
        try:
            stormy.run(Obedient(sometimes_failing, order=order, cut_after=cut_after))
        except PowerCut:
            continue
    stormy.run(Obedient(sometimes_failing, order=order))
    assert stormy.best == calm.best
    assert stormy.asked()[: len(calm.asked())] == calm.asked()
    assert {told.trial: told.reused for told in stormy.told()} == {told.trial: told.reused for told in calm.told()}


def test_a_resumed_run_does_no_evaluation_twice(tmp_path: Path) -> None:
    world = World(tmp_path)
    with pytest.raises(PowerCut):
        world.run(Obedient(cut_after=5))
    done = {told.trial for told in world.told()}
    again = Obedient()
    world.run(again)
    assert not done & {task.trial for task in again.submitted}


def test_a_finished_run_is_resumed_to_the_same_winner_without_work(tmp_path: Path) -> None:
    world = World(tmp_path, settings(retrain_top=2))
    world.run()
    best, world.best = world.best, b""
    executor = Obedient()
    world.run(executor)
    assert world.best == best
    assert executor.submitted == []


def test_raised_trials_continue_as_if_there_had_been_more_from_the_start(tmp_path: Path) -> None:
    long = reference(tmp_path / "long", trials=30, retrain_top=2)
    short = reference(tmp_path / "short", trials=11, retrain_top=2)
    short.config = msgspec.structs.replace(short.config, trials=30)
    short.run(Obedient(sometimes_failing))
    assert short.best == long.best
    assert short.genotypes() == long.genotypes()


def test_a_journal_of_another_strategy_or_seed_is_refused_with_what_differs(tmp_path: Path) -> None:
    world = reference(tmp_path / "a", trials=8)
    first = world.asked()[0]
    world.config = msgspec.structs.replace(world.config, seed=8)
    with pytest.raises(UserError) as caught:
        world.run()
    assert str(caught.value).startswith(
        f"{world.journal_file}: trial 0 was {'.'.join(map(str, first.genotype))}, and now the strategy "
    )
    assert str(caught.value).endswith("Resume with the versions that study.json names, or start a new run")


def test_a_refused_journal_leaves_winner_and_journal_alone(tmp_path: Path) -> None:
    world = reference(tmp_path / "a", trials=8)
    before, published = world.journal_file.read_bytes(), len(world.published)
    world.config = msgspec.structs.replace(world.config, seed=8)
    with pytest.raises(UserError):
        world.run()
    assert world.journal_file.read_bytes() == before
    assert len(world.published) == published


def test_a_journal_with_a_line_missing_is_refused(tmp_path: Path) -> None:
    world = reference(tmp_path / "a", trials=8)
    lines = world.journal_file.read_bytes().splitlines(keepends=True)
    asked = next(at for at, line in enumerate(lines) if b'"asked"' in line)
    told = next(at for at, line in enumerate(lines) if b'"told"' in line)
    for missing, text in [(asked, "trial 1 was asked out of order"), (told, "was asked out of order")]:
        world.journal_file.write_bytes(b"".join(lines[:missing] + lines[missing + 1 :]))
        with pytest.raises(ArtifactError, match=text):
            world.run()
    world.journal_file.write_bytes(b"".join([*lines[: told + 1], lines[told], *lines[told + 1 :]]))
    with pytest.raises(ArtifactError, match="was told but not asked"):
        world.run()


def test_fewer_trials_in_the_settings_than_in_the_journal_are_said(tmp_path: Path) -> None:
    world = reference(tmp_path / "run")
    world.config = msgspec.structs.replace(world.config, trials=5)
    with pytest.raises(
        ArtifactError, match=r"trial 5 was asked, but study\.json has only 5 trials: .* Give --trials as many as"
    ):
        world.run()
