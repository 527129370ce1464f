"""What a strategy learned, read from the journal of its run."""

from pathlib import Path
from typing import Any

import pytest

from automl_cli.plugins.registry import STRATEGIES
from automl_cli.reporting import learned
from automl_cli.reporting.learned import learned_of
from automl_cli.reporting.runs import History
from automl_cli.store.study import Replication
from automl_cli.study.session import make_strategy
from tests.reporting.runs import SPACE, study

TRIALS = 60


def history_of(strategy: str, *, trials: int = TRIALS, **changes: Any) -> History:
    """A search that is rewarded for first choices, one trial at a time."""
    from automl_cli.core.trials import Measurement, Outcome, Status, Task, Trial

    constants = STRATEGIES.load(strategy).resolve(trials, {})
    made = study(strategy=strategy, strategy_settings=constants, trials=trials, **changes)
    asked: Any = make_strategy(made, SPACE)
    told = []
    for number in range(trials):
        proposal = asked.ask(number)
        score = proposal.genotype.count(0) / len(proposal.genotype)
        asked.tell(number, proposal, score)
        outcome = Outcome(Status.OK, Measurement((score,)))
        told.append(Trial(Task(number, proposal.genotype, 0, 1), proposal, outcome))
    return History(path=Path("run"), settings=made, trials=tuple(told), retrained=(), wall_seconds=0.0, running=False)


def test_a_policy_that_learned_is_surer_of_what_was_rewarded() -> None:
    found = learned_of(history_of("ppo"), SPACE)
    assert found is not None
    first, last = found.snapshots[0], found.snapshots[-1]
    assert last.trials == TRIALS
    assert last.entropy < first.entropy <= first.uniform + 1e-6
    assert sum(shares[0] for shares in last.shares) > 1.5 * sum(shares[0] for shares in first.shares)
    for snapshot in found.snapshots:
        for shares, decision in zip(snapshot.shares, SPACE.decisions.decisions, strict=True):
            assert len(shares) == len(decision.choices)
            assert sum(shares) == pytest.approx(1.0)


def test_the_population_of_evolution_is_the_last_trials() -> None:
    history = history_of("evolution")
    found = learned_of(history, SPACE)
    assert found is not None
    assert found.what == "the population"
    members = history.trials[-history.settings.strategy_settings["population_size"] :]
    for place, shares in enumerate(found.snapshots[-1].shares):
        counts = [sum(trial.task.genotype[place] == index for trial in members) for index in range(len(shares))]
        assert shares == pytest.approx([count / len(members) for count in counts])


@pytest.mark.parametrize("strategy", ["random", "local-search", "surrogate", "evolution"])
def test_what_is_learned_with_replicates_is_read_off_the_strategy_itself(strategy: str) -> None:
    again = Replication(seeds=3, share=1 / 3)
    history = history_of(strategy, replication=again, in_flight=1)
    found, alone = learned_of(history, SPACE), learned_of(history_of(strategy), SPACE)
    assert (found is None) == (alone is None)
    if found is None or alone is None:
        return
    assert found.what == alone.what
    assert found.snapshots[-1].trials == TRIALS
    if strategy == "evolution":
        live: Any = make_strategy(history.settings, SPACE)
        for trial in history.trials:
            assert live.ask(trial.number) == trial.proposal
            live.tell(trial.number, trial.proposal, trial.outcome.measurement.scores[0])
        members = live.strategy.read(live.last_own)
        for place, shares in enumerate(found.snapshots[-1].shares):
            counts = [sum(one.genotype[place] == index for one in members) for index in range(len(shares))]
            assert shares == pytest.approx([count / len(members) for count in counts])


def test_a_policy_with_replicates_is_read() -> None:
    found = learned_of(history_of("ppo", replication=Replication(seeds=2, share=1 / 3)), SPACE)
    assert found is not None
    assert found.snapshots[-1].entropy < found.snapshots[0].uniform


def test_random_search_learns_nothing_and_few_trials_show_nothing() -> None:
    assert learned_of(history_of("random"), SPACE) is None
    assert learned_of(history_of("evolution", trials=5), SPACE) is None
    assert learned_of(history_of("evolution"), None) is None


def test_what_would_take_long_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned, "MOST_TOLD_AGAIN", 10)
    found = learned_of(history_of("evolution"), SPACE)
    assert found is not None
    assert "would take long" in found.note
    assert found.what == "the last 8 proposals"
    assert found.snapshots[-1].trials == TRIALS


def test_a_strategy_that_is_not_here_is_left_out_and_said() -> None:
    from dataclasses import replace as replaced

    from msgspec.structs import replace

    history = history_of("evolution")
    gone = replaced(history, settings=replace(history.settings, strategy="of-another-package"))
    found = learned_of(gone, SPACE)
    assert found is not None
    assert "cannot be asked here: unknown strategy 'of-another-package'" in found.note


def test_reading_changes_nothing() -> None:
    history = history_of("evolution")
    strategy: Any = make_strategy(history.settings, SPACE)
    for trial in history.trials[:30]:
        strategy.tell(trial.number, trial.proposal, 0.5)
        assert strategy.read(trial.number) == strategy.read(trial.number)
    assert strategy.ask(30) == strategy.ask(30)


def test_hostile_decisions_and_choices_show_as_text() -> None:
    from automl_cli.core.decisions import Decision, DecisionList
    from automl_cli.reporting.learned import Learned, Snapshot
    from automl_cli.reporting.learned_view import learned_section

    hostile = "<script>alert(1)</script>\u202e"
    decisions = DecisionList((Decision(hostile, (hostile, "b")),))
    moments = tuple(Snapshot(trials, 1.0 - trials / 10, 1.0, ((0.75, 0.25),)) for trials in (1, 5))
    drawn = learned_section(Learned(hostile, decisions, moments, by_itself=True, note=hostile))
    assert "<script" not in drawn
    assert "\u202e" not in drawn
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\ufffd (75%)" in drawn
