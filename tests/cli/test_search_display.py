"""The figures of the live display, on a clock of our own."""

import io
from contextlib import suppress
from pathlib import Path

from automl_cli.core.rewards import Power
from automl_cli.core.trials import Measurement, Outcome, Proposal, Stage, Status, Task, Trial
from automl_cli.running.plain_console import PlainConsole
from automl_cli.running.search_display import SearchFigures, showing, trial_line
from automl_cli.running.talk import Talk
from automl_cli.study.loop import SearchProgress
from tests.study.worlds import Obedient, PowerCut, World, settings, value


def trial(number: int, score: float | None, *, reused: int | None = None, seconds: float = 2.0) -> Trial:
    outcome = Outcome(Status.DIVERGED, message="loss is nan") if score is None else Outcome(Status.OK, Measurement((score,)))
    outcome = Outcome(outcome.status, outcome.measurement, outcome.message, seconds)
    return Trial(Task(number, (0,), 0, 1), Proposal((0,)), outcome, reused)


def progress(
    finished: int,
    last: Trial | None,
    *,
    stage: Stage = Stage.SEARCH,
    best: Trial | None = None,
    endings: dict[str, int] | None = None,
) -> SearchProgress:
    return SearchProgress(stage, 10, finished, 2, best, last, endings or {})


def test_the_line_grows_with_what_is_known() -> None:
    now = [0.0]
    figures = SearchFigures(window=2, score=Power().score, clock=lambda: now[0])
    assert figures.line() == "starting"
    figures.update(progress(0, None))
    assert figures.line() == "trial 0/10"
    best = trial(0, 0.5)
    for number, score in enumerate([0.5, None, 0.25, 0.35]):
        now[0] += 6
        figures.update(progress(number + 1, trial(number, score), best=best, endings={"ok": number + 1, "diverged": 1}))
    assert figures.line() == ("trial 4/10 · 10/min · 36 s left · best 0.5000 (trial 0) · mean of last 2 0.3000 · 1 diverged")


def test_the_mean_of_one_score_is_that_score() -> None:
    figures = SearchFigures(window=8, score=Power().score)
    figures.update(progress(1, trial(0, 0.5)))
    assert figures.scores() == "last 0.5000"


def test_trials_count_under_their_own_reason() -> None:
    figures = SearchFigures(window=8, score=Power().score)
    figures.update(progress(3, trial(2, 0.5), endings={"ok": 1, "diverged": 1, "not in the table": 1}))
    assert figures.scores().endswith(" · 1 diverged · 1 not in the table")


def test_after_a_resume_the_rate_is_of_this_session_and_the_counts_are_of_all(tmp_path: Path) -> None:
    world, now = World(tmp_path, settings(trials=30, layers=6)), 0.0
    with suppress(PowerCut):
        world.run(Obedient(broken, cut_after=10))
    before = world.progress[-1]
    world.progress.clear()
    world.run(Obedient(broken))
    figures = SearchFigures(window=2, score=Power().score, clock=lambda: now)
    for one in world.progress:
        figures.update(one)
        now += 60.0
    now -= 60.0
    first, last = world.progress[0], world.progress[-1]
    assert (first.finished, first.endings) == (before.finished, before.endings)
    assert figures.per_minute == 1.0
    assert sum(last.endings.values()) == last.finished == 30
    assert last.endings["not in the table"] > before.endings["not in the table"] > 0


def broken(task: Task) -> Outcome:
    """Every other child has no result."""
    return Outcome(Status.DIVERGED, reason="not in the table") if sum(task.genotype) % 2 else value(task)


def test_rate_and_time_left_are_of_this_session_and_stage() -> None:
    now = [0.0]
    figures = SearchFigures(window=2, score=Power().score, clock=lambda: now[0])
    figures.update(progress(8, None))  # taken up where eight trials had ended before
    now[0] = 30.0
    figures.update(progress(9, trial(8, 0.5)))
    assert figures.per_minute == 2.0
    assert figures.seconds_left == 30.0
    figures.update(progress(0, None, stage=Stage.RETRAIN))
    assert figures.per_minute is None
    assert figures.course() == "retraining 0/10"


def test_without_a_terminal_what_is_trained_after_the_search_is_said_too() -> None:
    said = io.StringIO()
    with showing(Talk(PlainConsole(file=said, width=200)), window=2, score=Power().score) as tell:
        for stage in (Stage.RETRAIN, Stage.BASELINE):
            for finished in (0, 10):
                tell(progress(finished, None, stage=stage))
    assert [line.partition(" · ")[0] for line in said.getvalue().splitlines()] == ["retraining 10/10", "comparing 10/10"]


def test_a_trial_on_one_line() -> None:
    assert trial_line(trial(3, 0.5), Power().score) == "trial 3: ok, 2.0 s, 0.5000"
    assert trial_line(trial(4, None), Power().score) == "trial 4: diverged, 2.0 s, loss is nan"
    assert trial_line(trial(5, 0.5, reused=3), Power().score) == "trial 5: ok, reused from trial 3, 0.5000"
