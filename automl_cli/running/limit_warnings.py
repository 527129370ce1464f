"""Says when hardly any proposal of a search is within its limits: once on the way, and once at its end."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from automl_cli.core.numbers import counted
from automl_cli.core.trials import Status
from automl_cli.running.talk import Talk

if TYPE_CHECKING:
    from automl_cli.reporting.search_course import SearchCourse
    from automl_cli.store.study import StudySettings
    from automl_cli.study.loop import SearchProgress

FIRST_LOOK = 50
"""Nothing is said before so many proposals are over a limit."""

HARDLY_ANY = 0.1
"""Said where a smaller part of the proposals than this is within the limits."""


def watching_limits(settings: "StudySettings", talk: Talk) -> "Callable[[SearchProgress], None]":
    """Return a function of a search's progress that warns once where hardly any proposal is within the limits."""
    warned = False

    def tell(progress: "SearchProgress") -> None:
        nonlocal warned
        over = progress.endings.get(Status.OVER_LIMIT, 0)
        if not warned and hardly_any_fits(over, sum(progress.endings.values())):
            warned = True
            talk.warn(f"{_how_many(over, sum(progress.endings.values()), settings)}; each is drawn again")

    return tell


def hardly_any_fits(over: int, proposals: int) -> bool:
    """Return whether so few of the proposals are within the limits that a user should know."""
    return over >= FIRST_LOOK and proposals - over < HARDLY_ANY * proposals


def limits_at_the_end(settings: "StudySettings", course: "SearchCourse") -> str:
    """Return in words that the limits ended the search early, or that hardly any proposal was within them; else nothing."""
    from automl_cli.study.limits import next_step

    over, proposals = course.over_limit.count, course.told
    if not course.open and over < proposals < settings.trials + over and course.over_limit.is_spent(proposals, settings.trials):
        row = course.over_limit.in_a_row(proposals)
        last = f"the last {row:,} in a row" if row > 1 else "the last among them"
        children = f"the search ended after {proposals - over:,} of {counted(settings.trials, 'trial')}"
        return f"{children}: {_how_many(over, proposals, settings)}, {last}. {next_step(settings.limits)}"
    return _how_many(over, proposals, settings) if over < proposals and hardly_any_fits(over, proposals) else ""


def _how_many(over: int, proposals: int, settings: "StudySettings") -> str:
    from automl_cli.study.limits import limits_in_words

    of_all = f"{over:,} of {counted(proposals, 'proposal')}"
    return f"{of_all} {'is' if over == 1 else 'are'} over a limit ({limits_in_words(settings.limits)})"
