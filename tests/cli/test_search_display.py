"""The figures of the live display, on a clock of our own."""

from automl_cli.cli.search_display import SearchFigures, trial_line
from automl_cli.core.rewards import Power
from automl_cli.core.trials import Measurement, Outcome, Proposal, Stage, Status, Task, Trial
from automl_cli.study.loop import SearchProgress


def trial(number: int, score: float | None, *, reused: int | None = None, seconds: float = 2.0) -> Trial:
    outcome = Outcome(Status.DIVERGED, message="loss is nan") if score is None else Outcome(Status.OK, Measurement((score,)))
    outcome = Outcome(outcome.status, outcome.measurement, outcome.message, seconds)
    return Trial(Task(number, (0,), 0, 1), Proposal((0,)), outcome, reused)


def progress(finished: int, last: Trial | None, *, stage: Stage = Stage.SEARCH, best: Trial | None = None) -> SearchProgress:
    return SearchProgress(stage, 10, finished, 2, best, last)


def test_the_line_grows_with_what_is_known() -> None:
    now = [0.0]
    figures = SearchFigures(window=2, score=Power().score, clock=lambda: now[0])
    assert figures.line() == "starting"
    figures.update(progress(0, None))
    assert figures.line() == "trial 0/10"
    best = trial(0, 0.5)
    for number, score in enumerate([0.5, None, 0.25, 0.35]):
        now[0] += 6
        figures.update(progress(number + 1, trial(number, score), best=best))
    assert figures.line() == ("trial 4/10 · 10/min · 36 s left · best 0.5000 (trial 0) · mean of last 2 0.3000 · 1 diverged")


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


def test_a_trial_on_one_line() -> None:
    assert trial_line(trial(3, 0.5), Power().score) == "trial 3: ok, 2.0 s, 0.5000"
    assert trial_line(trial(4, None), Power().score) == "trial 4: diverged, 2.0 s, loss is nan"
    assert trial_line(trial(5, 0.5, reused=3), Power().score) == "trial 5: ok, reused from trial 3, 0.5000"
